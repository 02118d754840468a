"""The calibration of a system, as a file: fitted on a development set's scores, applied to those of test sets."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json
from toolkit.io.scores import read_scores, scores_of
from toolkit.io.trials import read_trials
from toolkit.metrics.verification.calibration import Calibration, fit_calibration

FEW_TARGETS = 100  # a calibration that rests on fewer is noted as rough
_WAY = ("scoring", "score_norm", "cohort", "top_n")  # facts that a calibration depends on
_SHAPE = {"scale": float, "offset": float, "way?": ({}, None), "p_target?": float, "scores?": [str]}


def fit_on(scores: Sequence, trials: Sequence, p_target: float) -> dict:
    """Fit on the pooled trials of some sets.

    Args:
        scores: score files; where a metrics.json lies beside one, it says how they were made.
        trials: the trial list of each.
        p_target: where the calibration is to be at its best.

    Returns:
        What the file holds: scale, offset, p_target, counts, the scores' paths, ``way`` (None where it is not known).

    Raises:
        InputError: a file is bad, scores and trials do not belong together, or the sets were scored in several ways.
    """
    pooled, labels, ways = [], [], []
    for score_path, trial_path in zip(scores, trials, strict=True):
        listed = read_trials(trial_path)
        pooled.append(scores_of(listed, read_scores(score_path), str(score_path), str(trial_path)))
        labels.append(listed.is_target)
        ways.append(_way_beside(Path(score_path)))
    if any(way != ways[0] for way in ways):
        raise InputError(f"{scores[0]}: was scored in another way than others; calibrate on sets scored alike")
    values, is_target = np.concatenate(pooled), np.concatenate(labels)
    if is_target.all() or not is_target.any():
        raise InputError(f"{trials[0]}: all trials are of one kind; calibration needs targets and nontargets")
    fitted = fit_calibration(values[is_target], values[~is_target], p_target)
    counts = {"n_target": int(is_target.sum()), "n_nontarget": int((~is_target).sum())}
    if counts["n_target"] < FEW_TARGETS:
        logging.warning(
            "calibration: %d target trials of %s are few, scale and offset may be far off, and with them actDCF and "
            "Cllr; calibrate on more speakers or utterances (%d targets), or give --calibrate false",
            *(counts["n_target"], ", ".join(map(str, trials)), FEW_TARGETS),
        )
    return fitted._asdict() | {"p_target": p_target} | counts | {"scores": list(map(str, scores)), "way": ways[0]}


def _way_beside(scores: Path) -> dict | None:
    path = scores.with_name("metrics.json")
    if not path.is_file():
        return None
    content = read_json(path, "score the set again")
    if fault := misfit(content, {"scoring?": {}}):
        raise InputError(f"{path}: {fault}; score the set again")
    return way_of(content.get("scoring", {}))


def way_of(facts: dict) -> dict:
    """The facts of scoring that decide whether a calibration fits."""
    return {name: facts[name] for name in _WAY if name in facts}


def write_calibration(path, content: dict) -> None:
    """Write calibration.json."""
    with replacing(path) as handle:
        handle.write(json.dumps(content, indent=1) + "\n")


def read_calibration(path) -> dict:
    """What calibration.json holds, checked; InputError where it is missing or malformed."""
    content = read_json(path, "fit it on a development set (calibrate_scores)")
    if fault := misfit(content, _SHAPE):
        raise InputError(f"{path}: {fault}; fit it again (calibrate_scores)")
    if content["scale"] < 0:
        raise InputError(f"{path}: scale must not be negative; fit it again (calibrate_scores)")
    return content


def calibration_of(content: Mapping) -> Calibration:
    """The calibration in what :func:`read_calibration` returns."""
    return Calibration(float(content["scale"]), float(content["offset"]))


def load_calibration(path, way: dict) -> tuple[Calibration, dict]:
    """Read calibration.json for scores made in a ``way`` (see :func:`way_of`); also returns the file's content.

    Raises:
        InputError: the file is missing or malformed, or was fitted on scores made in another way.
    """
    content = read_calibration(path)
    if content.get("way") is not None and content["way"] != way:
        raise InputError(f"{path}: was fitted on scores made by {_said(content['way'])}, these are by {_said(way)}")
    return calibration_of(content), content


def _said(way: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in way.items()) or "nothing"
