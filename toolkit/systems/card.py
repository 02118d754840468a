"""Model cards: what a system is for, what it was trained on, by which licence, and how good it is.

A card is made from the files of an experiment (config.yaml, train_info.json, results.json) and lies as card.json in its
package. Imports no torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json

CARD = "card.json"
USES = {
    "sv": "compare the voices of recordings; not as the only evidence in a legal or financial decision",
    "se": "reduce noise in recordings of speech",
    "tse": "extract the speech of one enrolled speaker, who has agreed to it, from a mixture",
    "ee": "enhance embeddings of noisy recordings for speaker verification",
    "asr": "transcribe speech in the language of the training data",
    "ic": "classify spoken commands of the training data",
}
_HEADLINES = ("eer", "min_dcf_0.01", "si_sdri", "si_sdr", "pesq_wb", "estoi", "wer", "accuracy")
_OF_WHAT = {"si_sdri": ", gained over the mixture", "si_sdr": ", of the output"}  # which are easily mistaken
_MOST_ROWS = 40
_DATA = ("train_dir", "pretrained", "hours", "utterances", "speakers")
_SCORED = {"name": str, "metrics": ({}, None)}
CARD_SHAPE = {
    "task": str,
    "network": str,
    "fs": (int, None),
    "parameters": (int, None),
    "intended_use": str,
    "licence": (str, None),
    "data": {},
    "data_licence": (str, None),
    "results": [{"set": str, "metric": str, "value": (float, None), "low": (float, None), "high": (float, None)}],
}


def card_of(
    expdir: Path, config: Mapping, task: str, options: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """The card of an experiment.

    Args:
        expdir: its folder; train_info.json and results.json may be missing.
        config: its config.yaml, loaded.
        task: its task.
        options: ``licence`` of the weights, ``data_licence`` of the training data, ``intended_use``; None: unknown, and
            the usual use of the task.
    """
    given = {name: value for name, value in (options or {}).items() if value}
    training, results = _content(expdir / "train_info.json"), _content(expdir / "results.json")
    arguments = [(config.get(key) or {}) for key in ("frontend", "model")]
    rates = [(x.get("init_args") or {}).get("fs") for x in arguments if isinstance(x, Mapping)]
    path = config.get("model") or {}
    name = str(path.get("class_path", "") if isinstance(path, Mapping) else path)
    return {
        "task": task,
        "network": name.rpartition(".")[2],
        "fs": next((rate for rate in rates if isinstance(rate, int)), None),
        "parameters": training.get("parameters") if isinstance(training.get("parameters"), int) else None,
        "intended_use": given.get("intended_use", USES.get(task, "")),
        "licence": given.get("licence"),
        "data": {key: training[key] for key in _DATA if key in training},
        "data_licence": given.get("data_licence"),
        "results": _rows(results),
    }


def _content(path: Path) -> dict:
    """The content of an optional file of the experiment."""
    if not path.is_file():
        return {}
    content = read_json(path)
    return content if isinstance(content, dict) else {}


def _rows(results: Mapping) -> list[dict]:
    """Set, metric, value and interval from results.json: means over sets first."""
    if misfit(results, {"means?": [_SCORED], "sets?": [_SCORED]}):  # of another form
        return []
    rows = []
    for scored in (*results.get("means", ()), *results.get("sets", ())):
        metrics = scored.get("metrics") or {}
        for name in [name for name in _HEADLINES if name in metrics] or list(metrics):
            if not isinstance(metrics[name], Mapping):
                continue
            numbers = {key: metrics[name].get(key) for key in ("value", "low", "high")}
            rows.append({"set": scored["name"], "metric": name, **numbers, "unit": metrics[name].get("unit", "")})
    return rows[:_MOST_ROWS]


def read_card(path: Path) -> dict:
    """The content of card.json. Raises InputError if it is malformed."""
    content = read_json(path)
    if fault := misfit(content, CARD_SHAPE):
        raise InputError(f"{path}: {fault}; pack the system again")
    return content


def card_lines(card: Mapping | None, most_results: int = 4) -> dict[str, str]:
    """Name and value of the lines of ``voxsift info``; empty without a card."""
    if not card:
        return {}
    lines = {"use": card["intended_use"], "licence": card["licence"] or "not stated"}
    lines["data licence"] = card["data_licence"] or "not stated"
    for number, row in enumerate(card["results"][:most_results], 1):
        lines[f"result {number}"] = f"{row['set']}: {row['metric']} {_interval(row)}{_OF_WHAT.get(row['metric'], '')}"
    if len(card["results"]) > most_results:
        lines["results"] = f"{len(card['results'])} in all, see --json"
    return lines


def _interval(row: Mapping) -> str:
    value, low, high = ("-" if row[key] is None else f"{row[key]:.2f}" for key in ("value", "low", "high"))
    unit = f" {row['unit']}" if row.get("unit") else ""
    return f"{value}{unit}" + ("" if low == "-" else f" [{low}, {high}]")
