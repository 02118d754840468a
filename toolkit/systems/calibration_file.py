"""calibration.json: a calibration that is fitted on scores of a development set and applied to test sets."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json
from toolkit.io.scores import check_labels, read_scores, scores_of
from toolkit.io.trials import read_trials
from toolkit.metrics.verification.calibration import Calibration, fit_calibration

FEW_TARGETS = 100  # warn if there are fewer
_BACKEND = ("scoring", "score_norm", "cohort", "top_n")  # facts that a calibration depends on
_SHAPE = {"scale": float, "offset": float, "way?": ({}, None), "p_target?": float, "scores?": [str]}


def fit_on(scores: Sequence, trials: Sequence, p_target: float) -> dict:
    """Fit a calibration on the pooled trials of several sets.

    Args:
        scores: score files; a metrics.json beside a file names its scoring backend.
        trials: trial list of each score file.
        p_target: target prior at which the calibration is optimal.

    Returns:
        Content of the file: scale, offset, p_target, counts, paths of the scores, and ``way``, the scoring backend
        (None if unknown).

    Raises:
        InputError: a file is malformed, scores and trials do not match, or the sets have several scoring backends.
    """
    pooled, labels, backends = [], [], []
    for score_path, trial_path in zip(scores, trials, strict=True):
        listed = read_trials(trial_path)
        check_labels(listed, trial_path)
        pooled.append(scores_of(listed, read_scores(score_path), str(score_path), str(trial_path)))
        labels.append(listed.is_target)
        backends.append(_backend_beside(Path(score_path)))
    if any(backend != backends[0] for backend in backends):
        raise InputError(
            f"{scores[0]}: has another scoring backend than the others; calibrate on sets with the same backend"
        )
    values, is_target = np.concatenate(pooled), np.concatenate(labels)
    return fitted_content(values, is_target, p_target, scores, trials, backends[0], ", or use --calibrate false")


def fitted_content(
    values: np.ndarray,
    is_target: np.ndarray,
    p_target: float,
    scores: Sequence,
    trials: Sequence,
    backend: dict | None,
    remedy: str = "",
) -> dict:
    """As :func:`fit_on`, of scores (N,) and labels (N,) bool.

    Args:
        scores, trials: names of their sources.
        backend: what made the scores; None if unknown.
        remedy: what else to do where targets are few.
    """
    if is_target.all() or not is_target.any():
        raise InputError(f"{trials[0]}: all trials are targets or all are nontargets; calibration needs both")
    try:
        fitted = fit_calibration(values[is_target], values[~is_target], p_target)
    except ValueError as error:
        raise InputError(f"{scores[0]}: {error}") from None
    counts = {"n_target": int(is_target.sum()), "n_nontarget": int((~is_target).sum())}
    if counts["n_target"] < FEW_TARGETS:
        logging.warning(
            "calibration: %d target trials of %s are too few: scale and offset, and so actDCF and Cllr, may be "
            "inaccurate; calibrate on more speakers or utterances (%d targets)%s",
            *(counts["n_target"], ", ".join(map(str, trials)), FEW_TARGETS, remedy),
        )
    return fitted._asdict() | {"p_target": p_target} | counts | {"scores": list(map(str, scores)), "way": backend}


def _backend_beside(scores: Path) -> dict | None:
    path = scores.with_name("metrics.json")
    if not path.is_file():
        return None
    content = read_json(path, "score the set again")
    if fault := misfit(content, {"scoring?": {}}):
        raise InputError(f"{path}: {fault}; score the set again")
    return backend_of(content.get("scoring", {}))


def backend_of(facts: dict) -> dict:
    """The scoring backend: the settings of scoring that a calibration depends on."""
    return {name: facts[name] for name in _BACKEND if name in facts}


def write_calibration(path, content: dict) -> None:
    """Write calibration.json."""
    with replacing(path) as handle:
        handle.write(json.dumps(content, indent=1) + "\n")


def read_calibration(path) -> dict:
    """The content of calibration.json. Raises InputError if it is missing or malformed."""
    content = read_json(path, "fit it on a development set (calibrate_scores)")
    if fault := misfit(content, _SHAPE):
        raise InputError(f"{path}: {fault}; fit it again (calibrate_scores)")
    if content["scale"] < 0:
        raise InputError(f"{path}: scale must not be negative; fit it again (calibrate_scores)")
    return content


def calibration_of(content: Mapping) -> Calibration:
    """The calibration in the result of :func:`read_calibration`."""
    return Calibration(float(content["scale"]), float(content["offset"]))


def load_calibration(path, backend: dict) -> tuple[Calibration, dict]:
    """Read calibration.json for scores of a ``backend`` (see :func:`backend_of`); returns also the content.

    Raises:
        InputError: the file is missing or malformed, or was fitted on scores of another backend.
    """
    content = read_calibration(path)
    if content.get("way") is not None and content["way"] != backend:
        raise InputError(f"{path}: was fitted on scores made by {_text(content['way'])}, these are by {_text(backend)}")
    return calibration_of(content), content


def _text(backend: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in backend.items()) or "nothing"
