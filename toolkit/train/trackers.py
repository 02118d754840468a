"""Trackers of experiments beside the run log: Weights & Biases (``wandb``) and Trackio (``trackio``)."""

import importlib
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.io.errors import InputError, brief
from toolkit.io.files import read_yaml

TRACKERS = ("wandb", "trackio")  # names of the packages, and of the extras of tools/install.sh


def check_trackers(names: Sequence[str]) -> None:
    """Raise InputError if a tracker is unknown, or its package is not installed."""
    for name in names:
        if name not in TRACKERS:
            raise InputError(f"trainer.trackers: {name}: must be one of {', '.join(TRACKERS)}")
        if importlib.util.find_spec(name) is None:
            raise InputError(f"trainer.trackers: {name} is not installed: tools/install.sh --extras {name}")


class Tracker:
    """A run of a tracker; a fault after its start ends the tracking, not the training.

    Args:
        name: the package.
        project: project of the tracker.
        expdir: the experiment's folder: its name is that of the run, its ``config.yaml`` the config.
        identity: id of the run; a run with an id that is there is continued.

    Raises:
        InputError: the tracker cannot start.
    """

    def __init__(self, name: str, project: str, expdir: Path, identity: str):
        path = expdir / "config.yaml"
        config = read_yaml(path) if path.is_file() else {}
        run = f"{expdir.absolute().name}-{identity}"
        self._name, self._package, self._run = name, importlib.import_module(name), None
        try:
            if name == "wandb":
                options: dict[str, Any] = {"id": run, "dir": expdir, "settings": self._package.Settings(silent=True)}
                self._run = self._package.init(project=project, name=run, config=config, resume="allow", **options)
                self._run.define_metric("*", step_metric="step")
            else:
                options = {"resume": "allow", "embed": False, "auto_log_cpu": False, "auto_log_gpu": False}
                self._run = self._package.init(project=project, name=run, config=config, **options)
        except Exception as error:  # a package of others: a login, the network, ...
            remedy = "; log in, or set WANDB_MODE=offline" if name == "wandb" else ""
            raise InputError(f"trainer.trackers: {name} cannot start ({brief(error)}){remedy}") from None

    def log(self, kind: str, values: Mapping[str, float], step: int) -> None:
        """Log the values of a step as ``<kind>/<name>``."""
        if self._run is None:
            return
        named = {f"{kind}/{key}": value for key, value in values.items()}
        try:
            if self._name == "wandb":
                self._run.log(named | {"step": step})
            else:
                self._package.log(named, step=step)
        except Exception as error:
            logging.warning("%s: tracking ends (%s); metrics.jsonl has everything", self._name, brief(error))
            self._run = None

    def close(self) -> None:
        """Send what is left."""
        if self._run is not None:
            self._run.finish()
        self._run = None
