"""One experiment's numbers, gathered: what every table and plot is made from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from toolkit.io.bootstrap_store import NAME as DRAWS
from toolkit.io.bootstrap_store import read_samples
from toolkit.io.errors import InputError, some_of
from toolkit.io.files import misfit, parse_json, read_json, read_text, read_yaml

METRICS = ("eer", "min_dcf_0.01", "min_dcf_0.05")
CONDITION = {"noise": str, "snr": (float, "mixed", None)}
_METRIC = {"value": float, "low": (float, None), "high": (float, None)}
_COUNTS = {"n_target": int, "n_nontarget": int}
_GROUP = {**_COUNTS, "n_speakers": int, "note": str, "metrics": ({...: _METRIC}, None)}
_SET = {
    "set": str,
    "condition": CONDITION,
    **_COUNTS,
    "n_speakers": int,
    "metrics": {...: _METRIC, **dict.fromkeys(METRICS, _METRIC)},
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
    """Folders of an experiment that hold scores: ``scores``, and ``scores_<way>`` of other ways to make them."""
    folders = {path.parent.parent.name for path in Path(expdir).glob("scores*/*/metrics.json")}
    return sorted(name for name in folders if name == "scores" or name.startswith("scores_"))


def collect(expdir, scores: str = "scores") -> dict:
    """Gather an experiment, scored in one way: the content of its ``results.json``.

    Read are ``<scores>/*/metrics.json`` (which score_trials writes), and where they exist ``config.yaml`` and
    ``train_info.json`` (``seed``, ``commit``, ``parameters``, ``epochs``, ``wall_seconds``, ``date`` in ISO 8601,
    UTC).

    Returns:
        ``{"experiment", "expdir", "scores", "config_path", "config", "seed", "commit", "date", "train", "sets"}``.
        ``sets`` are the metrics.json, by name, each with the ``folder`` it lies in; ``date`` is the training's, else
        the time of train_info.json, else of the newest scores; what is not known is None.

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
    """Leave out of the other experiments the sets that were scored on other trials than the first's.

    Args:
        experiments: as :func:`collect` gathers them; ``sets`` are changed.

    Yields:
        What is left out, for a message.
    """
    trials = {one["set"]: _trials_of(one) for one in experiments[0]["sets"]}
    for experiment in experiments[1:]:
        odd = [one["set"] for one in experiment["sets"] if _differ(_trials_of(one), trials.get(one["set"]))]
        experiment["sets"] = [one for one in experiment["sets"] if one["set"] not in odd]
        if odd:
            yield (
                f"{experiment['expdir']}/{experiment['scores']}: {some_of(odd, 5)}: scored on other trials than those "
                f"of {experiments[0]['expdir']}; left out of the tables, score it again (stage 8)"
            )


def _trials_of(one: Mapping) -> tuple[tuple[int, int], str]:
    """Numbers of trials of a set, and their digest where draws are kept."""
    path = Path(one["folder"]) / DRAWS
    return (one["n_target"], one["n_nontarget"]), read_samples(path)[1]["trials"] if path.is_file() else ""


def _differ(one: tuple, other: tuple | None) -> bool:
    return other is not None and (one[0] != other[0] or bool(one[1] and other[1] and one[1] != other[1]))


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
    """Content of the files, each with its ``folder``, by the name of the ``set``; ``present`` makes it of this version.

    Raises:
        InputError: a file is malformed, as JSON or by what ``fault_of`` finds in it.
    """
    sets = []
    for path in files:
        content = present(read_json(path, "score this set again"))
        if fault := fault_of(content):
            raise InputError(f"{path}: {fault}; score this set again")
        sets.append(content | {"folder": str(path.parent)})
    return sorted(sets, key=lambda one: one["set"])


def experiment_name(name: str, scores: str) -> str:
    """``sv_ecapa``, ``sv_ecapa (as_norm)``: an experiment in one way of scoring."""
    variant = scores.removeprefix("scores").strip("_")
    return f"{name} ({variant})" if variant else name


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fault_of(content: dict) -> str:
    return misfit(content, _SET) or interval_fault(content["metrics"])


def interval_fault(metrics: Mapping[str, Mapping]) -> str:
    """The metric that has one end of an interval alone; empty where none has."""
    odd = [name for name, one in metrics.items() if (one["low"] is None) != (one["high"] is None)]
    return f"metrics.{odd[0]}: low and high must both be numbers or both be null" if odd else ""


def read_run_log(path) -> dict[str, dict[int, dict[str, float]]]:
    """Means per epoch of ``metrics.jsonl``.

    Returns:
        ``{"train": {epoch: {"loss": mean, ...}}, "valid": {...}}``, epochs rising. A step that was logged twice,
        because training was resumed before it, counts as it was last.

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
    return {name: sum(found) / len(found) for name, found in values.items()}
