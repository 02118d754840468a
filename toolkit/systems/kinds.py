"""Task -> class of systems, and the task of a config."""

import importlib
import re
from collections.abc import Mapping
from typing import Any

from toolkit.io.errors import InputError, some_of

_CLASSES = {
    "sv": "toolkit.systems.verifier:Verifier",
    "se": "toolkit.systems.enhancer:Enhancer",
    "tse": "toolkit.systems.extractor:Extractor",
    "ee": "toolkit.systems.embedding_enhancer:EmbeddingEnhancer",
    "asr": "toolkit.systems.recognizer:Recognizer",
    "ic": "toolkit.systems.intent_recognizer:IntentRecognizer",
    "ssl": "toolkit.systems.ssl_encoder:SSLEncoder",
}
_ROOMS = {
    "sv": "sv",
    "se": "se",
    "tse": "tse",
    "embedding": "ee",
    "asr": "asr",
    "ic": "ic",
    "ssl": "ssl",
}  # of toolkit.models: whose networks are in it
_IN_ROOM = re.compile(r"toolkit\.models\.([a-z_]+)\.")


def known_tasks() -> list[str]:
    """Names of the tasks that have systems."""
    return list(_CLASSES)


def system_class(task: str) -> type[Any]:
    """The class of systems for a task, a subclass of toolkit.systems.base.System.

    Raises:
        InputError: the task has no systems.
    """
    if task not in _CLASSES:
        raise InputError(f"task {str(task)[:40]!r}: unknown; must be one of {some_of(_CLASSES)}")
    module, _, name = _CLASSES[task].partition(":")
    return getattr(importlib.import_module(module), name)


def register_system(task: str, place: str) -> None:
    """Add the systems of a task from outside the toolkit; ``place``: ``module:Class`` of a System."""
    _CLASSES[task] = place


def task_of(config: Mapping) -> str | None:
    """The task of a training config: its key ``task``.

    Configs of earlier versions lack it; then the package of the model's class decides, or a key that only one task has.
    Imports no class.

    Args:
        config: loaded, see toolkit.io.config.load_config.

    Returns:
        ``sv``, ``se``, ``tse``, or any other value of ``task``; None if unknown.

    Example::

        >>> task_of({"model": {"class_path": "toolkit.models.tse.sef_pnet.SEFPNet"}})
        'tse'
    """
    if config.get("task") is not None:
        return str(config["task"])
    path = class_path(config, "model")
    if (room := _IN_ROOM.match(path)) and room[1] in _ROOMS:
        return _ROOMS[room[1]]
    rooms = ((task, importlib.import_module(f"toolkit.models.{room}")) for room, task in _ROOMS.items())
    exporting = (task for task, room in rooms if path in room.__all__)
    if task := next(exporting, None):
        return task
    if not {"frontend", "normalize"}.isdisjoint(config):
        return "sv"
    if class_path(config, "data").rpartition(".")[2] in ("ExtractionDataset", "TargetSpeech"):
        return "tse"
    return "se" if "reference" in config else None


def class_path(config: Mapping, key: str) -> str:
    """The class path under a key of a config; empty if there is none."""
    value = config.get(key) or ""
    return str(value.get("class_path", "") if isinstance(value, Mapping) else value)
