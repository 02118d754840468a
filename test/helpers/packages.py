"""A small experiment, and packages written again."""

import json
import zipfile

from toolkit.systems import packing

SIZES = {"n_mels": 8, "channels": 8, "mfa_channels": 8, "embedding_dim": 4, "se_channels": 4, "attention_channels": 4}
CONFIG = {
    "frontend": {"class_path": "toolkit.features.kaldi_fbank.KaldiFbank", "init_args": {"n_mels": 8}},
    "model": {"class_path": "toolkit.models.sv.ecapa_tdnn.EcapaTdnn", "init_args": {**SIZES, "scale": 2}},
}


def repack(path, change) -> None:
    """Write a package again, with the right hashes, after ``change`` of its contents (name -> bytes)."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    change(contents)
    hashes = {name: packing.hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    contents["manifest.json"] = json.dumps({"task": "sv", "model": "x", "sha256": hashes}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
