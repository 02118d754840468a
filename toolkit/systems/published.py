"""Load published checkpoints of speaker encoders as networks of the toolkit.

A file is recognised by its parameter names. The family gives what the file lacks (front end, normalisation, dilations,
padding). No code in a file is run, and sizes are checked before memory is allocated.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from toolkit.features.frontend import FrontEnd
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.features.speechbrain_fbank import SpeechBrainFbank
from toolkit.io.errors import InputError, brief, some_of
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.resnet34 import ResNet34
from toolkit.train.checkpoint import load

Weights = dict[str, Tensor]
_HOUSEKEEPING = 2**20  # bytes by which tensors may exceed the size of their file


class Family(NamedTuple):
    """Checkpoints of one kind.

    Attributes:
        name: name for messages and ``voxsift info``.
        marks: parameter names that identify the family.
        renames: patterns of names and their replacements, applied in order.
        left_out: pattern of names that are not needed (buffers of the front end, unused layers).
        arrange: function that converts tensors for the toolkit's network, after the renames.
        sizes: function from the tensors to constructor arguments.
        model, normalize, frontend: parts of the embedder; the front end depends on the number of features.
    """

    name: str
    marks: tuple[str, ...]
    renames: tuple[tuple[str, str], ...]
    left_out: str
    arrange: Callable[[Weights], None]
    sizes: Callable[[Weights], dict[str, Any]]
    model: Callable[..., SpeakerEncoder]
    normalize: str
    frontend: Callable[[int], FrontEnd]


def _split_context(weights: Weights) -> None:
    """W [h; mean; deviation] = W_h h + W_c [mean; deviation]: two layers in the toolkit."""
    whole = weights["pooling.frame_projection.weight"]
    channels = whole.shape[1] // 3
    weights["pooling.frame_projection.weight"] = whole[:, :channels]
    weights["pooling.context_projection.weight"] = whole[:, channels:, 0]


def _arrange_ecapa_seed(weights: Weights) -> None:
    """Also reorder the Res2 groups: the last one is unchanged, in the toolkit the first one."""
    _split_context(weights)
    width = weights["blocks.0.res2.blocks.0.conv.weight"].shape[0]
    for name in weights:
        if re.match(r"blocks\.\d+\.before\.", name) and weights[name].ndim:
            weights[name] = weights[name].roll(width, 0)
        elif re.match(r"blocks\.\d+\.after\.conv\.weight", name):
            weights[name] = weights[name].roll(width, 1)


def _ecapa_sizes(weights: Weights) -> dict[str, Any]:
    channels, n_mels, _ = weights["stem.conv.weight"].shape
    groups = sum(bool(re.fullmatch(r"blocks\.0\.res2\.blocks\.\d+\.conv\.weight", name)) for name in weights)
    return {
        "n_mels": n_mels,
        "channels": channels,
        "mfa_channels": weights["mfa.conv.weight"].shape[0],
        "embedding_dim": weights["embedding.weight"].shape[0],
        "scale": groups + 1,
        "se_channels": weights["blocks.0.se.squeeze.weight"].shape[0],
        "attention_channels": weights["pooling.frame_projection.weight"].shape[0],
    }


def _resnet_sizes(weights: Weights) -> dict[str, Any]:
    stages = sorted({int(match[1]) for name in weights if (match := re.match(r"stages\.(\d+)\.", name))})
    channels = tuple(weights[f"stages.{stage}.0.conv1.weight"].shape[0] for stage in stages)
    blocks = (sum(bool(re.fullmatch(rf"stages\.{s}\.\d+\.conv1\.weight", name)) for name in weights) for s in stages)
    attention, pooled, _ = weights["pooling.frame_projection.weight"].shape
    embedding_dim, width = weights["embedding.weight"].shape
    return {
        "n_mels": pooled // channels[-1] * 8,
        "embedding_dim": embedding_dim,
        "channels": channels,
        "blocks": tuple(blocks),
        "reduction": channels[0] // weights["stages.0.0.se.squeeze.weight"].shape[0],
        "attention_channels": attention,
        "pooling": "sap" if width == pooled else "asp",
    }


_ATTENTION = (
    (r"^attention\.0\.", "pooling.frame_projection."),
    (r"^attention\.2\.", "pooling.norm."),
    (r"^attention\.3\.", "pooling.logits."),
)
_RESNET = Family(
    name="ResNetSE34V2 of voxceleb_trainer",
    marks=("conv1.weight", "layer1.0.se.fc.0.weight", "attention.3.weight", "fc.weight"),
    renames=(
        (r"^conv1\.", "stem."),
        (r"^bn1\.", "stem_norm."),
        *((rf"^layer{i + 1}\.", f"stages.{i}.") for i in range(4)),
        (r"(?<=\d)\.bn([12])\.", r".norm\1."),
        (r"\.se\.fc\.0\.", ".se.squeeze."),
        (r"\.se\.fc\.2\.", ".se.excite."),
        (r"\.downsample\.", ".shortcut."),
        *_ATTENTION,
        (r"^fc\.", "embedding."),
    ),
    left_out=r"torchfb\.",
    arrange=lambda weights: None,
    sizes=_resnet_sizes,
    model=ResNet34,
    normalize="mean_var",
    frontend=lambda n_mels: LogMelSpectrogram(n_mels=n_mels),
)
FAMILIES = (
    Family(
        name="ECAPA-TDNN of SpeechBrain",
        marks=("blocks.0.conv.conv.weight", "asp.tdnn.conv.conv.weight", "fc.conv.weight"),
        renames=(
            (r"\.(conv|norm)\.\1\.", r".\1."),
            (r"^blocks\.0\.", "stem."),
            *((rf"^blocks\.{i + 1}\.", f"blocks.{i}.") for i in range(3)),
            (r"\.tdnn1\.", ".before."),
            (r"\.res2net_block\.", ".res2."),
            (r"\.tdnn2\.", ".after."),
            (r"\.se_block\.conv1\.conv\.", ".se.squeeze."),
            (r"\.se_block\.conv2\.conv\.", ".se.excite."),
            (r"^asp\.tdnn\.conv\.", "pooling.frame_projection."),
            (r"^asp\.tdnn\.norm\.", "pooling.norm."),
            (r"^asp\.conv\.", "pooling.logits."),
            (r"^asp_bn\.norm\.", "pooling_norm."),
            (r"^fc\.conv\.", "embedding."),
        ),
        left_out=r"$^",
        arrange=_split_context,
        sizes=lambda weights: (
            _ecapa_sizes(weights)
            | {"se_norm": False, "mfa_norm": True, "embedding_norm": False, "residual_sum": False, "padding": "reflect"}
            | {"attention_tanh": True, "variance_floor": 1e-12}
        ),
        model=EcapaTdnn,
        normalize="mean",
        frontend=lambda n_mels: SpeechBrainFbank(n_mels=n_mels),
    ),
    Family(
        name="ECAPA-TDNN of SEED",
        marks=("conv1.weight", "layer1.convs.0.weight", "attention.3.weight", "fc6.weight"),
        renames=(
            (r"^conv1\.", "stem.conv."),
            (r"^bn1\.", "stem.norm."),
            (r"^layer4\.", "mfa.conv."),
            *((rf"^layer{i + 1}\.", f"blocks.{i}.") for i in range(3)),
            (r"\.conv1\.", ".before.conv."),
            (r"\.bn1\.", ".before.norm."),
            (r"\.convs\.(\d+)\.", r".res2.blocks.\1.conv."),
            (r"\.bns\.(\d+)\.", r".res2.blocks.\1.norm."),
            (r"\.conv3\.", ".after.conv."),
            (r"\.bn3\.", ".after.norm."),
            (r"\.se\.se\.1\.", ".se.squeeze."),
            (r"\.se\.se\.3\.", ".se.norm."),
            (r"\.se\.se\.4\.", ".se.excite."),
            *_ATTENTION,
            (r"^bn5\.", "pooling_norm."),
            (r"^fc6\.", "embedding."),
        ),
        left_out=r"(torchmfcc|bn6)\.",
        arrange=_arrange_ecapa_seed,
        sizes=lambda weights: (
            _ecapa_sizes(weights) | {"pooling": "l2", "embedding_norm": False, "variance_floor": 1e-4}
        ),
        model=EcapaTdnn,
        normalize="mean",
        frontend=lambda n_mels: LogMelSpectrogram(n_mels=n_mels, low_hz=20, high_hz=7600, n_mfcc=n_mels),
    ),
    _RESNET._replace(
        name="ResNetSE34V2 of SEED", sizes=lambda weights: _resnet_sizes(weights) | {"variance_floor": 1e-4}
    ),
    _RESNET,
)
NAMES = some_of([family.name for family in FAMILIES])


def published_network(path: Path) -> tuple[str, SpeakerEmbedder] | None:
    """The encoder in a checkpoint file, in eval mode, and the name of its family; None for another file.

    Raises:
        InputError: the file belongs to a family, but tensors are missing, unexpected or of wrong sizes.
    """
    try:
        content = load(path)
    except InputError:
        return None
    trainer, state = _unwrapped(content)
    family = next((candidate for candidate in FAMILIES if _fits(candidate, state, trainer)), None)
    if family is None:
        return None
    try:
        return family.name, _built(family, path, state)
    except InputError:
        raise
    except Exception as error:  # impossible sizes raise various types
        raise _misfit(path, family, brief(error)) from None


def _unwrapped(content: object) -> tuple[bool, Mapping]:
    """Whether a file is of voxceleb_trainer, and the tensors of the encoder by name.

    voxceleb_trainer prefixes names with ``__S__.``, or stores them in one entry ``model``; its loss has ``__L__.``.
    """
    trainer = False
    for key in ("model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            trainer, content = True, content[key]
    if not isinstance(content, Mapping):
        return trainer, {}
    bare = {str(name).removeprefix("module."): value for name, value in content.items()}
    trainer |= any(name.startswith("__S__.") for name in bare)
    return trainer, {
        name.removeprefix("__S__."): value for name, value in bare.items() if not name.startswith("__L__.")
    }


def _fits(family: Family, state: Mapping, trainer: bool) -> bool:
    """Whether the names are those of a family; ``trainer`` separates the ResNetSE34V2 of voxceleb_trainer and SEED."""
    own = family is _RESNET if trainer else family is not _RESNET
    return own and all(isinstance(state.get(mark), Tensor) for mark in family.marks)


def _misfit(path: Path, family: Family, what: str) -> InputError:
    return InputError(f"{path}: names as in {family.name}, but {what}; download the file again")


def _built(family: Family, path: Path, state: Mapping) -> SpeakerEmbedder:
    """The embedder with the weights of a file."""
    weights: Weights = {}
    for name, tensor in state.items():
        if re.match(family.left_out, name):
            continue
        if not isinstance(tensor, Tensor):
            raise _misfit(path, family, f"{name} is {type(tensor).__name__}, must be a tensor")
        for pattern, replacement in family.renames:
            name = re.sub(pattern, replacement, name)
        weights[name] = tensor
    if sum(tensor.nbytes for tensor in weights.values()) > path.stat().st_size + _HOUSEKEEPING:
        raise _misfit(path, family, "its tensors are larger than the file")
    family.arrange(weights)
    sizes = family.sizes(weights)
    with torch.device("meta"):  # shapes without memory
        expected = family.model(**sizes).state_dict()
    weights = {
        name: tensor[..., 0] if name in expected and tensor.ndim == expected[name].ndim + 1 == 3 else tensor
        for name, tensor in weights.items()
    }
    if odd := sorted(weights.keys() ^ expected.keys()):
        raise _misfit(path, family, f"missing or unexpected: {some_of(odd, 3)}")
    if odd := [name for name, tensor in weights.items() if tensor.shape != expected[name].shape]:
        raise _misfit(path, family, f"of other sizes: {some_of(odd, 3)}")
    model = family.model(**sizes)
    model.load_state_dict(weights)
    return SpeakerEmbedder(family.frontend(sizes["n_mels"]), model, family.normalize).eval()
