"""The enhancement configs: each builds what its name says."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
import yaml
from helpers.tiny_recogniser import recogniser

from toolkit.io.config import ConfigParser, load_config
from toolkit.losses.base import Loss
from toolkit.losses.enhancement.asr_loss import ASRLoss
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.losses.enhancement.waveform import LMFB, SNR, Multitask
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.se.demucs import Demucs
from toolkit.systems.recognizer import Recognizer
from toolkit.train.schedule import Plateau, Schedule

CONF = Path(__file__).parents[2] / "egs/librispeech_dns/se/conf"
KEYS = ("model", "loss", "optimizer", "schedule")


def build(config: Path):
    """Classes of a config."""
    parser = ConfigParser()
    parser.add_argument("--model", type=SpeechEnhancer)
    parser.add_argument("--loss", type=Loss)
    parser.add_argument("--optimizer", type=Callable[[Iterable], torch.optim.Optimizer])
    parser.add_argument("--schedule", type=Schedule)
    values = {key: value for key, value in load_config(config).items() if key in KEYS}
    return parser.build(parser.parse_checked(values, str(config)))


@pytest.mark.parametrize(
    ("name", "kind", "alpha", "ssl", "rate"),
    [
        ("train_convtasnet_snr", SNR, None, None, 5e-4),
        ("finetune_convtasnet_lmfb", LMFB, 0.1, None, 1e-4),
        ("finetune_convtasnet_sslmse_wavlm_base_plus", SSLMSE, 0.1, "wavlm_base_plus", 1e-4),
        ("finetune_convtasnet_sslmse_wavlm_large", SSLMSE, 0.1, "wavlm_large", 1e-4),
        ("finetune_convtasnet_sslmse_hubert_base", SSLMSE, 0.1, "hubert_base", 1e-4),
        ("finetune_convtasnet_sslmse_wav2vec2_base", SSLMSE, 0.1, "wav2vec2_base", 1e-4),
    ],
)
def test_conv_tasnet_configs(name, kind, alpha, ssl, rate):
    built = build(CONF / f"{name}.yaml")
    assert isinstance(built.model, ConvTasNet)
    multitask = isinstance(built.loss, Multitask)
    loss = built.loss.losses["loss"] if multitask else built.loss
    assert isinstance(loss, kind)
    assert (built.loss.weights["snr"] if multitask else None) == alpha
    assert ssl is None or (loss._model.name, loss._model.weights) == (ssl, None)
    optimizer = built.optimizer(built.model.parameters())
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["lr"] == rate
    assert (built.schedule.gamma, built.schedule.patience) == (0.75, 2)


def test_asr_config(monkeypatch):
    """Lambda 0.3 and alpha 0.1 (section 5.1.2), on the recogniser of egs/librispeech/asr; whole utterances."""
    systems = []
    monkeypatch.setattr(Recognizer, "load", lambda *path: systems.append(path[0]) or Recognizer(recogniser()))
    config = CONF / "finetune_convtasnet_asr.yaml"
    built = build(config)
    loss = built.loss.losses["loss"]
    assert isinstance(loss, ASRLoss)
    assert (loss.criterion.ctc_weight, loss.criterion.label_smoothing, built.loss.weights["snr"]) == (0.3, 0.0, 0.1)
    assert systems == ["../../librispeech/asr/exp/asr_train_conformer"]
    assert load_config(config)["batches"]["class_path"] == "toolkit.data.BucketBatches"
    assert built.optimizer(built.model.parameters()).defaults["lr"] == 1e-4


def test_demucs_config():
    built = build(CONF / "train_demucs.yaml")
    assert isinstance(built.model, Demucs)
    assert isinstance(built.loss, SNR)
    assert isinstance(built.schedule, Plateau)


@pytest.mark.parametrize(
    "inner", ["toolkit.losses.enhancement.ssl_mse.SSLMSE", "toolkit.losses.enhancement.waveform.LMFB"]
)
@pytest.mark.parametrize(
    "snr", ["toolkit.losses.enhancement.waveform.SNR", "toolkit.losses.enhancement.waveform.SISNR"]
)
def test_every_combination_of_losses_is_a_config(inner, snr, tmp_path):
    """With a random model in the published one's place, which is what the mini recipe trains with."""
    ssl = {"class_path": "toolkit.models.ssl.wav2vec2.Untrained", "init_args": {"num_layers": 2}}
    members = {
        "loss": {"class_path": inner, "init_args": {"ssl": ssl} if "ssl" in inner else {}},
        "snr": {"class_path": snr},
        "alpha": 0.01,
    }
    base = CONF / "finetune_convtasnet_sslmse_wavlm_base_plus.yaml"
    config = tmp_path / "small.yaml"
    config.write_text(yaml.safe_dump({"base": str(base), "loss": {"init_args": members}}))
    loss = build(config).loss
    value, terms = loss({"speech": torch.rand(2, 2000)}, {"spk1": torch.rand(2, 2000)})
    assert value.isfinite()
    assert len(terms) == 2
