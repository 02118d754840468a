"""The summary of a set's scores in metrics.json."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from toolkit.io.datadir import DataDir
from toolkit.metrics.statistics.bootstrap import METHOD, Resamples, resample_verification
from toolkit.metrics.verification.calibration import Calibration
from toolkit.metrics.verification.error_rates import det_points
from toolkit.metrics.verification.registry import P_TARGETS
from toolkit.report.summaries import Grouping, SetSummary, Summary, estimates
from toolkit.tasks.paired_comparison import with_progress
from toolkit.tasks.verification.trial_groups import MIXED, TrialGroups, values_of_sides
from toolkit.tasks.verification.trial_scoring import TrialSet

FEW_TRIALS, FEW_SPEAKERS = 100, 10  # below them a group's numbers are marked


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: see toolkit.metrics.statistics.bootstrap."""

    resamples: int = 1000
    level: float = 0.95
    seed: int = 0

    def facts(self) -> dict:
        """For metrics.json."""
        return {**asdict(self), "unit": "speaker", "method": METHOD}


def summarise_trials(
    scores: np.ndarray,
    trial_set: TrialSet,
    bootstrap: Bootstrap,
    llr_of: Calibration | None = None,
    groupings: Sequence[TrialGroups] = (),
    **facts,
) -> tuple[SetSummary, Resamples]:
    """The summary of a set (EER in per cent, costs normalised), and the bootstrap samples.

    Args:
        scores: (N,) of the trials.
        llr_of: turns them into log-likelihood ratios.
        groupings: of the trials; a note tells where metrics of a group are undefined.
        facts: other fields of the summary: name, condition, scoring, ...
    """
    is_target, pairs = trial_set.trials.is_target, trial_set.speaker_pairs()
    speakers = len(trial_set.speakers)
    logging.info("%d trials of %d speakers; bootstrap with %d resamples", len(scores), speakers, bootstrap.resamples)
    samples = _resample(scores, is_target, pairs, bootstrap, llr_of, with_progress)
    fpr, fnr = det_points(scores[is_target], scores[~is_target])
    breakdown = {
        of.fact: Grouping(
            {label: _group(scores, trial_set, in_group, bootstrap) for label, in_group in of.groups.items()},
            {"n_target": int((of.left_out & is_target).sum()), "n_nontarget": int((of.left_out & ~is_target).sum())},
        )
        for of in groupings
    }
    summary = SetSummary(
        estimates(samples.intervals(bootstrap.level)),
        **_counts(is_target, pairs),
        interval_speakers=min(samples.speakers.values()),
        det={"fpr": fpr.round(7).tolist(), "fnr": fnr.round(7).tolist()},
        bootstrap=bootstrap.facts(),
        breakdown=breakdown,
        **facts,
    )
    return summary, samples


def _group(scores, trial_set: TrialSet, of: np.ndarray, bootstrap: Bootstrap) -> Summary:
    is_target, pairs = trial_set.trials.is_target[of], tuple(side[of] for side in trial_set.speaker_pairs())
    counts = _counts(is_target, pairs)
    missing = [kind for kind in ("target", "nontarget") if not counts[f"n_{kind}"]]
    if missing:
        return Summary({}, **counts, note=f"no {' and no '.join(missing)} trials")
    samples = _resample(scores[of], is_target, pairs, bootstrap, None, iter)
    few = min(counts["n_target"], counts["n_nontarget"]) < FEW_TRIALS or counts["n_speakers"] < FEW_SPEAKERS
    return Summary(estimates(samples.intervals(bootstrap.level)), **counts, note="few trials" if few else "")


def _resample(scores, is_target, pairs, bootstrap: Bootstrap, calibration, progress: Callable) -> Resamples:
    enroll, test = pairs
    options = P_TARGETS, bootstrap.resamples, bootstrap.seed, progress, calibration
    return resample_verification(scores, is_target, enroll, test, *options)


def _counts(is_target: np.ndarray, pairs: tuple[np.ndarray, ...]) -> dict[str, Any]:
    takes_part = np.zeros(1 + max(side.max(initial=-1) for side in pairs), bool)
    for side in pairs:
        takes_part[side] = True
    return {
        "n_target": int(is_target.sum()),
        "n_nontarget": int((~is_target).sum()),
        "n_speakers": int(takes_part.sum()),
    }


def targets_within_session(data_dir: str | None, trial_set: TrialSet) -> int | None:
    """Target trials whose sides are of one recording session, by ``utt2session``; None where there is no such table."""
    if data_dir is None or "utt2session" not in (data := DataDir(data_dir)):
        return None
    enroll, test = (
        values_of_sides(data, "utt2session", trial_set)[side] for side in (trial_set.sides.enroll, trial_set.sides.test)
    )
    return int((trial_set.trials.is_target & (enroll == test) & (enroll != MIXED)).sum())
