import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from scipy.signal import resample_poly

from toolkit.bin import format_audio
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.jobs import merge, write_work
from toolkit.io.samples import resample

FS = 16000
REPOSITORY = Path(format_audio.__file__).parents[2]


def noise(seconds, fs=FS, seed=0, channels=1):
    shape = (round(seconds * fs), channels) if channels > 1 else round(seconds * fs)
    return np.random.default_rng(seed).integers(-9000, 9000, shape).astype(np.int16)


@pytest.fixture
def make(tmp_path):
    """Write ``data/train`` of sounds, each a PCM array or (array, rate)."""

    def write(sounds, **tables):
        (tmp_path / "audio").mkdir()
        wav = {}
        for key, sound in sounds.items():
            samples, fs = sound if isinstance(sound, tuple) else (sound, FS)
            wav[key] = tmp_path / "audio" / f"{key}.wav"
            soundfile.write(wav[key], samples, fs)
        tables = {"wav.scp": wav, "utt2spk": dict.fromkeys(tables.get("segments", wav), "spk"), **tables}
        for name, rows in tables.items():
            write_table(tmp_path / "data/train" / name, rows)
        return wav

    return write


def merged(root, out="raw", nj=1, allow=0) -> int:
    """The output of the jobs joined -> exit code."""
    return run(lambda _: merge(root / "data", root / out, "train", nj, ["wav"], allow), [])


def stage(root, *options, nj=1, out="raw"):
    """The format stage on ``data/train`` as a recipe runs it -> exit code of the first program that fails."""
    write_work(root / "work", root / "data", ["train"])
    lines = (root / "work").read_text().splitlines(keepends=True)
    for job, part in enumerate(np.array_split(lines, nj), 1):
        (root / f"work.{job}").write_text("".join(part))
        paths = ["--in_root", f"{root}/data", "--out_root", f"{root}/{out}", "--work", f"{root}/work.{job}"]
        if code := run(format_audio.main, [*paths, "--job", str(job), *options]):
            return code
    allow = options[options.index("--allow_bad") + 1] if "--allow_bad" in options else 0
    return merged(root, out, nj, int(allow))


def formatted(root, out="raw"):
    table = AudioTable(root / out / "train", fs=FS)
    return {key: table.read(key) for key in table.keys()}


def visible(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


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


@pytest.mark.parametrize(
    ("segment", "complaint"),
    [
        ("rec 1.5 2.5", "1.5 to 2.5 s is outside rec, which lasts 2.000 s"),
        ("rec -0.5 1", "-0.5 to 1 s is outside"),
        ("rec 1 1", "1 to 1 s is outside"),
        ("rec nan 1", "is outside rec"),
        ("rec 0 late", "expected a line 'utt-x <recording> <begin> <end>'"),
        ("rec 1", "expected a line 'utt-x <recording> <begin> <end>'"),
        ("other 0 1", "wav.scp: lacks other"),
    ],
)
def test_bad_segments_are_named(tmp_path, make, capsys, segment, complaint):
    make({"rec": noise(2.0)}, segments={"utt-x": segment})
    assert stage(tmp_path) == 1
    message = capsys.readouterr().err
    assert "utt-x: " in message
    assert str(tmp_path / "data/train") in message
    assert complaint in message


def test_a_bad_recording_is_named_with_the_utterance(tmp_path, make, capsys):
    wav = make({"rec": noise(2.0)}, segments={"utt-x": "rec 0 1"})
    wav["rec"].unlink()
    assert stage(tmp_path) == 1
    assert f"utt-x: {wav['rec']}: no such file" in capsys.readouterr().err


def test_commands_are_run_where_that_is_allowed(tmp_path, make, capsys):
    wav = make({"a": noise(0.5)})
    write_table(tmp_path / "data/train/wav.scp", {"a": f"touch {tmp_path}/ran; cat {wav['a']} |"})
    assert stage(tmp_path) == 1
    assert "--allow_pipes" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert stage(tmp_path, "--allow_pipes") == 0
    np.testing.assert_array_equal(formatted(tmp_path)["a"] * 32768, noise(0.5))


CALL = np.stack([noise(2.0, seed=1), noise(2.0, seed=2)], 1)


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


@pytest.mark.parametrize("line", ["call C", "call 3", "call 0", "call left", "call", "call A x", None])
def test_a_side_that_is_not_there_is_refused(tmp_path, make, capsys, line):
    make({"rec": CALL})
    write_table(tmp_path / "data/train/reco2file_and_channel", {"rec": line} if line else {"other": "call A"})
    assert stage(tmp_path, "--channel", "0") == 1
    assert "rec: " in (message := capsys.readouterr().err)
    assert "reco2file_and_channel" in message


def test_one_channel_is_not_both_sides_of_a_call(tmp_path, make, capsys):
    wav = make({"rec": noise(0.5)})
    write_table(tmp_path / "data/train/wav.scp", {"rec": wav["rec"], "rec2": wav["rec"]})
    write_table(tmp_path / "data/train/reco2file_and_channel", {"rec": "call A", "rec2": "call B"})
    assert stage(tmp_path) == 1
    assert "rec: " in capsys.readouterr().err


@pytest.mark.parametrize(("peak", "kept"), [(0.9, True), (1.5, True), (7.9, True), (8.1, False), (32767, False)])
def test_floats_beyond_full_scale_keep_their_shape_or_are_refused(tmp_path, make, capsys, peak, kept):
    wav, tone = make({"a": noise(0.5)}), np.sin(np.arange(8000) * 0.1)
    soundfile.write(wav["a"], peak * tone, FS, subtype="FLOAT")
    assert stage(tmp_path) == (0 if kept else 1)
    captured = capsys.readouterr()
    if kept:
        np.testing.assert_allclose(formatted(tmp_path)["a"], min(1, peak) * tone, atol=2e-4)
        assert ("1 ids of train exceeded full scale" in captured.out) == (peak > 1)
    else:
        assert "a: " in captured.err
        assert "full scale" in captured.err


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


@pytest.mark.parametrize(
    ("options", "sound", "complaint"),
    [
        ([], noise(0.05), "lasts 0.050 s, expected 0.1 to 1e+09 s"),
        (["--max_seconds", "0.3"], noise(0.5), "lasts 0.500 s, expected 0.1 to 0.3 s"),
        ([], noise(0.5, channels=2), "has 2 channels, expected one"),
        (["--channel", "2"], noise(0.5, channels=2), "has no channel 2"),
        (["--channel", "99"], noise(0.5), "has no channel 99, only 0"),
        ([], np.full(8000, 3277, np.int16), "is constant"),
        ([], noise(0.5)[:1], "is constant"),
        (["--trim_zeros"], noise(0.5) * 0, "is digital silence"),
        ([], noise(0.5) * 0, "is digital silence"),
        ([], noise(0), "holds no samples"),
    ],
)
def test_bad_audio_ends_the_stage_and_leaves_nothing(tmp_path, make, capsys, options, sound, complaint):
    wav = make({"good": noise(0.2), "utt-a": sound})
    assert stage(tmp_path, *options) == 1
    assert f"utt-a: {wav['utt-a']}: {complaint}" in capsys.readouterr().err
    assert visible(tmp_path / "raw") == []


def test_wav_scp_that_points_nowhere(tmp_path, make, capsys):
    make({"a": noise(0.2)})
    write_table(tmp_path / "data/train/wav.scp", {"a": "/nowhere/a.wav"})
    assert stage(tmp_path) == 1
    assert "a: /nowhere/a.wav: no such file; fix the scp or the corpus path in db.sh" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--channel", "left"], ["--fs", "16k"]])
def test_a_mistyped_option_is_named(tmp_path, words, capsys):
    assert run(format_audio.main, words) == 1
    assert words[0] in capsys.readouterr().err


def test_allowed_bad_ids_are_left_out_and_listed(tmp_path, make, capsys):
    sounds = {f"u{i}": noise(0.05 if i in (1, 4) else 0.3, seed=i) for i in range(6)}
    make(sounds, text=dict.fromkeys(sounds, "words"))
    assert stage(tmp_path, "--allow_bad", "2", nj=2) == 0
    message = capsys.readouterr().err
    assert [line[:13] for line in message.splitlines() if "left out" in line] == ["left out: u1:", "left out: u4:"]
    out = DataDir(tmp_path / "raw/train")
    out.check_same_keys("wav.scp", "text", "utt2num_samples")
    assert out.keys() == ["u0", "u2", "u3", "u5"]
    assert list(out.table("dropped")) == ["u1", "u4"]


@pytest.mark.parametrize("nj", [1, 3])
def test_more_bad_ids_than_allowed_end_the_stage(tmp_path, make, capsys, nj):
    make({f"u{i}": noise(0.05 if i % 3 == 0 else 0.3) for i in range(9)})
    assert stage(tmp_path, "--allow_bad", "2", nj=nj) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: ")
    assert all(f"u{i}: " in message for i in (0, 3, 6))
    assert "train/wav.scp" not in visible(tmp_path / "raw")


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


def test_a_lost_job_is_noticed(tmp_path, make, capsys):
    make({f"u{i}": noise(0.2) for i in range(4)})
    assert stage(tmp_path, nj=2) == 0
    for path in (tmp_path / "raw/train/.jobs/2").iterdir():
        path.unlink()
    assert merged(tmp_path, nj=2) == 1
    assert "2 ids of" in (message := capsys.readouterr().err)
    assert message.endswith("are missing: u2, u3\n")


@pytest.mark.parametrize("fs", [FS, 8000])
def test_trim_zeros_cuts_digital_silence_off_both_ends(tmp_path, make, fs):
    sound = np.concatenate([np.maximum(noise(0.5, fs), 1), np.zeros(77, np.int16), np.ones(1, np.int16)])
    make({"a": (np.pad(sound, (3000, 500)), fs)})
    assert stage(tmp_path, "--trim_zeros") == 0
    expected = soxr.resample(sound / np.float32(32768), fs, FS)
    np.testing.assert_allclose(formatted(tmp_path)["a"], expected, rtol=0, atol=0.6 / 32768)


def test_a_full_disk_leaves_no_half_written_ark(tmp_path, make):
    make({f"u{i}": noise(2.0, seed=i) for i in range(3)})
    write_work(tmp_path / "work", tmp_path / "data", ["train"])
    words = f"--in_root {tmp_path}/data --out_root {tmp_path}/raw --work {tmp_path}/work --job 1"
    # A limit on the size of files stands in for the disk: 64 KiB.
    limited = f"ulimit -f 64; exec {sys.executable} -m toolkit.bin.format_audio {words}"
    done = subprocess.run(["bash", "-c", limited], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"error: {tmp_path}/raw/train/data/wav.1.ark: File too large; nothing half-written" in done.stderr
    assert "Traceback" not in done.stderr
    assert visible(tmp_path / "raw") == []
