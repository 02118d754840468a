"""Utterances with speaker labels: from feature arks, or audio with mixtures rendered on the fly."""

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import yaml

from toolkit.data.draw import Draw
from toolkit.features.frontend import FrontEnd
from toolkit.io.ark import read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, c_sorted
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator
from toolkit.simulate.planner import MixturePlanner
from toolkit.simulate.render import SilentSource, render

_ATTEMPTS = 20  # a crop or a noise may be digital silence; draw again so often


def check_feats_conf(data: DataDir, frontend: FrontEnd) -> None:
    """Raise InputError when the features of a data dir were made by another front end."""
    path = data.path / "feats_conf.yaml"
    if not path.is_file():
        raise InputError(f"{path}: no such file, so nothing says what made the features; run stage 4")
    made_by, wanted = yaml.safe_load(path.read_text()), frontend.conf()
    odd = [f"{k} = {made_by.get(k)} there, {wanted.get(k)} wanted" for k in wanted if made_by.get(k) != wanted[k]]
    if odd:
        raise InputError(f"{path}: features were made another way: {'; '.join(odd)}; run stage 4 with this config")


class SpeakerData(ABC):
    """Training utterances of labelled speakers. Configured by its constructor, bound to a data dir by :meth:`open`.

    Attributes (after ``open``):
        ids: item -> utterance id.
        speakers: class -> speaker label, C-sorted.
        labels: item -> class, int64 (N,).
        seconds: item -> length in seconds, float64 (N,).
    """

    stream: str  # "feats" or "wav": what an item holds

    def open(self, data_dir: str, frontend: FrontEnd, seed: int) -> "SpeakerData":
        """Bind to a formatted data dir; returns itself."""
        data = DataDir(data_dir)
        self.frontend, self.seed = frontend, seed
        utt2spk = data.table("utt2spk")
        self.ids, names = self._items(data, utt2spk)
        self.speakers = c_sorted(set(names))
        number = {speaker: i for i, speaker in enumerate(self.speakers)}
        self.labels = np.array([number[name] for name in names], np.int64)
        self.seconds = self._seconds(data)
        return self

    def _items(self, data: DataDir, utt2spk: dict[str, str]) -> tuple[list[str], list[str]]:
        """Utterance id and speaker label of every item."""
        ids = data.keys()
        return ids, [utt2spk[key] for key in ids]

    @abstractmethod
    def _seconds(self, data: DataDir) -> np.ndarray:
        """Length of every item."""

    @abstractmethod
    def _load(self, draw: Draw) -> np.ndarray:
        """Features (T, F) or samples (N,) of a draw."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, draw: Draw) -> "dict | InputError":
        """``{id, label, feats (T, F) | wav (N,)}``; an InputError is returned: so it crosses from a worker whole."""
        try:
            return {"id": self.ids[draw.index], "label": self.labels[draw.index], self.stream: self._load(draw)}
        except InputError as error:
            return error


class FeatureArks(SpeakerData):
    """Features dumped by stage 4, cropped at random."""

    stream = "feats"

    def open(self, data_dir: str, frontend: FrontEnd, seed: int) -> "FeatureArks":
        """Bind to ``dump/<feats>/<set>``; features made by another front end are refused."""
        data = DataDir(data_dir)
        check_feats_conf(data, frontend)
        data.check_same_keys("feats.scp")
        self._scp = data.table("feats.scp")
        return super().open(data_dir, frontend, seed)

    def _seconds(self, data: DataDir) -> np.ndarray:
        if "utt2dur" in data:
            durations = data.table("utt2dur")
            return np.array([float(durations[key]) for key in self.ids])
        raise InputError(f"{data.path / 'utt2dur'}: no such file; stage 3 writes it")

    def _load(self, draw: Draw) -> np.ndarray:
        key = self.ids[draw.index]
        feats = read_array(self._scp[key], key)
        if draw.seconds is None:
            return feats
        frames = self.frontend.num_frames(round(draw.seconds * self.frontend.fs))
        rng = generator(self.seed, draw.epoch, draw.slot, key)
        if len(feats) <= frames:
            return np.take(feats, np.arange(frames) + rng.integers(len(feats)), axis=0, mode="wrap")
        start = rng.integers(len(feats) - frames + 1)
        return feats[start : start + frames]


class AudioFiles(SpeakerData):
    """Audio of stage 3, cropped at random; with a planner, every item is a mixture drawn and rendered on the fly.

    Args:
        planner: noises, rooms, speeds, ...; None trains on the audio as it is. With ``new_speakers`` every utterance
            stands in the set once at each speed.
    """

    stream = "wav"

    def __init__(self, planner: MixturePlanner | None = None):
        self.planner = planner or MixturePlanner()

    def open(self, data_dir: str, frontend: FrontEnd, seed: int) -> "AudioFiles":
        """Bind to ``dump/raw/<set>``; the planner's sets are looked for beside it."""
        self._utt2spk = DataDir(data_dir).table("utt2spk")
        self.planner.open(Path(data_dir).parent)
        self._audio = AudioTable(*dict.fromkeys([str(data_dir), *self.planner.data_dirs()]), fs=frontend.fs)
        self._rooms = AudioTable(*self.planner.room_dirs(), fs=frontend.fs) if self.planner.rooms else None
        return super().open(data_dir, frontend, seed)

    def _items(self, data: DataDir, utt2spk: dict[str, str]) -> tuple[list[str], list[str]]:
        speeds = self.planner.speeds if self.planner.new_speakers else [None]
        self._speed = [speed for _ in utt2spk for speed in speeds]
        ids = [key for key in data.keys() for _ in speeds]
        label = self.planner.speaker_label
        return ids, [label(utt2spk[key], speed or 1.0) for key, speed in zip(ids, self._speed, strict=True)]

    def _seconds(self, data: DataDir) -> np.ndarray:
        lengths = [self._audio.num_samples(key) for key in self.ids]
        return np.array(lengths) / np.array([speed or 1.0 for speed in self._speed]) / self.frontend.fs

    def mixture(self, draw: Draw, attempt: int = 0):
        """The plan line of a draw."""
        key = self.ids[draw.index]
        crop = None if draw.seconds is None else round(draw.seconds * self.frontend.fs)
        words = (self.seed, draw.epoch, draw.slot, key, attempt)
        length, fs = self._audio.num_samples(key), self.frontend.fs
        return self.planner.draw(words, key, key, self._utt2spk[key], length, fs, crop, self._speed[draw.index])

    def _load(self, draw: Draw) -> np.ndarray:
        for attempt in range(_ATTEMPTS):
            try:
                return render(self.mixture(draw, attempt), self._audio, self._rooms)["wav"]
            except SilentSource as error:
                silent = error
        raise silent
