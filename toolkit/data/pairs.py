"""Training data of embedding enhancement: clean speech and variants of it in noise, music and rooms."""

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.data.datasets import TrainingDataset
from toolkit.data.item import ItemSpec
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.embeddings import read_all
from toolkit.io.errors import InputError, some_of
from toolkit.io.extractors import read_extractor
from toolkit.simulate.plan import Mixture
from toolkit.simulate.planner import MixturePlanner
from toolkit.simulate.render import SilentSource, render
from toolkit.simulate.sets import ROOMS_KEPT

CLEAN, VARIANTS = "clean", "variants"
_ATTEMPTS = 20  # to draw another crop or noise after digital silence


class AudioPairs(TrainingDataset):
    """Crops of clean speech and their variants: the same crop with a noise or in a room, rendered on the fly.

    Training needs no labels. Speakers are used only to keep a talker out of the babble around it.

    Args:
        variants: name -> planner of the distortion, without speeds and interferer.

    Raises:
        InputError: there are no variants, or one changes speeds or has an interferer.

    Example::

        data:
          class_path: AudioPairs
          init_args:
            variants:
              noise: {noises: {noise: {data: [noise_train], snr: [0, 15]}}}
              room: {rooms: [rirs_train], room_prob: 1.0}
    """

    stream = CLEAN

    def __init__(self, variants: dict[str, MixturePlanner]):
        if not variants:
            raise InputError("variants: must have one or more names, each with a planner")
        # Sorted by name: a config that was saved and read again may have another order.
        self.variants = dict(sorted(variants.items()))
        for name, planner in self.variants.items():
            if name in (CLEAN, VARIANTS) or not name.isidentifier():
                raise InputError(f"variants: {name!r:.40} must be a name of letters, digits and _, other than {CLEAN}")
            if planner.speeds != [1.0] or planner.interferer:
                raise InputError(f"variants.{name}: must have no speeds and no interferer, which change the speech")

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = (CLEAN,), seed: int = 0) -> "AudioPairs":
        """Open ``dump/raw/<set>``; the planners' sets are folders beside it."""
        data, root = DataDir(data_dir), Path(data_dir).parent
        self.fs = fs
        for planner in self.variants.values():
            planner.open(root)
        others = [path for planner in self.variants.values() for path in planner.data_dirs()]
        self._speaker = data.table("utt2spk") if "utt2spk" in data else {}
        self._audio = AudioTable(*dict.fromkeys([str(data_dir), *others]), fs=fs)
        rooms = [path for planner in self.variants.values() for path in planner.room_dirs()]
        self._rooms = AudioTable(*dict.fromkeys(rooms), fs=fs, keep=ROOMS_KEPT) if rooms else None
        super().open(data_dir, fs, streams, seed)
        return self

    def sources(self, data_dir: str) -> list[tuple[str, tuple[str, ...]]]:
        """See TrainingDataset; includes the planners' sets."""
        planners = self.variants.values()
        others = dict.fromkeys(path for planner in planners for path in (*planner.data_dirs(), *planner.room_dirs()))
        return [(data_dir, ("wav",)), *((path, ("wav",)) for path in others)]

    def _seconds(self, data: DataDir) -> np.ndarray:
        return self._audio.lengths(self.ids) / self.fs

    def mixtures(self, spec: ItemSpec, attempt: int = 0) -> dict[str, Mixture]:
        """The plan lines of an item by name: ``clean`` and the variants, all with the same part of the speech."""
        key, fs = self.ids[spec.index], self.fs
        crop = None if spec.seconds is None else round(spec.seconds * fs)
        words = (self.seed, spec.epoch, spec.slot, key, attempt)
        facts = key, key, self._speaker.get(key, key), self._audio.num_samples(key), fs, crop
        clean = MixturePlanner().open().draw((*words, CLEAN), *facts)
        (speech,) = clean.sources
        planned = {CLEAN: clean}
        for name, planner in self.variants.items():
            mixture = planner.draw((*words, name), *facts)
            same = (replace(speech, room=s.room) if s.role == "spk1" else s for s in mixture.sources)
            planned[name] = replace(mixture, sources=tuple(same))
        return planned

    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        for attempt in range(_ATTEMPTS):
            try:
                planned = self.mixtures(spec, attempt)
                audio = {
                    name: render(mixture, self._audio, self._rooms, ("wav",))["wav"]
                    for name, mixture in planned.items()
                }
            except SilentSource as error:
                silent = error
                continue
            return {CLEAN: audio.pop(CLEAN), VARIANTS: np.stack(list(audio.values()))}, {}
        raise silent


class EmbeddingPairs(TrainingDataset):
    """Embeddings of clean speech and its variants, written by stage 4: ``clean.scp`` and ``<variant>.scp``.

    The arks hold a vector (D,) per utterance, or a matrix (K, D) of K crops, which are K items. All embeddings are in
    memory: 4 (1 + V) D bytes per item. Labels and ``utt2dur`` are optional; without ``utt2dur`` an item counts as 1 s.

    Args:
        variants: variants to train on; None: all.

    Attributes (after ``open``):
        extractor: identity of the extractor (toolkit.io.extractors); None: unknown.
    """

    stream = CLEAN

    def __init__(self, variants: list[str] | None = None):
        self.variants = variants

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = (CLEAN,), seed: int = 0) -> "EmbeddingPairs":
        """Open ``dump/pairs/<extractor>/<set>``."""
        self._rows, self.extractor = read_pairs(data_dir, self.variants), read_extractor(data_dir)
        return super().open(data_dir, fs, streams, seed)

    @property
    def dim(self) -> int:
        """D."""
        return self._rows.rows.shape[2]

    def sources(self, data_dir: str) -> list[tuple[str, tuple[str, ...]]]:
        """See TrainingDataset."""
        return [(data_dir, (CLEAN, *self._rows.variants))]

    def _items(self, data: DataDir) -> tuple[Sequence[str], list[str], np.ndarray]:
        keys, counts = self._rows.keys, self._rows.counts
        known: Container[str] = data.table("utt2spk") if "utt2spk" in data else set(keys)
        if missing_ids := [key for key in keys if key not in known]:
            raise InputError(
                f"{data.path / 'utt2spk'}: lacks {some_of(missing_ids)} of {CLEAN}.scp; fix it or remove it"
            )
        ids = [key if n == 1 else f"{key}-{k + 1}" for key, n in zip(keys, counts, strict=True) for k in range(n)]
        speakers, labels = data.labels(keys)
        return ids, speakers, np.repeat(labels, counts) if speakers else np.arange(len(ids))

    def _seconds(self, data: DataDir) -> np.ndarray:
        seconds = data.seconds("utt2dur", self._rows.keys) if "utt2dur" in data else np.ones(len(self._rows.keys))
        return np.repeat(seconds, self._rows.counts)

    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        rows = self._rows.rows[spec.index]
        return {CLEAN: rows[0], VARIANTS: rows[1:]}, {}


class PairRows:
    """Embeddings of utterances and their variants.

    Attributes:
        keys: the U utterances, C-sorted.
        counts: (U,) number of crops of each.
        variants: names of the V variants, sorted.
        rows: (sum of counts, 1 + V, D) float32: the clean speech, then each variant.
    """

    def __init__(self, keys: list[str], counts: np.ndarray, variants: tuple[str, ...], rows: np.ndarray):
        self.keys, self.counts, self.variants, self.rows = keys, counts, variants, rows


def read_pairs(data_dir, only: Sequence[str] | None = None) -> PairRows:
    """Read ``clean.scp`` and the scp of all variants of a folder, or of the variants ``only``.

    Raises:
        InputError: ``clean.scp`` or all variants are missing, ids or numbers of crops differ between tables, or an
            embedding is zero, not finite or of another size; names table and id.
    """
    path = Path(data_dir)
    data = DataDir(path)
    names = [name.removesuffix(".scp") for name in data.tables() if name.endswith(".scp")]
    if CLEAN not in names:
        raise InputError(
            f"{path}/{CLEAN}.scp: no such file; run stage 4, or extract embeddings of clean speech and its variants"
        )
    variants = tuple(name for name in names if name not in (CLEAN, "wav", "embedding"))
    if unknown := [name for name in only or [] if name not in variants]:
        raise InputError(f"{path}/{unknown[0]}.scp: no such file; existing variants: {some_of(variants) or 'none'}")
    variants = tuple(name for name in variants if only is None or name in only)
    if not variants:
        raise InputError(
            f"{path}: has no variants; expected a table for each beside {CLEAN}.scp, e.g. noise.scp, with embeddings "
            "of the same utterances in noise"
        )
    keys = sorted(read_table(path / f"{CLEAN}.scp"), key=str.encode)
    tables = [_rows_of(path / f"{name}.scp", keys) for name in (CLEAN, *variants)]
    counts, sizes = tables[0][1], {rows.shape[1] for rows, _ in tables}
    for name, (_, other) in zip(variants, tables[1:], strict=True):
        if (different := np.flatnonzero(other != counts)).size:
            key = keys[different[0]]
            raise InputError(
                f"{path}/{name}.scp: {key}: has {other[different[0]]} rows, {CLEAN}.scp {counts[different[0]]}; "
                "extract both again"
            )
    if len(sizes) > 1:
        raise InputError(f"{path}: embeddings have several sizes, {some_of(sorted(sizes))}; extract all with one model")
    return PairRows(keys, counts, variants, np.stack([rows for rows, _ in tables], 1))


def _rows_of(path: Path, keys: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """All embeddings of a table (R, D), in the order of the utterances, and the number of each (U,)."""
    table = read_table(path)
    if table.keys() != set(keys):
        different = some_of(sorted(table.keys() ^ set(keys)), known=keys)
        raise InputError(
            f"{path}: not the same ids as {CLEAN}.scp: {different}; extract the missing ones, or remove the others"
        )
    rows, counts, _ = read_all(table, keys, str(path))
    if (zero := np.flatnonzero(~rows.any(1))).size:
        key = keys[int(np.searchsorted(np.cumsum(counts), zero[0], side="right"))]
        raise InputError(f"{path}: {key}: the embedding is all zero; extract it again")
    return rows, counts
