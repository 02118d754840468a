"""Packed systems and ONNX files in repositories of Hugging Face: ``hf:owner/name``.

Only zips and ONNX files are downloaded; what reads them checks them as files from elsewhere. Imports no torch.
"""

import os
import re
from pathlib import Path

from toolkit.io.errors import InputError, brief, some_of
from toolkit.metrics.signal.intrusive import library

PREFIX = "hf:"
_NAME = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[\w./-]+))?(:(?P<file>[\w./-]+\.(zip|onnx)))?")


def is_hub_name(path) -> bool:
    """Whether a path names a repository."""
    return isinstance(path, str) and path.startswith(PREFIX)


def hub_file(name: str) -> Path:
    """The local copy of a system in a repository.

    Args:
        name: ``hf:owner/name``, with ``@revision`` for a branch, tag or commit, and ``:file`` for a file; default:
            packed.zip, or the only zip or ONNX file.

    Raises:
        InputError: the name is malformed, huggingface_hub is not installed, or the repository cannot be reached, has no
            such file, or has several.

    Example::

        Enhancer.load("hf:owner/name")
    """
    match = _NAME.fullmatch(name)
    if match is None or ".." in name:
        raise InputError(f"{name[:200]!a}: must be hf:owner/name, hf:owner/name@revision or hf:owner/name:file.zip")
    hub, file = library("huggingface_hub", "hub"), match["file"]
    try:
        folder = Path(
            hub.snapshot_download(
                match["repo"],
                revision=match["revision"],
                allow_patterns=[file] if file else ["*.zip", "*.onnx"],
                cache_dir=os.environ.get("HF_HUB_CACHE"),
                local_files_only=os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"),
            )
        )
    except Exception as error:  # huggingface_hub and its HTTP client raise many types
        raise InputError(
            f"{name}: cannot be downloaded ({brief(error)}); check the name and the network, or download a file "
            "of it and give that"
        ) from None
    if file is None:
        known = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in (".zip", ".onnx"))
        file = "packed.zip" if "packed.zip" in known else known[0] if len(known) == 1 else None
        if file is None:
            there = f"has {some_of(known)}" if known else "has no zip or ONNX file"
            raise InputError(f"{name}: {there}; name one file, {name}:<file>")
    if not (folder / file).is_file():
        raise InputError(f"{name}: has no file {file}")
    return folder / file
