"""Target speaker extraction by a trained network."""

import inspect
from numbers import Real
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.data.collate import pad
from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.models.se.chunked import overlapped
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.base import System
from toolkit.systems.signals import is_path, recording_of
from toolkit.train.experiment import default

CHUNK_SECONDS = 30.0  # longer mixtures are processed in chunks of this length that overlap by a quarter


class Extractor(System):
    """Mixture and enrolment of one speaker -> speech of that speaker.

    Example::

        extractor = Extractor.load("exp/tse_train_sefpnet")
        speech = extractor.extract("crowd.wav", "speaker_alone.wav")  # same rate and length as crowd.wav
        speech = extractor.extract(mixture, enrolment, fs=8000)
        speech = extractor.extract("crowd.wav", ["speaker_alone.wav", "speaker_again.wav"])
    """

    task = "tse"
    network_type = SpeakerExtractor
    network: SpeakerExtractor

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config key of the network."""
        parser.add_argument("--model", type=SpeakerExtractor, default=default(SEFPNet), help="mixture to signal")

    def extract(self, mixture, enrolment, fs: int | None = None, channel: int | str | None = None) -> np.ndarray:
        """Extract the speech of the enrolled speaker from a mixture of any rate and length.

        Networks trained with a scale-invariant loss have an arbitrary output level. Their estimate gets the gain of its
        least-squares fit to the mixture, which is correct if the rest of the mixture is uncorrelated with the speech.
        The output of other networks is not scaled; it can be silent if the speaker is not in the mixture.

        Args:
            mixture: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            enrolment: recording of the speaker alone, in the same forms; or a list or tuple of several recordings at
                any rates. A network without ``several_enrolments`` gets them concatenated in order.
            fs: sampling rate in Hz of inputs that are samples.
            channel: channel of multichannel files, from 0, or ``"mean"``.

        Returns:
            (N,) float32 at the rate of the mixture.

        Raises:
            InputError: an input is not a usable recording (toolkit.systems.signals.recording_of), or the list of
                enrolments is empty.
        """
        several = _recordings(enrolment)
        number = " {} of " + str(len(several)) if len(several) > 1 else ""
        named = {"mixture": mixture} | {f"enrolment{number.format(i)}": x for i, x in enumerate(several, 1)}
        mixed = len(set(map(is_path, named.values()))) > 1  # fs is the rate of the samples
        recordings = []
        for what, x in named.items():
            of_file = is_path(x)
            recordings.append(recording_of(x, None if of_file and mixed else fs, what, channel if of_file else None))
        wav, *voices = (recording.at(self.fs) for recording in recordings)
        return recordings[0].like(self._scaled(wav, voices), self.fs)

    def _scaled(self, wav: np.ndarray, voices: list[np.ndarray]) -> np.ndarray:
        """(N,) mixture, (M_k,) enrolments at the network's rate -> (N,); level as in :meth:`extract`."""
        chunk = round(CHUNK_SECONDS * self.fs)
        padded, lengths = pad(voices)
        batch = padded[None].to(self.device), None if lengths is None else lengths[None].to(self.device)
        with self.inferring():
            enrolled = _Enrolled(self.network, *self.network.fit_enrolments(*batch))
            estimate = overlapped(enrolled, torch.from_numpy(wav), chunk, chunk // 4).float().numpy()
        if not (self.origin.training or {}).get("scale_invariant_loss", True):
            return estimate
        power = float(np.square(estimate, dtype=np.float64).sum())
        gain = float(estimate.astype(np.float64) @ wav) / power if power > 0 else 1.0
        return gain * estimate

    def example(self, seconds: float) -> tuple[Tensor, ...]:
        """A mixture, and in the order of ``forward`` an enrolment of the same length and an embedding."""
        (wav,) = super().example(seconds)
        given = {"enrolment": self.network.fit_enrolments(wav)[0]}
        given["embedding"] = torch.ones(1, self.network.embedding_dim, device=self.device)
        names = list(inspect.signature(self.network.forward).parameters)[1:]
        conditions = [given[name] if name in self.network.conditioning else None for name in names]
        while conditions and conditions[-1] is None:
            conditions.pop()
        return cast("tuple[Tensor, ...]", (wav, *conditions))


class _Enrolled(nn.Module):
    """An extractor with a fixed enrolment, in the form of its forward: (1, ...), lengths (1, ...) or None."""

    def __init__(self, network: SpeakerExtractor, *enrolled: Tensor | None):
        super().__init__()
        self.network, self.enrolled = network, enrolled

    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) mixtures of the same speaker -> (B, N)."""
        enrolled = (None if x is None else x.expand(len(wav), *x.shape[1:]) for x in self.enrolled)
        return self.network(wav, *enrolled)


def _recordings(enrolment) -> list:
    """The recordings in a list or tuple; an array or a list of numbers is one recording.

    Raises:
        InputError: the list is empty.
    """
    if not isinstance(enrolment, list | tuple) or (enrolment and isinstance(enrolment[0], Real)):
        return [enrolment]
    if not enrolment:
        raise InputError("the enrolment is an empty list; give one or more recordings of the speaker")
    return list(enrolment)
