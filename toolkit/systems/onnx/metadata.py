"""What an ONNX file holds beside its network: a JSON text under the metadata key ``voxsift``.

``format``: 1. ``facts``: the description of the system (System.info: task, class, rate, size, training, calibration).
``lines``: its summary, name -> text. ``inputs``: names of the network's inputs. ``block_seconds``: seconds of audio
that the network reads at once; null: any length. ``network``: facts that the systems of a task need:

- sv: ``dim``, ``identity`` (of the extractor)
- ee: ``dim``, ``output_dim``, ``draws_noise``

``stream``: of an enhancer or extractor that reads the next blocks ``wav`` (1, samples) and states:

- ``block``, ``delay`` of the output, ``latency``: in samples
- ``states``: input -> shape; zeros before the first call. The outputs are ``output`` (1, samples), and for each state
  ``new_<state>``, its value for the next call
- ``end``: the state that holds how many samples are left, from the first one of a call on: 2^30 before the last call,
  which has zeros after them; null: none
- ``speaker``: of an extractor, the state that holds the enrolled speaker. It is taken from the input ``enrolment``
  (1, samples) of the first call; other calls have an enrolment of no samples, (1, 0), and compute nothing of it
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
_STREAM = {
    "block": int,
    "delay": int,
    "latency": int,
    "states": {...: [int]},
    "end?": (str, None),
    "speaker?": (str, None),
}
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
    "stream?": (_STREAM, None),
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
    if content.get("stream") and (fault := _fault_of_stream(content["stream"], task)):
        raise InputError(f"{path}: stream: {fault}; {_REMEDY}")
    if task != "ee" and not content["facts"]["fs"]:
        raise InputError(f"{path}: facts.fs must be a rate in Hz; {_REMEDY}")
    return content


def _fault_of_stream(stream: dict, task: str) -> str:
    """What is wrong with the facts of a stream; empty: nothing."""
    if task not in ("se", "tse") or min(stream["block"], stream["latency"], 1 + stream["delay"]) < 1:
        return "must be of an enhancer or extractor, with a block of 1 sample or more"
    if any(size < 1 or size > 2**20 for shape in stream["states"].values() for size in shape):
        return "states must be shapes"
    named = {name for name in (stream.get("end"), stream.get("speaker")) if name is not None}
    if not named <= stream["states"].keys() or bool(stream.get("speaker")) != (task == "tse"):
        return "end and speaker must be states, speaker only of an extractor"
    return ""
