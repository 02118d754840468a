"""Collect the results of a verification experiment for its tables and plots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from toolkit.io.bootstrap_store import NAME as SAMPLES_FILE
from toolkit.io.bootstrap_store import read_samples
from toolkit.io.errors import InputError, some_of
from toolkit.io.files import misfit, parse_json, read_json, read_text, read_yaml

METRICS = ("eer", "min_dcf_0.01", "min_dcf_0.05")
CONDITION = {"noise": str, "snr": (float, "mixed", None)}
_METRIC = {"value": float, "low": (float, None), "high": (float, None)}
_COUNTS = {"n_target": int, "n_nontarget": int}
_GROUP = {**_COUNTS, "n_speakers": int, "note": str, "metrics": ({...: _METRIC}, None)}
_METRICS: dict[Any, Any] = {...: _METRIC, **dict.fromkeys(METRICS, _METRIC)}
_SET = {
    "set": str,
    "condition": CONDITION,
    **_COUNTS,
    "n_speakers": int,
    "metrics": _METRICS,
    "det": {"fpr": [float], "fnr": [float]},
    "bootstrap": {"resamples": int, "level": float, "seed": int},
    "n_target_within_session?": int,
    "breakdown?": {...: {"groups": {...: _GROUP}, "left_out": _COUNTS}},
    "calibration?": {"scale": float, "offset": float, "p_target": float, "scores": [str]},
}
_TRAIN = {
    "seed?": (int, None),
    "commit?": (str, None),
    "date?": (str, None),
    "epochs?": int,
    "steps?": int,
    "wall_seconds?": float,
    "parameters?": int,
}


def scoring_variants(expdir) -> list[str]:
    """Folders of an experiment that hold scores: ``scores``, and ``scores_<backend>`` of other scoring backends."""
    folders = {path.parent.parent.name for path in Path(expdir).glob("scores*/*/metrics.json")}
    return sorted(name for name in folders if name == "scores" or name.startswith("scores_"))


def collect(expdir, scores: str = "scores") -> dict:
    """Collect an experiment, scored by one backend: the content of its ``results.json``.

    Reads ``<scores>/*/metrics.json`` (written by score_trials) and, if they exist, ``config.yaml`` and
    ``train_info.json`` (``seed``, ``commit``, ``parameters``, ``epochs``, ``wall_seconds``, ``date`` in ISO 8601,
    UTC).

    Returns:
        ``{"experiment", "expdir", "scores", "config_path", "config", "seed", "commit", "date", "train", "sets"}``.
        ``sets`` are the contents of metrics.json, sorted by name, each with its ``folder``; ``date`` is that of
        training, else the time of train_info.json, else of the newest scores; unknown values are None.

    Raises:
        InputError: there are no scores, or a file is malformed.
    """
    expdir = Path(expdir)
    files = sorted(expdir.glob(f"{scores}/*/metrics.json"))
    if not files:
        raise InputError(f"{expdir}: no {scores}/*/metrics.json; score the experiment (stage 8) before its report")
    return {
        "experiment": experiment_name(expdir.resolve().name, scores),
        "expdir": str(expdir),
        "scores": scores,
        **origin_of(expdir, files),
        "sets": read_sets(files, _fault_of),
    }


def same_test_sets(experiments: Sequence[dict]) -> Iterator[str]:
    """Drop from the other experiments the sets that were scored on other trials than those of the first.

    Args:
        experiments: from :func:`collect`; ``sets`` are changed in place.

    Yields:
        A message for each experiment that loses sets.
    """
    trials = {set_result["set"]: _trials_of(set_result) for set_result in experiments[0]["sets"]}
    for experiment in experiments[1:]:
        differing = [
            set_result["set"]
            for set_result in experiment["sets"]
            if _differ(_trials_of(set_result), trials.get(set_result["set"]))
        ]
        experiment["sets"] = [set_result for set_result in experiment["sets"] if set_result["set"] not in differing]
        if differing:
            yield (
                f"{experiment['expdir']}/{experiment['scores']}: {some_of(differing, 5)}: scored on other trials than "
                f"those of {experiments[0]['expdir']}; left out of the tables, score it again (stage 8)"
            )


def _trials_of(set_result: Mapping) -> tuple[tuple[int, int], str]:
    """Numbers of trials of a set, and their digest if bootstrap samples are stored, else an empty string."""
    path = Path(set_result["folder"]) / SAMPLES_FILE
    return (set_result["n_target"], set_result["n_nontarget"]), read_samples(path)[1][
        "trials"
    ] if path.is_file() else ""


def _differ(trials: tuple, reference: tuple | None) -> bool:
    return reference is not None and (
        trials[0] != reference[0] or bool(trials[1] and reference[1] and trials[1] != reference[1])
    )


def origin_of(expdir: Path, files: Sequence[Path]) -> dict:
    """``config_path``, ``config``, ``seed``, ``commit``, ``date`` and ``train`` of an experiment with these scores."""
    config_path, info_path = expdir / "config.yaml", expdir / "train_info.json"
    config = read_yaml(config_path) if config_path.is_file() else None
    train = read_json(info_path, "train again (stage 6)") if info_path.is_file() else {}
    if fault := misfit(train, _TRAIN):
        raise InputError(f"{info_path}: {fault}; train again (stage 6)")
    dated = [info_path] if train else files
    return {
        "config_path": str(config_path) if config is not None else None,
        "config": config,
        "seed": train.get("seed", (config or {}).get("seed")),
        "commit": train.get("commit"),
        "date": train.get("date") or _utc(max(path.stat().st_mtime for path in dated)),
        "train": train,
    }


def read_sets(
    files: Sequence[Path], fault_of: Callable[[dict], str], present: Callable[[dict], dict] = dict
) -> list[dict]:
    """Content of the files, each with its ``folder``, sorted by ``set``; ``present`` converts older versions.

    Raises:
        InputError: a file is malformed, as JSON or according to ``fault_of``.
    """
    sets = []
    for path in files:
        content = present(read_json(path, "score this set again"))
        if fault := fault_of(content):
            raise InputError(f"{path}: {fault}; score this set again")
        sets.append(content | {"folder": str(path.parent)})
    return sorted(sets, key=lambda set_result: set_result["set"])


def experiment_name(name: str, scores: str) -> str:
    """``sv_ecapa``, ``sv_ecapa (as_norm)``: an experiment and its scoring backend."""
    variant = scores.removeprefix("scores").strip("_")
    return f"{name} ({variant})" if variant else name


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fault_of(content: dict) -> str:
    return misfit(content, _SET) or interval_fault(content["metrics"])


def interval_fault(metrics: Mapping[str, Mapping]) -> str:
    """Message on the first metric with only one end of an interval; empty if there is none."""
    faulty = [name for name, metric in metrics.items() if (metric["low"] is None) != (metric["high"] is None)]
    return f"metrics.{faulty[0]}: low and high must both be numbers or both be null" if faulty else ""


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
