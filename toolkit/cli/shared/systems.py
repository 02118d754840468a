"""Which trained system a verb uses: an experiment, a package, or a model by its name."""

import dataclasses
import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import toolkit
from toolkit.io.errors import InputError, some_of
from toolkit.systems.hub import hub_file, is_hub_name

SHIPPED = Path(toolkit.__file__).parent / "pretrained"  # <name>.zip; the first by name of a task is its default
GE2E = "ge2e"
_INSTALL_GE2E = "tools/install.sh --extras pretrained"


class NamedModel(NamedTuple):
    """A model that has a name.

    Attributes:
        name: what --model takes.
        task: sv, se, tse, ee, asr.
        path: of its package; None: it is built from an installed package.
        note: its source.
    """

    name: str
    task: str
    path: Path | None
    note: str


def named_models() -> list[NamedModel]:
    """The models that can be used by name, by task and name; loads no torch."""
    models = [NamedModel(path.stem, _task_of(path), path, "shipped") for path in sorted(SHIPPED.glob("*.zip"))]
    if _has_ge2e():
        models.append(NamedModel(GE2E, "sv", None, "weights of Resemblyzer 0.1.4, Apache License 2.0"))
    return sorted(models, key=lambda model: (model.task, model.path is None, model.name))


def _has_ge2e() -> bool:
    """Is the package that holds its weights installed?"""
    return importlib.util.find_spec("resemblyzer") is not None


def _task_of(path: Path) -> str:
    """The task of a package, by its manifest."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("manifest.json"))["task"])
    except Exception:  # zipfile and json raise a different type for each kind of damage
        raise InputError(f"{path}: is not a packed system, or damaged; install voxsift again") from None


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
    if isinstance(chosen, NamedModel) and chosen.path is None:
        return _ge2e().to(device)
    kind = System if task is None else system_class(task)
    return kind.load(chosen.path if isinstance(chosen, NamedModel) else chosen, weights, trust, device)


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
    models = [named for named in named_models() if task in (None, named.task)]
    if model is None:
        if models:
            return models[0]
        more = f", or install GE2E ({_INSTALL_GE2E})" if task == "sv" else ""
        raise InputError(
            f"no model for this verb is installed; give --model exp/<tag>, a packed.zip, an ONNX file, or a name "
            f"from 'voxsift models'{more}"
        )
    if by_name := [named for named in models if named.name == model]:
        return by_name[0]
    names = some_of([named.name for named in models]) if models else "none"
    raise InputError(f"--model {model}: no such experiment or package; models of this task by name: {names}")


def _device(word: str) -> str:
    if word != "auto":
        return word
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _ge2e():
    """The published verifier; see toolkit.models.sv.GE2E."""
    from toolkit.features.mel_power import MelPower
    from toolkit.models.sv.embedder import SpeakerEmbedder
    from toolkit.models.sv.ge2e import GE2E as Encoder
    from toolkit.systems.inference.origin import Origin
    from toolkit.systems.verifier import Verifier

    network = SpeakerEmbedder(MelPower(), Encoder(weights="resemblyzer"), "none")
    return Verifier(network.eval(), Origin(GE2E, "pretrained.pt of Resemblyzer 0.1.4"))


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
