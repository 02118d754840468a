"""Packed models: one zip with config, weights and their hashes; and the way back to a network."""

import hashlib
import json
import logging
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import nn

from toolkit.io.atomic import replacing_path
from toolkit.io.config import load_config
from toolkit.io.errors import InputError, some_of
from toolkit.io.files import parse_yaml
from toolkit.io.trust import check_classes
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.tasks.enhancement.spec import ENHANCEMENT, EXTRACTION, build_model, kind_of
from toolkit.tasks.verification.spec import build_embedder, build_encoder
from toolkit.train.checkpoint import load_model

_MANIFEST = "manifest.json"
_WEIGHTS = "model.pth"
_CONFIG = "config.yaml"
_FACTS = ("train_info.json", "results.json")  # for people; nothing reads them back
_KINDS = {"se": ENHANCEMENT, "tse": EXTRACTION}
# The builders of a whole network, and of the part that has weights.
_DEPLOYED = {name: partial(build_model, kind=kind) for name, kind in _KINDS.items()} | {"sv": build_embedder}
_STORED = _DEPLOYED | {"sv": build_encoder}
_MOST_TEXT = 2**20  # bytes of config and manifest
_MOST_INFLATED = 32  # times the archive; weights are noise, which packs by less than 2
_MOST_BUFFERS = 2**26  # bytes of windows, filters and the like, which are made and not stored
_OF_A_TENSOR = 2**12  # bytes that a file of weights adds to those of a tensor, at most


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
    optional = {name: expdir / name for name in _FACTS if (expdir / name).is_file()}
    contents = {name: path.read_bytes() for name, path in {**members, **optional}.items()}
    try:
        check_classes(_complete_config(contents[_CONFIG], members[_CONFIG]), members[_CONFIG])
    except InputError as error:
        logging.warning("%s", error)  # whoever loads it needs the class, and to trust it
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = {"task": task, "model": model, "sha256": hashes}
    with replacing_path(output) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        for name, data in contents.items():
            archive.writestr(name, data)
    return manifest


def _complete_config(data: bytes, source) -> dict:
    """The config in a package.

    Raises:
        InputError: it is not YAML, or is based on another file, which no package holds.
    """
    try:
        config = parse_yaml(data.decode(), str(source))
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: must be UTF-8 text ({error})") from None
    if "base" in config:
        raise InputError(f"{source}: must hold all its keys itself, without base:")
    return config


def _unpack(path: Path, folder: Path, task: str) -> None:
    """Unzip config and weights into a folder, and check members, sizes, task and hashes.

    Raises:
        InputError: the package is damaged, of another task, or larger than it can be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            manifest = json.loads(_read(archive, members[_MANIFEST], _MOST_TEXT))
            if manifest["task"] != task:
                raise InputError(f"{path}: holds a model of task {str(manifest['task'])[:20]}, must be one of {task}")
            limits = {_CONFIG: _MOST_TEXT, _WEIGHTS: _MOST_INFLATED * path.stat().st_size + _MOST_TEXT}
            for name in limits.keys() & members.keys():
                data = _read(archive, members[name], limits[name])
                if hashlib.sha256(data).hexdigest() != manifest["sha256"][name]:
                    raise InputError(f"{path}: {name} does not match its hash; get the file again")
                (folder / name).write_bytes(data)
    except InputError:
        raise
    except Exception as error:  # zipfile raises a different type for each kind of damage
        give = "give the folder of an experiment, or the packed.zip that stage 10 makes of one"
        if path.suffix in (".pth", ".pt"):
            give = f"give the experiment, {path.parent}, and {path.name} as model"
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise InputError(f"{path}: not a packed model, or damaged ({what}); {give}") from None
    _complete_config((folder / _CONFIG).read_bytes(), folder / _CONFIG)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Of a package by name; ValueError where one does not belong there."""
    members = {info.filename: info for info in archive.infolist()}
    known = {_MANIFEST, _CONFIG, _WEIGHTS, *_FACTS}
    if len(members) < len(archive.infolist()) or not {_MANIFEST, _CONFIG} <= members.keys() <= known:
        raise ValueError(f"its members are {some_of(info.filename for info in archive.infolist())}")
    for name, info in members.items():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is a link, or compressed by another method than zip's own")
    return members


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """A member of ``most`` bytes at most; a read gives no more than the size that the archive declares."""
    if info.file_size > most:
        raise ValueError(f"{info.filename} has {info.file_size:,} bytes, at most {most:,} are expected")
    return archive.read(info)


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
        raise InputError(f"{path}: holds a model of task {found}, must be one of {task}")


def _check_weights(path: Path) -> None:
    """Raise InputError where an experiment has no such weights; it lists those that it has."""
    if not path.is_file():
        there = some_of([found.name for found in sorted(path.parent.glob("*.pth"))])
        raise InputError(f"{path}: no such weights; {f'there are: {there}' if there else 'train first (stage 6)'}")


def _check_size(weights: Path | None, network: nn.Module, config: Path) -> None:
    """Raise InputError where a network, which takes no memory yet, would take more than its file of weights bears out.

    Weights of half precision, shared or of double precision pass.
    """
    stored = sum(tensor.nbytes for tensor in network.state_dict().values())
    made = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers())) - stored
    if made > _MOST_BUFFERS:
        raise InputError(f"{config}: the network takes {made:,} bytes beside its weights; check its sizes")
    size = weights.stat().st_size if weights else 0
    if weights and not stored / 4 <= size <= 2 * stored + _OF_A_TENSOR * (len(network.state_dict()) + 64):
        raise InputError(
            f"{weights}: weights of another network: {size:,} bytes, that of {config.name} needs {stored:,}"
        )


def load_embedder(path, model: str = "valid.eer.ave.pth", trust: bool = False) -> SpeakerEmbedder:
    """The embedder of an experiment's folder or of a packed zip, in eval mode.

    Args:
        path: folder with ``config.yaml`` and models, or a zip.
        model: which weights of a folder.
        trust: build classes from outside the toolkit too. This runs code that the config names; only for models whose
            author you trust.

    Raises:
        InputError: config or weights are missing (it lists what there is), damaged or do not belong together, or the
            config names a class from outside the toolkit and is not trusted.
    """
    return _load(path, model, "sv", trust)


def load_enhancer(path, model: str = "valid.loss.ave.pth", trust: bool = False) -> SpeechEnhancer:
    """The enhancer of an experiment's folder or of a packed zip, in eval mode; see :func:`load_embedder`."""
    return _load(path, model, "se", trust)


def load_extractor(path, model: str = "valid.loss.ave.pth", trust: bool = False) -> SpeakerExtractor:
    """The extractor of an experiment's folder or of a packed zip, in eval mode; see :func:`load_embedder`."""
    return _load(path, model, "tse", trust)


def _load(path, model: str, task: str, trust: bool) -> nn.Module:
    if not isinstance(path, str | os.PathLike) or not isinstance(model, str | os.PathLike):
        raise InputError(f"path {path!r:.80} and model {model!r:.80} must be a path and the name of a file in it")
    path = Path(path)
    try:
        packed = path.is_file()
    except OSError as error:
        raise InputError(f"{str(path)[:200]}: {error.strerror}") from None
    if not packed:
        return _load_folder(path, model, task, trust)
    with tempfile.TemporaryDirectory() as folder:
        try:
            _unpack(path, Path(folder), task)
            return _load_folder(Path(folder), _WEIGHTS, task, trust)
        except InputError as error:
            raise InputError(str(error).replace(folder, str(path))) from None


def _load_folder(path: Path, model: str, task: str, trust: bool) -> nn.Module:
    _check_experiment(path)
    config = path / _CONFIG
    if not trust:
        check_classes(load_config(config), config)
    _check_task(path, task)
    with nullcontext() if trust else torch.device("meta"):  # shapes without memory
        network = _build(config, _STORED[task], trust)
    # A network without parameters (mean fbank) has no weights.
    weights = None if next(network.parameters(), None) is None else path / model
    if weights:
        _check_weights(weights)
    if not trust:
        _check_size(weights, network, config)
    network = _build(config, _DEPLOYED[task], trust)
    if weights:
        load_model(network, weights)
    return network.eval()


def _build(config: Path, build: Callable[[Path], nn.Module], trust: bool) -> nn.Module:
    """A network; where its class is ours, whatever its constructor raises is the fault of the values."""
    try:
        return build(config)
    except InputError as error:
        raise InputError(str(error) if str(config) in str(error) else f"{config}: {error}") from None
    except Exception as error:
        if trust:
            raise
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise InputError(f"{config}: the network cannot be built ({what}); check the values under model") from None
