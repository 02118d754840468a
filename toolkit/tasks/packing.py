"""Packed models: one zip with config, weights and their hashes; and the way back to a network."""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from torch import nn

from toolkit.io.atomic import replacing_path
from toolkit.io.config import load_config
from toolkit.io.errors import InputError, some_of
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.tasks.signal_experiment import ENHANCEMENT, EXTRACTION, build_model, kind_of
from toolkit.tasks.sv_experiment import build_embedder
from toolkit.train.checkpoint import load_model

_MANIFEST = "manifest.json"
_WEIGHTS = "model.pth"
_CONFIG = "config.yaml"
_KINDS = {"se": ENHANCEMENT, "tse": EXTRACTION}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(expdir, output, model: str, task: str = "sv") -> dict:
    """Write config, weights, facts of the run and results of an experiment into one zip; returns its manifest.

    Raises:
        InputError: the experiment has no config or no such model.
    """
    expdir = Path(expdir)
    members = {_CONFIG: expdir / _CONFIG, _WEIGHTS: expdir / model}
    for path in members.values():
        if not path.is_file():
            raise InputError(f"{path}: no such file; train first (stage 6)")
    optional = {name: expdir / name for name in ("train_info.json", "results.json") if (expdir / name).is_file()}
    contents = {name: path.read_bytes() for name, path in {**members, **optional}.items()}
    manifest = {"task": task, "model": model, "sha256": {name: _sha256(data) for name, data in contents.items()}}
    with replacing_path(output) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        for name, data in contents.items():
            archive.writestr(name, data)
    return manifest


def _unpack(path: Path, folder: Path, task: str) -> None:
    """Unzip into a folder and check task and hashes."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            if manifest["task"] != task:
                raise InputError(f"{path}: holds a model of task {manifest['task']}, one of {task} is wanted")
            for name, wanted in manifest["sha256"].items():
                data = archive.read(name)
                if _sha256(data) != wanted:
                    raise InputError(f"{path}: {name} does not match its hash; get the file again")
                (folder / Path(name).name).write_bytes(data)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        give = "give the folder of an experiment, or the packed.zip that stage 10 makes of one"
        if path.suffix in (".pth", ".pt"):
            give = f"give the experiment, {path.parent}, and {path.name} as model"
        raise InputError(f"{path}: is no packed model ({error}); {give}") from None


def _check_experiment(path: Path) -> None:
    """Raise InputError where a folder is no experiment; it lists those in it and beside it."""
    if (path / _CONFIG).is_file():
        return
    what = "is no experiment (it has no config.yaml)" if path.is_dir() else "no such experiment or packed model"
    there = [str(config.parent) for folder in (path, path.parent) for config in sorted(folder.glob(f"*/{_CONFIG}"))]
    there += [str(packed) for folder in (path, path.parent) for packed in sorted(folder.glob("*.zip"))]
    gone = next((folder for folder in reversed(path.parents) if not folder.exists()), None)
    more = f"; there are: {some_of(dict.fromkeys(there))}" if there else f"; nor is there {gone}" if gone else ""
    raise InputError(f"{path}: {what}{more}")


def _check_task(path: Path, task: str) -> None:
    """Raise InputError where an experiment is plainly of another task; a config by hand may not tell."""
    kind, config = kind_of(path / _CONFIG), load_config(path / _CONFIG)
    found = next((name for name, one in _KINDS.items() if one is kind), "sv" if "frontend" in config else task)
    if found != task:
        raise InputError(f"{path}: holds a model of task {found}, one of {task} is wanted")


def _check_weights(path: Path) -> None:
    """Raise InputError where an experiment has no such weights; it lists those that it has."""
    if not path.is_file():
        there = some_of([found.name for found in sorted(path.parent.glob("*.pth"))])
        raise InputError(f"{path}: no such weights; {f'there are: {there}' if there else 'train first (stage 6)'}")


def load_embedder(path, model: str = "valid.eer.ave.pth") -> SpeakerEmbedder:
    """The embedder of an experiment's folder or of a packed zip, in eval mode.

    Args:
        path: folder with ``config.yaml`` and models, or a zip.
        model: which weights of a folder.

    Raises:
        InputError: config or weights are missing (it lists what there is), damaged or do not belong together.
    """
    return _load(Path(path), model, "sv", build_embedder)


def load_enhancer(path, model: str = "valid.loss.ave.pth") -> SpeechEnhancer:
    """The enhancer of an experiment's folder or of a packed zip, in eval mode; see :func:`load_embedder`."""
    return _load(Path(path), model, "se", lambda config: build_model(config, ENHANCEMENT))


def load_extractor(path, model: str = "valid.loss.ave.pth") -> SpeakerExtractor:
    """The extractor of an experiment's folder or of a packed zip, in eval mode; see :func:`load_embedder`."""
    return _load(Path(path), model, "tse", lambda config: build_model(config, EXTRACTION))


def _load(path: Path, model: str, task: str, build: Callable[[Path], nn.Module]) -> nn.Module:
    if path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            _unpack(path, Path(folder), task)
            try:
                return _load(Path(folder), _WEIGHTS, task, build)
            except InputError as error:
                raise InputError(str(error).replace(folder, str(path))) from None
    _check_experiment(path)
    _check_task(path, task)
    network = build(path / _CONFIG)
    if next(network.parameters(), None) is not None:  # a network without parameters (mean fbank) has no weights
        _check_weights(path / model)
        load_model(network, path / model)
    return network.eval()
