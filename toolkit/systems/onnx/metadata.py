"""What an ONNX file holds beside its network: a JSON text under the metadata key ``voxsift``.

``format``: 1. ``facts``: the description of the system (System.info: task, class, rate, size, training, calibration).
``lines``: its summary, name -> text. ``inputs``: names of the network's inputs. ``block_seconds``: seconds of audio
that the network reads at once; null: any length. ``stream``: of an enhancer that reads blocks of samples and states:
samples of a ``block``, ``delay`` of the output, ``latency``, and ``states``, input -> shape; its outputs are samples
and new states in this order. ``network``: facts that the systems of a task need:

- sv: ``dim``, ``identity`` (of the extractor)
- ee: ``dim``, ``output_dim``, ``draws_noise``
"""

import json
from typing import Any

from toolkit.io.errors import InputError, brief
from toolkit.io.files import misfit
from toolkit.systems.card import CARD_SHAPE

KEY = "voxsift"
FORMAT = 1
OPSET = 17
_REMEDY = "give a file of 'voxsift export'"
_SHAPE = {
    "format": int,
    "facts": {
        "task": str,
        "class": str,
        "fs": (int, None),
        "training?": ({}, None),
        "calibration?": ({}, None),
        "card?": (CARD_SHAPE, None),
    },
    "lines": {},
    "inputs": [str],
    "block_seconds?": (float, None),
    "network?": {},
    "stream?": ({"block": int, "delay": int, "latency": int, "states": {...: [int]}}, None),
}
_OF_TASK = {
    "se": {},
    "tse": {},
    "sv": {"dim": int, "identity": {"extractor": str, "digest": str}},
    "ee": {"dim": int, "output_dim": int, "draws_noise": bool},
}


def to_text(content: dict) -> str:
    """The JSON text of the metadata."""
    return json.dumps({"format": FORMAT, **content}, ensure_ascii=False)


def from_text(text: str | None, path) -> dict[str, Any]:
    """The metadata of a file, from its text.

    Raises:
        InputError: the text is missing, malformed, or of a later version.
    """
    if text is None:
        raise InputError(f"{path}: is an ONNX file without the facts of voxsift; {_REMEDY}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its metadata are not JSON ({brief(error)}); {_REMEDY}") from None
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise InputError(f"{path}: is of format {content['format']!r:.20}, must be {FORMAT}; update voxsift")
    if fault := misfit(content, _SHAPE):
        raise InputError(f"{path}: {fault}; {_REMEDY}")
    task = content["facts"]["task"]
    if task not in _OF_TASK:
        raise InputError(f"{path}: is for task {task[:20]!r}; must be one of {', '.join(_OF_TASK)}")
    if fault := misfit(content.get("network", {}), _OF_TASK[task], "network"):
        raise InputError(f"{path}: {fault}; {_REMEDY}")
    stream = content.get("stream")
    if stream and (task != "se" or min(stream["block"], stream["latency"], 1 + stream["delay"]) < 1):
        raise InputError(f"{path}: stream: must be of an enhancer, with a block of 1 sample or more; {_REMEDY}")
    if stream and any(size < 1 or size > 2**20 for shape in stream["states"].values() for size in shape):
        raise InputError(f"{path}: stream.states: must be shapes; {_REMEDY}")
    if task != "ee" and not content["facts"]["fs"]:
        raise InputError(f"{path}: facts.fs must be a rate in Hz; {_REMEDY}")
    return content
