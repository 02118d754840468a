"""One experiment's numbers, gathered: what every table and plot is made from."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import yaml

from toolkit.io.errors import InputError

METRICS = ("eer", "min_dcf_0.01", "min_dcf_0.05")
_SET_KEYS = ("set", "condition", "n_target", "n_nontarget", "n_speakers", "metrics", "det", "bootstrap")


def ways_of_scoring(expdir) -> list[str]:
    """Folders of an experiment that hold scores: ``scores``, and ``scores_<way>`` of other ways to make them."""
    found = {path.parent.parent.name for path in Path(expdir).glob("scores*/*/metrics.json")}
    return sorted(name for name in found if name == "scores" or name.startswith("scores_"))


def collect(expdir, scores: str = "scores") -> dict:
    """Gather an experiment, scored in one way: the content of its ``results.json``.

    Read are ``<scores>/*/metrics.json`` (as ``toolkit.bin.sv_score`` writes them), and where they exist ``config.yaml``
    and ``train_info.json`` (``seed``, ``commit``, ``parameters``, ``epochs``, ``wall_seconds``, ``date`` in ISO 8601,
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
        "sets": read_sets(files, _check_set),
    }


def origin_of(expdir: Path, files: Sequence[Path]) -> dict:
    """``config_path``, ``config``, ``seed``, ``commit``, ``date`` and ``train`` of an experiment with these scores."""
    config_path, info_path = expdir / "config.yaml", expdir / "train_info.json"
    config = _read_config(config_path) if config_path.is_file() else None
    train = _read_json(info_path) if info_path.is_file() else {}
    dated = [info_path] if train else files
    return {
        "config_path": str(config_path) if config is not None else None,
        "config": config,
        "seed": train.get("seed", (config or {}).get("seed")),
        "commit": train.get("commit"),
        "date": train.get("date") or _utc(max(path.stat().st_mtime for path in dated)),
        "train": train,
    }


def read_sets(files: Sequence[Path], missing_of: Callable[[dict], Sequence[str]]) -> list[dict]:
    """Content of the files, each with its ``folder``, by the name of the ``set``.

    Raises:
        InputError: a file is malformed, or lacks what ``missing_of`` names.
    """
    sets = []
    for path in files:
        content = _read_json(path)
        if missing := missing_of(content):
            raise InputError(f"{path}: lacks {', '.join(missing)}; score this set again")
        sets.append(content | {"folder": str(path.parent)})
    return sorted(sets, key=lambda one: one["set"])


def experiment_name(name: str, scores: str) -> str:
    """``sv_ecapa``, ``sv_ecapa (as_norm)``: an experiment in one way of scoring."""
    way = scores.removeprefix("scores").strip("_")
    return f"{name} ({way})" if way else name


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no readable JSON ({error}); write it again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no mapping of names to values; write it again")
    return content


def _check_set(content: dict) -> list[str]:
    missing = [key for key in _SET_KEYS if key not in content]
    return missing + [name for name in METRICS if name not in content.get("metrics", METRICS)]


def _read_config(path: Path) -> dict:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path}: is no readable YAML ({' '.join(str(error).split())})") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: a config is a mapping of keys to values")
    return config


def read_run_log(path) -> dict[str, dict[int, dict[str, float]]]:
    """Means per epoch of ``metrics.jsonl``.

    Returns:
        ``{"train": {epoch: {"loss": mean, ...}}, "valid": {...}}``, epochs rising. A step that was logged twice,
        because training was resumed before it, counts as it was last.

    Raises:
        InputError: a line is malformed.
    """
    steps: dict[str, dict[int, dict]] = {"train": {}, "valid": {}}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            steps.setdefault(record["kind"], {}).setdefault(int(record["epoch"]), {})[record.get("step")] = record
        except (ValueError, KeyError, TypeError) as error:
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
