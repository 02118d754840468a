"""Scoring: trials and embeddings of one set in, checked, scores out. Loads no torch.

How a trial is scored (``scoring``), its sides being utterances or enrolment models of several (toolkit.io.enrolment):

* ``cosine``: of one vector an utterance; a model is the mean of its unit vectors, at length 1 again.
* ``mean_cosine``: mean over all pairs of a segment of one side and one of the other; a model has the segments of all
  its utterances.
* ``neg_euclidean``: minus the mean Euclidean distance of these pairs, of unit vectors.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.embeddings import read_rows
from toolkit.io.enrolment import Sides, read_enroll2utt, sides_of
from toolkit.io.errors import InputError, some_of
from toolkit.io.stored_rows import StoredRows, room_for_rows
from toolkit.io.trials import Trials, check_ids, read_trials
from toolkit.metrics.verification.score_norm import METHODS, cohort_statistics, normalize
from toolkit.metrics.verification.vectors import dot_scores, neg_euclidean_scores, sums_by_owner, unit

SCORINGS = ("cosine", "mean_cosine", "neg_euclidean")
SCORE_NORMS = ("none", *METHODS)
_SIDES = 1 << 13  # whose vectors are computed at once
_SEGMENTS = "; --scoring mean_cosine or neg_euclidean is for segments"


@dataclass(frozen=True)
class TrialSet:
    """Trials and the speakers of their sides.

    Attributes:
        trials: the list.
        sides: the utterances of each side.
        speakers: the names of all speakers, C-sorted.
        side_speaker: (S,) index into ``speakers``, of each side.
    """

    trials: Trials
    sides: Sides
    speakers: list[str]
    side_speaker: np.ndarray

    def speaker_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) speaker of each trial's enrolment, and of its test."""
        return self.side_speaker[self.sides.enroll], self.side_speaker[self.sides.test]


def load_trials(path, utt2spk_path, enroll2utt=None) -> TrialSet:
    """Read trials, their models where ``enroll2utt`` names a table of them, and the speakers.

    Raises:
        InputError: a file is malformed, an id has no speaker, a model has several, trials are of one kind only, or a
            trial's label contradicts the speakers of its sides.
    """
    trials, utt2spk = read_trials(path), read_table(utt2spk_path)
    if trials.is_target.all() or not trials.is_target.any():
        raise InputError(f"{path}: all trials are of one kind; error rates need targets and nontargets")
    models = None if enroll2utt is None else read_enroll2utt(enroll2utt)
    sides = sides_of(trials, models, str(enroll2utt))
    names = sides.speakers(utt2spk, str(utt2spk_path))
    speakers = c_sorted(set(names))
    number = {spk: i for i, spk in enumerate(speakers)}
    trial_set = TrialSet(trials, sides, speakers, np.array([number[name] for name in names]))
    enroll, test = trial_set.speaker_pairs()
    contradictory = np.flatnonzero((enroll == test) != trials.is_target)
    if contradictory.size:
        a, b = (sides.names[side[contradictory[0]]] for side in (sides.enroll, sides.test))
        raise InputError(
            f"{utt2spk_path}: speakers {speakers[enroll[contradictory[0]]]} and {speakers[test[contradictory[0]]]} "
            f"of trial '{a} {b}' contradict its label ({contradictory.size} such trials); "
            "is it the utt2spk of these trials?"
        )
    return trial_set


@dataclass(frozen=True)
class UnitRows:
    """Embeddings of U utterances at length 1.

    Attributes:
        sums: (U, D) sum of the unit vectors of each utterance.
        counts: (U,) vectors of each: 1, or the number of its segments.
        rows: (R, D) the unit vectors, utterance by utterance; None where only the sums are needed.
    """

    sums: np.ndarray | StoredRows
    counts: np.ndarray
    rows: np.ndarray | None


def load_unit_rows(path, utts: Sequence[str], scoring: str) -> UnitRows:
    """Read the embeddings of some utterances.

    Raises:
        InputError: an id has no embedding, or one is not finite, zero, of another size than the rest or, for
            ``cosine``, a matrix.
    """
    table = read_table(path)
    sums: np.ndarray | StoredRows | None = None
    counts, parts = np.ones(len(utts), dtype=np.int64), []
    for places, rows, n in read_rows(table, utts, str(path)):
        if n is not None and scoring == "cosine":
            raise InputError(f"{path}: holds matrices, not vectors; give the scp of the embeddings{_SEGMENTS}")
        owners = places if n is None else np.repeat(places, n)
        zero = np.flatnonzero(~rows.any(1))
        if zero.size:
            ids = dict.fromkeys(utts[i] for i in owners[zero])
            raise InputError(f"{path}: the embedding is all zero for {some_of(ids)}; embed them again")
        rows = unit(rows)
        sums = room_for_rows(len(utts), rows.shape[1]) if sums is None else sums
        sums[places] = rows if n is None else sums_by_owner(rows, n)
        counts[places] = 1 if n is None else n
        if scoring == "neg_euclidean":
            parts.append((owners, rows))
    assert sums is not None, "no utterances"
    return UnitRows(sums, counts, _in_order(parts) if parts else None)


def _in_order(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Rows of the first utterance, of the second, ..."""
    owners, rows = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows[np.argsort(owners, kind="stable")]


def side_vectors(embeddings: UnitRows, sides: Sides, scoring: str) -> np.ndarray | StoredRows:
    """(S, D) a vector for each side, whose dot products are the scores of ``cosine`` or ``mean_cosine``."""
    if sides.are_utterances and (embeddings.counts == 1).all():
        return embeddings.sums  # unit vectors
    vectors = room_for_rows(len(sides.counts), embeddings.sums.shape[1])
    first = np.cumsum(sides.counts) - sides.counts
    for start in range(0, len(sides.counts), _SIDES):
        part = slice(start, start + _SIDES)
        counts = sides.counts[part]
        members = sides.members[first[start] : first[start] + counts.sum()]
        vectors_of_members = sums_by_owner(embeddings.counts[members], counts)[:, None]
        means = (sums_by_owner(embeddings.sums[members], counts) / vectors_of_members).astype(np.float32)
        vectors[part] = unit(means) if scoring == "cosine" else means
    return vectors


def side_rows(embeddings: UnitRows, sides: Sides) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(rows, first (S,), count (S,))``: the unit vectors of each side, one after the other, of ``neg_euclidean``."""
    assert embeddings.rows is not None
    first = np.cumsum(embeddings.counts) - embeddings.counts
    if sides.are_utterances:
        return embeddings.rows, first, embeddings.counts
    counts = embeddings.counts[sides.members]
    starts = np.cumsum(counts) - counts
    every = np.repeat(first[sides.members] - starts, counts) + np.arange(counts.sum())
    per_side = sums_by_owner(counts, sides.counts)
    return embeddings.rows[every], np.cumsum(per_side) - per_side, per_side


@dataclass(frozen=True)
class Cohort:
    """Speakers (or utterances) to normalise by.

    Attributes:
        vectors: (C, D) as those of the trials' sides.
        speakers: their names; None where they are single utterances.
    """

    vectors: np.ndarray
    speakers: list[str] | None


def load_cohort(path, utt2spk_path, scoring: str) -> Cohort:
    """Read a cohort: all embeddings of a scp, averaged by speaker as enrolment models are where utt2spk is given."""
    utts = list(read_table(path))
    embeddings = load_unit_rows(path, utts, scoring)
    if utt2spk_path is None:
        names, groups = None, [[i] for i in range(len(utts))]
    else:
        utt2spk = read_table(utt2spk_path)
        check_ids(utts, utt2spk, str(utt2spk_path))
        of_speaker: dict[str, list[int]] = {}
        for i, utt in enumerate(utts):
            of_speaker.setdefault(utt2spk[utt], []).append(i)
        names, groups = list(of_speaker), list(of_speaker.values())
    if len(groups) < 2:
        raise InputError(f"{path}: a cohort has two speakers at least, some hundred are good; it has {len(groups)}")
    none = np.empty(0, dtype=int)
    counts = np.array(list(map(len, groups)))
    cohort_sides = Sides(names or utts, utts, np.concatenate(groups), counts, none, none)
    return Cohort(side_vectors(embeddings, cohort_sides, scoring)[:], names)


def check_scoring(scoring: str, score_norm: str, cohort) -> None:
    """Raise InputError where the options of scoring contradict one another."""
    if score_norm != "none" and scoring == "neg_euclidean":
        raise InputError(
            f"--score_norm {score_norm} cannot be used with --scoring neg_euclidean: cohort speakers are means of "
            "vectors, which have no pairwise distances; use cosine or mean_cosine"
        )
    if (score_norm != "none") != (cohort is not None):
        raise InputError(f"--score_norm {score_norm}: use it together with --cohort, or neither")


def trial_scores(trial_set: TrialSet, embeddings, scoring: str, score_norm: str, cohort: Cohort | None, top_n: int):
    """Score a trial list.

    Args:
        embeddings: scp of the utterances' embeddings.
        scoring: one of ``SCORINGS``.
        score_norm: one of ``SCORE_NORMS``.
        cohort: the speakers to normalise by.
        top_n: of as_norm, at least 2; a smaller cohort is used whole, with a warning.

    Returns:
        ``(scores (N,), facts of how they were made)``.
    """
    sides, rows = trial_set.sides, load_unit_rows(embeddings, trial_set.sides.utts, scoring)
    facts = {"scoring": scoring, "score_norm": score_norm}
    if not sides.are_utterances:
        facts["enrolment"] = _range(sides.counts[np.unique(sides.enroll)], "utterances")
    if scoring != "cosine":
        facts["segments"] = _range(rows.counts, "segments")
    scores = scores_of_rows(rows, sides, scoring)
    if cohort is None:
        return scores, facts
    vectors = side_vectors(rows, sides, scoring)
    return _normalized(scores, vectors, trial_set, cohort, score_norm, top_n), facts | _cohort_facts(
        cohort, score_norm, top_n
    )


def scores_of_rows(rows: UnitRows, sides: Sides, scoring: str) -> np.ndarray:
    """Scores (N,) of trials by the embeddings of their utterances, which are in the order of ``sides.utts``."""
    if scoring == "neg_euclidean":
        every, first, count = side_rows(rows, sides)
        pairs = ((first[side], count[side]) for side in (sides.enroll, sides.test))
        return neg_euclidean_scores(every, *pairs)
    vectors = side_vectors(rows, sides, scoring)
    return dot_scores(vectors, vectors, sides.enroll, sides.test)


def _normalized(scores, vectors, trial_set: TrialSet, cohort: Cohort, method: str, top_n: int) -> np.ndarray:
    if cohort.vectors.shape[1] != vectors.shape[1]:
        raise InputError(
            f"--cohort: its embeddings have {cohort.vectors.shape[1]} values, the trials' {vectors.shape[1]}; embed "
            "both with one model"
        )
    shared = set(trial_set.speakers).intersection(cohort.speakers or [])
    if shared:
        logging.warning("cohort: %d of its speakers are in the trials: %s", len(shared), some_of(c_sorted(shared), 3))
    top = top_n if method == "as_norm" else None
    statistics = cohort_statistics(vectors, cohort.vectors, top)
    try:
        return normalize(scores, method, statistics[:, trial_set.sides.enroll], statistics[:, trial_set.sides.test])
    except ValueError as error:
        raise InputError(f"--cohort: {error}; are its embeddings all alike?") from None


def _cohort_facts(cohort: Cohort, method: str, top_n: int) -> dict:
    size, unit_of = len(cohort.vectors), "utterances" if cohort.speakers is None else "speakers"
    facts: dict[str, str | int] = {"cohort": f"{size} {unit_of}"}
    if method == "as_norm":
        if size < top_n:
            logging.warning("cohort: has %d %s, fewer than --top_n %d; all count", size, unit_of, top_n)
        facts["top_n"] = min(top_n, size)
    return facts


def _range(counts: np.ndarray, what: str) -> str:
    """``3 utterances``, ``1-12 segments``."""
    low, high = int(counts.min()), int(counts.max())
    return f"{low if low == high else f'{low}-{high}'} {what}"
