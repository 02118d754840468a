"""The sides of trials: utterances, or on the enrolment side models of several utterances.

With the table ``enroll2utt`` (lines ``model utt1 utt2 ...``, as spk2utt) in a data dir, the first ids of its trials are
models. Without it they are utterances.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted, invert, lookups, read_table, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import fields
from toolkit.io.trials import Trials, check_ids, read_trials


def read_enroll2utt(path) -> dict[str, list[str]]:
    """Model -> its utterances.

    Raises:
        InputError: the file is missing or malformed, or a model names an utterance twice.
    """
    models = {model: fields(utts) for model, utts in read_table(path).items()}
    for model, utts in models.items():
        if len(set(utts)) < len(utts):
            raise InputError(f"{path}: model {model} names an utterance twice; name each once")
    return models


def write_enroll2utt(path, models: Mapping[str, Sequence[str]]) -> None:
    """Write ``model utt1 utt2 ...`` lines."""
    write_table(path, {model: " ".join(utts) for model, utts in models.items()})


@dataclass(frozen=True)
class Sides:
    """The S distinct sides of N trials and their utterances.

    Attributes:
        names: names of the sides.
        utts: the U utterances of all sides, each once.
        members: (M,) indices into ``utts``: the utterances of the first side, of the second, ...
        counts: (S,) number of utterances of each side.
        enroll: (N,) index of the enrolment side of each trial.
        test: (N,) index of the test side of each trial.
    """

    names: list[str]
    utts: list[str]
    members: np.ndarray
    counts: np.ndarray
    enroll: np.ndarray
    test: np.ndarray

    @property
    def are_utterances(self) -> bool:
        """Whether every side is one utterance, in the order of ``utts``."""
        return len(self.members) == len(self.utts) == len(self.names)

    def speakers(self, utt2spk: Mapping[str, str], source: str) -> list[str]:
        """Speaker of each side.

        Raises:
            InputError: an utterance has no speaker, or a model has several.
        """
        speaker_of, labels = [""] * len(self.utts), dict[str, str]()
        for place, label in lookups(utt2spk, self.utts):
            if label is None:
                check_ids(self.utts, utt2spk, source)
            speaker_of[place] = labels.setdefault(str(label), str(label))  # one string for all utterances of a speaker
        if self.are_utterances:
            return speaker_of
        speakers, start = [], 0
        for name, count in zip(self.names, self.counts.tolist(), strict=True):
            of_model = {speaker_of[i] for i in self.members[start : start + count]}
            if len(of_model) > 1:
                raise InputError(
                    f"{source}: the utterances of model {name} are of several speakers, {some_of(c_sorted(of_model))}; "
                    "fix enroll2utt"
                )
            speakers.append(of_model.pop())
            start += count
        return speakers


def sides_of(trials: Trials, models: Mapping[str, Sequence[str]] | None = None, source: str = "enroll2utt") -> Sides:
    """The sides of a trial list.

    Args:
        models: model -> utterances; None if the trials enrol utterances.
        source: path of the models, for messages.

    Raises:
        InputError: a trial enrols an unknown model, or tests an utterance of its enrolment model.
    """
    if models is None:
        utts = trials.used_ids()
        row = np.cumsum(trials.is_used()) - 1
        every = np.arange(len(utts))
        return Sides(utts, utts, every, np.ones_like(every), row[trials.enroll], row[trials.test])
    enrolled, tested = ([trials.ids[i] for i in np.unique(side)] for side in (trials.enroll, trials.test))
    check_ids(enrolled, models, source)
    utts = list(dict.fromkeys([utt for model in enrolled for utt in models[model]] + tested))
    number = {utt: i for i, utt in enumerate(utts)}
    members = [[number[utt] for utt in models[model]] for model in enrolled] + [[number[utt]] for utt in tested]
    sides = Sides(
        [*enrolled, *tested],
        utts,
        np.concatenate(members),
        np.array(list(map(len, members))),
        _rows(trials.ids, enrolled)[trials.enroll],
        len(enrolled) + _rows(trials.ids, tested)[trials.test],
    )
    owner = np.repeat(np.arange(len(members)), sides.counts)
    tests = np.array([m[0] for m in members])[sides.test]
    repeated = np.flatnonzero(np.isin(sides.enroll * len(utts) + tests, owner * len(utts) + sides.members))
    if repeated.size:
        model, utt = next(pair for i, pair in enumerate(trials.pairs()) if i == repeated[0])
        raise InputError(
            f"{source}: trial '{model} {utt}' tests an utterance of the model ({repeated.size} such trials); "
            "remove it from the model or from the trials"
        )
    return sides


def _rows(ids: Sequence[str], targets: Sequence[str]) -> np.ndarray:
    """For each of ``ids`` its index in ``targets``, or -1."""
    number = {key: i for i, key in enumerate(targets)}
    return np.array([number.get(key, -1) for key in ids])


def read_sides(data_dir, name: str = "trials") -> tuple[Trials, Sides]:
    """A trial list of a data dir, and its sides, with the models of ``enroll2utt`` if it exists."""
    trials, table = read_trials(Path(data_dir) / name), Path(data_dir) / "enroll2utt"
    return trials, sides_of(trials, read_enroll2utt(table) if table.is_file() else None, str(table))


def draw_models(utt2spk: Mapping[str, str], size: int, seed: int = 0) -> dict[str, list[str]]:
    """Enrolment models: the shuffled utterances of each speaker in groups of ``size``; ids ``<speaker>-model<n>``.

    A speaker with fewer than ``size + 1`` utterances gets no model, because no utterance is left to test it.
    """
    rng, models = np.random.default_rng(seed), {}
    for spk, utts in invert(utt2spk).items():
        shuffled = [utts[i] for i in rng.permutation(len(utts))]
        for n in range(len(utts) // size if len(utts) > size else 0):
            models[f"{spk}-model{n}"] = c_sorted(shuffled[n * size : (n + 1) * size])
    return models
