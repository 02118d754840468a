"""utils/get_utt2dur.sh: durations from segments, lengths in samples or frames, audio."""

import numpy as np
import pytest
import soundfile

from test.utils.conftest import UTILS
from toolkit.io.ark import ArkWriter


@pytest.fixture
def utils(warm_utils):
    return warm_utils


def durations(path):
    return {key: float(value) for key, value in (line.split() for line in (path / "utt2dur").read_text().splitlines())}


@pytest.fixture
def audio(data_dir, tmp_path):
    """Four recordings of 0.5, 1.0, 1.5 and 2.25 s: wav, stereo flac with a blank in its name, a command, an ark."""
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "1.wav", 0.1 * rng.standard_normal(8000), 16000)
    soundfile.write(tmp_path / "the 2.flac", 0.1 * rng.standard_normal((44100, 2)), 44100)
    soundfile.write(tmp_path / "3.wav", 0.1 * rng.standard_normal(12000), 8000)
    with ArkWriter(tmp_path / "4.ark") as ark:
        ark.write_audio("x", 0.1 * rng.standard_normal(36000), 16000)
    wav = ["a-1 1.wav", "a-2 the 2.flac", "b-1 cat 3.wav |", f"b-2 {ark.scp['x']}"]
    return data_dir("data", {"wav.scp": "".join(f"{line}\n" for line in wav)})


EXPECTED = {"a-1": 0.5, "a-2": 1.0, "b-1": 1.5, "b-2": 2.25}


@pytest.mark.parametrize("options", [["--nj", 1], ["--nj", 3], ["--nj", 99], ["--read-entire-file", "true"]])
def test_from_the_audio(call, audio, options):
    call("get_utt2dur.sh", "--allow-pipes", "true", *options, audio)
    assert durations(audio) == EXPECTED
    call("validate_data_dir.sh", "--no-feats", "--no-text", audio)
    assert {p.name for p in audio.iterdir()} == {"utt2spk", "spk2utt", "wav.scp", "utt2dur", "log"}


def test_no_torch_is_loaded(call, audio):
    script = "import sys; from toolkit.bin import audio_durations, change_speed; sys.exit('torch' in sys.modules)"
    call("run.pl", "log", "python3", "-c", script)


def test_in_the_checkout_itself_where_kaldi_keeps_it(call, audio):
    call(UTILS / "data/get_utt2dur.sh", "--allow-pipes", "true", audio)
    assert durations(audio) == EXPECTED


def test_from_segments_where_there_are_any(call, segmented):
    path = segmented()
    call("get_utt2dur.sh", path)
    assert durations(path) == {"a-1": 1.5, "a-2": 0.5, "b-1": 1, "b-2": 1}


SAMPLES = {"utt2num_samples": "a-1 8000\na-2 16000\nb-1 4\nb-2 1\n"}


def test_from_samples_at_a_given_rate(call, data_dir):
    path = data_dir(tables=SAMPLES)
    call("get_utt2dur.sh", "--fs", 8000, path)
    assert durations(path) == {"a-1": 1, "a-2": 2, "b-1": 0.0005, "b-2": 0.0001}


def test_from_samples_at_the_rate_of_the_audio(call, audio):
    (audio / "utt2num_samples").write_text("a-1 8000\na-2 160\nb-1 1600\nb-2 1600\n")
    call("get_utt2dur.sh", audio)
    assert durations(audio) == {"a-1": 0.5, "a-2": 0.01, "b-1": 0.1, "b-2": 0.1}


def test_samples_of_other_audio_are_refused(call, audio):
    (audio / "utt2num_samples").write_text("a-1 7000\na-2 160\nb-1 1600\nb-2 1600\n")
    message = call("get_utt2dur.sh", audio, code=1).stderr
    assert "utt2num_samples: has another length of a-1 than the audio of wav.scp" in message
    assert not (audio / "utt2dur").exists()


def test_samples_without_a_rate(call, data_dir):
    path = data_dir(tables=SAMPLES | {"wav.scp": None})
    assert "utt2num_samples: unknown sampling rate; give it with --fs" in call("get_utt2dur.sh", path, code=1).stderr


FRAMES = {"wav.scp": None, "utt2num_frames": "a-1 100\na-2 50\nb-1 1\nb-2 300\n"}


@pytest.mark.parametrize(("tables", "shift"), [({}, 0.01), ({"frame_shift": "0.02\n"}, 0.02)])
def test_from_frames(call, data_dir, tables, shift):
    path = data_dir(tables=FRAMES | tables)
    call("get_utt2dur.sh", path)
    assert durations(path) == pytest.approx({"a-1": 100 * shift, "a-2": 50 * shift, "b-1": shift, "b-2": 300 * shift})


def test_nothing_to_take_them_from(call, data_dir):
    message = call("get_utt2dur.sh", data_dir(tables={"wav.scp": None}), code=1).stderr
    assert "has no segments, utt2num_samples, wav.scp or utt2num_frames" in message


def test_what_is_there_is_kept(call, audio):
    (audio / "utt2dur").write_text("a-1 7\na-2 7\nb-1 7\nb-2 7\n")
    assert "is kept" in call("get_utt2dur.sh", audio).stdout
    assert durations(audio)["a-1"] == 7
    (audio / "utt2dur").write_text("a-1 7\n")
    call("get_utt2dur.sh", "--allow-pipes", "true", audio)
    assert durations(audio) == EXPECTED


def test_bad_audio_is_named(call, audio, tmp_path):
    (tmp_path / "1.wav").write_bytes(b"no audio")
    (tmp_path / "3.wav").unlink()
    message = call("get_utt2dur.sh", "--nj", 2, "--allow-pipes", "true", audio, code=1).stderr
    assert "a-1: 1.wav: cannot be decoded" in message
    assert "b-1: command failed" in message
    assert "Traceback" not in message
    assert not (audio / "utt2dur").exists()


def test_bad_audio_may_be_left_out(call, audio, tmp_path):
    (tmp_path / "1.wav").unlink()
    message = call("get_utt2dur.sh", "--permissive", "true", "--allow-pipes", "true", audio).stderr
    assert "left out: a-1: 1.wav: no such file" in message
    assert "1 utterances have no duration in the audio of wav.scp, e.g. a-1; utils/fix_data_dir.sh drops" in message
    assert durations(audio) == {key: EXPECTED[key] for key in ("a-2", "b-1", "b-2")}


def test_all_of_a_piece_may_be_left_out_but_not_all_of_a_set(call, audio, tmp_path):
    for name in ("1.wav", "the 2.flac", "3.wav"):
        (tmp_path / name).unlink()
    call("get_utt2dur.sh", "--permissive", "true", "--nj", 4, audio)
    assert durations(audio) == {"b-2": 2.25}
    (tmp_path / "4.ark").unlink()
    (audio / "utt2dur").unlink()
    assert "no utterance has a duration" in call("get_utt2dur.sh", "--permissive", "true", audio, code=1).stderr


def test_commands_are_run_where_that_is_allowed(call, audio, tmp_path):
    (audio / "wav.scp").write_text("a-1 1.wav\na-2 touch ran; cat 1.wav |\nb-1 1.wav\nb-2 1.wav\n")
    assert "a-2: is a command (touch ran" in call("get_utt2dur.sh", "--nj", 1, audio, code=1).stderr
    assert not (tmp_path / "ran").exists()


def test_a_missing_line_of_wav_scp_is_said(call, audio):
    (audio / "wav.scp").write_text("a-1 1.wav\n")
    assert "3 utterances have no duration in the audio of wav.scp" in call("get_utt2dur.sh", audio, code=1).stderr


def test_a_file_that_breaks_off_is_found_by_reading_it(call, audio, tmp_path):
    # libsndfile takes a flac's header at its word, so only decoding tells.
    data = (tmp_path / "the 2.flac").read_bytes()
    (tmp_path / "the 2.flac").write_bytes(data[: len(data) // 2])
    allowed = ["--allow-pipes", "true", audio]
    call("get_utt2dur.sh", *allowed)
    (audio / "utt2dur").unlink()
    assert "a-2: the 2.flac" in call("get_utt2dur.sh", "--read-entire-file", "true", *allowed, code=1).stderr


@pytest.fixture
def to_the_end(segmented, tmp_path):
    """Recordings r1 of 5 s and r2 of 3 s; the last segment of r1 goes to its end."""
    for name, seconds in {"1.wav": 5, "2.wav": 3}.items():
        soundfile.write(tmp_path / name, 0.1 * np.random.default_rng(0).standard_normal(seconds * 8000), 8000)
    return segmented(tables={"segments": "a-1 r1 0 2\na-2 r1 2 -1\nb-1 r2 0 1\nb-2 r2 2 3\n"})


@pytest.mark.parametrize(("end", "reco2dur", "seconds"), [("-1", None, 3), ("-1.0", None, 3), ("-1", "r1 4.5\n", 2.5)])
def test_an_end_of_minus_one_is_that_of_the_recording(call, to_the_end, end, reco2dur, seconds):
    (to_the_end / "segments").write_text((to_the_end / "segments").read_text().replace("-1\n", f"{end}\n"))
    if reco2dur:
        (to_the_end / "reco2dur").write_text(reco2dur)
    call("get_utt2dur.sh", to_the_end)
    assert durations(to_the_end) == {"a-1": 2, "a-2": seconds, "b-1": 1, "b-2": 1}


def test_fix_data_dir_writes_the_time_for_an_end_of_minus_one(call, to_the_end):
    options = ["--no-feats", "--no-text"]
    assert "segments:2: the end is -1" in call("validate_data_dir.sh", *options, to_the_end, code=1).stderr
    call("fix_data_dir.sh", to_the_end)
    lines = (to_the_end / "segments").read_text().splitlines()
    assert lines == ["a-1 r1 0 2", "a-2 r1 2 5.0000", "b-1 r2 0 1", "b-2 r2 2 3"]
    call("validate_data_dir.sh", *options, to_the_end)


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("wav.scp", "r1 gone.wav\nr2 2.wav\n", "gone.wav"),
        ("wav.scp", "r1 cat 1.wav |\nr2 2.wav\n", "add its length to reco2dur"),
        ("wav.scp", "r2 2.wav\n", "the end of r1 is -1"),
    ],
)
def test_an_end_that_cannot_be_had_changes_nothing(call, to_the_end, table, text, message):
    (to_the_end / table).write_text(text)
    before = {path: path.read_bytes() for path in to_the_end.iterdir()}
    assert message in call("fix_data_dir.sh", to_the_end, code=1).stderr
    assert {path: path.read_bytes() for path in to_the_end.iterdir()} == before


COMMANDS = ["copy_data_dir.sh D dest", "subset_data_dir.sh D 2 dest", "combine_data.sh dest D", "split_data.sh D 2"]
COMMANDS += ["perturb_data_dir_speed.sh 0.9 D dest"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_other_tools_refuse_an_end_of_minus_one(call, to_the_end, tmp_path, command):
    words = [to_the_end if word == "D" else word for word in command.split()]
    assert "segments:2: the end is -1" in call(*words, code=1).stderr
    assert not (tmp_path / "dest").exists()
    assert not list(to_the_end.glob("split2*"))


def test_no_duration_is_made_up(call, to_the_end):
    (to_the_end / "segments").write_text("a-1 r1 0 2\na-2 r1 5 -1\nb-1 r2 0 1\nb-2 r2 2 3\n")
    assert "a-2 would last" in call("get_utt2dur.sh", to_the_end, code=1).stderr
    assert "dropped 1 that begin after the end" in call("fix_data_dir.sh", to_the_end).stdout
