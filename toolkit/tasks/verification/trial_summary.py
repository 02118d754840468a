"""The summary of a set's scores in metrics.json."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.io.datadir import DataDir
from toolkit.metrics.statistics.bootstrap import METHOD, Resamples, resample_verification
from toolkit.metrics.verification.calibration import Calibration
from toolkit.metrics.verification.error_rates import det_points
from toolkit.metrics.verification.registry import METRICS, P_TARGETS
from toolkit.tasks.paired_comparison import with_progress
from toolkit.tasks.verification.trial_groups import MIXED, Grouping, values_of_sides
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
        return {
            "resamples": self.resamples,
            "level": self.level,
            "unit": "speaker",
            "seed": self.seed,
            "method": METHOD,
        }


def summarise_trials(
    scores: np.ndarray, trial_set: TrialSet, bootstrap: Bootstrap, calibration: Calibration | None = None
) -> tuple[dict, Resamples]:
    """Counts, metrics (EER in per cent, costs normalised) with intervals, DET curve; and the bootstrap samples."""
    is_target = trial_set.trials.is_target
    logging.info(
        "%d trials of %d speakers; bootstrap with %d resamples",
        len(scores),
        len(trial_set.speakers),
        bootstrap.resamples,
    )
    samples = _resample(scores, is_target, trial_set.speaker_pairs(), bootstrap, calibration, with_progress)
    fpr, fnr = det_points(scores[is_target], scores[~is_target])
    return {
        **_counts(is_target, trial_set.speaker_pairs()),
        "interval_speakers": min(samples.speakers.values()),
        "metrics": metrics_of(samples, bootstrap.level),
        "det": {"fpr": fpr.round(7).tolist(), "fnr": fnr.round(7).tolist()},
        "bootstrap": bootstrap.facts(),
    }, samples


def summarise_trial_groups(
    scores: np.ndarray, trial_set: TrialSet, groupings: Sequence[Grouping], bootstrap: Bootstrap
) -> dict[str, dict]:
    """Metrics with intervals of each group, the number of trials left out, and a note where metrics are undefined."""
    is_target = trial_set.trials.is_target
    return {
        grouping.fact: {
            "groups": {
                label: _measure_group(scores, trial_set, of, bootstrap) for label, of in grouping.groups.items()
            },
            "left_out": {
                "n_target": int((grouping.left_out & is_target).sum()),
                "n_nontarget": int((grouping.left_out & ~is_target).sum()),
            },
        }
        for grouping in groupings
    }


def _measure_group(scores, trial_set: TrialSet, of: np.ndarray, bootstrap: Bootstrap) -> dict:
    is_target, pairs = trial_set.trials.is_target[of], tuple(side[of] for side in trial_set.speaker_pairs())
    counts = _counts(is_target, pairs)
    missing = [kind for kind in ("target", "nontarget") if not counts[f"n_{kind}"]]
    if missing:
        return {**counts, "metrics": None, "note": f"no {' and no '.join(missing)} trials"}
    samples = _resample(scores[of], is_target, pairs, bootstrap, None, iter)
    few = min(counts["n_target"], counts["n_nontarget"]) < FEW_TRIALS or counts["n_speakers"] < FEW_SPEAKERS
    return {**counts, "metrics": metrics_of(samples, bootstrap.level), "note": "few trials" if few else ""}


def _resample(scores, is_target, pairs, bootstrap: Bootstrap, calibration, progress: Callable) -> Resamples:
    enroll, test = pairs
    options = P_TARGETS, bootstrap.resamples, bootstrap.seed, progress, calibration
    return resample_verification(scores, is_target, enroll, test, *options)


def _counts(is_target: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> dict[str, int]:
    return {
        "n_target": int(is_target.sum()),
        "n_nontarget": int((~is_target).sum()),
        "n_speakers": len(np.union1d(*pairs)),
    }


def metrics_of(samples: Resamples, level: float) -> dict[str, dict]:
    """``{metric: {"value", "low", "high", "unit"}}``; low and high are None where there is no interval."""
    return {
        name: METRICS[name].in_units(dict(zip(("value", "low", "high"), interval, strict=True)))
        for name, interval in samples.intervals(level).items()
    }


def targets_within_session(data_dir: str | None, trial_set: TrialSet) -> int | None:
    """Target trials whose sides are of one recording session, by ``utt2session``; None where there is no such table."""
    if data_dir is None or "utt2session" not in (data := DataDir(data_dir)):
        return None
    enroll, test = (
        values_of_sides(data, "utt2session", trial_set)[side] for side in (trial_set.sides.enroll, trial_set.sides.test)
    )
    return int((trial_set.trials.is_target & (enroll == test) & (enroll != MIXED)).sum())
