"""Training utterances: features from arks, or audio with mixtures rendered on the fly."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from toolkit.aliases import NAMES, moved_from
from toolkit.data.item import ItemSpec, TargetEncoder
from toolkit.data.rendered_streams import RenderedStreams, without_noise
from toolkit.features.frontend import FrontEnd
from toolkit.io.ark import MatrixEntry, read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, c_sorted
from toolkit.io.errors import InputError
from toolkit.io.files import read_yaml
from toolkit.io.indexed_table import PickedIds
from toolkit.simulate.plan import generator
from toolkit.simulate.planner import MixturePlanner
from toolkit.simulate.render import SilentSource, coded, render
from toolkit.simulate.sets import ROOMS_KEPT

if TYPE_CHECKING:
    from typing_extensions import Self

_ATTEMPTS = 20  # to draw another crop or noise after digital silence


def check_feats_conf(path: Path, frontend: FrontEnd) -> None:
    """Raise InputError if ``feats_conf.yaml`` names another front end."""
    if not path.is_file():
        raise InputError(f"{path}: file not found, so the front end of the features is unknown; run stage 4")
    made_by, expected = read_yaml(path, "run stage 4"), frontend.conf()
    made_by["class"] = NAMES.get(str(made_by.get("class")), made_by.get("class"))
    differences = [f"{k} is {made_by.get(k)}, expected {v}" for k, v in expected.items() if made_by.get(k) != v]
    if differences:
        raise InputError(
            f"{path}: features were made by another front end: {'; '.join(differences)}; run stage 4 with this config"
        )


class TrainingDataset(ABC):
    """Training utterances. The constructor takes the config; :meth:`open` reads a data dir.

    Attributes (after ``open``):
        fs: rate in Hz.
        ids: item -> utterance id.
        speakers: class -> speaker label, C-sorted; empty if the set has no labels.
        labels: item -> class, int32 (N,); without labels every item is its own class.
        seconds: item -> length in seconds, float64 (N,).
        encoders: stream -> what encodes it; see :meth:`encode_by`.
    """

    stream: str  # "feats" or "wav": content of an item

    lists: tuple[str, ...] = ()  # further tables of the data dir that items depend on

    encoders: Mapping[str, TargetEncoder] = MappingProxyType({})

    clean_members: int = 0  # number of a speaker's adjacent utterances in a batch that stay without noise

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav",), seed: int = 0) -> "Self":
        """Open a formatted data dir; returns ``self``.

        Args:
            data_dir: the folder.
            fs: rate in Hz that its audio must have.
            streams: content of an item: ``wav``, and ``spk1``, ``noise1``, ... if network or loss need them.
            seed: seed of all random choices.

        Raises:
            InputError: a table or a stream is missing.
        """
        data = DataDir(data_dir)
        self.fs, self.seed = fs, seed
        self.ids, self.speakers, self.labels = self._items(data)
        self.seconds = self._seconds(data)
        return self

    def check_streams(self, streams: tuple[str, ...]) -> None:  # noqa: B027
        """Raise InputError if this class cannot provide one of the streams. Called before ``open``."""

    def read_by(self, frontend: FrontEnd) -> None:  # noqa: B027
        """Set the front end of the features. Called before ``open``; datasets of audio ignore it."""

    def encode_by(self, stream: str, encoder: TargetEncoder) -> None:
        """Name what encodes a table of the data dir as a stream (``text``), before ``open``."""
        self.encoders = {**self.encoders, stream: encoder}

    def _items(self, data: DataDir) -> tuple[Sequence[str], list[str], np.ndarray]:
        """Utterance id of every item, the speakers, and the label of every item; see ``open``."""
        ids = data.keys()
        return ids, *data.labels(ids)

    def sources(self, data_dir: str) -> list[tuple[str, tuple[str, ...]]]:
        """The data dirs of the items, and the streams that are read from each. Called after ``open``."""
        return [(data_dir, (self.stream,))]

    @abstractmethod
    def _seconds(self, data: DataDir) -> np.ndarray:
        """Length of every item."""

    @abstractmethod
    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Features (T, F), or samples (N,) of every stream, of an item, and the facts of its mixture."""

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, spec: ItemSpec) -> "dict | InputError":
        """``{id, label, facts, feats (T, F) | wav (N,), ...}``. Returns an InputError, so that the worker survives."""
        try:
            streams, facts = self._load(spec)
            label = {"label": self.labels[spec.index]} if self.speakers else {}
            return {"id": self.ids[spec.index], **label, "facts": facts, **streams}
        except InputError as error:
            return error


class FeatureDataset(TrainingDataset):
    """Features of stage 4, cropped at random."""

    stream = "feats"

    def read_by(self, frontend: FrontEnd) -> None:
        """See TrainingDataset. Features of another front end raise InputError in ``open``."""
        self._frontend = frontend

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav",), seed: int = 0) -> "Self":
        """Open ``dump/<feats>/<set>``."""
        if len(streams) > 1:
            raise InputError(
                f"{data_dir}: holds features of the mixtures only, but the model trains on {', '.join(streams)}; set "
                "data.class_path to MixtureDataset (--feats_type raw)"
            )
        data = DataDir(data_dir)
        check_feats_conf(data.path / "feats_conf.yaml", self._frontend)
        data.check_same_keys("feats.scp")
        self._scp = data.table("feats.scp")
        return super().open(data_dir, fs, streams, seed)

    def _seconds(self, data: DataDir) -> np.ndarray:
        if "utt2dur" in data:
            return data.seconds("utt2dur", self.ids)
        raise InputError(f"{data.path / 'utt2dur'}: no such file; stage 2 writes it")

    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        return {"feats": self._crop(spec)}, {}

    def _crop(self, spec: ItemSpec) -> np.ndarray:
        key = self.ids[spec.index]
        if spec.seconds is None:
            return read_array(self._scp[key], key)
        frames = self._frontend.num_frames(round(spec.seconds * self.fs))
        rng = generator(self.seed, spec.epoch, spec.slot, key)
        with closing(MatrixEntry(self._scp[key], key)) as matrix:
            if matrix.rows <= frames:
                feats = matrix.read(0, matrix.rows)
                return np.take(feats, np.arange(frames) + rng.integers(len(feats)), axis=0, mode="wrap")
            start = int(rng.integers(matrix.rows - frames + 1))
            return matrix.read(start, start + frames)


class MixtureDataset(TrainingDataset):
    """Audio of stage 2, cropped at random. With a planner, every item is a mixture that is rendered on the fly.

    Args:
        planner: noises, rooms, speeds, ...; None: train on the unchanged audio. With ``new_speakers`` the set holds
            every utterance once per speed.
        clean_members: the first ``clean_members`` of a speaker's adjacent utterances in a batch stay without noise and
            room (of a rendered mixture: its speech).
        repeat_short: repeat an utterance that is shorter than the crop. Otherwise the batch pads it with zeros, which
            changes level and statistics of networks that normalise over time.

    Attributes (after ``open``):
        targets: encoded stream -> utterance id -> int64 array (``encode_by``).
    """

    stream = "wav"

    def __init__(self, planner: MixturePlanner | None = None, clean_members: int = 0, repeat_short: bool = True):
        self.planner, self.clean_members = planner or MixturePlanner(), clean_members
        self.repeat_short = repeat_short

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav",), seed: int = 0) -> "Self":
        """Open ``dump/raw/<set>``; the planner's sets are folders beside it."""
        data = DataDir(data_dir)
        self._speaker = data.table("utt2spk") if "utt2spk" in data else {}
        encoders = {name: encoder for name, encoder in self.encoders.items() if name in streams}
        self.lists = tuple(encoder.table for encoder in encoders.values())
        self._streams, self.fs = tuple(name for name in streams if name not in encoders), fs
        self._rendered = self._open_rendered(data)
        self.planner.open(Path(data_dir).parent)
        self._audio = AudioTable(*dict.fromkeys([str(data_dir), *self.planner.data_dirs()]), fs=fs)
        rooms = self.planner.room_dirs()
        self._rooms = AudioTable(*rooms, fs=fs, keep=ROOMS_KEPT) if rooms else None
        self.targets = {name: encoder.targets(data_dir, data.keys()) for name, encoder in encoders.items()}
        return super().open(data_dir, fs, streams, seed)

    def _open_rendered(self, data: DataDir) -> RenderedStreams | None:
        """The streams that stage 3 rendered; None if they are rendered on the fly or not needed."""
        noises = data.table("utt2noise").values() if "utt2noise" in data else ()
        noisy = "utt2interferer" in data or any(noise != "clean" for noise in noises)
        mixes = self.planner.noises or self.planner.interferer
        streams = tuple(dict.fromkeys([*self._streams, *(["spk1"] if noisy and self.clean_members else [])]))
        if streams == ("wav",):
            return None
        if mixes and noisy:
            raise InputError(
                f"{data.path}: holds mixtures, and data.init_args.planner would add its noises or its interferer to "
                "what counts as speech; train on the set that they were made of "
                '(--simulate_train_config ""), or drop those'
            )
        if mixes:
            return None
        if self.planner.rooms:
            raise InputError(
                "data.init_args.planner: rooms need noises or an interferer that are mixed on the fly; the streams "
                f"of {data.path} were rendered by stage 3; remove rooms, or add noises"
            )
        return RenderedStreams.of(data, streams, self.fs)

    def sources(self, data_dir: str) -> list[tuple[str, tuple[str, ...]]]:
        """See TrainingDataset; includes the planner's sets."""
        others = dict.fromkeys([*self.planner.data_dirs(), *self.planner.room_dirs()])
        streams = ("wav",) if self._rendered is None else self._rendered.streams
        return [(data_dir, streams), *((path, ("wav",)) for path in others)]

    def _items(self, data: DataDir) -> tuple[Sequence[str], list[str], np.ndarray]:
        self._utts, self._speeds = data.keys(), self.planner.speeds if self.planner.new_speakers else [None]
        speakers, labels = data.labels(self._utts)
        if not self.planner.new_speakers:
            return self._utts, speakers, labels
        ids = PickedIds(self._utts, np.repeat(np.arange(len(self._utts)), len(self._speeds)))
        names = [self.planner.speaker_label(speaker, speed) for speaker in speakers for speed in self.planner.speeds]
        if not names:
            return ids, [], np.arange(len(ids))
        distinct = c_sorted(set(names))
        number = {name: i for i, name in enumerate(distinct)}
        places = labels[:, None] * len(self._speeds) + np.arange(len(self._speeds))
        return ids, distinct, np.array([number[name] for name in names])[places.reshape(-1)]

    def _speed(self, index: int) -> float | None:
        """The speed of an item; None: to be drawn."""
        return self._speeds[index % len(self._speeds)]

    def _seconds(self, data: DataDir) -> np.ndarray:
        seconds = self._audio.lengths(self._utts)
        if self.planner.new_speakers:
            seconds = (seconds[:, None] / np.array(self.planner.speeds)).reshape(-1)
        seconds /= self.fs
        return seconds

    def mixture(self, spec: ItemSpec, attempt: int = 0):
        """The plan line of an item."""
        key = self.ids[spec.index]
        crop = None if spec.seconds is None else round(spec.seconds * self.fs)
        words = (self.seed, spec.epoch, spec.slot, key, attempt)
        length, fs = self._audio.num_samples(key), self.fs
        speaker, speed = self._speaker.get(key, key), self._speed(spec.index)
        return self.planner.draw(words, key, key, speaker, length, fs, crop, speed, repeat=self.repeat_short)

    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        if self.targets and spec.seconds is not None:
            raise InputError(f"batches: cut utterances, and {self.lists[0]} is of whole ones; use BucketBatches")
        targets = {name: arrays[self.ids[spec.index]] for name, arrays in self.targets.items()}
        for attempt in range(_ATTEMPTS):
            mixture, clean = self.mixture(spec, attempt), spec.member < self.clean_members
            if clean:
                mixture = without_noise(mixture)
            try:
                if self._rendered is not None:
                    streams, facts = self._rendered.cut(mixture, clean)
                    streams = coded(mixture, streams)
                else:
                    streams, facts = render(mixture, self._audio, self._rooms, self._streams), mixture.facts
            except SilentSource as error:
                silent = error
                continue
            for name in self._streams:
                if name not in streams:
                    streams[name] = np.zeros(mixture.length, np.float32)
            return {name: streams[name] for name in self._streams} | targets, facts
        raise silent


__getattr__ = moved_from(__name__)
