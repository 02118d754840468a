"""What is tried before training: every shipped class passes."""

import pytest
from helpers.probed_tasks import Encoder, enhancement, extraction, verification

from test.models.sv.paranoises import VARIANTS
from test.models.sv.paranoises import small as paranoise
from test.models.tse.extractors import NAMES
from test.models.tse.extractors import small as extractor
from toolkit.data.batches import BucketBatches, CropBatches
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.losses.enhancement.waveform import LMFB, SISNR, SNR, Multitask
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE
from toolkit.losses.speaker.paranoise import ParaNoiseLoss
from toolkit.losses.weighted_sum import WeightedSum
from toolkit.models.se.demucs import Demucs
from toolkit.models.ssl.wav2vec2 import Untrained
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.eres2netv2 import ERes2NetV2
from toolkit.models.sv.redimnet2 import ReDimNet2
from toolkit.models.sv.resnet34 import ResNet34
from toolkit.train.probe import probe

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


SIGNAL_LOSSES = {
    "snr": SNR,
    "si-snr": SISNR,
    "lmfb": lambda: Multitask(LMFB()),
    "ssl-mse": lambda: Multitask(SSLMSE(Untrained())),
}


@pytest.mark.parametrize("name", SIGNAL_LOSSES)
def test_every_signal_loss_passes(name):
    probe(enhancement(loss=SIGNAL_LOSSES[name]()), 0)


def test_demucs_passes():
    probe(enhancement(Demucs(hidden=4, depth=2)), 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_extractor_passes(name):
    probe(extraction(extractor(name)), 0)
