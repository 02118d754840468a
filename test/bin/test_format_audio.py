import math
from functools import partial

import numpy as np
import pytest
import soundfile
import soxr
from helpers.format_stage import CALL, FS, formatted, noise, stage, visible, write_sounds
from scipy.signal import resample_poly

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table, write_table
from toolkit.io.samples import resample


@pytest.fixture
def make(tmp_path):
    return partial(write_sounds, tmp_path)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
@pytest.mark.parametrize("length", [1, 2, 3, 100, 7999, 12345])
def test_resampling_covers_the_end_and_agrees_with_soxr(rate, length):
    samples = noise(length / rate, rate).astype(np.float32) / 32768
    ours, theirs = resample(samples, rate, FS), soxr.resample(samples, rate, FS)
    both = min(len(ours), len(theirs))
    assert len(ours) == math.ceil(length * FS / rate)
    assert both >= len(ours) - 1
    np.testing.assert_allclose(ours[:both], theirs[:both], atol=1e-6)


def test_a_tone_keeps_its_frequency_and_level():
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(44100) / 44100)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(FS) / FS)
    np.testing.assert_allclose(resample(tone.astype(np.float32), 44100, FS)[500:-500], expected[500:-500], atol=1e-4)


def test_samples_at_the_wanted_rate_pass_bit_for_bit(tmp_path, make):
    sounds = {"b": noise(0.5), "A": noise(0.7, seed=1)}
    make(sounds, text={"A": "one two", "b": "three"})
    assert stage(tmp_path) == 0
    out = formatted(tmp_path)
    assert list(out) == ["A", "b"]
    for key, samples in sounds.items():
        np.testing.assert_array_equal(out[key] * 32768, samples)
    assert read_table(tmp_path / "raw/train/utt2num_samples") == {"A": "11200", "b": "8000"}
    assert read_table(tmp_path / "raw/train/utt2dur") == {"A": "0.7000", "b": "0.5000"}
    assert read_table(tmp_path / "raw/train/text") == {"A": "one two", "b": "three"}


def test_enrolments_are_formatted_as_the_recordings_are(tmp_path, make, capsys):
    wav = make({"a": noise(0.5), "b": noise(0.6)})
    voices = {"a": (noise(0.7, 44100, seed=1), 44100), "b": (noise(0.4, 8000, seed=2), 8000)}
    for key, (samples, rate) in voices.items():
        soundfile.write(tmp_path / f"{key}.wav", samples, rate)
    write_table(tmp_path / "data/train/enroll_spk1.scp", {key: tmp_path / f"{key}.wav" for key in wav})
    (tmp_path / "data/train/rttm").write_text("".join(f"SPEAKER {key} 1 0 0.2 <NA> <NA> spk\n" for key in wav))
    assert stage(tmp_path, nj=2) == 0
    enrolments = AudioTable(tmp_path / "raw/train", fs=FS, stream="enroll_spk1")
    for key, (samples, rate) in voices.items():
        expected = resample(samples / np.float32(32768), rate, FS)
        np.testing.assert_allclose(enrolments.read(key), expected, atol=0.6 / 32768)
    assert read_table(tmp_path / "raw/train/utt2num_samples") == {"a": "8000", "b": "9600"}
    soundfile.write(tmp_path / "b.wav", np.zeros(FS), FS)
    assert stage(tmp_path) == 1
    assert f"b: {tmp_path / 'b.wav'}: is digital silence" in capsys.readouterr().err
    assert stage(tmp_path, "--allow_bad", "1") == 0  # an utterance without an enrolment goes with all that it has
    assert (tmp_path / "raw/train/rttm").read_text().split()[1] == "a"
    assert list(read_table(tmp_path / "raw/train/enroll_spk1.scp")) == ["a"]


def test_enrolments_to_be_drawn_stay_as_they_are(tmp_path, make):
    wav = make({"a": noise(0.5), "b": noise(0.6)})
    write_table(tmp_path / "data/train/enroll_spk1.scp", {key: f"*{key} spk" for key in wav})
    assert stage(tmp_path) == 0
    assert read_table(tmp_path / "raw/train/enroll_spk1.scp") == {"a": "*a spk", "b": "*b spk"}


def test_another_rate_is_resampled(tmp_path, make):
    samples = noise(0.5, 44100)
    make({"a": (samples, 44100)})
    assert stage(tmp_path) == 0
    expected = soxr.resample(samples / np.float32(32768), 44100, FS)
    np.testing.assert_allclose(formatted(tmp_path)["a"], expected, atol=0.6 / 32768)


def test_a_resampler_and_a_depth_can_be_chosen(tmp_path, make):
    """The parts of a published mixture: as scipy resamples, half a step of 24 bits off."""
    samples = noise(0.5, 44100)
    samples[:100] = 0
    make({"a": (samples, 44100)})
    assert stage(tmp_path, "--resampler", "polyphase", "--bits", "24", "--trim_zeros", "--no-trim_zeros") == 0
    expected = resample_poly(samples / 32768, FS, 44100)
    np.testing.assert_allclose(formatted(tmp_path)["a"], expected, rtol=0, atol=0.6 / 2**23)


def test_what_was_resampled_is_said(tmp_path, make, capsys):
    make(
        {"a": (noise(0.5, 8000), 8000), "b": (noise(0.5, 8000), 8000), "c": (noise(0.5, 44100), 44100), "d": noise(0.5)}
    )
    assert stage(tmp_path) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
    low = "note: 2 ids of train were resampled from 8000 Hz, so they hold nothing above 4000 Hz"
    assert notes == [low, "note: 1 ids of train were resampled from 44100 Hz"]


def test_segments_are_cut(tmp_path, make):
    recording = noise(2.0)
    make({"rec": recording}, segments={"x": "rec 0.5 0.75", "y": "rec 1.25 2.0", "z": "rec 1.9 2.008"})
    assert stage(tmp_path) == 0
    out = formatted(tmp_path)
    for key, (begin, end) in {"x": (8000, 12000), "y": (20000, 32000), "z": (30400, 32000)}.items():
        np.testing.assert_array_equal(out[key] * 32768, recording[begin:end])
    assert not (tmp_path / "raw/train/segments").exists()


def test_commands_are_run_where_that_is_allowed(tmp_path, make, capsys):
    wav = make({"a": noise(0.5)})
    write_table(tmp_path / "data/train/wav.scp", {"a": f"touch {tmp_path}/ran; cat {wav['a']} |"})
    assert stage(tmp_path) == 1
    assert "--allow_pipes" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert stage(tmp_path, "--allow_pipes") == 0
    np.testing.assert_array_equal(formatted(tmp_path)["a"] * 32768, noise(0.5))


@pytest.mark.parametrize("options", [[], ["--channel", "0"]])
@pytest.mark.parametrize("second", ["B", "2"])
def test_the_sides_of_a_call_are_taken_by_their_table(tmp_path, make, options, second):
    """With segments and without; a recording with one channel is the side itself, as sph2pipe -c prints it."""
    wav = make({"ann-A": CALL, "eve-B": noise(0.5)}, segments={"ann-1": "ann-A 0.5 1", "bob-1": "bob-B 0.5 1"})
    sides = {"ann-A": "call A", "bob-B": f"call {second}", "eve-B": "other B"}
    write_table(tmp_path / "data/train/wav.scp", wav | {"bob-B": wav["ann-A"]})
    write_table(tmp_path / "data/train/reco2file_and_channel", sides)
    assert stage(tmp_path, *options, out="cut") == 0
    for name in ("segments", "utt2spk"):
        (tmp_path / "data/train" / name).unlink()
    assert stage(tmp_path, *options, out="whole") == 0
    cut, whole = formatted(tmp_path, "cut"), formatted(tmp_path, "whole")
    for channel, (utt, recording) in enumerate([("ann-1", "ann-A"), ("bob-1", "bob-B")]):
        np.testing.assert_array_equal(whole[recording] * 32768, CALL[:, channel])
        np.testing.assert_array_equal(cut[utt] * 32768, CALL[8000:16000, channel])
    np.testing.assert_array_equal(whole["eve-B"] * 32768, noise(0.5))


def test_what_resampling_lifts_beyond_full_scale_is_counted(tmp_path, make, capsys):
    square = np.where(np.arange(44100) % 2205 < 1100, 32767, -32767).astype(np.int16)
    make({"a": (square, 44100)})
    assert stage(tmp_path) == 0
    over = np.count_nonzero(np.abs(resample(square / np.float32(32768), 44100, FS)) > 1)
    assert f"note: {over} samples of train were clipped" in capsys.readouterr().out
    assert over > 100


@pytest.mark.parametrize("channel", ["1", "mean"])
def test_a_channel_is_chosen(tmp_path, make, channel):
    stereo = noise(0.5, channels=2) // 2 * 2
    make({"a": stereo})
    assert stage(tmp_path, "--channel", channel) == 0
    expected = stereo.mean(1) if channel == "mean" else stereo[:, 1]
    np.testing.assert_array_equal(formatted(tmp_path)["a"] * 32768, expected)


def test_the_number_of_jobs_changes_nothing(tmp_path, make):
    make({f"u{i}": noise(0.2 + 0.01 * i, seed=i) for i in range(7)}, text={f"u{i}": "t" for i in range(7)})
    assert stage(tmp_path, nj=1, out="one") == 0
    assert stage(tmp_path, nj=3, out="three") == 0
    one, three = formatted(tmp_path, "one"), formatted(tmp_path, "three")
    assert list(one) == list(three) == [f"u{i}" for i in range(7)]
    for key in one:
        np.testing.assert_array_equal(one[key], three[key])
    for name in ("utt2num_samples", "utt2dur", "utt2spk", "spk2utt", "text"):
        assert (tmp_path / "one/train" / name).read_bytes() == (tmp_path / "three/train" / name).read_bytes()


def test_formatting_twice_changes_no_byte(tmp_path, make):
    make({"a": (noise(0.5, 8000), 8000), "b": noise(0.4)})
    contents = []
    for _ in range(2):
        assert stage(tmp_path) == 0
        contents.append({name: (tmp_path / "raw" / name).read_bytes() for name in visible(tmp_path / "raw")})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("fs", [FS, 8000])
def test_trim_zeros_cuts_digital_silence_off_both_ends(tmp_path, make, fs):
    sound = np.concatenate([np.maximum(noise(0.5, fs), 1), np.zeros(77, np.int16), np.ones(1, np.int16)])
    make({"a": (np.pad(sound, (3000, 500)), fs)})
    assert stage(tmp_path, "--trim_zeros") == 0
    expected = soxr.resample(sound / np.float32(32768), fs, FS)
    np.testing.assert_allclose(formatted(tmp_path)["a"], expected, rtol=0, atol=0.6 / 32768)
