"""Does an extracted signal sound like the enrolled speaker? The cosine of their embeddings by a verification system."""

import math
from collections.abc import Collection

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.simulate.enrolments import STREAM
from toolkit.systems.verifier import Verifier

NAME = "similarity"


class Similarity:
    """Cosines to the enrolments of one set.

    Args:
        verifier: audio of another rate is resampled to its own.
        data_dir: a set with ``enroll_spk1.scp``.
        utts: those that will be scored; None: all.

    Raises:
        InputError: the set has no enrolments.
    """

    def __init__(self, verifier: Verifier, data_dir, utts: Collection[str] | None = None):
        only = None if utts is None else set(utts)
        self._verifier, self._voices = verifier, AudioTable(data_dir, stream=STREAM, only=only)

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
        try:
            return self._verifier.embed(samples, fs)
        except InputError:
            return None
