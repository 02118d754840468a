"""The systems of SEF-PNet's tables I and II: at sizes for tests, and as the recipe's configs have them."""

from pathlib import Path

import torch

from toolkit.io.config import ConfigParser, load_config
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.dpccn import SDPCCN
from toolkit.models.tse.sef_pnet import SEFPNet

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


def sounds(batch: int, samples: int, seed: int = 0, dtype=torch.float32) -> torch.Tensor:
    """Noise at the level of speech, (B, N)."""
    return 0.05 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(seed), dtype=dtype)
