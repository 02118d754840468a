"""Mixtures at the limits: peaks that clip, silence, audio that a plan does not fit, numbers that overflow."""

import numpy as np
import pytest
from helpers.sounds import LSB, SPEECH, Sounds, mix, white

from toolkit.io.errors import InputError
from toolkit.simulate.plan import Source
from toolkit.simulate.render import SilentSource


@pytest.mark.parametrize("gain", [0.5, 3.0, 40.0])
def test_a_peak_scales_all_streams_alike(gain):
    audio = Sounds(speech=white(1), noise=white(2))
    sources = (Source("spk1", "speech", 8000, gain=gain, room="a"), Source("noise1", "noise", 8000, gain=2 * gain))
    out = mix(audio, *sources, rooms=Sounds(a=[1.0]))
    peak = np.abs(gain * (audio.values["speech"] + 2 * audio.values["noise"])).max()
    factor = gain * min(1.0, 0.99 / peak)
    for stream, expected in (("spk1", "speech"), ("dereverb1", "speech"), ("noise1", "noise")):
        scale = factor * (2 if stream == "noise1" else 1)
        assert out[stream] == pytest.approx(scale * audio.values[expected], abs=LSB)
    assert max(np.abs(stream).max() for stream in out.values()) <= 0.99 + LSB


def test_a_plan_can_clip_instead():
    """As a file of a published mixture has it: every stream by itself, below full scale nothing changes."""
    audio = Sounds(speech=white(1), noise=white(2))
    out = mix(audio, Source("spk1", "speech", 8000, gain=3.0), Source("noise1", "noise", 8000, gain=9.0), clip=True)
    speech, noise = 3.0 * audio.values["speech"], 9.0 * audio.values["noise"]
    assert np.abs(speech).max() < 1 < np.abs(noise).max()
    for stream, samples in (("spk1", speech), ("noise1", noise), ("wav", speech + noise)):
        assert out[stream] == pytest.approx(np.clip(samples, -1, 1 - LSB), abs=0.51 * LSB)


def test_clipping_makes_no_square_wave():
    with pytest.raises(InputError, match="full scale"):
        mix(Sounds(speech=white(1)), Source("spk1", "speech", 8000, gain=1e5), clip=True)


def test_a_stream_louder_than_the_mixture_does_not_clip():
    """Target and noise cancel: the mixture is silent, its parts are not."""
    audio = Sounds(speech=white(1), noise=-white(1))
    out = mix(audio, Source("spk1", "speech", 8000, gain=50.0), Source("noise1", "noise", 8000, gain=50.0))
    assert np.abs(out["spk1"]).max() == pytest.approx(0.99, abs=LSB)
    assert not out["wav"].any()


@pytest.mark.parametrize(
    ("sources", "named"),
    [
        ((SPEECH, Source("noise1", "zero", 8000)), r"mix: noise1 \(zero\)"),
        ((SPEECH, Source("noise1", "noise", 8000), Source("noise1", "zero", 8000)), r"mix: noise1 \(zero\)"),
        ((Source("spk1", "zero", 8000), Source("noise1", "noise", 8000)), r"mix: spk1 \(zero\)"),
        ((SPEECH, Source("noise1", "noise", 8000, room="none")), "mix: impulse response none"),
    ],
)
@pytest.mark.parametrize("level", ["mean", "active"])
def test_digital_silence_is_named(sources, named, level):
    audio = Sounds(speech=white(1), noise=white(2), zero=np.zeros(8000))
    with pytest.raises(SilentSource, match=f"{named}.* digital silence"):
        mix(audio, *sources, rooms=Sounds(none=np.zeros(99)), snr={"noise1": 0.0}, level=level)


def test_silence_is_no_fault_where_no_level_is_asked():
    out = mix(Sounds(zero=np.zeros(8000)), Source("spk1", "zero", 8000))
    assert not out["wav"].any()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("spk1", "who", 8000), "who: no such id"),
        (Source("spk1", "speech", 10, begin=8000), "speech: has 8000 samples, the plan begins at 8000"),
        (Source("spk1", "speech", 10, begin=4000, speed=2.0), "speech: has 8000 samples, the plan begins at 8000"),
        (Source("spk1", "speech", 8000, begin=100), "speech: is 100 samples shorter than the plan says"),
        (Source("spk1", "speech", 8000, speed=1.1), r"speech: is \d+ samples shorter than the plan says"),
        (Source("spk1", "speech", 8000, room="hall"), "mix: speech is in room hall"),
    ],
)
def test_a_plan_for_other_audio(source, message):
    with pytest.raises(InputError, match=message):
        mix(Sounds(speech=white(1)), source)


def test_the_two_samples_that_a_resampler_may_leave_out_are_silence():
    audio = Sounds(speech=white(1))
    out = mix(audio, Source("spk1", "speech", 8002), length=8002)["wav"]
    assert out == pytest.approx([*audio.values["speech"], 0, 0], abs=0.51 * LSB)
    with pytest.raises(InputError, match="speech: is 3 samples shorter than the plan says"):
        mix(audio, Source("spk1", "speech", 8003), length=8003)


def test_audio_at_another_rate():
    with pytest.raises(InputError, match="mix: is planned at 16000 Hz, the audio is at 8000 Hz"):
        mix(Sounds(fs=8000, speech=white(1)), SPEECH)


@pytest.mark.parametrize("gain", [1e10, -1e10, 1e-10])
def test_the_largest_gains_scale_what_there_is(gain):
    """The loudest of the sum is at the peak, and as its recording is."""
    speech, noise = white(1), white(2)
    out = mix(Sounds(speech=speech, noise=noise), SPEECH, Source("noise1", "noise", 8000, gain=gain))
    loudest = gain * noise if abs(gain) > 1 else speech
    np.testing.assert_allclose(out["wav"], min(1, 0.99 / np.abs(loudest).max()) * loudest, atol=2 * LSB)


@pytest.mark.parametrize("value", [3e38, np.nan])
def test_samples_that_overflow_are_refused(value):
    audio = Sounds(speech=white(1), noise=np.full(8000, value))
    with pytest.raises(InputError, match="mix: .*overflow|noise: .*full scale"):
        mix(audio, SPEECH, Source("noise1", "noise", 8000, gain=10.0))


@pytest.mark.parametrize(("samples", "part"), [(np.full(9000, 0.2), (0, 8000)), (np.full(9000, 0.2), (500, 4000)),
                                               (3000 * white(1, 9000), (100, 8000))])  # fmt: skip
def test_sources_that_are_no_sound_are_named(samples, part):
    begin, length = part
    with pytest.raises(InputError, match="^odd: "):
        mix(Sounds(a=white(0), odd=samples), Source("spk1", "a", 8000), Source("noise1", "odd", length, begin=begin))
    level = np.r_[np.full(4000, 0.01), white(2, 4000)]  # a pause with an offset is one
    mix(Sounds(a=white(0), b=level), Source("spk1", "a", 8000), Source("noise1", "b", 3000))
