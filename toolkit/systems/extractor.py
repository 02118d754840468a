"""Target speaker extraction by a trained network."""

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.io.config import ConfigParser
from toolkit.models.se.chunked import overlapped
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.base import System
from toolkit.systems.signals import is_path, recording_of
from toolkit.train.experiment import default

CHUNK_SECONDS = 30.0  # a longer mixture is extracted in chunks of this length, a quarter shared with the next


class Extractor(System):
    """From a mixture to what one enrolled speaker says in it.

    Example::

        extractor = Extractor.load("exp/tse_train_sefpnet")
        speech = extractor.extract("crowd.wav", "speaker_alone.wav")  # at the rate and of the length of crowd.wav
        speech = extractor.extract(mixture, enrolment, fs=8000)
    """

    task = "tse"
    network_type = SpeakerExtractor

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config key of the network."""
        parser.add_argument("--model", type=SpeakerExtractor, default=default(SEFPNet), help="mixture to signal")

    def extract(self, mixture, enrolment, fs: int | None = None, channel: int | str | None = None) -> np.ndarray:
        """What the enrolled speaker says in a mixture of any rate and length.

        Networks that are trained by a scale-invariant loss give any level; here the estimate gets the gain at which it
        explains most of the mixture (least squares), which is right where what is left does not depend on it.

        Args:
            mixture: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            enrolment: the speaker alone, likewise.
            fs: rate in Hz of those that are samples.
            channel: of files, which of several channels (from 0), or ``"mean"``.

        Returns:
            (N,) float32 at the rate of the mixture.

        Raises:
            InputError: one of the two is no usable recording (toolkit.systems.signals.recording_of).
        """
        one_is_file = is_path(mixture) != is_path(enrolment)  # then fs is that of the other
        recordings = {}
        for what, x in (("mixture", mixture), ("enrolment", enrolment)):
            of_file = is_path(x)
            given = None if of_file and one_is_file else fs
            recordings[what] = recording_of(x, given, what, channel if of_file else None)
        wav, voice = (recording.at(self.fs) for recording in recordings.values())
        return recordings["mixture"].like(self._scaled(wav, voice), self.fs)

    def _scaled(self, wav: np.ndarray, voice: np.ndarray) -> np.ndarray:
        """(N,) mixture, (M,) enrolment at the network's rate -> (N,) at the level that explains most of the mixture."""
        chunk = round(CHUNK_SECONDS * self.fs)
        with self.inferring() as network:
            enrolled = _Enrolled(network, torch.from_numpy(voice)[None].to(self.device))
            estimate = overlapped(enrolled, torch.from_numpy(wav), chunk, chunk // 4).float().numpy()
        power = float(np.square(estimate, dtype=np.float64).sum())
        gain = float(estimate.astype(np.float64) @ wav) / power if power > 0 else 1.0
        return gain * estimate

    def example(self, seconds: float) -> tuple[Tensor, ...]:
        """A mixture and an enrolment of the same length."""
        return super().example(seconds) * 2


class _Enrolled(nn.Module):
    """An extractor with its enrolment."""

    def __init__(self, network: SpeakerExtractor, enrolment: Tensor):
        super().__init__()
        self.network, self.enrolment = network, enrolment

    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) mixtures -> (B, N), all of one enrolment (1, M)."""
        return self.network(wav, self.enrolment.expand(len(wav), -1))
