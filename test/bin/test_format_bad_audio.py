"""The format stage names what is wrong with audio, and leaves out as many ids as it may."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.format_stage import CALL, FS, formatted, merged, noise, stage, visible, write_sounds

from toolkit.bin import format_audio
from toolkit.io.command_line import run
from toolkit.io.datadir import DataDir, write_table
from toolkit.io.jobs import write_work

REPOSITORY = Path(format_audio.__file__).parents[2]


@pytest.fixture
def make(tmp_path):
    return partial(write_sounds, tmp_path)


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


def test_a_lost_job_is_noticed(tmp_path, make, capsys):
    make({f"u{i}": noise(0.2) for i in range(4)})
    assert stage(tmp_path, nj=2) == 0
    for path in (tmp_path / "raw/train/.jobs/2").iterdir():
        path.unlink()
    assert merged(tmp_path, nj=2) == 1
    assert "2 ids of" in (message := capsys.readouterr().err)
    assert message.endswith("are missing: u2, u3\n")


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
