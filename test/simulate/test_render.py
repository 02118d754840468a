"""Rendering against closed forms and brute force: levels, places, speeds, rooms, the 16-bit grid."""

import numpy as np
import pytest
from helpers.sounds import FS, LSB, SPEECH, Sounds, mix, white
from scipy.signal import fftconvolve

from toolkit.simulate.plan import Mixture, Source
from toolkit.simulate.render import active_level, convolve, render


def sine(hz, length=8000, level=0.1):
    return level * np.sin(2 * np.pi * hz * np.arange(length) / FS)


def decibel(one, two):
    return 10 * np.log10(np.mean(np.square(one, dtype=float)) / np.mean(np.square(two, dtype=float)))


@pytest.mark.parametrize("snr", [-10.0, 0.0, 7.5, 30.0])
def test_snr_over_the_samples_that_have_noise(snr):
    audio = Sounds(speech=white(1), noise=white(2, 3000, 0.002))
    out = mix(audio, SPEECH, Source("noise1", "noise", 3000, offset=2500), snr={"noise1": snr})
    assert decibel(out["spk1"], out["noise1"][2500:5500]) == pytest.approx(snr, abs=0.02)
    assert not out["noise1"][:2500].any()
    assert not out["noise1"][5500:].any()


def test_padding_of_the_target_does_not_count_as_speech():
    audio = Sounds(speech=white(1, 2000), noise=white(2))
    target = Source("spk1", "speech", 2000, offset=3000)
    out = mix(audio, target, Source("noise1", "noise", 8000), snr={"noise1": 3.0})
    assert decibel(out["spk1"][3000:5000], out["noise1"]) == pytest.approx(3.0, abs=0.02)


def test_what_the_end_of_the_mixture_cuts_off_has_no_say_in_the_level():
    loud_end = np.concatenate([white(1, 4000, 0.02), white(3, 4000, 0.2)])
    audio = Sounds(speech=loud_end, noise=loud_end[::-1])
    noise = Source("noise1", "noise", 8000, offset=2000)
    out = mix(audio, SPEECH, noise, length=4000, snr={"noise1": 0.0})
    assert decibel(out["spk1"], out["noise1"][2000:]) == pytest.approx(0.0, abs=0.02)


def test_a_gap_between_two_noises_does_not_count():
    audio = Sounds(speech=white(1), noise=white(2, 1000))
    noises = [Source("noise1", "noise", 1000, offset=offset) for offset in (0, 6000)]
    out = mix(audio, SPEECH, *noises, snr={"noise1": 0.0})
    heard = np.concatenate([out["noise1"][:1000], out["noise1"][6000:7000]])
    assert decibel(out["spk1"], heard) == pytest.approx(0.0, abs=0.02)


def test_active_level_leaves_pauses_out():
    """Frames at 0, -30 and -50 dB: the last third is a pause."""
    frames = np.concatenate([np.full(3200, 0.5), np.full(3200, 0.5 * 10**-1.5), np.full(3200, 0.5 * 10**-2.5)])
    assert active_level(frames.astype(np.float32), FS) == pytest.approx(0.25 * (1 + 1e-3) / 2, rel=1e-6)
    assert active_level(np.zeros(3200, np.float32), FS) == 0
    assert active_level(np.full(100, 0.5, np.float32), FS) == 0.25


def test_snr_by_the_active_level_of_speech_and_the_whole_of_noise():
    speech = white(1)
    speech[3200:] = 0
    noise = white(2)
    noise[1600:] = 0
    audio = Sounds(speech=speech, noise=noise, other=np.roll(speech, 1600))
    other = Source("spk2", "other", 8000)
    out = mix(audio, SPEECH, other, Source("noise1", "noise", 8000), snr={"noise1": 5.0, "spk2": -3.0}, level="active")
    assert decibel(out["spk1"][:3200], out["noise1"]) == pytest.approx(5.0, abs=0.02)
    assert decibel(out["spk1"][:3200], out["spk2"][1600:4800]) == pytest.approx(-3.0, abs=0.02)


def test_talkers_of_babble_are_equally_loud():
    hertz, levels = (400, 1000, 2200), (0.3, 0.01, 0.001)
    talkers = {f"t{hz}": sine(hz, level=level) for hz, level in zip(hertz, levels, strict=True)}
    audio = Sounds(speech=white(1), **talkers)
    out = mix(audio, SPEECH, *(Source("noise1", key, 8000) for key in talkers), snr={"noise1": 2.0})
    parts = [out["noise1"] @ sine(hz, level=1.0) for hz in hertz]  # sines of whole periods are orthogonal
    assert parts == pytest.approx([parts[0]] * 3, rel=1e-3)
    assert decibel(out["spk1"], out["noise1"]) == pytest.approx(2.0, abs=0.02)


def test_gains_and_offsets_against_brute_force():
    """As published lists have it: every source times its gain, summed, nothing else."""
    audio = Sounds(speech=white(1), other=white(2, 5000), noise=white(3, 9000))
    rows = [
        ("spk1", "speech", 8000, 0, 0, 0.7),
        ("spk2", "other", 4000, 500, 2500, 1.3),
        ("noise1", "noise", 8000, 900, 0, 0.4),
    ]
    sources = [Source(role, utt, n, begin, offset, gain) for role, utt, n, begin, offset, gain in rows]
    out = mix(audio, *sources)
    total = np.zeros(8000)
    for role, utt, length, begin, offset, gain in rows:
        expected = np.zeros(8000)
        expected[offset : offset + length] = gain * audio.values[utt][begin : begin + length].astype(float)
        assert out[role] == pytest.approx(expected, abs=0.51 * LSB)
        total += expected
    assert out["wav"] == pytest.approx(total, abs=0.51 * LSB)


def test_a_role_without_snr_keeps_its_level_but_for_gains():
    audio = Sounds(speech=white(1), a=sine(400), b=sine(1000))
    out = mix(audio, SPEECH, Source("noise1", "a", 8000, gain=0.25), Source("noise1", "b", 8000))
    assert out["noise1"] == pytest.approx(sine(400) / 4 + sine(1000), abs=0.51 * LSB)


@pytest.mark.parametrize("only", [("wav",), ("noise1", "spk1"), ()])
def test_some_streams_are_those_of_all(only):
    audio, sources = Sounds(speech=white(1, level=0.5), noise=white(2)), (SPEECH, Source("noise1", "noise", 8000))
    mixture = Mixture("mix", FS, 8000, sources, "s", {"noise1": 3.0})
    whole, part = render(mixture, audio), render(mixture, audio, only=only)
    assert max(np.abs(whole["wav"])) < 1 <= max(np.abs(audio.values["speech"]))  # all were scaled by the loudest
    assert part.keys() == set(only)
    assert all(np.array_equal(part[name], whole[name]) for name in only)


@pytest.mark.parametrize("rooms", [None, Sounds(room=[0, 0.3, 0.1])])
def test_the_mixture_is_the_sum_of_its_streams_on_the_16_bit_grid(rooms):
    audio = Sounds(speech=white(1), other=white(2), noise=white(3))
    room = "room" if rooms else None
    sources = [Source(role, utt, 8000, room=room) for role, utt in (("spk2", "other"), ("noise1", "noise"))]
    out = mix(audio, Source("spk1", "speech", 8000, room=room), *sources, rooms=rooms, snr={"spk2": 1, "noise1": 4})
    assert out["wav"] == pytest.approx(out["spk1"] + out["spk2"] + out["noise1"], abs=2 * LSB)
    for stream in out.values():
        assert stream.dtype == np.float32
        assert (stream * 32768 == np.round(stream * 32768)).all()


@pytest.mark.parametrize("begin", [0, 700])
def test_a_short_recording_is_repeated(begin):
    audio = Sounds(speech=white(1), noise=white(2, 1000))
    out = mix(audio, SPEECH, Source("noise1", "noise", 8000, begin, gain=1.0, wrap=True))
    expected = [audio.values["noise"][(begin + n) % 1000] for n in range(8000)]
    assert out["noise1"] == pytest.approx(expected, abs=0.51 * LSB)


@pytest.mark.parametrize("speed", [0.9, 1.1, 1.5])
@pytest.mark.parametrize("wrap", [False, True])
def test_speed_moves_the_pitch(speed, wrap):
    length = int(16000 / speed)
    audio = Sounds(speech=sine(1000, 1600 if wrap else 16000))
    out = mix(audio, Source("spk1", "speech", length, speed=speed, wrap=wrap), length=length)["wav"]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(length), 2**18))
    assert spectrum.argmax() * FS / 2**18 == pytest.approx(1000 * speed, abs=0.5)
    assert np.sqrt(np.mean(np.square(out[200:-200]))) == pytest.approx(0.1 / np.sqrt(2), rel=0.01)


def test_begin_counts_samples_after_the_change_of_speed():
    click = np.zeros(8000)
    click[4000] = 0.5
    out = mix(Sounds(speech=click), Source("spk1", "speech", 1000, 4500, speed=0.8), length=1000)["wav"]
    assert np.abs(out).argmax() == pytest.approx(4000 / 0.8 - 4500, abs=1)


@pytest.mark.parametrize("delay", [0, 7, 123])
def test_a_room_that_only_delays_changes_nothing(delay):
    rir = np.zeros(400)
    rir[delay] = 0.3
    audio = Sounds(speech=white(1))
    out = mix(audio, Source("spk1", "speech", 8000, room="delay"), rooms=Sounds(delay=rir))
    for stream in ("wav", "spk1", "dereverb1"):
        assert out[stream] == pytest.approx(audio.values["speech"], abs=LSB)


def response(seed):
    """A direct path at sample 150 with a tail, 0.3 s; the tail is weaker than the direct path."""
    rir = white(seed, 4800, 0.05) * np.exp(-np.arange(4800) / 900)
    rir[:150] = 0
    rir[150] = 0.5
    return rir


def test_rooms_against_scipy():
    audio, rooms = Sounds(speech=white(1, 6000)), Sounds(a=response(5))
    out = mix(audio, Source("spk1", "speech", 6000, offset=1000, room="a"), rooms=rooms)
    rir = rooms.values["a"].astype(float)
    rir /= np.sqrt(np.sum(rir[150 - 40 : 150 + 40] ** 2))  # the direct path, 2.5 ms around it, has unit energy
    for stream, last in (("spk1", None), ("dereverb1", 150 + 800)):
        expected = fftconvolve(audio.values["speech"].astype(float), rir[:last])[150 : 150 + 6000]
        assert out[stream][1000:7000] == pytest.approx(expected, abs=LSB)
        assert not out[stream][:1000].any()
        assert not out[stream][7000:].any()
    assert np.abs(out["spk1"] - out["dereverb1"]).max() > 100 * LSB


@pytest.mark.parametrize(
    ("length", "taps"), [(1, 1), (2, 9), (5, 9), (8000, 3), (65537, 7), (150_000, 50), (70_000, 5000), (9000, 9000)]
)
def test_convolution_in_blocks_is_convolution(length, taps):
    samples, response = white(1, length).astype(np.float32), white(2, taps).astype(np.float32)
    for responses in ([response], [response, response[: taps // 2 + 1]]):
        for made, used in zip(convolve(samples, *responses), responses, strict=True):
            expected = fftconvolve(samples.astype(float), used.astype(float))[:length]
            assert (made.shape, made.dtype) == ((length,), np.float32)
            assert np.abs(made - expected).max() < 1e-6 * np.abs(expected).max()


def test_the_snr_is_that_of_the_reverberant_streams():
    audio, rooms = Sounds(speech=white(1), noise=white(2)), Sounds(a=response(5), b=response(6))
    sources = (Source("spk1", "speech", 8000, room="a"), Source("noise1", "noise", 8000, room="b"))
    out = mix(audio, *sources, rooms=rooms, snr={"noise1": 6.0})
    assert decibel(out["spk1"], out["noise1"]) == pytest.approx(6.0, abs=0.02)


def test_a_dry_target_has_no_dereverberated_stream():
    audio = Sounds(speech=white(1), noise=white(2))
    out = mix(audio, SPEECH, Source("noise1", "noise", 8000, room="a"), rooms=Sounds(a=response(5)))
    assert set(out) == {"wav", "spk1", "noise1"}


def test_rendering_leaves_the_recordings_alone():
    audio = Sounds(speech=white(1), noise=white(2))
    before = {key: value.copy() for key, value in audio.values.items()}
    sources = (SPEECH, Source("noise1", "noise", 8000))
    one, two = (mix(audio, *sources, snr={"noise1": 0.0}) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert all(np.array_equal(audio.values[key], before[key]) for key in before)


def test_a_filter_is_its_difference_equation():
    b1, b2, a1, a2 = taps = (0.3, -0.2, -0.35, 0.25)
    x, y = white(1, 400).astype(np.float32), np.zeros(400)
    for n in range(400):  # y[n] = x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]
        before = [x[n - k] if n >= k else 0.0 for k in (1, 2)] + [y[n - k] if n >= k else 0.0 for k in (1, 2)]
        y[n] = x[n] + b1 * before[0] + b2 * before[1] - a1 * before[2] - a2 * before[3]
    out = mix(Sounds(speech=x), Source("spk1", "speech", 400, taps=taps), length=400)
    np.testing.assert_allclose(out["spk1"], y, atol=LSB)


def test_the_snr_holds_after_filters_and_gain():
    audio = Sounds(speech=white(1), noise=sine(3000))
    sources = Source("spk1", "speech", 8000, gain=0.25, taps=(0.3, 0.3, -0.3, 0.3)), Source("noise1", "noise", 8000)
    out = mix(audio, *sources, snr={"noise1": 6.0})
    assert decibel(out["spk1"], out["noise1"]) == pytest.approx(6.0, abs=0.02)
    plain = mix(audio, Source("spk1", "speech", 8000, taps=(0.3, 0.3, -0.3, 0.3)))
    assert decibel(out["spk1"], plain["spk1"]) == pytest.approx(20 * np.log10(0.25), abs=0.02)
