"""Packed models: one zip with config, weights and their hashes; and the way back to an embedder."""

import hashlib
import json
import tempfile
import zipfile
from pathlib import Path

from toolkit.io.atomic import replacing_path
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.tasks.embedding import load_weights
from toolkit.tasks.sv_experiment import build_embedder

_MANIFEST = "manifest.json"
_WEIGHTS = "model.pth"
_CONFIG = "config.yaml"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(expdir, output, model: str) -> dict:
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
    manifest = {"task": "sv", "model": model, "sha256": {name: _sha256(data) for name, data in contents.items()}}
    with replacing_path(output) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        for name, data in contents.items():
            archive.writestr(name, data)
    return manifest


def _unpack(path: Path, folder: Path) -> None:
    """Unzip into a folder and check the hashes."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read(_MANIFEST))
            for name, wanted in manifest["sha256"].items():
                data = archive.read(name)
                if _sha256(data) != wanted:
                    raise InputError(f"{path}: {name} does not match its hash; get the file again")
                (folder / Path(name).name).write_bytes(data)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"{path}: is no packed model ({error}); stage 10 makes one") from None


def load_embedder(path, model: str = "valid.eer.ave.pth") -> SpeakerEmbedder:
    """The embedder of an experiment's folder or of a packed zip, in eval mode.

    Args:
        path: folder with ``config.yaml`` and models, or a zip.
        model: which weights of a folder.

    Raises:
        InputError: config or weights are missing, damaged or do not belong together.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such experiment or packed model")
    if path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            _unpack(path, Path(folder))
            return load_embedder(folder, _WEIGHTS)
    embedder = build_embedder(path / _CONFIG)
    if next(embedder.parameters(), None) is not None:  # a network without parameters (mean fbank) has no weights
        load_weights(embedder, path / model)
    return embedder.eval()
