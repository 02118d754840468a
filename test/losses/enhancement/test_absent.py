"""The loss of mixtures without the enrolled speaker: numbers worked by hand, and how the two kinds are joined."""

import math

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses.enhancement import SISNR, SNR, AbsentTarget, RIMagSISNR


def test_by_hand():
    """Energies 25 and 100 of output and mixture: 10 log10(1/4 + 1/100); beyond the first's length is padding."""
    loss = AbsentTarget(SNR())
    outputs = {"speech": torch.tensor([[3.0, 4.0, 7.0], [0.0, 0.0, 0.0]])}
    batch = {
        "wav": torch.tensor([[6.0, 8.0, 5.0], [1.0, 1.0, 1.0]]),
        "spk1": torch.zeros(2, 3),
        "lengths": torch.tensor([2, 3]),
    }
    total, terms = loss(outputs, batch)
    by_hand = 10 * math.log10(0.26), -20.0
    assert terms["residual_energy"].item() == pytest.approx(sum(by_hand) / 2, abs=1e-4)
    assert total.item() == pytest.approx(sum(by_hand) / 2, abs=1e-4)
    doubled = AbsentTarget(SNR(), absent_weight=2, floor_db=-30)(outputs, batch)[0]
    assert doubled.item() == pytest.approx(10 * math.log10(0.251) - 30, abs=1e-4)


def batch_of(*present: bool) -> tuple[dict, dict]:
    noise = torch.Generator().manual_seed(0)
    output, mixture, reference = 0.1 * torch.randn(3, len(present), 400, generator=noise)
    reference[~torch.tensor(present)] = 0
    ids = [f"u{i}" for i in range(len(present))]
    batch = {"ids": ids, "wav": mixture, "spk1": reference, "lengths": torch.full((len(present),), 400)}
    return {"speech": output.requires_grad_()}, batch


@pytest.mark.parametrize("inner", [SNR, RIMagSISNR], ids=["snr", "ri_mag"])
def test_each_kind_counts_by_its_number(inner):
    outputs, batch = batch_of(True, False, True, True)
    present = torch.tensor([True, False, True, True])
    alone, _ = inner()({"speech": outputs["speech"][present]},
                       {"spk1": batch["spk1"][present], "lengths": batch["lengths"][present]})  # fmt: skip
    residual = AbsentTarget(inner()).residual(outputs["speech"], batch["wav"])[1]
    total, terms = AbsentTarget(inner())(outputs, batch)
    torch.testing.assert_close(total, (3 * alone + residual) / 4)
    assert terms["residual_energy"].item() == pytest.approx(residual.item(), abs=1e-5)
    total.backward()
    assert outputs["speech"].grad.abs().amax(1).min() > 0


@pytest.mark.parametrize("present", [True, False])
def test_a_batch_of_one_kind(present):
    outputs, batch = batch_of(present, present)
    total, terms = AbsentTarget(SNR())(outputs, batch)
    assert ("residual_energy" in terms) is not present
    if present:
        assert total.item() == pytest.approx(SNR()(outputs, batch)[0].item())


def test_silence_costs_least_and_has_a_gradient_of_zero():
    _, batch = batch_of(False)
    silent = torch.zeros(1, 400, requires_grad=True)
    total, _ = AbsentTarget(SNR())({"speech": silent}, batch)
    total.backward()
    assert total.item() == pytest.approx(-20)
    assert not silent.grad.any()


def test_bad_options():
    with pytest.raises(InputError, match="SISNR: does not depend on the output's level"):
        AbsentTarget(SISNR())
    with pytest.raises(InputError, match="floor_db 0: must be below 0"):
        AbsentTarget(SNR(), floor_db=0)
    with pytest.raises(InputError, match="absent_weight -1: must be 0 or more"):
        AbsentTarget(SNR(), absent_weight=-1)
