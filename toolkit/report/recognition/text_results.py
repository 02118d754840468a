"""Collect the results of a recognition experiment for its tables."""

from pathlib import Path

from toolkit.io.errors import InputError
from toolkit.io.files import misfit
from toolkit.io.variants import SHAPE
from toolkit.metrics.recognition.registry import METRICS
from toolkit.report.recognition.utterance_errors import KINDS
from toolkit.report.summaries import CONDITION, Experiment, experiment_name, interval_fault, origin_of, read_sets

_METRIC = {
    **dict.fromkeys(("value", "low", "high"), (float, None)),
    "counts": dict.fromkeys((*KINDS, "length"), int),
}
_SET = {
    "set": str,
    "condition": CONDITION,
    "n_utterances": int,
    "n_speakers": int,
    "metrics": dict.fromkeys(METRICS, _METRIC),
    "note": str,
    "bootstrap": {"resamples": int, "level": float, "unit": str, "seed": int, "method": str},
    "variant?": SHAPE,
}


def collect_text(expdir) -> list[Experiment]:
    """Collect an experiment: its main scores, then those of each variant (``scores_<variant>``).

    Reads ``scores*/*/result.json``, which ``toolkit.bin.score_text`` writes, and the files of
    toolkit.report.summaries.origin_of.

    Raises:
        InputError: there are no main scores, or a file is malformed.
    """
    expdir = Path(expdir)
    files: dict[str, list[Path]] = {}
    for path in sorted(expdir.glob("scores*/*/result.json")):
        files.setdefault(path.parent.parent.name, []).append(path)
    if "scores" not in files:
        raise InputError(f"{expdir}: no scores/*/result.json; score the experiment (stage 8) before its report")
    origin, name = origin_of(expdir, files["scores"]), expdir.resolve().name
    return [
        Experiment(
            read_sets(files[scores], _fault_of),
            name=experiment_name(name, scores),
            expdir=str(expdir),
            scores=scores,
            **origin,
        )
        for scores in sorted(files)
        if scores == "scores" or scores.startswith("scores_")
    ]


def _fault_of(content: dict) -> str:
    return misfit(content, _SET) or interval_fault(content["metrics"])
