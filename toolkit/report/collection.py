"""Collect the scores of experiments, of any task, from their folders."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json, read_yaml
from toolkit.io.variants import SHAPE as VARIANT
from toolkit.report.summaries import Experiment, SetSummary, metric_of, set_of

CONDITION = {"noise": str, "snr": (float, "mixed", None), "test_set?": str}
METRIC: dict[Any, Any] = dict.fromkeys(("value", "low", "high"), (float, None))
_BOOTSTRAP = {"resamples": int, "level": float, "unit": str, "seed": int, "method": str}
_TRAIN = {
    "seed?": (int, None),
    "commit?": (str, None),
    "date?": (str, None),
    "epochs?": int,
    "steps?": int,
    "wall_seconds?": float,
    "parameters?": int,
}


def set_shape(counts: Sequence[str], metrics: Mapping, group_metrics: Any = None, left_out: Any = int, **more) -> dict:
    """The shape of a metrics.json or result.json, for toolkit.io.files.misfit.

    Args:
        counts: names of the numbers of trials or utterances.
        metrics: shape of the metrics.
        group_metrics: that of a group, if it differs.
        left_out: shape of the number of trials or utterances in no group.
        more: further keys.
    """
    numbers = dict.fromkeys((*counts, "n_speakers"), int)
    group = {**numbers, "note": str, "metrics": group_metrics or metrics}
    shape = {"set": str, "condition": CONDITION, **numbers, "metrics": metrics, "note?": str, "bootstrap": _BOOTSTRAP}
    return {**shape, "variant?": VARIANT, "breakdown?": {...: {"groups": {...: group}, "left_out": left_out}}, **more}


def collect_scores(
    expdir, file: str, shape: Mapping, present: Callable[[dict], dict] = dict, scores: str = ""
) -> dict[str, Experiment]:
    """Folder of scores (``scores``, ``scores_<variant>``) -> the experiment by these scores, its sets by name.

    Reads ``scores*/*/<file>`` and, if they exist, ``config.yaml`` and ``train_info.json`` (``seed``, ``commit``,
    ``parameters``, ``epochs``, ``wall_seconds``, ``date`` in ISO 8601, UTC).

    Args:
        expdir: folder of the experiment.
        file: name of the summary of a set.
        shape: of its content.
        present: converts content of earlier versions.
        scores: the folder to read; default: all.

    Raises:
        InputError: there are no main scores, or a file is malformed.
    """
    expdir, first = Path(expdir), scores or "scores"
    files: dict[str, list[Path]] = {}
    for path in sorted(expdir.glob(f"{scores or 'scores*'}/*/{file}")):
        files.setdefault(path.parent.parent.name, []).append(path)
    if first not in files:
        raise InputError(f"{expdir}: no {first}/*/{file}; score the experiment (stage 8) before its report")
    origin, name = _origin(expdir, files[first]), expdir.resolve().name
    return {
        folder: Experiment(
            sorted((_read_set(path, shape, present) for path in files[folder]), key=lambda test_set: test_set.name),
            name=experiment_name(name, folder),
            expdir=str(expdir),
            scores=folder,
            **origin,
        )
        for folder in sorted(files)
        if folder == first or folder.startswith("scores_")
    }


def _read_set(path: Path, shape: Mapping, present: Callable[[dict], dict]) -> SetSummary:
    content = present(read_json(path, "score this set again"))
    if fault := misfit(content, shape) or _fault_of_metrics(content):
        raise InputError(f"{path}: {fault}; score this set again")
    return set_of(content, str(path.parent))


def _fault_of_metrics(content: Mapping) -> str:
    """Message on the first metric that is unknown, or has only one end of an interval; empty if there is none."""
    groups = (group for by in content.get("breakdown", {}).values() for group in by["groups"].values())
    for metrics in (content["metrics"], *(group["metrics"] or {} for group in groups)):
        for name, metric in metrics.items():
            try:
                metric_of(name)
            except KeyError:
                return f"unknown metric {name}"
            if (metric["low"] is None) != (metric["high"] is None):
                return f"metrics.{name}: low and high must both be numbers or both be null"
    return ""


def _origin(expdir: Path, files: Sequence[Path]) -> dict[str, Any]:
    """``config_path``, ``config``, ``seed``, ``commit``, ``date`` and ``train`` of an experiment with these scores.

    The date is that of training, else the time of train_info.json, else of the newest scores.
    """
    config_path, info_path = expdir / "config.yaml", expdir / "train_info.json"
    config = read_yaml(config_path) if config_path.is_file() else None
    train = read_json(info_path, "train again (stage 6)") if info_path.is_file() else {}
    if fault := misfit(train, _TRAIN):
        raise InputError(f"{info_path}: {fault}; train again (stage 6)")
    newest = max(path.stat().st_mtime for path in ([info_path] if train else files))
    return {
        "config_path": str(config_path) if config is not None else None,
        "config": config,
        "seed": train.get("seed", (config or {}).get("seed")),
        "commit": train.get("commit"),
        "date": train.get("date") or datetime.fromtimestamp(newest, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "train": train,
    }


def experiment_name(name: str, scores: str) -> str:
    """``sv_ecapa``, ``sv_ecapa (as_norm)``: an experiment and its scoring backend."""
    variant = scores.removeprefix("scores").strip("_")
    return f"{name} ({variant})" if variant else name


def collect_all(args, collect: Callable[[Path], Sequence[Experiment]]) -> list[Experiment]:
    """The experiment of a report's options, then those to compare with; folders tell apart those of one name."""
    paths: dict[Path, Path] = {}
    for path in (args.expdir, *args.compare):
        paths.setdefault(path.resolve(), path)
    experiments = [results for path in paths.values() for results in collect(path)]
    if len({results.name for results in experiments}) < len(experiments):
        for results in experiments:
            results.name = experiment_name(results.expdir, results.scores)
    return experiments
