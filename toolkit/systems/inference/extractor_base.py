"""Target speaker extraction from recordings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real

import numpy as np

from toolkit.io.cross_fade import overlapped
from toolkit.io.errors import InputError
from toolkit.systems.audio_stream import AudioStream, Pieces
from toolkit.systems.inference.system_origin import Origin
from toolkit.systems.signals import is_path, recording_of

CHUNK_SECONDS = 30.0  # longer mixtures are processed in chunks of this length that overlap by a quarter


class ExtractorBase(ABC):
    """Mixture and enrolment of one speaker -> speech of that speaker. A subclass runs the network in
    :meth:`conditioned`.
    """

    origin: Origin

    @property
    @abstractmethod
    def fs(self) -> int:
        """Sampling rate of the network in Hz."""

    @property
    def block_seconds(self) -> float | None:
        """Seconds of a mixture that the network reads at once; None: any length gives what the whole mixture gives."""
        return CHUNK_SECONDS

    @property
    def scale_invariant(self) -> bool:
        """Whether the level of the network's output is arbitrary: by its loss, or because that is not known."""
        return (self.origin.training or {}).get("scale_invariant_loss", True)

    @abstractmethod
    def conditioned(self, voices: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Enrolments (M_k,) float32 at ``fs`` -> function of mixtures (N,) that gives the speech (N,)."""

    @abstractmethod
    def pieces(self, voices: list[np.ndarray]) -> Pieces:
        """Enrolments (M_k,) float32 at ``fs`` -> the network before the first sample of a mixture.

        Raises:
            InputError: the network is not causal.
        """

    @abstractmethod
    def class_name(self) -> str:
        """Class of the network."""

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
        several = recordings_in(enrolment)
        number = " {} of " + str(len(several)) if len(several) > 1 else ""
        named = {"mixture": mixture} | {f"enrolment{number.format(i)}": x for i, x in enumerate(several, 1)}
        mixed = len(set(map(is_path, named.values()))) > 1  # fs is the rate of the samples
        recordings = []
        for what, x in named.items():
            of_file = is_path(x)
            recordings.append(recording_of(x, None if of_file and mixed else fs, what, channel if of_file else None))
        wav, *voices = (recording.at(self.fs) for recording in recordings)
        return recordings[0].like(self._scaled(wav, voices), self.fs)

    def stream(self, enrolment, fs: int | None = None) -> AudioStream:
        """Extract the enrolled speaker from a mixture at the network's rate as it arrives.

        Args:
            enrolment: as in :meth:`extract`.
            fs: sampling rate in Hz of enrolments that are samples.

        Raises:
            InputError: the network is not causal, its output has no level of its own (it was trained with a
                scale-invariant loss, or that is not known), or an enrolment is unusable.
        """
        several = recordings_in(enrolment)
        voices = [recording_of(x, None if is_path(x) else fs, "enrolment").at(self.fs) for x in several]
        stream = AudioStream(self.pieces(voices), self.fs)
        self.check_level()
        return stream

    def check_level(self) -> None:
        """Raise InputError if the level of the output is fitted to the whole mixture."""
        if self.scale_invariant:
            raise InputError(
                f"{self.class_name()}: cannot stream: its loss is scale-invariant, so its output level is fitted to "
                "the whole mixture; train it with another loss"
            )

    def _scaled(self, wav: np.ndarray, voices: list[np.ndarray]) -> np.ndarray:
        """(N,) mixture, (M_k,) enrolments at the network's rate -> (N,); level as in :meth:`extract`."""
        chunk = round(self.block_seconds * self.fs) if self.block_seconds else len(wav)
        estimate = overlapped(self.conditioned(voices), wav, chunk, chunk // 4)
        if not self.scale_invariant:
            return estimate
        power = float(np.square(estimate, dtype=np.float64).sum())
        gain = float(estimate.astype(np.float64) @ wav) / power if power > 0 else 1.0
        return gain * estimate


def recordings_in(enrolment) -> list:
    """The recordings in a list or tuple; an array or a list of numbers is one recording.

    Raises:
        InputError: the list is empty.
    """
    if not isinstance(enrolment, list | tuple) or (enrolment and isinstance(enrolment[0], Real)):
        return [enrolment]
    if not enrolment:
        raise InputError("the enrolment is an empty list; give one or more recordings of the speaker")
    return list(enrolment)
