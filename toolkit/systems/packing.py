"""Packed systems: one zip with config, weights and their hashes."""

import hashlib
import json
import logging
import stat
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save as to_safetensors

from toolkit.exports import public_path
from toolkit.io.atomic import replacing_path
from toolkit.io.config import load_config
from toolkit.io.errors import InputError, brief, some_of
from toolkit.io.files import parse_yaml
from toolkit.io.trust import NETWORK_KEYS, check_classes
from toolkit.systems.card import CARD, card_of
from toolkit.systems.kinds import system_class, task_of
from toolkit.systems.published import NAMES
from toolkit.train.checkpoint import load

_MANIFEST = "manifest.json"
WEIGHTS, FORMER_WEIGHTS = "model.safetensors", "model.pth"
CONFIG = "config.yaml"
TRAINING, CALIBRATION = "train_info.json", "calibration/calibration.json"
_FACTS = (TRAINING, CALIBRATION, "results.json")  # optional members; results.json is never read back
# Classes that read another system -> the class that is built of that system's config, and the keys of the config.
_READERS = {
    "toolkit.systems.TrainedEmbedder": ("SpeakerEmbedder", NETWORK_KEYS),
    "toolkit.systems.TrainedSSL": ("StoredSSL", ("model",)),
}
_MOST_TEXT = 2**20  # maximum size of config and manifest, bytes
_MOST_INFLATED = 32  # maximum size of the content, relative to the archive; weights compress by less than 2


def pack(
    expdir,
    output,
    weights: str | None = None,
    task: str | None = None,
    card: Mapping[str, str | None] | None = None,
    half: bool = False,
) -> dict:
    """Write config, weights, calibration, facts of the run, results and a model card of an experiment into one zip.

    Args:
        expdir: folder of the experiment.
        output: zip to write.
        weights: weights file; None: the one that training selects.
        task: for a config of an earlier version without its task (toolkit.systems.kinds.task_of).
        card: ``licence``, ``data_licence`` and ``intended_use`` for the card (toolkit.systems.card.card_of).
        half: store matrices as float16, half the size; a loaded network computes in float32 as ever.

    Returns:
        The manifest: ``task``, ``weights``, and ``sha256`` of each member.

    Raises:
        InputError: config or weights are missing, the task is unknown, or a weight is too large for ``half``.
    """
    expdir = Path(expdir)
    if not (expdir / CONFIG).is_file():
        raise InputError(f"{expdir / CONFIG}: no such file; train first (stage 6)")
    contents = {CONFIG: (expdir / CONFIG).read_bytes()}
    config = _complete_config(contents[CONFIG], expdir / CONFIG)
    if (whole := with_embedders(config, expdir / CONFIG)) != config:
        contents[CONFIG] = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True).encode()
    task = task_of(config) or task
    kind: Any = system_class(known_task(task, expdir))
    weights = weights or kind.weights
    if not (expdir / weights).is_file():
        raise InputError(f"{expdir / weights}: no such file; train first (stage 6)")
    try:
        check_classes(whole, expdir / CONFIG)
    except InputError as error:
        logging.warning("%s", error)  # loading needs the class and trust
    contents[WEIGHTS] = _tensors(expdir / weights, half)
    contents |= {name: (expdir / name).read_bytes() for name in _FACTS if (expdir / name).is_file()}
    contents[CARD] = json.dumps(card_of(expdir, whole, str(task), card), indent=1, ensure_ascii=False).encode()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = {"task": task, "weights": weights, "sha256": hashes}
    with replacing_path(output) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        for name, data in contents.items():
            archive.writestr(name, data)
    return manifest


def with_embedders(config: dict, path=None) -> dict:
    """A training config without the other systems that its network reads, their configs in their place.

    A TrainedEmbedder becomes a SpeakerEmbedder, a TrainedSSL a StoredSSL. A trained network has the weights of these
    parts, so building it needs no other weights. Published checkpoints have no config and are unchanged.

    Args:
        config: the config.
        path: path of its file. The relative path of a system is resolved from the current folder, or else from a folder
            above the file, so that an experiment can be loaded from outside its recipe.

    Raises:
        InputError: a named system does not exist.
    """
    above = () if path is None else Path(path).absolute().parents
    parts = ("frontend", "model")
    return {key: _with_embedders(value, above) if key in parts else value for key, value in config.items()}


def _with_embedders(value, above: Sequence[Path]):
    if isinstance(value, list):
        return [_with_embedders(item, above) for item in value]
    if not isinstance(value, dict):
        return value
    reader = public_path(str(value.get("class_path", "")))
    if reader in _READERS:
        system = Path(str((value.get("init_args") or {}).get("system")))
        config = _config_of(next((place for place in (system, *(a / system for a in above)) if place.exists()), system))
        name, keys = _READERS[reader]
        if all(key in config for key in keys):
            return {"class_path": public_path(name), "init_args": {key: config[key] for key in keys}}
    return {key: _with_embedders(item, above) for key, item in value.items()}


def _config_of(system: Path) -> dict:
    """The config of an experiment or a package; empty for a published checkpoint."""
    if (system / CONFIG).is_file():
        return load_config(system / CONFIG)
    if not system.is_file():
        raise InputError(
            f"{system}: no such system, but the model needs its config; restore it, or use a package of this model "
            "(stage 10)"
        )
    if not zipfile.is_zipfile(system):
        return {}
    with zipfile.ZipFile(system) as archive:
        if CONFIG not in archive.namelist():  # torch checkpoints are zip files too
            return {}
        return _complete_config(_read(archive, archive.getinfo(CONFIG), _MOST_TEXT), system)


def _tensors(path: Path, half: bool = False) -> bytes:
    """Weights as safetensors, each tensor separately, even if several share memory; see :func:`pack` for ``half``."""
    state = load(path)
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise InputError(f"{path}: must hold tensors by name; train again (stage 6), or use other weights")
    if half:
        rounded = {name: x.half() for name, x in state.items() if x.is_floating_point() and x.ndim > 1}
        if large := [name for name, x in rounded.items() if not x.isfinite().all()]:
            raise InputError(f"{path}: {some_of(large)}: too large for half precision; pack without --half")
        state |= rounded
    return to_safetensors({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in state.items()})


def known_task(task: str | None, path: Path) -> str:
    if task is None:
        raise InputError(f"{path}: its config has no task; add task: sv (or se, tse) to {CONFIG}")
    return task


def _complete_config(data: bytes, source) -> dict:
    """The config in a package.

    Raises:
        InputError: the config is not YAML, or has a base, which the package does not hold.
    """
    try:
        config = parse_yaml(data.decode(), str(source))
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: must be UTF-8 text ({error})") from None
    if "base" in config:
        raise InputError(f"{source}: must be complete, without base:")
    return config


def unpack(path: Path, folder: Path, task: str | None) -> str:
    """Unzip a package into a folder; check members, sizes, task and hashes.

    Returns:
        The task.

    Raises:
        InputError: the package is damaged, of another task, or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
            manifest = json.loads(_read(archive, members[_MANIFEST], _MOST_TEXT))
            task_found = str(manifest["task"])[:20]
            check_task(path, task_found, task)
            if manifest["sha256"].keys() != members.keys() - {_MANIFEST}:
                raise ValueError(f"its members are {some_of(members)}, not those of its manifest")
            limits = dict.fromkeys((CONFIG, TRAINING, CALIBRATION, CARD), _MOST_TEXT)
            limits |= dict.fromkeys((WEIGHTS, FORMER_WEIGHTS), _MOST_INFLATED * path.stat().st_size + _MOST_TEXT)
            for name in limits.keys() & members.keys():
                data = _read(archive, members[name], limits[name])
                if hashlib.sha256(data).hexdigest() != manifest["sha256"][name]:
                    raise InputError(f"{path}: {name} does not match its hash; download or copy the file again")
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(data)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes zipfile raise any type
        give = "give the folder of an experiment, or a packed.zip of stage 10"
        if path.suffix in (".yaml", ".yml"):
            raise InputError(f"{path}: is a config, not a trained system; {give}") from None
        if path.suffix in (".pth", ".pt", ".safetensors"):
            give = f"give the experiment, {path.parent}, and {path.name} as weights"
        raise InputError(
            f"{path}: not a packed system nor a checkpoint of {NAMES}, or damaged ({brief(error)}); {give}"
        ) from None
    _complete_config((folder / CONFIG).read_bytes(), folder / CONFIG)
    return task_found


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members of a package by name. Raises ValueError if one is unexpected."""
    members = {info.filename: info for info in archive.infolist()}
    known = {_MANIFEST, CONFIG, WEIGHTS, FORMER_WEIGHTS, CARD, *_FACTS}
    whole = {_MANIFEST, CONFIG} <= members.keys() <= known and not {WEIGHTS, FORMER_WEIGHTS} <= members.keys()
    if len(members) < len(archive.infolist()) or not whole:
        raise ValueError(f"its members are {some_of(info.filename for info in archive.infolist())}")
    for name, info in members.items():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is a link, or has another compression than deflate")
    return members


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """A member of at most ``most`` bytes; reads no more than the declared size."""
    if info.file_size > most:
        raise ValueError(f"{info.filename} has {info.file_size:,} bytes, at most {most:,} are expected")
    return archive.read(info)


def check_task(path: Path, task_found: str, task: str | None) -> None:
    """Raise InputError if a system is for another task, or for an unknown one."""
    try:
        name = system_class(task_found).__name__
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if task not in (None, task_found):
        raise InputError(f"{path}: is for task {task_found}, must be for {task}; {name}.load takes it")
