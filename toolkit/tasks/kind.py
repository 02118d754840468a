"""What an experiment is of: ``sv``, ``se`` or ``tse``, by its config and its scores; imports no torch."""

from pathlib import Path

from toolkit.io.config import load_config
from toolkit.io.errors import InputError

_TRIALS, _AUDIO = "toolkit.tasks.verification.trial_report", "toolkit.tasks.enhancement.audio_report"
REPORTS = {"sv": _TRIALS, "se": _AUDIO, "tse": _AUDIO}  # modules with add_arguments(parser) and write(args, command)


def task_of(expdir) -> str:
    """The task of an experiment: ``task`` of its config, else the room of its model, else what was made of it.

    Raises:
        InputError: nothing tells.
    """
    expdir = Path(expdir)
    path = expdir / "config.yaml"
    config = load_config(path) if path.is_file() else {}
    model = config.get("model")
    name = str(model.get("class_path") if isinstance(model, dict) else model).removeprefix("toolkit.models.")
    for task in (config.get("task"), name.partition(".")[0]):
        if task in REPORTS:
            return task
    if any(expdir.glob("scores*/*/metrics.json")) or "frontend" in config:
        return "sv"
    if any(expdir.glob("scores*/*/result.json")):
        return "tse" if (expdir / "extracted").is_dir() else "se"
    raise InputError(
        f"{expdir}: no scores, and its config names no task; score the experiment (stage 8), or give --task"
    )
