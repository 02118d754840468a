"""What an experiment is of: ``sv``, ``se`` or ``tse``, by its config and its scores; imports no torch."""

from pathlib import Path

from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.systems.kinds import task_of

_TRIALS, _AUDIO = "toolkit.tasks.verification.trial_report", "toolkit.tasks.enhancement.audio_report"
REPORTS = {"sv": _TRIALS, "se": _AUDIO, "tse": _AUDIO}  # modules with add_arguments(parser) and write(args, command)


def task_of_experiment(expdir) -> str:
    """The task of an experiment: by its config (toolkit.systems.kinds.task_of), else by its scores.

    Raises:
        InputError: nothing tells.
    """
    expdir = Path(expdir)
    path = expdir / "config.yaml"
    task = task_of(load_config(path)) if path.is_file() else None
    if task in REPORTS:
        return task
    if any(expdir.glob("scores*/*/metrics.json")):
        return "sv"
    if any(expdir.glob("scores*/*/result.json")):
        return "tse" if (expdir / "extracted").is_dir() else "se"
    raise InputError(
        f"{expdir}: no scores, and its config names no task; score the experiment (stage 8), or give --task"
    )
