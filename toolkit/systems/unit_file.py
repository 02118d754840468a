"""The file of speech units: centroids, and the features that they are clusters of."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from toolkit.features.mfcc import MFCC
from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError, brief
from toolkit.io.files import misfit, parse_json
from toolkit.io.identity import file_digest
from toolkit.models.ssl.speech_units import LayerFeatures, SpeechUnits
from toolkit.systems.ssl_encoder import SSLEncoder

_REMEDY = "make it again (stage 4, toolkit.bin.cluster_frames)"
_SHAPES: dict[str, dict[str, Any]] = {
    "mfcc": {"kind": str, "fs": int, "hop_ms": int},
    "layer": {"kind": str, "system": str, "layer": int, "digest": str},
}
_MOST_BYTES = 2**28
_RATES, _HOPS_MS = (4000, 20000), (10, 20, 40, 80)


def unit_features(source: dict) -> torch.nn.Module:
    """The features that a source describes.

    Args:
        source: ``{"kind": "mfcc", "fs": Hz, "hop_ms": int}``, or ``{"kind": "layer", "system": folder or zip, "layer":
            int, "digest": of its weights}``; see :func:`layer_source`.

    Raises:
        InputError: a value is missing or out of its range; or the system cannot be loaded, or has other weights.
    """
    kind = source.get("kind")
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise InputError(f"kind must be {' or '.join(_SHAPES)}, is {str(kind)[:40]!r}")
    if fault := misfit(source, _SHAPES[kind]):
        raise InputError(fault)
    if kind == "mfcc":
        if not (_RATES[0] <= source["fs"] <= _RATES[1] and source["hop_ms"] in _HOPS_MS):
            limits = f"must be from {_RATES[0]} to {_RATES[1]} Hz, and one of {_HOPS_MS} ms"
            raise InputError(f"fs {source['fs']}, hop_ms {source['hop_ms']}: {limits}")
        return MFCC(source["fs"], source["hop_ms"])
    if source["digest"] != _weights_digest(source["system"]):
        raise InputError(f"{source['system']} has other weights than when the units were made")
    network = SSLEncoder.load(source["system"]).network
    if not 0 <= source["layer"] <= network.num_layers:
        raise InputError(f"layer {source['layer']}: must be from 0 to {network.num_layers}, as {source['system']} has")
    return LayerFeatures(network, source["layer"])


def layer_source(system: str, layer: int) -> dict:
    """The source of a layer of a trained system; InputError where it has no weights."""
    return {"kind": "layer", "system": str(system), "layer": layer, "digest": _weights_digest(system)}


def _weights_digest(system) -> str:
    """Digest of a packed file, or of the weights in a folder."""
    path = Path(system) / SSLEncoder.weights if Path(system).is_dir() else Path(system)
    if not path.is_file():
        raise InputError(f"{path}: no such file; train the model of the units first, or restore it")
    return file_digest(path)


def write_units(path, centroids: torch.Tensor, source: dict) -> None:
    """Write a file of units: centroids (C, F) of the features of a source, as safetensors."""
    with replacing(path, "wb") as handle:
        handle.write(save({"centroids": centroids.float().contiguous()}, {"source": json.dumps(source)}))


def read_units(path) -> SpeechUnits:
    """The units of a file.

    Raises:
        InputError: the file is missing or damaged, holds something else, or the features cannot be made.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file of units; {_REMEDY}")
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path}: has more than {_MOST_BYTES:,} bytes; must be a file of units; {_REMEDY}")
    try:
        with safe_open(path, "pt") as content:
            source, names = (content.metadata() or {}).get("source", ""), list(content.keys())
            centroids = content.get_tensor("centroids") if names == ["centroids"] else None
    except Exception as error:  # safetensors raises any type for a damaged file
        raise InputError(f"{path}: must be a file of units, is damaged ({brief(error)}); {_REMEDY}") from None
    if centroids is None:
        raise InputError(f"{path}: must hold one tensor, centroids, holds {' '.join(names)[:80]!r}; {_REMEDY}")
    try:
        features = unit_features(parse_json(source, "source"))
    except InputError as error:
        raise InputError(f"{path}: {error}; {_REMEDY}") from None
    shape, dim = tuple(centroids.shape), features.dim
    if len(shape) != 2 or shape[0] < 2 or shape[1] != dim or not centroids.is_floating_point():
        raise InputError(f"{path}: centroids {shape} must be floats (2 or more, {dim}); {_REMEDY}")
    if not centroids.isfinite().all():
        raise InputError(f"{path}: centroids must be finite; {_REMEDY}")
    return SpeechUnits(features, centroids)
