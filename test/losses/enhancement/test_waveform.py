"""Losses between signals: numbers worked by hand, other libraries' values, padding, silence."""

import math

import fast_bss_eval
import pytest
import torch
import torchaudio

from toolkit.losses.base import TrainingFacts
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.losses.enhancement.waveform import LMFB, SISNR, SNR, Multitask, mean_square
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.models.ssl.wav2vec2 import Untrained
from toolkit.testing import check_loss

X, ESTIMATE = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 3.0]])  # |x|^2 = 25, error 1
ALL = {
    "snr": SNR,
    "si_snr": SISNR,
    "si_sdr": lambda: SISNR(zero_mean=False),
    "lmfb": LMFB,
    "ssl": lambda: SSLMSE(Untrained()),
    "ssl_normalized": lambda: SSLMSE(Untrained(wavlm=False, normalized=True)),
    "lmfb_mt": lambda: Multitask(LMFB()),
}
each = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def value_of(loss, output, reference, lengths=None) -> torch.Tensor:
    return loss({"speech": output}, {"spk1": reference, "lengths": lengths})[0]


# --- values ----------------------------------------------------------------------------------------------------------


def test_snr_has_the_clean_signal_above_the_line():
    """Eq. 5 with its slip fixed: 25 over 1, not 18 over 1."""
    assert value_of(SNR(), ESTIMATE, X).item() == pytest.approx(-10 * math.log10(25))


def test_snr_is_the_mean_over_utterances():
    """Ratios 25 and 1: mean of the decibels, not of the energies."""
    assert value_of(SNR(), torch.cat((ESTIMATE, 0 * X)), torch.cat((X, X))).item() == pytest.approx(-5 * math.log10(25))


def test_snr_knows_the_scale_and_si_snr_does_not():
    x, estimate = noise(2, 500), noise(2, 500) + noise(2, 500, seed=1)
    assert value_of(SNR(), 2 * estimate, x).item() != pytest.approx(value_of(SNR(), estimate, x).item(), abs=1)
    assert value_of(SISNR(), 2 * estimate, x).item() == pytest.approx(value_of(SISNR(), estimate, x).item(), abs=1e-4)
    assert value_of(SISNR(), estimate + 1, x).item() == pytest.approx(value_of(SISNR(), estimate, x).item(), abs=1e-3)


def test_si_sdr_by_hand():
    """<e, x> = 21, a = 21 / 25: a x = (2.52, 3.36), energy 17.64; error (0.48, -0.36), energy 0.36: ratio 49."""
    assert value_of(SISNR(zero_mean=False), ESTIMATE, X).item() == pytest.approx(-10 * math.log10(49), rel=1e-5)


def test_si_snr_removes_the_means():
    """Means off: x (-1, 0, 1), estimate (-1, -1, 2), a = 3 / 2, a x (-1.5, 0, 1.5), error (0.5, -1, 0.5): 4.5 / 1.5."""
    x, estimate = torch.tensor([[4.0, 5, 6]]), torch.tensor([[6.0, 6, 9]])
    assert value_of(SISNR(), estimate, x).item() == pytest.approx(-10 * math.log10(3), rel=1e-5)


@pytest.mark.parametrize("zero_mean", [True, False])
def test_si_snr_is_that_of_fast_bss_eval(zero_mean):
    x = noise(3, 4000) + 0.02
    estimate = 0.7 * x + 0.3 * noise(3, 4000, seed=1)
    theirs = fast_bss_eval.si_sdr_loss(estimate, x, zero_mean=zero_mean, clamp_db=None).mean()
    assert value_of(SISNR(zero_mean), estimate, x).item() == pytest.approx(theirs.item(), abs=1e-4)


def test_si_snr_is_our_metric():
    x, estimate = noise(1, 4000), noise(1, 4000) + noise(1, 4000, seed=1)
    assert -value_of(SISNR(), estimate, x).item() == pytest.approx(si_sdr(estimate[0].numpy(), x[0].numpy()), abs=1e-4)


def test_lmfb_is_the_mean_square_of_torchaudios_log_mel():
    """Eq. 10; 400 samples every 200, 80 filters."""
    mel = torchaudio.transforms.MelSpectrogram(16000, 512, 400, 200, n_mels=80, mel_scale="htk", norm=None)
    x, estimate = noise(2, 8000), noise(2, 8000, seed=1)
    theirs = ((mel(x) + 1e-6).log() - (mel(estimate) + 1e-6).log()).square()
    assert theirs.shape == (2, 80, 41)
    assert value_of(LMFB(), estimate, x).item() == pytest.approx(theirs.mean().item(), rel=1e-4)


def test_lmfb_of_a_scaled_signal():
    """Eq. 10 by hand: ten times the amplitude is log(100) more in every energy far above the floor."""
    x = 100 * noise(1, 4000)
    assert value_of(LMFB(), 10 * x, x).item() == pytest.approx(math.log(100) ** 2, rel=1e-4)


def test_mean_square_by_hand():
    """One frame of (1, 3): 5; two frames of (0, 2) and (2, 2): 3; the mean of both, each divided by its own frames."""
    difference = torch.tensor([[[1.0, 3.0], [9.0, 9.0]], [[0.0, 2.0], [2.0, 2.0]]])
    assert mean_square(difference, torch.tensor([1, 2])).item() == 4
    assert mean_square(difference, None).item() == (23 + 3) / 2 + 10


@pytest.mark.parametrize("alpha", [0, 0.01, 10])
def test_multitask_is_a_weighted_sum(alpha):
    """Eqs. 9 and 21."""
    x, estimate = noise(2, 4000), noise(2, 4000, seed=1)
    loss = Multitask(LMFB(), alpha)
    lmfb, snr = value_of(LMFB(), estimate, x).item(), value_of(SNR(), estimate, x).item()
    total, terms = loss({"speech": estimate.requires_grad_()}, {"spk1": x})
    assert total.item() == pytest.approx(lmfb + alpha * snr, rel=1e-5)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"lmfb_loss": lmfb, "snr_loss": snr}, rel=1e-5
    )
    assert not any(term.requires_grad for term in terms.values())


# --- promises of all -------------------------------------------------------------------------------------------------


@each
def test_promises(make):
    check_loss(make())


@each
def test_mixed_precision_takes_the_signals_in_float32(make):
    x, estimate = noise(2, 3000), noise(2, 3000, seed=1)
    loss = make()
    exact = value_of(loss, estimate, x).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = value_of(loss, estimate, x)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(exact, rel=0.05)


def test_losses_of_the_waveform_take_any_rate():
    SNR().setup(TrainingFacts(8000))
    Multitask(SISNR()).setup(TrainingFacts(44100))
