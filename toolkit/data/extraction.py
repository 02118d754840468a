"""Training data of target speaker extraction: mixtures, target speech and enrolments of the target."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.io.ark import read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, joined, read_table
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.indexed_table import PickedIds
from toolkit.io.text import fields
from toolkit.simulate.enrolments import FACT, STREAM, EnrolmentPool
from toolkit.simulate.mix_conf import enrolment_dirs
from toolkit.simulate.plan import generator
from toolkit.simulate.planner import MixturePlanner

if TYPE_CHECKING:
    from typing_extensions import Self

EMBEDDING = "embedding"  # stream: the enrolment's vector (D,)
_MAX_UNENROLLED = 0.5  # a larger share of targets without an enrolment is a mistake in the config


class ExtractionDataset(MixtureDataset):
    """Mixtures, rendered on the fly or by stage 3, each with a newly drawn enrolment of its target.

    Enrolments are other utterances of the target speaker, from the sets in ``enroll_from``, else from the sets of the
    plan, else from the training set. If ``enroll_spk1.scp`` of a set names audio, its enrolments are fixed.

    Args:
        planner: interferer, noises, rooms, ...; see MixtureDataset.
        absent_prob: share of mixtures with the enrolment of an absent speaker, neither target nor interferer; the
            reference is then silence. Train with :class:`toolkit.losses.enhancement.AbsentTarget`.
        enrolments: number of enrolments per target, distinct unless the speaker has fewer utterances. Above 1,
            ``enroll_spk1`` of an item is a list, (B, K, M) in a batch; the model concatenates them or accepts several
            (toolkit.models.tse.base). ``embedding`` is the mean of their embeddings.
        enroll_seconds: minimum and maximum length of the part of an enrolment to use; None: all of it.
        enroll_from: sets beside the training set, e.g. a copy of it in noise for noisy enrolments
            (``--simulate_train_enroll_config``).
        repeat_short: see MixtureDataset. By default a short utterance is padded with zeros, as by the authors of
            SEF-PNet. The loss ignores the zeros; normalisation over time does not.
        self_epochs: at the start, use the target speech of the mixture itself as the (first) enrolment; the share of
            such mixtures falls linearly from 1 to 0 over this number of epochs. Not from a paper: the network learns
            in a few hundred steps to use the enrolment. The effect on the final network has not been measured.
        embeddings: embeddings of the enrolment sets, for a model that is conditioned on embeddings: a folder with
            ``<set>/embedding.scp`` (stage 4), or one embedding.scp. For a model with a speaker encoder, embeddings of
            that encoder, so that training need not run it.
    """

    def __init__(
        self,
        planner: MixturePlanner | None = None,
        enroll_seconds: tuple[float, float] | None = None,
        enroll_from: list[str] | None = None,
        self_epochs: int = 0,
        repeat_short: bool = False,
        embeddings: str | None = None,
        enrolments: int = 1,
        absent_prob: float = 0.0,
    ):
        super().__init__(planner, repeat_short=repeat_short)
        if not 0 <= absent_prob <= 1:
            raise InputError(f"absent_prob {absent_prob:g}: must be from 0 to 1")
        self.embeddings = embeddings
        if self_epochs < 0:
            raise InputError(f"self_epochs is {self_epochs}; must be 0 or more")
        if enrolments < 1:
            raise InputError(f"enrolments is {enrolments}; must be 1 or more")
        if enroll_seconds and not 0 < enroll_seconds[0] <= enroll_seconds[1]:
            raise InputError(f"enroll_seconds is {enroll_seconds}; must be two lengths in seconds, the shorter first")
        self.enroll_seconds, self.enroll_from, self.self_epochs = enroll_seconds, enroll_from, self_epochs
        self.enrolments, self.absent_prob = enrolments, absent_prob

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav", "spk1"), seed: int = 0) -> "Self":
        """Open ``dump/raw/<set>``. Targets without an enrolment are left out; a warning gives their number."""
        data, fixed = DataDir(data_dir), None
        if f"{STREAM}.scp" in data and not next(iter(read_table(data.path / f"{STREAM}.scp").values())).startswith("*"):
            for name, value, usual in (("enrolments", self.enrolments, 1), ("absent_prob", self.absent_prob, 0)):
                if value > usual:
                    raise InputError(
                        f"{data.path}/{STREAM}.scp: fixes one enrolment for each mixture, but data.init_args.{name} is "
                        f"{value:g}; set it to {usual}, or draw enrolments (--enroll draw at stage 3)"
                    )
            fixed = AudioTable(data_dir, fs=fs, stream=STREAM)
        if self.embeddings is not None and STREAM in streams:
            streams = tuple(dict.fromkeys((*streams, EMBEDDING)))
        drawn = read_table(data.path / f"{STREAM}.scp") if f"{STREAM}.scp" in data and fixed is None else None
        self._fixed, self._targets = fixed, _Targets(data, drawn)
        root = data.path.parent
        where = [str(root / name) for name in self.enroll_from or []] or enrolment_dirs(data.path) or [data_dir]
        if fixed is None:
            self._pool, self._enrolments = EnrolmentPool(*where), AudioTable(*where, fs=fs)
        self._conditions = tuple(name for name in streams if name in (STREAM, EMBEDDING))
        if EMBEDDING in streams:
            self._vectors = self._open_embeddings(where)
        self._planned = data.table(f"utt2{FACT}") if fixed is not None and f"utt2{FACT}" in data else {}
        return super().open(data_dir, fs, tuple(name for name in streams if name not in (STREAM, EMBEDDING)), seed)

    def check_streams(self, streams: tuple[str, ...]) -> None:
        """See TrainingDataset."""
        if EMBEDDING in streams and self.embeddings is None:
            raise InputError(
                "data.init_args.embeddings: is missing, but the model needs embeddings of enrolments; give the recipe "
                "--sv_exp or --extractor_config, so that stage 4 extracts them"
            )

    def _open_embeddings(self, enrolment_sets: list[str]) -> Mapping[str, str]:
        """Utterance -> ``file.ark:offset`` of its embedding."""
        self.check_streams((EMBEDDING,))
        path = Path(self.embeddings or "")
        if not path.is_dir():
            return read_table(path)
        return joined([read_table(path / Path(name).name / "embedding.scp") for name in enrolment_sets])

    def sources(self, data_dir: str) -> list[tuple[str, tuple[str, ...]]]:
        """See TrainingDataset; includes the sets of enrolments."""
        (_, streams), *others = super().sources(data_dir)
        pool = [] if self._fixed is not None else [(path, ("wav",)) for path in self._pool.data_dirs]
        return [(data_dir, (*streams, STREAM)), *others, *pool]

    def _items(self, data: DataDir) -> tuple[Sequence[str], list[str], np.ndarray]:
        ids, speakers, labels = super()._items(data)
        self._kept: np.ndarray | None = None
        if self._fixed is not None:
            return ids, speakers, labels
        is_kept = np.fromiter((self._pool.has_another(*self._targets[key]) for key in ids), bool, len(ids))
        kept, dropped = np.flatnonzero(is_kept), sorted({ids[int(i)] for i in np.flatnonzero(~is_kept)})
        if not dropped:
            return ids, speakers, labels
        targets = len(ids) // len(self._speeds)
        where = f"{data.path}: {len(dropped)} of {targets} targets have no other utterance to enrol their speaker"
        if len(kept) < (1 - _MAX_UNENROLLED) * len(ids):
            raise InputError(f"{where}, of {', '.join(self._pool.data_dirs)}; name a set that has (enroll_from)")
        logging.warning("%s and are left out: %s", where, some_of(dropped, 3))
        self._kept = kept
        of_kept, labels = np.unique(labels[kept], return_inverse=True)
        return PickedIds(ids, kept), [speakers[i] for i in of_kept] if speakers else [], labels

    def _speed(self, index: int) -> float | None:
        return super()._speed(index if self._kept is None else int(self._kept[index]))

    def _seconds(self, data: DataDir) -> np.ndarray:
        seconds = super()._seconds(data)
        return seconds if self._kept is None else seconds[self._kept]

    def _load(self, spec: ItemSpec) -> tuple[dict[str, Any], dict[str, str]]:
        loaded, facts = super()._load(spec)
        streams: dict[str, Any] = dict(loaded)  # arrays; several enrolments are a list of arrays
        key = self.ids[spec.index]
        words = (spec.epoch, spec.slot, key)
        rng = generator(self.seed, "enrolment", *words)
        absent = generator(self.seed, "absent", *words).random() < self.absent_prob
        if absent:
            inside = {self._targets[key][0], *fields(facts.get("interferer", ""))}
            utts = self._pool.draw_several(rng, self._pool.outsider(rng, inside), "", self.enrolments)
            streams |= {"spk1": np.zeros_like(streams["spk1"])} if "spk1" in streams else {}
            facts = {**facts, "target": "absent"}
        elif self._fixed is None:
            utts = self._pool.draw_several(rng, *self._targets[key], self.enrolments)
        else:
            utts = fields(self._planned.get(key, key))
        if EMBEDDING in self._conditions:
            streams[EMBEDDING] = np.mean([self._vector(utt) for utt in utts], axis=0)
        if STREAM in self._conditions:
            share = generator(self.seed, "self", *words).random() * self.self_epochs
            # Epochs count from 1.
            itself = int(share < self.self_epochs + 1 - spec.epoch) if self.self_epochs and not absent else 0
            table, names = (self._enrolments, utts) if self._fixed is None else (self._fixed, [key])
            parts = [streams["spk1"]] * itself + [self._part(rng, table, name) for name in names[itself:]]
            streams[STREAM] = parts if self.enrolments > 1 else parts[0]
        return streams, facts

    def _vector(self, utt: str) -> np.ndarray:
        """The embedding (D,) of an enrolment."""
        if utt not in self._vectors:
            raise InputError(
                f"{self.embeddings}: lacks the enrolment {utt}; extract embeddings of its set (embed_utterances)"
            )
        return read_array(self._vectors[utt], utt)

    def _part(self, rng: np.random.Generator, table: AudioTable, utt: str) -> np.ndarray:
        """The part (M,) of an enrolment that is used."""
        if self.enroll_seconds is None:
            return table.read(utt)
        have, length = table.num_samples(utt), round(float(rng.uniform(*self.enroll_seconds)) * self.fs)
        start = int(rng.integers(have - length + 1)) if have > length else 0
        return table.read(utt, start, min(have, max(1, length)))


class _Targets:
    """Item id -> speaker and utterance of the target.

    Args:
        data: the training set.
        drawn: its table of enrolments to be drawn, ``*UTTERANCE SPEAKER``; None: the items are the targets.
    """

    def __init__(self, data: DataDir, drawn: Mapping[str, str] | None):
        self._drawn, self._speaker = drawn, data.table("utt2spk") if drawn is None else {}
        for key, value in drawn.items() if drawn is not None else ():
            if not value.startswith("*") or len(fields(value[1:])) != 2:
                raise InputError(f"{data.path}/{STREAM}.scp: {key}: must be '*UTTERANCE SPEAKER', got {value!r}")

    def __getitem__(self, key: str) -> tuple[str, str]:
        if self._drawn is None:
            return self._speaker[key], key
        utt, speaker = fields(self._drawn[key][1:])
        return speaker, utt


def first_seconds(samples: np.ndarray, seconds: float | None, fs: int) -> np.ndarray:
    """The first ``seconds`` of an enrolment (N,); all of it if it is shorter or ``seconds`` is None."""
    return samples if seconds is None else samples[: max(1, round(seconds * fs))]


def other_enrolments(
    data_dir, sets: list[str], fs: int, ids: Collection[str]
) -> tuple[AudioTable, dict[str, list[str]]]:
    """The enrolments of ``ids`` from other sets, e.g. in noise.

    Returns:
        The audio of those sets, and for each mixture its enrolment utterances, from utt2enroll.

    Raises:
        InputError: the test set has no utt2enroll, or the sets lack an utterance of it.
    """
    data = DataDir(data_dir)
    if f"utt2{FACT}" not in data:
        raise InputError(f"{data.path}/utt2{FACT}: file not found; plan the set with --enroll fixed")
    utts = {key: fields(value) for key, value in read_table(data.path / f"utt2{FACT}", set(ids)).items()}
    named = dict.fromkeys(utt for several in utts.values() for utt in several)
    table = AudioTable(*sets, fs=fs, only=set(named))
    if lost := [utt for utt in named if utt not in table.values]:
        raise InputError(
            f"{', '.join(sets)}: {counted(len(lost), 'enrolment')} of {data.path} not found: {some_of(lost)}"
        )
    return table, utts


def fixed_enrolments(data_dir, fs: int, ids: Collection[str] | None = None) -> AudioTable:
    """The enrolments of a test set, or only of ``ids``.

    Raises:
        InputError: the set has no enrolments, or they are to be drawn.
    """
    path = Path(data_dir) / f"{STREAM}.scp"
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; plan the set with --enroll fixed and render it with --streams {STREAM}"
        )
    table = AudioTable(data_dir, fs=fs, stream=STREAM, only=None if ids is None else set(ids))
    if drawn := [key for key in ids or table.values if table.values.get(key, "").startswith("*")]:
        raise InputError(
            f"{path}: {drawn[0]}: {table.values[drawn[0]]}: a test needs a fixed enrolment (--enroll fixed)"
        )
    return table
