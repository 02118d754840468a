"""Speaker verification: embeddings of recordings, and scores of pairs."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from toolkit.io.errors import InputError
from toolkit.io.samples import unusable
from toolkit.metrics.verification.calibration import Calibration
from toolkit.systems.calibration_file import calibration_of
from toolkit.systems.inference.system_origin import Origin
from toolkit.systems.signals import is_path, recording_of, regrouped, samples_of

LONGEST_SECONDS = 120.0  # of a recording that the network reads whole: attention takes memory by the square
_PLAIN = {"scoring": "cosine", "score_norm": "none"}  # the backend of score(), as in calibration.json


class Score(NamedTuple):
    """Similarity of two voices: ``cosine`` in [-1, 1]; ``llr``, the natural-log likelihood ratio of one speaker against
    two, None without calibration.
    """

    cosine: float
    llr: float | None


class VerifierBase(ABC):
    """Recording -> speaker embedding; two recordings -> similarity score. A subclass runs the network in
    :meth:`vector`.
    """

    origin: Origin

    @property
    @abstractmethod
    def fs(self) -> int:
        """Sampling rate of the network in Hz."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """D, size of an embedding."""

    @property
    @abstractmethod
    def identity(self) -> dict:
        """The facts that distinguish extractors: ``extractor`` (a name), ``class``, ``dim``, ``fs``, and a ``digest``
        of weights, front end and normalisation."""

    @property
    def block_seconds(self) -> float:
        """Seconds of a recording that the network reads at once."""
        return LONGEST_SECONDS

    @abstractmethod
    def vector(self, wav: np.ndarray) -> np.ndarray:
        """Samples (N,) float32 at ``fs`` -> embedding (D,) float32, not normalised."""

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of cosines without score normalisation, or None."""
        content = self.origin.calibration
        return calibration_of(content) if content and content.get("way") in (None, _PLAIN) else None

    def embed(self, x, fs: int | None = None, channel: int | str | None = None) -> np.ndarray:
        """The embedding of a recording of any rate and length, scaled to unit length.

        Args:
            x: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            fs: rate in Hz of samples.
            channel: channel of a multichannel file, from 0, or ``"mean"``.

        Returns:
            (D,) float32.

        Raises:
            InputError: ``x`` is not a usable recording (toolkit.systems.signals.recording_of), or its embedding is
                zero or not finite.
        """
        recording = recording_of(x, fs, channel=channel)
        return self.embed_blocks([recording.at(self.fs)], recording.name)

    def embed_blocks(self, blocks: Iterable[np.ndarray], name: str = "the recording") -> np.ndarray:
        """As :meth:`embed`, of consecutive blocks (N_i,) at ``fs`` of a recording of any length.

        The network reads :attr:`block_seconds` at once. The embedding of a longer recording is the mean of those of its
        parts at unit length, weighted by their lengths, at unit length again. Silent parts do not count.

        Args:
            blocks: of any lengths.
            name: of the recording, for messages.

        Raises:
            InputError: an embedding has no direction, or no part is usable.
        """
        vectors, weights, why = [], [], "is empty"
        for part in regrouped(blocks, round(self.block_seconds * self.fs)):
            if reason := unusable(part, self.fs):
                why = reason
                continue
            part = np.require(part, np.float32, ["C", "W"])
            vectors.append(_unit(self.vector(part), name))
            weights.append(len(part))
        if not vectors:
            raise InputError(f"{name} {why}")
        return vectors[0] if len(vectors) == 1 else _unit(np.average(vectors, 0, weights), name)

    def score(self, a, b, fs: int | None = None) -> Score:
        """Similarity score of two voices.

        Args:
            a: a file, samples with their rate ``fs``, or an embedding (D,) without ``fs``.
            b: the same.
            fs: sampling rate in Hz of inputs that are samples.

        Raises:
            InputError: as in :meth:`embed`; or an array of D numbers comes with ``fs``, which is ambiguous.
        """
        first, second = (self._direction(x, fs, is_path(a) != is_path(b)) for x in (a, b))
        cosine = float(np.dot(first.astype(np.float64), second))
        calibration = self.calibration
        return Score(cosine, None if calibration is None else float(calibration(np.array(cosine))))

    def _direction(self, x, fs: int | None, only_one_is_file: bool) -> np.ndarray:
        """(D,) of unit length from a recording or an embedding."""
        if is_path(x):
            return self.embed(x, None if only_one_is_file else fs)
        vector = samples_of(x, "recording or embedding")
        if vector.shape != (self.dim,):
            return self.embed(x, fs)
        if fs is not None:
            raise InputError(
                f"an array of {self.dim} numbers and fs={fs!r:.40}: ambiguous, an embedding or samples; call "
                "embed(samples, fs) first, and score embeddings without fs"
            )
        return _unit(vector, "the embedding")


def _unit(vector: np.ndarray, name: str) -> np.ndarray:
    """(D,) float32 of unit length."""
    length = np.linalg.norm(vector)
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"{name}: its embedding is zero or not finite; the audio is bad, or training diverged")
    return np.asarray(vector / length, np.float32)
