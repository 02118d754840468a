"""Does an extracted signal sound like the enrolled speaker? The cosine of their embeddings by a verification system."""

import math
from collections.abc import Collection

import numpy as np
import torch

from toolkit.io.audio import AudioTable, resample, unusable
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.simulate.enrolments import STREAM
from toolkit.systems.embedding import vectors_of

NAME = "similarity"


class Similarity:
    """Cosines to the enrolments of one set.

    Args:
        embedder: in eval mode; audio of another rate is resampled to its own.
        data_dir: a set with ``enroll_spk1.scp``.
        utts: those that will be scored; None: all.

    Raises:
        InputError: the set has no enrolments.
    """

    def __init__(self, embedder: SpeakerEmbedder, data_dir, utts: Collection[str] | None = None):
        only = None if utts is None else set(utts)
        self._embedder, self._voices = embedder, AudioTable(data_dir, stream=STREAM, only=only)

    def score(self, utt: str, fs: int, **signals: np.ndarray) -> tuple[dict[str, float], dict[str, str]]:
        """``(values, undefined)`` of signals (N,) at ``fs`` Hz by name; what is silent or a constant has no value."""
        enrolment = self._vector(self._voices.read(utt), fs)
        values, undefined = {}, {}
        for name, samples in signals.items():
            vector = self._vector(samples, fs)
            if vector is None or enrolment is None:
                values[name], undefined[name] = math.nan, "silent estimate" if enrolment is not None else "no embedding"
            else:
                values[name] = float(vector @ enrolment)
        return values, undefined

    def _vector(self, samples: np.ndarray, fs: int) -> np.ndarray | None:
        """The embedding at unit length; None where it is zero or not finite, or the signal unusable."""
        if unusable(samples, fs):
            return None
        wav = torch.from_numpy(np.ascontiguousarray(resample(samples, fs, self._embedder.frontend.fs)))[None]
        vector = vectors_of(self._embedder, wav, None)[0]
        norm = np.linalg.norm(vector)
        return vector / norm if np.isfinite(norm) and norm > 0 else None
