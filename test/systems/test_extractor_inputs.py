"""What an extractor takes and gives: levels, silence, long mixtures, arrays, several enrolments."""

import io

import numpy as np
import pytest
import soundfile
import soxr
import torch
from helpers.small_extractor import extract, small_extractor, write_several

from test.conftest import voice
from test.models.tse.extractors import Several
from toolkit.io.errors import InputError
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.loading import Origin
from toolkit.systems.signals import check_signal


@pytest.fixture(scope="module")
def model():
    return small_extractor()


def test_the_output_explains_as_much_of_the_mixture_as_any_level_of_it(model):
    mixture, enrolment = voice(0, 0, 1.0, 8000) + voice(1, 0, 1.0, 8000), voice(0, 1, 1.0, 8000)
    made = extract(model, mixture, enrolment).astype(np.float64)
    assert made @ made > 0
    assert abs((mixture - made) @ made) < 1e-4 * (mixture @ mixture)
    with torch.inference_mode():
        raw = model(torch.from_numpy(mixture)[None], torch.from_numpy(enrolment)[None])[0].numpy()
    assert np.corrcoef(raw, made)[0, 1] ** 2 == pytest.approx(1, abs=1e-5)


def test_a_level_that_was_trained_stays(model):
    mixture, enrolment = voice(0, 0, 1.0, 8000) + voice(1, 0, 1.0, 8000), voice(0, 1, 1.0, 8000)
    with torch.inference_mode():
        raw = model(torch.from_numpy(mixture)[None], torch.from_numpy(enrolment)[None])[0].numpy()
    for scale_invariant, expected in ((False, raw), (True, extract(model, mixture, enrolment))):
        trained = Extractor(model, Origin(training={"scale_invariant_loss": scale_invariant}))
        np.testing.assert_allclose(trained.extract(mixture, enrolment, 8000), expected, atol=1e-6)


def test_a_mixture_that_is_silent_in_part_is_one(model, monkeypatch):
    """Only a whole recording must hold sound; a piece of it goes through the network alone."""
    monkeypatch.setattr("toolkit.systems.inference.extractor_base.CHUNK_SECONDS", 0.5)
    mixture = np.pad(voice(0, 0, 1.0, 8000), (8000, 0))
    made = extract(model, mixture, voice(0, 1, 1.0, 8000))
    assert np.isfinite(made).all()
    assert made[8000:].any()


def test_long_mixtures_go_in_chunks(model, monkeypatch):
    monkeypatch.setattr("toolkit.systems.inference.extractor_base.CHUNK_SECONDS", 0.5)
    mixture, longest = voice(0, 0, 1.7, 8000), []
    forward = SEFPNet.forward
    monkeypatch.setattr(
        SEFPNet, "forward", lambda self, wav, *a: (longest.append(wav.shape[1]), forward(self, wav, *a))[1]
    )
    assert len(extract(model, mixture, voice(0, 1, 0.5, 8000))) == len(mixture)
    assert max(longest) == 4000
    assert len(longest) > 3


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((800, 2), np.float32), r"has the shape \(800, 2\)"),
        (np.zeros(0, np.float32), r"has the shape \(0,\)"),
        (np.arange(800), "is of int64; must be floats in"),
        (np.full(800, np.nan, np.float32), "holds NaN"),
        (np.zeros(800, np.float32), "is digital silence"),
        (np.full(800, 0.5, np.float32), "is constant"),
        (np.sin(np.arange(799.0)), "lasts 0.0999 s"),
        (1000 * np.sin(np.arange(800.0)), ".*beyond full scale"),
        (1e30 * np.sin(np.arange(800.0)), ".*beyond full scale"),
    ],
)
def test_arrays_that_are_no_signal_are_refused(model, bad, message):
    good = voice(0, 0, 0.5, 8000)
    for what, args in (("mixture", (bad, good)), ("enrolment", (good, bad))):
        with pytest.raises(InputError, match=f"the {what} {message}"):
            extract(model, *args)


def test_arrays_of_any_float_and_tensors_are_signals(model):
    mixture, enrolment = voice(0, 0, 0.5, 8000), voice(0, 1, 0.5, 8000)
    made = extract(model, mixture, enrolment)
    assert np.array_equal(extract(model, mixture.astype(np.float64), enrolment.astype(np.float64)), made)
    assert np.array_equal(extract(model, torch.from_numpy(mixture), torch.from_numpy(enrolment)), made)
    for kind in (np.int16, np.int32):  # against what libsndfile makes of files of them
        whole = (mixture * np.iinfo(kind).max).astype(kind)
        soundfile.write(buffer := io.BytesIO(), whole, 8000, format="WAV", subtype=f"PCM_{8 * whole.itemsize}")
        scaled = soundfile.read(io.BytesIO(buffer.getvalue()), dtype="float32")[0]
        assert np.array_equal(extract(model, whole, enrolment), extract(model, scaled, enrolment))


@pytest.fixture
def several(tmp_path) -> list[str]:
    return write_several(tmp_path)


def test_several_enrolments_are_joined_in_their_order(model, several):
    mixture, parts = voice(0, 0, 0.5, 8000), [soundfile.read(path, dtype="float32")[0] for path in several[:2]]
    joined, turned = (extract(model, mixture, np.concatenate(some)) for some in (parts, parts[::-1]))
    assert not np.allclose(joined, turned, atol=1e-5)
    for given in (parts, tuple(parts), [parts[0].tolist(), torch.from_numpy(parts[1])[None]], [several[0], parts[1]]):
        np.testing.assert_allclose(extract(model, mixture, given), joined, atol=1e-6)
    assert np.array_equal(extract(model, mixture, several[1::-1]), turned)
    assert np.array_equal(extract(model, mixture, parts[:1]), extract(model, mixture, parts[0]))


def test_each_of_several_files_is_resampled_from_its_rate(model, several):
    mixture, (wav, rate) = voice(0, 0, 0.5, 8000), soundfile.read(several[2], dtype="float32")
    given = [soundfile.read(several[0], dtype="float32")[0], soxr.resample(wav, rate, 8000)]
    expected = extract(model, mixture, given)
    np.testing.assert_allclose(extract(model, mixture, [several[0], several[2]]), expected, atol=1e-5)


def test_a_network_of_several_is_given_them_side_by_side(several):
    system, mixture = Extractor(Several()), voice(0, 0, 0.5, 16000)
    seen = []
    system.network.register_forward_hook(lambda module, inputs, out: seen.append(inputs))
    outputs = [system.extract(mixture, given, 16000) for given in (several, several[::-1], several[0], several[:1])]
    assert np.array_equal(*outputs[:2])
    assert np.array_equal(*outputs[2:])
    assert seen[0][1].shape == (1, 3, seen[0][2].max())
    assert seen[0][2].tolist() == [[6400, 8000, 8000]]
    assert seen[2][1].shape == (1, 1, 6400)
    assert system.cost()["macs"] > 0


def test_several_that_are_no_enrolments_are_refused(model, several):
    good, mixture = voice(0, 1, 0.5, 8000), voice(0, 0, 0.5, 8000)
    faults = [
        ([], "empty list"),
        ((good, 0 * good), "enrolment 2 of 2 is digital silence"),
        ([good, None], "enrolment 2 of 2"),
        ([[0.1] * 900, [0.2]], "enrolment 1 of 2 is constant"),
    ]
    for bad, message in faults:
        with pytest.raises(InputError, match=message):
            extract(model, mixture, bad)
    with pytest.raises(InputError, match=r"e3\.wav: .* is at 16000 Hz, fs=8000"):
        Extractor(model).extract(several[0], several, 8000)
    with pytest.raises(InputError, match="give its rate"):
        Extractor(model).extract(several[0], [several[0], good])


def test_what_is_not_finite_is_refused_and_what_is_too_loud_scaled():
    assert np.abs(check_signal(np.array([0.5, -2.0], np.float32), "a")).max() == pytest.approx(0.99)
    with pytest.raises(Exception, match="a: the output is not finite"):
        check_signal(np.array([np.nan], np.float32), "a")


def test_observation_adding_between_estimate_and_recording():
    class Half(SpeechEnhancer):
        fs = 8000

        def forward(self, wav):
            return 0.5 * wav

    wav = voice(0, 0, 0.1, 8000)
    for beta, factor in ((0.0, 0.5), (0.2, 0.6), (1.0, 1.0)):
        assert Enhancer(Half()).enhance(wav, 8000, beta) == pytest.approx(factor * wav, abs=1e-7)
