"""The extraction networks written down once more, and the promises of every speaker extractor."""

import pytest
import torch
from helpers import plain_tse
from helpers.plain import after_training

from toolkit.features.complex_stft import ComplexSTFT
from toolkit.io.errors import InputError
from toolkit.models.tse.dpccn import deviation
from toolkit.testing import check_extractor

from .extractors import NAMES, small, sounds

every_system = pytest.mark.parametrize("name", NAMES)


def whole(model, mixture, enrolment):
    """The system written down once more, in eval mode."""
    w, stft = model.state_dict(), ComplexSTFT(64, 16).double()

    def complex_of(wav, power):
        planes = stft(wav)[0]
        spectrum = torch.complex(planes[:, 0], planes[:, 1])
        return torch.polar(spectrum.abs() ** power, spectrum.angle())

    def audio_of(planes, power):
        spectrum = torch.complex(planes[:, 0], planes[:, 1])
        spectrum = torch.polar(spectrum.abs() ** (1 / power), spectrum.angle())
        return stft.inverse(torch.stack((spectrum.real, spectrum.imag), 1), mixture.shape[1])

    if "speaker.expand.weight" in w:
        level = mixture.std(1, correction=0, keepdim=True)
        y = complex_of(mixture / level, 1)
        e = complex_of(enrolment / enrolment.std(1, correction=0, keepdim=True), 1)
        speaker = plain_tse.speaker(w, "speaker", e.abs())
        return level * audio_of(
            plain_tse.dpccn(w, "network", torch.stack((y.real, y.imag), 1), (2, 3), speaker), power=1
        )
    y, e = complex_of(mixture, 0.5), complex_of(enrolment, 0.5)
    planes = []
    for a, b in ((y.real, e.real), (y.imag, e.imag)):
        planes.append(b @ torch.softmax(b.transpose(1, 2) @ a, dim=1))
    cue = torch.stack(planes, 1)
    if "integration.first.local_context.0.weight" in w:
        mean = torch.stack((e.real, e.imag), 1).mean(3, keepdim=True).expand_as(cue)
        cue = plain_tse.integrated(w, "integration", cue, mean)
    x = torch.cat((torch.stack((y.real, y.imag), 1), cue), 1)
    return audio_of(plain_tse.dpccn(w, "network", x, (2, 3)), power=0.5)


@every_system
def test_it_equals_the_network_written_down_in_plain_functions(name):
    model = after_training(small(name)).double()
    mixture, enrolment = sounds(2, 700, 1, torch.float64), sounds(2, 430, 2, torch.float64)
    torch.testing.assert_close(model(mixture, enrolment), whole(model, mixture, enrolment))


def test_the_cue_is_beside_the_mixture_and_the_first_two_planes_are_the_mixtures():
    model, seen = small("sefpnet").eval(), []
    model.network.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    mixture = sounds(1, 300)
    for seed in (1, 2):
        model(mixture, sounds(1, 300, seed))
    assert torch.equal(seen[0][:, :2], seen[1][:, :2])
    assert not torch.allclose(seen[0][:, 2:], seen[1][:, 2:])


# --- promises --------------------------------------------------------------------------------------------------------


@every_system
def test_promises(name):
    check_extractor(small(name))


@pytest.mark.parametrize(
    ("name", "branch"), [("sdpccn", "speaker"), ("dpccn_ci_ifi", "integration"), ("sefpnet", "integration")]
)
def test_the_branch_of_the_enrolment_learns(name, branch):
    model = small(name).train()
    (model(sounds(2, 401), sounds(2, 300, 1)) * sounds(2, 401, 2)).sum().backward()
    assert any(p.grad.any() for p in model.get_submodule(branch).parameters() if p.requires_grad)


@every_system
def test_mixed_precision_keeps_the_spectrogram_out_of_it(name):
    model, mixture, enrolment = small(name).eval(), sounds(2, 400), sounds(2, 300, 1)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(mixture, enrolment)
    assert out.dtype == torch.float32
    exact = model(mixture, enrolment)
    assert (out - exact).norm() < 0.1 * exact.norm()


def test_levels_of_sdpccn_are_the_mixtures_and_no_matter_else():
    model, mixture, enrolment = small("sdpccn").eval().double(), sounds(1, 300), sounds(1, 200, 1)
    mixture, enrolment = mixture.double(), enrolment.double()
    out = model(mixture, enrolment)
    torch.testing.assert_close(model(10 * mixture, enrolment), 10 * out)
    torch.testing.assert_close(model(mixture, 0.1 * enrolment), out)


def test_levels_of_sefpnet_are_brought_to_one_where_asked_for():
    model, plain = (after_training(small("sefpnet", level=level)).double() for level in (0.2, None))
    mixture, enrolment = sounds(2, 300, 0, torch.float64), sounds(2, 200, 1, torch.float64)
    out = model(mixture, enrolment)
    gain, enrolment_gain = (0.2 / x.std(1, correction=0, keepdim=True) for x in (mixture, enrolment))
    torch.testing.assert_close(out, plain(gain * mixture, enrolment_gain * enrolment) / gain)
    torch.testing.assert_close(model(10 * mixture, enrolment), 10 * out)
    torch.testing.assert_close(model(mixture, 0.1 * enrolment), out)
    padded = torch.cat((enrolment, 100 * torch.ones(2, 50)), 1)
    torch.testing.assert_close(model(mixture, padded, torch.tensor([200, 200])), out)
    assert model(0 * mixture, 0 * enrolment).isfinite().all()


def test_deviation():
    wav = torch.tensor([[1.0, 3.0, 99.0], [2.0, 2.0, 2.0]])
    assert deviation(wav, torch.tensor([2, 3])).flatten().tolist() == pytest.approx([1.0, 1e-6])


@pytest.mark.parametrize("name", ["sdpccn", "sefpnet"])
@pytest.mark.parametrize("window", [66, 90, 128])
def test_other_windows_go(name, window):
    """Numbers of bins that halving does not divide, and a deepest map of several bins."""
    model = small(name, window=window, hop=window // 4)
    assert model(sounds(2, 501), sounds(2, 300, 1)).shape == (2, 501)


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fusion": "film"}, "fusion 'film': must be one of none, ifi"),
        ({"attention": "eca"}, "attention 'eca': must be one of none, lca, se, cbam"),
        ({"compression": 0.0}, "compression 0: must be above 0"),
        ({"level": 0.0}, "level 0: must be above 0, or null"),
        ({"window": 32, "hop": 8}, "4 stages cannot halve 17 bins"),
        ({"dense_channels": (8, 0)}, "must be 1 or more"),
        ({"dense_depth": 0}, "dense_depth 0"),
        ({"mix_channels": 0}, "mix_channels 0: must be 1 or more"),
        ({"hop": 33}, "hop 33"),
    ],
)
def test_arguments_that_do_not_go(changes, message):
    with pytest.raises(InputError, match=message):
        small("sefpnet", **changes)
