"""The baselines of LGR-TSE, small."""

import torch

from toolkit.models.tse.gated_crn import GatedCRN
from toolkit.models.tse.speakerfilter import Speakerfilter
from toolkit.models.tse.tea_pse import TEAPSE
from toolkit.models.tse.voicefilter import VoiceFilter

from .extractors import encoder

FRONT = {"window": 64, "hop": 32, "local_hidden": 4}
SMALL = {
    VoiceFilter: {"channels": 3, "dilations": (1, 2), "reduced": 2, "lstm": 4, "hidden": 5},
    Speakerfilter: {"channels": (2, 3, 4)},
    GatedCRN: {"channels": (2, 3, 4)},
    TEAPSE: {"channels": 3, "levels": 3, "squeezed": 4, "dilations": (1, 2), "groups": 2},
}


def small(cls, kind: str = "lgr", **changes):
    """33 bins: 16, 7, 3."""
    torch.manual_seed(1)
    given = {} if kind == "local" or "embedding_dim" in changes else {"speaker_encoder": encoder()}
    return cls(**FRONT | SMALL[cls] | {"representation": kind} | given | changes)
