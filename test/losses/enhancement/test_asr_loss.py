"""ASR loss: equations 12 and 13 by enumeration, gradients that reach the output alone, padding that does not count."""

import math

import pytest
import torch
from helpers.label_sequences import ctc_texts, decoder_log_prob
from helpers.tiny_recogniser import recogniser
from torch import nn

from toolkit.data.text_units import TEXT
from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.enhancement.absent import AbsentTarget
from toolkit.losses.enhancement.asr_loss import ASRLoss
from toolkit.losses.enhancement.waveform import SNR, Multitask
from toolkit.models.asr.blstm_ctc import BlstmCtc
from toolkit.models.asr.transcriber import Transcriber

FRAMES = 19  # of features; 4 of the encoder
SAMPLES = 400 + 160 * (FRAMES - 1)


@pytest.fixture
def speech():
    return 0.1 * torch.randn(2, SAMPLES, generator=torch.Generator().manual_seed(0))


def units_of(network: Transcriber, text: str) -> torch.Tensor:
    return torch.tensor([network.units.encode(text)])


def by_enumeration(network: Transcriber, wav: torch.Tensor, text: torch.Tensor) -> tuple[float, float]:
    """L_ctc, over all paths, and L_att of one utterance: wav (1, N), text (1, L)."""
    encoded, _ = network.eval().model.encode(*network.features(wav))
    units = tuple(text[0].tolist())
    ctc = -math.log(ctc_texts(network.model.ctc_log_probs(encoded)[0])[units])
    return ctc, -decoder_log_prob(network.model.decoder, encoded, units)


@torch.no_grad()
@pytest.mark.parametrize("weight", [0.3, 0.0, 1.0])
def test_equation_13(speech, weight):
    network, loss = recogniser(), ASRLoss(recogniser(), weight)
    text = units_of(network, "AB").expand(2, -1)
    pairs = [by_enumeration(network, speech[i, None], text[i, None]) for i in range(2)]
    value, terms = loss({"speech": speech}, {TEXT: text})
    assert float(value) == pytest.approx(sum(weight * ctc + (1 - weight) * att for ctc, att in pairs) / 2, rel=1e-4)
    assert float(terms["asr_loss"]) == float(value)


@torch.no_grad()
def test_equation_12(speech):
    loss, clean = Multitask(ASRLoss(recogniser()), alpha=0.1), speech.flip(1)
    text = units_of(recogniser(), "A").expand(2, -1)
    total, terms = loss({"speech": speech}, {"spk1": clean, TEXT: text})
    assert float(total) == pytest.approx(float(terms["asr_loss"] + 0.1 * SNR().compare(speech, clean)), rel=1e-5)
    assert {"asr_loss", "ctc", "attention", "snr_loss"} <= terms.keys()


def test_gradients_reach_the_enhancer_alone(speech):
    """They are those of finite differences; the recogniser has none, and is in no checkpoint."""
    torch.manual_seed(0)
    network, loss = nn.Conv1d(1, 1, 3, padding=1), ASRLoss(recogniser())
    task = nn.ModuleDict({"network": network, "loss": Multitask(loss)}).train()
    batch = {"spk1": speech, TEXT: units_of(recogniser(), "AB").expand(2, -1)}

    def value():
        return loss({"speech": network(speech[:, None])[:, 0]}, batch)[0]

    value().backward()
    step = 3e-3
    with torch.no_grad():
        network.weight[0, 0, 0] += step
        above = value()
        network.weight[0, 0, 0] -= 2 * step
        slope = float((above - value()) / (2 * step))
    assert float(network.weight.grad[0, 0, 0]) == pytest.approx(slope, rel=0.1)
    transcriber = loss.recognizer.network
    assert all(p.grad is None and not p.requires_grad for p in transcriber.parameters())
    assert not any(module.training for module in transcriber.modules())
    assert task.state_dict().keys() == {"network.weight", "network.bias"}


@torch.no_grad()
def test_a_batch_is_the_mean_of_its_utterances(speech):
    """Whatever lies beyond their ends, in samples and in units."""
    network, loss = recogniser(), ASRLoss(recogniser())
    texts, lengths = [units_of(network, "AB A"), units_of(network, "B")], torch.tensor([SAMPLES, SAMPLES - 700])
    alone = [
        loss({"speech": wav[None, :n]}, {TEXT: text})[0] for wav, n, text in zip(speech, lengths, texts, strict=True)
    ]
    padded, sizes = torch.full((2, texts[0].shape[1]), 5), torch.tensor([text.shape[1] for text in texts])
    for row, text in zip(padded, texts, strict=True):
        row[: text.shape[1]] = text[0]
    speech[1, lengths[1] :] = 1e3
    batch = {"lengths": lengths, TEXT: padded, f"{TEXT}_lengths": sizes}
    assert float(loss({"speech": speech}, batch)[0]) == pytest.approx(float(sum(alone) / 2), rel=1e-4)


@torch.no_grad()
def test_only_mixtures_with_the_target_are_recognised(speech):
    """A mixture without it has no transcript; its loss is the output's energy, 0 dB of the mixture's."""
    loss = AbsentTarget(Multitask(ASRLoss(recogniser())), floor_db=-200)
    text, clean = units_of(recogniser(), "A").expand(2, -1), torch.stack([speech[1], torch.zeros(SAMPLES)])
    value, _ = loss({"speech": speech}, {"spk1": clean, "wav": speech, TEXT: text})
    alone, _ = Multitask(ASRLoss(recogniser()))({"speech": speech[:1]}, {"spk1": clean[:1], TEXT: text[:1]})
    assert float(value) == pytest.approx(float(alone) / 2, rel=1e-4)


@pytest.mark.parametrize("model", ["blstm", "conformer"])
def test_a_recogniser_without_a_decoder(speech, model):
    """Of any kind: its CTC alone counts, and the gradient reaches the output."""
    network = recogniser(decoder_blocks=0)
    if model == "blstm":
        other = Transcriber(network.frontend, BlstmCtc(len(network.units), 20, 6, 7))
        other.take_units(network.units)
        network = other
    speech.requires_grad_()
    loss, terms = ASRLoss(network, ctc_weight=1.0)({"speech": speech}, {TEXT: units_of(network, "A").expand(2, -1)})
    loss.backward()
    assert speech.grad.any()
    assert float(terms["ctc"]) == float(loss.detach())


def test_what_does_not_fit():
    with pytest.raises(InputError, match="decoder"):
        ASRLoss(recogniser(decoder_blocks=0))
    with pytest.raises(InputError, match="level"):
        AbsentTarget(ASRLoss(recogniser()))  # features are normalised: all outputs could become silent
    with pytest.raises(InputError, match="8000 Hz"):
        ASRLoss(recogniser()).setup(TrainingFacts(8000))
