"""What is tried before training: every shipped class passes, every broken one is named, and nothing is disturbed."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from test.models.sv.paranoises import VARIANTS
from test.models.sv.paranoises import small as paranoise
from test.models.tse.extractors import NAMES
from test.models.tse.extractors import small as extractor
from toolkit.data.batches import BucketBatches, CropBatches
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.losses.enhancement.waveform import LMFB, SISNR, SNR, EnhancementLoss, Multitask
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE, SpeakerLoss
from toolkit.losses.speaker.paranoise import ParaNoiseLoss
from toolkit.losses.weighted_sum import WeightedSum
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.se.demucs import Demucs
from toolkit.models.ssl.wav2vec2 import Untrained
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.eres2netv2 import ERes2NetV2
from toolkit.models.sv.redimnet2 import ReDimNet2
from toolkit.models.sv.resnet34 import ResNet34
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.tasks.enhancement.enhancement_task import EnhancementTask
from toolkit.tasks.enhancement.extraction_task import ExtractionTask
from toolkit.tasks.verification.verification_task import VerificationTask
from toolkit.train.probe import probe


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


def test_one_speaker_is_named_as_the_fault(monkeypatch):
    """The loss of one class is always zero: without the check the model would be blamed."""
    monkeypatch.setattr(Sounds, "speakers", ["ann"])
    with pytest.raises(InputError, match="one speaker, ann"):
        verification(EcapaTdnn(20, 8, 12, 8))


class Encoder(SpeakerEncoder):
    """A user's own, which keeps its contract; what is derived from it does not."""

    embedding_dim = 6

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(20, 6)

    def forward(self, feats, lengths=None):
        seen = torch.ones(feats.shape[:2]) if lengths is None else torch.arange(feats.shape[1]) < lengths[:, None]
        return (self.layer(feats) * seen[:, :, None]).sum(1) / seen.sum(1)[:, None]


ECAPA = {
    "n_mels": 20,
    "channels": 16,
    "mfa_channels": 24,
    "embedding_dim": 8,
    "se_channels": 8,
    "attention_channels": 8,
}
ENCODERS = {
    "ecapa": lambda: EcapaTdnn(**ECAPA),
    "resnet34": lambda: ResNet34(20, 8, (8, 8), (1, 1), (1, 2), attention_channels=6),
    "eres2netv2": lambda: ERes2NetV2(20, 8, 16, (1, 1, 1, 1)),
    "redimnet2": lambda: ReDimNet2(20, 8, 4, ((2, 2),), (1,), (1,), (10,), attention_channels=6),
    "own": Encoder,
}
LOSSES = {
    "softmax": SoftmaxCE,
    "aam": AAMSoftmax,
    "ap": AngularPrototypical,
    "sum": lambda: WeightedSum({"softmax": SoftmaxCE(), "ap": AngularPrototypical()}),
    "paranoise": ParaNoiseLoss,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_passes(name):
    probe(verification(ENCODERS[name]()), 0)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batches", [CropBatches(8), BucketBatches(9.0)])
def test_every_speaker_loss_passes(name, batches):
    probe(verification(Encoder(), LOSSES[name](), batches=batches), 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_paranoise_passes(variant):
    probe(verification(paranoise(**variant), ParaNoiseLoss(), LogMelSpectrogram(n_mels=20), "mean_var"), 0)


TASNET = {"filters": 16, "filter_samples": 32, "bottleneck": 8, "hidden": 16, "blocks": 2, "repeats": 1}
SIGNAL_LOSSES = {
    "snr": SNR,
    "si-snr": SISNR,
    "lmfb": lambda: Multitask(LMFB()),
    "ssl-mse": lambda: Multitask(SSLMSE(Untrained())),
}


def enhancement(model=None, loss=None) -> EnhancementTask:
    return EnhancementTask(model or ConvTasNet(**TASNET), loss or SNR(), CropBatches(4), Sounds(), [])


def extraction(model) -> ExtractionTask:
    return ExtractionTask(model, SISNR(), CropBatches(4), Sounds(), [])


@pytest.mark.parametrize("name", SIGNAL_LOSSES)
def test_every_signal_loss_passes(name):
    probe(enhancement(loss=SIGNAL_LOSSES[name]()), 0)


def test_demucs_passes():
    probe(enhancement(Demucs(hidden=4, depth=2)), 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_extractor_passes(name):
    probe(extraction(extractor(name)), 0)


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
    (Misfit, r"test_probe.py:\d+: .*RuntimeError"),
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
