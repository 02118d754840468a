"""The extraction networks written down once more, and the promises of every speaker extractor."""

import pytest
import torch
from helpers import plain_tse
from helpers.plain import after_training

from toolkit.features.complex_stft import ComplexSTFT
from toolkit.io.errors import InputError
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.dpccn import deviation

from .extractors import NAMES, small, sounds

every_system = pytest.mark.parametrize("name", NAMES)
SHAPES = [(1, 1), (1, 700), (15, 16), (16, 1), (17, 33), (333, 1000), (1001, 80)]


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
@pytest.mark.parametrize("train", [False, True])
def test_any_length_goes_in_and_the_same_comes_out(name, train):
    model = small(name).train(train)
    assert isinstance(model, SpeakerExtractor)
    assert model.fs == 8000
    for n, m in SHAPES:
        out = model(sounds(1, n), sounds(1, m, 1))
        assert out.shape == (1, n)
        assert out.isfinite().all()


@every_system
def test_padding_of_the_enrolment_does_not_count(name):
    model = after_training(small(name)).double()
    mixture, enrolment = sounds(5, 400, 0, torch.float64), sounds(5, 500, 1, torch.float64)
    lengths = torch.tensor([500, 499, 160, 17, 1])
    alone = [model(mixture[i, None], enrolment[i, None, :n])[0] for i, n in enumerate(lengths)]
    for row, n in zip(enrolment, lengths, strict=True):
        row[n:] = 100.0
    torch.testing.assert_close(model(mixture, enrolment, lengths), torch.stack(alone))


@every_system
def test_a_batch_is_its_members(name):
    model = after_training(small(name)).double()
    mixture, enrolment = sounds(3, 333, 0, torch.float64), sounds(3, 250, 1, torch.float64)
    together = model(mixture, enrolment)
    for i in range(3):
        torch.testing.assert_close(model(mixture[i, None], enrolment[i, None])[0], together[i])


@every_system
@pytest.mark.parametrize("batch", [1, 2])
def test_a_training_step_reaches_every_parameter_and_the_enrolment(name, batch):
    model, enrolment = small(name).train(), sounds(batch, 300, 1).requires_grad_()
    out = model(sounds(batch, 401), enrolment, torch.tensor([300, 200])[:batch])
    (out * sounds(batch, 401, 2)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)
    branch = {"sdpccn": "speaker", "dpccn_ci_ifi": "integration", "sefpnet": "integration"}.get(name)
    if branch:
        assert any(p.grad.abs().max() > 0 for p in model.get_submodule(branch).parameters() if p.requires_grad)
    grad = enrolment.grad.abs()
    assert all(grad[i, :n].max() > 0 and not grad[i, n:].any() for i, n in enumerate([300, 200][:batch]))


@every_system
@pytest.mark.parametrize("silent", ["mixture", "enrolment", "both"])
@pytest.mark.parametrize("train", [False, True])
def test_silence_is_finite(name, silent, train):
    model = small(name).train(train)
    mixture = sounds(2, 400) * (silent == "enrolment")
    enrolment = sounds(2, 300, 1) * (silent == "mixture")
    mixture.requires_grad_(), enrolment.requires_grad_()
    out = model(mixture, enrolment)
    assert out.isfinite().all()
    out.sum().backward()
    assert mixture.grad.isfinite().all()
    assert enrolment.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)


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
        ({"fusion": "film"}, "fusion 'film': it can be none, ifi"),
        ({"attention": "eca"}, "attention 'eca': it can be none, lca, se, cbam"),
        ({"compression": 0.0}, "compression 0: it can be above 0"),
        ({"level": 0.0}, "level 0: it can be above 0, or null"),
        ({"window": 32, "hop": 8}, "4 stages halve 17 bins to nothing"),
        ({"dense_channels": (8, 0)}, "they can be 1 or more"),
        ({"dense_depth": 0}, "dense_depth 0"),
        ({"mix_channels": 0}, "mix_channels 0: 1 or more"),
        ({"hop": 33}, "hop 33"),
    ],
)
def test_arguments_that_do_not_go(changes, message):
    with pytest.raises(InputError, match=message):
        small("sefpnet", **changes)
