"""Recordings in memory, and mixtures of them."""

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.simulate.plan import Mixture, Source
from toolkit.simulate.render import render

FS = 16000
LSB = 1 / 32768


class Sounds(AudioTable):
    """Audio in memory."""

    def __init__(self, fs=FS, **samples):
        self.fs = fs
        self.values = {key: np.asarray(value, np.float32) for key, value in samples.items()}

    def num_samples(self, key):
        return len(self._value(key))

    def read(self, key, start=0, frames=-1):
        samples = self._value(key)
        assert frames < 0 or start + frames <= len(samples), "a file would end here"
        return samples[start : None if frames < 0 else start + frames]


def white(seed, length=8000, level=0.05):
    return level * np.random.default_rng(seed).standard_normal(length)


def mix(audio, *sources, length=8000, rooms=None, **over):
    mixture = Mixture(**{"id": "mix", "fs": FS, "length": length, "sources": sources, "speaker": "s", **over})
    return render(mixture, audio, rooms)


SPEECH = Source("spk1", "speech", 8000)
