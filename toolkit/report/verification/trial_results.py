"""Collect the results of a verification experiment for its tables and plots."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.io.bootstrap_store import NAME as SAMPLES_FILE
from toolkit.io.bootstrap_store import read_samples
from toolkit.io.errors import InputError, some_of
from toolkit.io.files import parse_json, read_text
from toolkit.metrics.verification.registry import MAIN
from toolkit.report.collection import METRIC, collect_scores, set_shape
from toolkit.report.summaries import Experiment, SetSummary

_METRIC = {**METRIC, "value": float}
_COUNTS = {"n_target": int, "n_nontarget": int}
_SET = set_shape(
    tuple(_COUNTS),
    {...: _METRIC, **dict.fromkeys(MAIN, _METRIC)},
    ({...: _METRIC}, None),
    _COUNTS,
    det={"fpr": [float], "fnr": [float]},
    **{
        "n_target_within_session?": int,
        "calibration?": {"scale": float, "offset": float, "p_target": float, "scores": [str]},
    },
)


def scoring_variants(expdir) -> list[str]:
    """Folders of an experiment that hold scores: ``scores``, and ``scores_<backend>`` of other scoring backends."""
    folders = {path.parent.parent.name for path in Path(expdir).glob("scores*/*/metrics.json")}
    return sorted(name for name in folders if name == "scores" or name.startswith("scores_"))


def collect(expdir, scores: str = "scores") -> Experiment:
    """Collect an experiment, scored by one backend: ``<scores>/*/metrics.json``, which score_trials writes.

    Raises:
        InputError: there are no scores, or a file is malformed.
    """
    return collect_scores(expdir, "metrics.json", _SET, scores=scores)[scores]


def same_test_sets(experiments: Sequence[Experiment]) -> Iterator[str]:
    """Drop from the other experiments the sets that were scored on other trials than those of the first.

    Args:
        experiments: from :func:`collect`; ``sets`` are changed in place.

    Yields:
        A message for each experiment that loses sets.
    """
    trials = {test_set.name: _trials_of(test_set) for test_set in experiments[0].sets}
    for other in experiments[1:]:
        differing = [one.name for one in other.sets if _differ(_trials_of(one), trials.get(one.name))]
        other.sets = [one for one in other.sets if one.name not in differing]
        if differing:
            yield (
                f"{other.expdir}/{other.scores}: {some_of(differing, 5)}: scored on other trials than "
                f"those of {experiments[0].expdir}; left out of the tables, score it again (stage 8)"
            )


def _trials_of(test_set: SetSummary) -> tuple[tuple, str]:
    """Numbers of trials of a set, and their digest if bootstrap samples are stored, else an empty string."""
    path = Path(test_set.folder) / SAMPLES_FILE
    counts = test_set.n_target, test_set.n_nontarget
    return counts, read_samples(path)[1]["trials"] if path.is_file() else ""


def _differ(trials: tuple, reference: tuple | None) -> bool:
    return reference is not None and (
        trials[0] != reference[0] or bool(trials[1] and reference[1] and trials[1] != reference[1])
    )


def read_run_log(path) -> dict[str, dict[int, dict[str, float]]]:
    """Means per epoch of ``metrics.jsonl``.

    Returns:
        ``{"train": {epoch: {"loss": mean, ...}}, "valid": {...}}``, epochs in ascending order. If a step was
        logged twice because training was resumed, the last record counts.

    Raises:
        InputError: a line is malformed.
    """
    steps: dict[str, dict[int, dict]] = {"train": {}, "valid": {}}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            record = parse_json(line, f"{path}:{number}")
            steps.setdefault(record["kind"], {}).setdefault(int(record["epoch"]), {})[record.get("step")] = record
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(
                f"{path}:{number}: expected a JSON record with kind and epoch ({error!r}); remove the line"
            ) from None
    return {
        kind: {epoch: _means(list(epochs[epoch].values())) for epoch in sorted(epochs)}
        for kind, epochs in steps.items()
    }


def _means(records: list[dict]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for record in records:
        for name, value in record.items():
            if isinstance(value, (int, float)) and name not in ("epoch", "step"):
                values.setdefault(name, []).append(value)
    return {name: sum(numbers) / len(numbers) for name, numbers in values.items()}
