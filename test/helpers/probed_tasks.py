"""Tasks on random items, for the trial before training."""

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import CropBatches
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.losses.enhancement.waveform import SISNR, SNR
from toolkit.losses.speaker.margin import AAMSoftmax
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.tasks.enhancement.enhancement_task import EnhancementTask
from toolkit.tasks.enhancement.extraction_task import ExtractionTask
from toolkit.tasks.verification.verification_task import VerificationTask


class Sounds:
    """Items of four speakers: noise, at 16 kHz."""

    clean_members, lists, encoders = 0, (), {}
    labels, speakers, seconds = np.repeat(np.arange(4), 4), list("abcd"), np.full(16, 2.0)

    def __getitem__(self, draw):
        rng = np.random.default_rng(draw.slot)
        streams = {name: 0.1 * rng.standard_normal(2400 + 10 * draw.slot * (draw.seconds is None)) for name in STREAMS}
        streams["enroll_spk1"] = 0.1 * rng.standard_normal(2000 + 100 * draw.index)
        facts = {"noise": ("clean", "noise")[draw.member], "snr": "5"}
        one = {"id": str(draw.slot), "label": self.labels[draw.index], "facts": facts}
        return one | {name: samples.astype(np.float32) for name, samples in streams.items()}


STREAMS = ("wav", "spk1", "noise1")


def verification(model, loss=None, frontend=None, normalize="mean", batches=None) -> VerificationTask:
    embedder = SpeakerEmbedder(frontend or KaldiFbank(n_mels=20), model, normalize)
    return VerificationTask(embedder, loss or AAMSoftmax(), batches or CropBatches(8), Sounds(), [])


class Encoder(SpeakerEncoder):
    """A user's own, which keeps its contract; what is derived from it does not."""

    embedding_dim = 6

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(20, 6)

    def forward(self, feats, lengths=None):
        seen = torch.ones(feats.shape[:2]) if lengths is None else torch.arange(feats.shape[1]) < lengths[:, None]
        return (self.layer(feats) * seen[:, :, None]).sum(1) / seen.sum(1)[:, None]


TASNET = {"filters": 16, "filter_samples": 32, "bottleneck": 8, "hidden": 16, "blocks": 2, "repeats": 1}


def enhancement(model=None, loss=None) -> EnhancementTask:
    return EnhancementTask(model or ConvTasNet(**TASNET), loss or SNR(), CropBatches(4), Sounds(), [])


def extraction(model) -> ExtractionTask:
    return ExtractionTask(model, SISNR(), CropBatches(4), Sounds(), [])
