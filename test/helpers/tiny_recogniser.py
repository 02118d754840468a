"""An untrained recogniser of few units."""

import torch

from toolkit.data.text_units import TextUnits, train_units
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.models.asr.conformer import Conformer
from toolkit.models.asr.transcriber import Transcriber


def recogniser(decoder_blocks: int = 1) -> Transcriber:
    """Of ``A`` and ``B``: U = 6 with the special units and the blank between words."""
    torch.manual_seed(3)
    units = TextUnits(train_units(["AB", "B A"]))
    sizes = {"n_mels": 20, "dim": 16, "heads": 2, "hidden": 16, "blocks": 1, "kernel_size": 3, "decoder_hidden": 16}
    network = Transcriber(KaldiFbank(n_mels=20), Conformer(len(units), decoder_blocks=decoder_blocks, **sizes))
    network.take_units(units)
    return network
