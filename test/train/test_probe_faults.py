"""The trial before training names each class that breaks its contract, and disturbs nothing."""

import random

import numpy as np
import pytest
import torch
from helpers.probed_tasks import Encoder, Sounds, enhancement, extraction, verification
from torch import nn

from toolkit.io.errors import InputError
from toolkit.losses.enhancement.waveform import SNR, EnhancementLoss
from toolkit.losses.speaker.margin import AAMSoftmax, SpeakerLoss
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.train.probe import probe


def test_one_speaker_is_named_as_the_fault(monkeypatch):
    """The loss of one class is always zero: without the check the model would be blamed."""
    monkeypatch.setattr(Sounds, "speakers", ["ann"])
    with pytest.raises(InputError, match="one speaker, ann"):
        verification(EcapaTdnn(20, 8, 12, 8))


class Deaf(Encoder):  # to lengths
    def forward(self, feats, lengths=None):
        return self.layer(feats).relu().mean(1)


class Mapping(Encoder):
    def forward(self, feats, lengths=None):
        return {"embedding": super().forward(feats, lengths)}


class Flat(Encoder):
    def forward(self, feats, lengths=None):
        return super().forward(feats, lengths).flatten()


class Detached(Encoder):
    def forward(self, feats, lengths=None):
        return super().forward(feats, lengths).detach()


class Infinite(Encoder):
    def forward(self, feats, lengths=None):
        return super().forward(feats, lengths) / 0


class Misfit(Encoder):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(21, 6)

    def forward(self, feats, lengths=None):
        return super().forward(feats, lengths)


class Nameless(Encoder):
    embedding_dim = None


class Double(Encoder):
    def forward(self, feats, lengths=None):
        return super().forward(feats, lengths).double()


class Silent(Encoder):
    def outputs(self, feats, lengths=None):
        return self(feats, lengths)


class Rough(Encoder):
    streams = "wav"


class Unmade(Encoder):
    def __init__(self):
        self.width = 3


class Odd(AAMSoftmax):
    utterances_per_speaker = "2"


class Parted(AAMSoftmax):
    def forward(self, outputs, batch):
        return super().forward(outputs, batch)[0], {"a": torch.ones(2)}


class Scalar(AAMSoftmax):
    def forward(self, outputs, batch):
        return super().forward(outputs, batch)[0]


class PerItem(SpeakerLoss):
    def setup(self, facts):
        self.weight = nn.Parameter(torch.ones(self.size_of(facts)))

    def compare(self, embeddings, labels):
        return embeddings @ self.weight, None


class Aside(PerItem):
    def compare(self, embeddings, labels):
        return self.weight.sum(), None


BROKEN_ENCODERS = [
    (Deaf, "cosine"),
    (Mapping, "dict"),
    (Flat, r"\(12,\)"),
    (Detached, "gradient"),
    (Infinite, "not finite"),
    (Misfit, r"test_probe_faults.py:\d+: .*RuntimeError"),
    (Nameless, "embedding_dim"),
    (Double, "float32"),
    (Silent, "dict"),
    (Rough, "streams"),
    (Unmade, "super"),
]


@pytest.mark.parametrize(("encoder", "fault"), BROKEN_ENCODERS)
def test_an_encoder_that_breaks_its_contract_is_named(encoder, fault):
    with pytest.raises(InputError, match=fault) as caught:
        probe(verification(encoder()), 0)
    assert f"model: {encoder.__module__}.{encoder.__name__}" in str(caught.value)


BROKEN_LOSSES = [(Scalar, "two values"), (PerItem, r"\(2,\)"), (Aside, "no gradient"), (Odd, "utterances_per_speaker")]


@pytest.mark.parametrize(("loss", "fault"), [*BROKEN_LOSSES, (Parted, r"term 'a'.*\(2,\)")])
def test_a_loss_that_breaks_its_contract_is_named(loss, fault):
    with pytest.raises(InputError, match=fault) as caught:
        probe(verification(Encoder(), loss()), 0)
    assert loss.__name__ in str(caught.value) or loss is Aside  # which names the network that nothing reaches


class Short(SpeechEnhancer):
    fs = 16000

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, wav):
        return self.gain * wav[:, :-1]


class Rateless(Short):
    fs = None


class Even(Short):  # of training's lengths alone
    def forward(self, wav):
        return self.gain * wav[:, : wav.shape[1] // 8 * 8]


class Loudest(Short):  # divides by the level, which silence has not
    def forward(self, wav):
        return self.gain * wav / wav.abs().max()


class Closed(Short):
    def forward(self, wav):
        return (self.gain * wav).detach()


class Needy(SNR):
    def compare(self, output, reference):
        return super().compare(output, reference)


class Blind(EnhancementLoss):
    streams = ()

    def compare(self, output, reference, lengths=None):
        return (output - reference).square().mean()


class Forgetful(SpeakerExtractor):
    fs = 16000

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, mixture, enrolment, enrolment_lengths=None):
        return self.gain * mixture * enrolment.square().mean(1, keepdim=True)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: enhancement(Short()), "Short: the output .*2399"),
        (lambda: enhancement(Rateless()), "Rateless: .*fs"),
        (lambda: enhancement(Even()), "Even: .*2399"),
        (lambda: enhancement(Loudest()), "Loudest: .*silent"),
        (lambda: enhancement(Closed()), "Closed: .*gradient"),
        (lambda: enhancement(loss=Needy()), "Needy: TypeError"),
        (lambda: enhancement(loss=Blind()), "Blind: .*streams"),
        (lambda: extraction(Forgetful()), "Forgetful: .*enrolment_lengths"),
    ],
)
def test_what_breaks_a_contract_of_enhancement_or_extraction_is_named(make, fault):
    with pytest.raises(InputError, match=fault):
        probe(make(), 0)


class Drawing(Encoder):
    """Draws, counts, and keeps statistics wherever it can."""

    def __init__(self):
        super().__init__()
        self.norm, self.calls = nn.BatchNorm1d(6), 0
        self.register_buffer("hidden", torch.zeros(1), persistent=False)

    def forward(self, feats, lengths=None):
        self.calls += 1
        self.hidden += torch.rand(1) + random.random() + np.random.rand()
        self.late = self.hidden
        return self.norm(super().forward(feats, lengths))


def test_nothing_is_disturbed(monkeypatch):
    task = verification(Drawing())
    model = task.network.model.eval()
    states, before = [], {name: value.clone() for name, value in task.state_dict().items()}
    for _ in range(2):
        states.append((torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()))
        probe(task, 0)
    assert states[0] == states[1]
    assert (model.calls, float(model.hidden), model.training, task.training) == (0, 0, False, True)
    assert not hasattr(model, "late")
    assert all(torch.equal(value, before[name]) for name, value in task.state_dict().items())
    assert all(parameter.grad is None for parameter in task.parameters())
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(task, "check_contracts", None)
    probe(task, 0)  # the first process does it
