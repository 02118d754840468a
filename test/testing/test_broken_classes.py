"""Classes that break one promise each, which the check must name."""

import pytest
import torch
from torch import nn

from test.models.tse.extractors import Several
from toolkit.losses.enhancement.waveform import EnhancementLoss
from toolkit.losses.speaker.margin import SoftmaxCE
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.nn.mask import length_mask, masked_mean
from toolkit.testing import check_embedding_restorer, check_encoder, check_enhancer, check_extractor, check_loss


class Encoder(SpeakerEncoder):
    def __init__(self, fault: str = ""):
        super().__init__()
        self.embedding_dim, self.fault = 4, fault
        self.layer, self.unused = nn.Linear(6, 4), nn.Linear(2, 2) if fault == "reaches all" else None
        self.seen = 0.0

    def forward(self, feats, lengths=None):
        mask = None if lengths is None or self.fault == "alone" else length_mask(lengths, feats.shape[1])
        out = self.layer(masked_mean(feats.transpose(1, 2), mask))
        if self.fault == "its input lies":
            out = out + torch.zeros(4)
        if self.fault == "zeros":
            out = out + 0 * feats.sum((1, 2)).abs().sqrt()[:, None]
        if self.fault == "any T" and feats.shape[1] == 1:
            raise ValueError("too short")
        return out


class Pieces(NetworkStream):
    """Each piece as a recording of its own: wrong at the seams."""

    latency = 0

    def __init__(self, network):
        self.network = network

    def process(self, chunk):
        return self.network(chunk[None])[0]

    def flush(self):
        return torch.zeros(0)


class Enhancer(SpeechEnhancer):
    def __init__(self, fault: str = ""):
        super().__init__()
        self.fs, self.fault = 8000, fault
        self.filter = nn.Conv1d(1, 1, 5, padding=2)

    def forward(self, wav):
        out = self.filter(wav[:, None])[:, 0]
        if self.fault == "as many samples":
            return out[:, : len(out[0]) // 8 * 8]
        if self.fault == "silence":
            return out + 0 * wav.abs().sqrt()
        return out / (1 + wav.abs().max()) if self.fault == "a batch is" else out

    def open_stream(self):
        return Pieces(self) if self.fault == "open_stream" else super().open_stream()


class Extractor(SpeakerExtractor):
    def __init__(self, fault: str = ""):
        super().__init__()
        self.fs, self.fault, self.layer = 8000, fault, nn.Linear(1, 1)

    def forward(self, mixture, enrolment, enrolment_lengths=None):
        if self.fault == "both inputs":
            enrolment = enrolment.detach()
        mask = enrolment_lengths if self.fault == "alone" else None
        mask = (
            None
            if enrolment_lengths is None or mask is not None
            else length_mask(enrolment_lengths, enrolment.shape[1])
        )
        cue = masked_mean(enrolment.square()[:, None], mask)
        return self.layer((mixture * (1 + cue))[..., None])[..., 0]


class Restorer(EmbeddingRestorer):
    def __init__(self, fault: str = ""):
        super().__init__()
        self.dim, self.fault = 4, fault
        self.layer, self.unused = nn.Linear(4, 4), nn.Linear(2, 2) if fault == "reaches all" else None

    def forward(self, embedding, noise=None):
        out = self.layer(embedding)
        if self.fault == "its input lies":
            out = out + torch.zeros(4)
        if self.fault == "output_dim":
            return out[:, :3]
        return out - embedding.mean(0) if self.fault == "alone" else out

    def training_outputs(self, batch):
        rows = self.pairs(batch)
        target = rows if self.fault == "like the clean one" else rows[:, 0]
        out = {"embedding": self.layer(rows), "target": target}
        return {"target": target} if self.fault == "training_outputs" else out


class Distance(EnhancementLoss):
    def __init__(self, fault: str = ""):
        super().__init__()
        self.fault = fault

    def forward(self, outputs, batch):
        loss, terms = super().forward(outputs, batch)
        return loss, {"distance": loss} if self.fault == "detached" else terms

    def compare(self, output, reference, lengths=None):
        error = (output - reference).square()
        if lengths is None or self.fault == "beyond":
            loss = error.mean()
        else:
            mask = length_mask(lengths, error.shape[1])
            loss = (error.masked_fill(~mask, 0).sum(1) / lengths).mean()
        if self.fault == "mean of":
            return error.sum(1).sqrt().sum()
        return -loss if self.fault == "falls" else loss


class Classes(SoftmaxCE):
    def __init__(self, fault: str = ""):
        super().__init__()
        self.fault = fault

    def compare(self, embeddings, labels):
        loss, logits = super().compare(embeddings, labels)
        return (loss.detach().requires_grad_() if self.fault == "reaches" else loss), logits[
            :, : 2 if self.fault == "logits" else None
        ]


CHECKS = {
    Encoder: lambda encoder: check_encoder(encoder, 6),
    Enhancer: check_enhancer,
    Extractor: check_extractor,
    Several: check_extractor,
    Restorer: check_embedding_restorer,
    Distance: check_loss,
    Classes: check_loss,
}
FAULTS = {
    Encoder: ["alone", "its input lies", "zeros", "any T", "reaches all"],
    Enhancer: ["as many samples", "silence", "a batch is", "open_stream"],
    Extractor: ["alone", "both inputs"],
    Several: ["several"],
    Restorer: ["output_dim", "alone", "training_outputs", "like the clean one", "reaches all", "its input lies"],
    Distance: ["beyond", "detached", "mean of", "falls"],
    Classes: ["logits", "reaches"],
}


@pytest.mark.parametrize("cls", CHECKS)
def test_a_whole_class_passes(cls):
    CHECKS[cls](cls())


@pytest.mark.parametrize(("cls", "fault"), [(cls, fault) for cls, faults in FAULTS.items() for fault in faults])
def test_the_broken_promise_is_named(cls, fault):
    with pytest.raises(AssertionError, match=f"^{cls.__name__}: [^:]*{fault}"):
        CHECKS[cls](cls(fault))
