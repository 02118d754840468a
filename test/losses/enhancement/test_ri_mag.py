"""Distances of compressed spectrograms: numbers worked by hand, another transform, promises."""

import math

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses.enhancement import RIMag, RIMagSISNR
from toolkit.losses.enhancement.waveform import SISNR
from toolkit.testing import check_loss


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_by_hand():
    """A window of 4 (Hann: 0, 1/2, 1, 1/2) and a hop of 2; one sample of 1 is the reference, of -4 the output.

    Two zeros before and four behind: frames are (0, 0, 1, 0) and (1, 0, 0, 0). Times the window these are a pulse of 1
    at place 2, with the spectrum 1, -1, 1, and zeros. The output has -4, 4, -4. With p = 1/2: magnitudes 1 and 2, so
    L_mag = 3 bins (1 - 2)^2 / 2 frames; parts 1 and -2, so L_RI = 3 bins (1 + 2)^2 / 2 frames.
    """
    loss = RIMag(fs=1000, frame_ms=4, hop_ms=2)
    output, reference = torch.tensor([[-4.0]]), torch.tensor([[1.0]])
    ri, mag = loss.distances(output, reference)
    assert (ri.item(), mag.item()) == pytest.approx((13.5, 1.5), abs=1e-4)
    assert loss.compare(output, reference).item() == pytest.approx(15, abs=1e-4)
    weighted = RIMag(fs=1000, frame_ms=4, hop_ms=2, ri_weight=2, mag_weight=0.5)
    assert weighted.compare(output, reference).item() == pytest.approx(27.75, abs=1e-4)


def test_the_sum_has_the_negative_si_snr():
    """Reference (3, 1, -4), output (1, 0, -1), both of mean 0: a = 7 / 26, so 10 log10((49 / 26) / (2 - 49 / 26))."""
    output, reference = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[3.0, 1.0, -4.0]])
    loss = RIMagSISNR(fs=1000, frame_ms=4, hop_ms=2)
    total, terms = loss({"speech": output}, {"spk1": reference, "lengths": None})
    assert terms.keys() == {"ri_loss", "mag_loss", "si_snr_loss"}
    assert terms["si_snr_loss"].item() == pytest.approx(-10 * math.log10(49 / 3), abs=1e-4)
    assert total.item() == pytest.approx(sum(term.item() for term in terms.values()), abs=1e-4)
    assert SISNR().compare(output, reference).item() == pytest.approx(terms["si_snr_loss"].item())
    half = RIMagSISNR(fs=1000, frame_ms=4, hop_ms=2, si_snr_weight=0.5)
    difference = total - half({"speech": output}, {"spk1": reference, "lengths": None})[0]
    assert difference.item() == pytest.approx(0.5 * terms["si_snr_loss"].item(), abs=1e-4)


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_it_is_what_the_transform_of_torch_gives(power):
    output, reference = noise(2, 1600), noise(2, 1600, seed=1)
    spectra = []
    for wav in (output, reference):
        padded = torch.nn.functional.pad(wav.double(), (160, 320))
        window = torch.hann_window(320, dtype=torch.float64)
        spectra.append(torch.stft(padded, 320, 160, window=window, center=False, return_complex=True)[..., :12])
    ours, theirs = (torch.polar(x.abs() ** power, x.angle()) for x in spectra)
    ri, mag = RIMag(power).distances(output, reference)
    frames = RIMag().stft.num_frames(1600)
    assert (RIMag().stft.bins, frames) == (161, 12)
    assert ri.item() == pytest.approx(((ours - theirs).abs() ** 2).sum().item() / (2 * frames), rel=1e-3)
    assert mag.item() == pytest.approx(((ours.abs() - theirs.abs()) ** 2).sum().item() / (2 * frames), rel=1e-3)


@pytest.mark.parametrize("loss", [RIMag(power=0.3, fs=8000), RIMagSISNR()])
def test_promises(loss):
    check_loss(loss)


@pytest.mark.parametrize("power", [0.0, 1.1])
def test_a_power_that_does_not_go(power):
    with pytest.raises(InputError, match=f"power {power:g}: must be above 0"):
        RIMag(power)
