"""Load a trained network from an experiment's folder, a packed zip or a published checkpoint.

The files may be of other authors: classes from outside the toolkit are not built without the caller's trust, and sizes
are checked before memory is allocated.
"""

import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from toolkit.io.config import load_config
from toolkit.io.errors import InputError, brief, some_of
from toolkit.io.files import read_json
from toolkit.io.trust import check_classes
from toolkit.nn.pretrained import without_weights
from toolkit.systems.calibration_file import read_calibration
from toolkit.systems.card import CARD, card_of, read_card
from toolkit.systems.hub import hub_file, is_hub_name
from toolkit.systems.inference.system_origin import Origin
from toolkit.systems.kinds import system_class, task_of
from toolkit.systems.packing import (
    CALIBRATION,
    CONFIG,
    FORMER_WEIGHTS,
    TRAINING,
    WEIGHTS,
    check_task,
    known_task,
    unpack,
    with_embedders,
)
from toolkit.systems.published import published_network
from toolkit.train.checkpoint import load_model

_MOST_BUFFERS = 2**26  # bytes of buffers that are computed, not stored (windows, filters)
_OF_A_TENSOR = 2**12  # maximum overhead of a tensor in a weights file, bytes
__all__ = ["Origin", "load_network"]


def _check_experiment(path: Path) -> None:
    """Raise InputError if a folder is not an experiment; lists those in it and beside it."""
    if (path / CONFIG).is_file():
        return
    what = "is not an experiment (config.yaml not found)" if path.is_dir() else "no such experiment or packed model"
    known = [str(config.parent) for folder in (path, path.parent) for config in sorted(folder.glob(f"*/{CONFIG}"))]
    known += [str(packed) for folder in (path, path.parent) for packed in sorted(folder.glob("*.zip"))]
    missing = next((folder for folder in reversed(path.parents) if not folder.exists()), None)
    more = f"; there are: {some_of(dict.fromkeys(known))}" if known else f"; nor is there {missing}" if missing else ""
    raise InputError(f"{path}: {what}{more}")


def _check_weights(path: Path) -> None:
    """Raise InputError if the weights are missing; lists those of the experiment."""
    if not path.is_file():
        known = some_of([weights.name for weights in sorted(path.parent.glob("*.pth"))])
        raise InputError(f"{path}: no such weights; {f'there are: {known}' if known else 'train first (stage 6)'}")


def _check_size(weights: Path | None, network: nn.Module, config: Path) -> None:
    """Raise InputError if a network on the meta device needs more memory than its weights file justifies.

    Accepts weights in half or double precision, and shared weights.
    """
    stored = sum(tensor.nbytes for tensor in network.state_dict().values())
    made = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers())) - stored
    if made > _MOST_BUFFERS:
        raise InputError(f"{config}: the network needs {made:,} bytes besides its weights; check its sizes")
    size = weights.stat().st_size if weights else 0
    if weights and not stored / 4 <= size <= 2 * stored + _OF_A_TENSOR * (len(network.state_dict()) + 64):
        raise InputError(
            f"{weights}: weights of another network: {size:,} bytes, that of {config.name} needs {stored:,}"
        )


def load_network(path, task: str | None, weights: str | None, trust: bool) -> tuple[str, nn.Module, Origin]:
    """The network of an experiment, a packed zip or a published checkpoint, in eval mode; see System.load.

    Args:
        path, weights, trust: see System.load.
        task: the required task; None: any.

    Returns:
        The task, the network, its origin.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(weights, str | os.PathLike | None):
        raise InputError(f"path {path!r:.80} and weights {weights!r:.80} must be a path and the name of a file in it")
    if is_hub_name(path):
        its_task, network, origin = load_network(hub_file(str(path)), task, weights, trust)
        return its_task, network, replace(origin, path=str(path))
    path = Path(path)
    try:
        packed = path.is_file()
    except OSError as error:
        raise InputError(f"{str(path)[:200]}: {error.strerror}") from None
    if not packed:
        return _load_folder(path, task, weights, trust)
    if published := published_network(path):
        family, network = published
        check_task(path, "sv", task)
        return "sv", network, Origin(str(path), f"{path.name}, {family}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            task_found = unpack(path, Path(folder), task)
            former = (Path(folder) / FORMER_WEIGHTS).exists()
            loaded = _load_folder(Path(folder), task_found, FORMER_WEIGHTS if former else WEIGHTS, trust, str(path))
        except InputError as error:
            raise InputError(str(error).replace(folder, str(path))) from None
    return loaded


def _load_folder(
    path: Path, task: str | None, weights: str | None, trust: bool, package: str | None = None
) -> tuple[str, nn.Module, Origin]:
    """As :func:`load_network`, for a folder; ``package``: the zip that it came from."""
    _check_experiment(path)
    config = load_config(path / CONFIG)
    if package is None:  # a package is complete and names no other file
        config = with_embedders(config, path / CONFIG)
    if not trust:
        check_classes(config, path / CONFIG)
    task_found = known_task(task_of(config) or task, path)
    check_task(path, task_found, task)
    kind: Any = system_class(task_found)
    stored = path / (weights or kind.weights)
    network, has_weights = _built(path / CONFIG, kind, stored, trust)
    calibration = None  # valid only for the default weights
    if package or stored.name == kind.weights:
        calibration = _facts(path / CALIBRATION, read_calibration)
    origin = Origin(
        package or str(path),
        stored.name if has_weights else None,
        _facts(path / TRAINING, read_json),
        calibration,
        _card(path, config, task_found),
    )
    return task_found, network, origin


def _built(config: Path, kind: Any, weights: Path, trust: bool) -> tuple[nn.Module, bool]:
    """The network with its weights, and whether it has any (mean fbank has none); does not read published weights."""
    with without_weights(), nullcontext() if trust else torch.device("meta"):  # shapes without memory
        outline = _build(config, kind.build_stored, trust)
    has_weights = next(outline.parameters(), None) is not None
    if has_weights:
        _check_weights(weights)
    if not trust:
        _check_size(weights if has_weights else None, outline, config)
    with without_weights():
        network = _build(config, kind.build, trust)
    if has_weights:
        load_model(network, weights)
    return network.eval(), has_weights


def _card(path: Path, config: dict, task: str) -> dict | None:
    """The card of a package; of an experiment, or a package of an earlier version, made from its other files."""
    if (path / CARD).is_file():
        return _facts(path / CARD, read_card)
    return _facts(path / CONFIG, lambda _: card_of(path, config, task)) if (path / TRAINING).is_file() else None


def _facts(path: Path, read: Callable[[Path], dict]) -> dict | None:
    """The content of an optional file; None if it is missing or malformed."""
    if not path.is_file():
        return None
    try:
        return read(path)
    except InputError as error:
        logging.warning("%s", error)
        return None


def _build(config: Path, build: Callable[[Path], nn.Module], trust: bool) -> nn.Module:
    """Build a network. Any error of a toolkit class's constructor is an InputError about the values."""
    try:
        return build(config)
    except InputError as error:
        raise InputError(str(error) if str(config) in str(error) else f"{config}: {error}") from None
    except Exception as error:
        if trust:
            raise
        raise InputError(
            f"{config}: the network cannot be built ({brief(error)}); check the values under model"
        ) from None
