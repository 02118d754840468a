"""Extraction networks at sizes for tests and as configs have them; a speaker encoder; shapes and counts."""

from pathlib import Path

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd
from toolkit.io.config import ConfigParser, load_config
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.dpccn import SDPCCN
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.nn.mask import length_mask, masked_mean

CONF = Path(__file__).parents[3] / "egs/libri2mix/tse/conf"
NAMES = ("sdpccn", "dpccn_ci", "dpccn_ci_ifi", "sefpnet", "dpccn_ci_lca", "dpccn_ci_se", "dpccn_ci_cbam")
_SIZES = {"dense_channels": (6, 8), "conv_channels": (10, 12), "dense_depth": 3, "tcn_layers": 2, "tcn_blocks": 3}


def model_config(name: str) -> dict:
    """``model:`` of a config, and of what it is based on."""
    return load_config(CONF / f"train_{name}.yaml")["model"]


def published(name: str) -> SpeakerExtractor:
    """The system at its published size."""
    parser = ConfigParser()
    parser.add_subclass_arguments(SpeakerExtractor, "model")
    return parser.build(parser.parse_checked({"model": model_config(name)}, name)).model


def small(name: str, **changes) -> SpeakerExtractor:
    """The system with frames of 8 ms, so that its deepest map has one bin; few channels."""
    torch.manual_seed(1)
    if name == "sdpccn":
        return SDPCCN(**{"window": 64, "hop": 16, "stem_channels": 4, "speaker_channels": 7, **_SIZES, **changes})
    args = model_config(name)["init_args"]
    own = {"window": 64, "hop": 16, "stem_channels": 4, "integration_channels": 5, "mix_channels": 6}
    return SEFPNet(**args | own | _SIZES | changes)


class Several(SpeakerExtractor):
    """A gain by the loudest of several enrolments; with a ``fault`` all have the length of the first."""

    several_enrolments = True

    def __init__(self, fault: str = ""):
        super().__init__()
        self.fs, self.fault, self.layer = 16000, fault, nn.Linear(1, 1)

    def forward(self, mixture, enrolment, enrolment_lengths=None):
        power, mask = enrolment.flatten(0, 1).square()[:, None], None
        if enrolment_lengths is not None:
            lengths = enrolment_lengths[:, :1].expand_as(enrolment_lengths) if self.fault else enrolment_lengths
            mask = length_mask(lengths.flatten(), enrolment.shape[2])
        loudest = masked_mean(power, mask).view(enrolment.shape[:2]).amax(1, keepdim=True)
        return self.layer((mixture * (1 + loudest))[..., None])[..., 0]


def sounds(batch: int, samples: int, seed: int = 0, dtype=torch.float32) -> torch.Tensor:
    """Noise at the level of speech, (B, N)."""
    return 0.05 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Pieces(FrontEnd):
    """Frames of 16 samples, the last filled up with zeros; in the precision of its input."""

    dim = 16

    def __init__(self, fs: int = 16000):
        super().__init__()
        self.fs = fs

    def num_frames(self, num_samples):
        return (num_samples + 15) // 16

    def forward(self, wav, lengths=None):
        if lengths is not None:
            wav = wav.masked_fill(~length_mask(lengths, wav.shape[1]), 0)
        frames = torch.nn.functional.pad(wav, (0, -wav.shape[1] % 16)).unflatten(1, (-1, 16))
        return frames, None if lengths is None else self.num_frames(lengths)

    def conf(self):
        return {"fs": self.fs}


class Tiny(SpeakerEncoder):
    """Mean of a layer's output over frames; dropout shows a mode that is not eval."""

    def __init__(self, embedding_dim: int = 6):
        super().__init__()
        self.embedding_dim = embedding_dim
        self.layer, self.dropout = torch.nn.Linear(16, embedding_dim), torch.nn.Dropout(0.5)

    def forward(self, feats, lengths=None):
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        return masked_mean(self.dropout(self.layer(feats).relu()).transpose(1, 2), mask)


def encoder(fs: int = 16000) -> SpeakerEmbedder:
    torch.manual_seed(3)
    return SpeakerEmbedder(Pieces(fs), Tiny(), "none")


def count(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def maps_of(model, modules: dict, *inputs) -> dict[str, tuple[tuple, tuple]]:
    """Shapes of input and output of some modules, without the batch; maps as the paper has them, (C, T, F)."""
    actual = {}

    def note(name):
        def hook(module, given, out):
            out = out[0] if isinstance(out, tuple) else out
            shapes = [tuple((x.transpose(2, 3) if x.dim() == 4 else x).shape[1:]) for x in (given[0], out)]
            actual[name] = tuple(shapes)

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in modules.items()]
    with torch.no_grad():
        model(*inputs)
    for handle in handles:
        handle.remove()
    return actual
