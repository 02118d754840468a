"""Recordings of some data dirs, to draw from."""

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, joined
from toolkit.io.errors import InputError


class Recordings:
    """Ids, lengths and speakers of data dirs, to draw from.

    Args:
        data: data dirs; without ``utt2spk`` every recording is its own speaker.
        key: config key of the list, for error messages.
    """

    def __init__(self, data: list[str], key: str):
        if not data:
            raise InputError(f"{key}: lists no data dir")
        self.audio = AudioTable(*data)
        self.ids = self.audio.keys()
        sets = [DataDir(path) for path in dict.fromkeys(data)]
        self.speaker = joined([directory.table("utt2spk") for directory in sets if "utt2spk" in directory])

    def speaker_of(self, key: str) -> str:
        """The speaker of a recording."""
        return self.speaker.get(key, key)

    def by_speaker(self) -> list[list[str]]:
        """The ids of each speaker (or room)."""
        ids: dict[str, list[str]] = {}
        for key in self.ids:
            ids.setdefault(self.speaker_of(key), []).append(key)
        return list(ids.values())

    def draw(self, rng: np.random.Generator, without: set[str]) -> str:
        """A random id whose speaker is not in ``without``."""
        for _ in range(1000):
            key = self.ids[int(rng.integers(len(self.ids)))]
            if self.speaker_of(key) not in without:
                return key
        if left := [key for key in self.ids if self.speaker_of(key) not in without]:
            return left[rng.integers(len(left))]
        raise InputError(
            f"no recording of a speaker other than {', '.join(sorted(without)[:5])} is left to mix in; "
            "give more of them (data), or set fewer (talkers)"
        )
