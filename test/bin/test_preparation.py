"""Data dirs from a user's folders: prepare_folder."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.own_folders import prepare, speakers, tone

from toolkit.bin import prepare_folder
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table
from toolkit.simulate.folder_sets import missing_folders

UTILS = Path(__file__).parents[2] / "utils"


def test_speakers_and_noises_are_shared_out_without_overlap(folder):
    assert prepare(folder) == 0
    sets = [speakers(folder, name) for name in ("train", "valid", "test")]
    assert [len(s) for s in sets] == [6, 2, 2]
    assert set.union(*sets) == {f"talker{n}" for n in range(10)}
    assert len(speakers(folder, "noise_train") & speakers(folder, "noise_test")) == 0
    assert len(read_table(folder / "data/noise_train/wav.scp")) == 4


def test_ids_have_no_blanks_and_begin_with_the_speaker(folder):
    prepare(folder)
    for utt, spk in read_table(folder / "data/train/utt2spk").items():
        assert utt.startswith(f"{spk}-s_")


def test_the_seed_decides(folder):
    prepare(folder, "--seed", "1")
    one = speakers(folder, "test")
    prepare(folder, "--seed", "1")
    assert speakers(folder, "test") == one
    drawn = []
    for seed in range(5):
        prepare(folder, "--seed", str(seed))
        drawn.append(frozenset(speakers(folder, "test")))
    assert len(set(drawn)) > 1


def test_a_file_in_no_speakers_folder(folder, capsys):
    soundfile.write(folder / "speech/stray.wav", np.zeros(160), 16000)
    assert prepare(folder) == 1
    assert "stray.wav: is in no speaker's folder" in capsys.readouterr().err


def test_too_few_speakers(tmp_path, capsys):
    for speaker in range(5):
        for utt in range(2):
            tone(tmp_path / f"speech/{speaker}/{utt}.wav", 0.01)
    assert run(prepare_folder.main, ["--speech", str(tmp_path / "speech"), "--outdir", str(tmp_path / "data")]) == 1
    assert "need 6 in all, there are 5" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "rest"), [("--test_share", []), ("--valid_share", ["--test_share", "0.2"])])
def test_the_share_that_is_advised_is_enough(folder, option, rest, capsys):
    assert prepare(folder, option, 0.95, *rest) == 1
    advised = re.search(rf"give {option} (0[.]\d+) or less", capsys.readouterr().err)[1]
    assert prepare(folder, option, advised, *rest) == 0
    assert prepare(folder, option, float(advised) + 0.11, *rest) == 1


def test_speakers_with_one_recording_are_all_in_train(folder):
    for speaker in range(20):
        tone(folder / f"speech/once{speaker:02}/a.wav", 0.01)
    assert prepare(folder) == 0
    assert all(name.startswith("talker") for part in ("valid", "test") for name in speakers(folder, part))
    assert len(speakers(folder, "train")) == 30 - len(speakers(folder, "valid") | speakers(folder, "test"))


def test_speakers_with_one_recording_only_make_no_trials(tmp_path, capsys):
    for speaker in range(20):
        tone(tmp_path / f"speech/once{speaker:02}/a.wav", 0.01)
    tone(tmp_path / "noise/a.wav", 0.01)
    assert prepare(tmp_path) == 1
    message = capsys.readouterr().err
    assert "20 speakers, 0 of them with two utterances or more" in message
    assert "Long recordings can be cut: --segment_seconds 4" in message
    assert not (tmp_path / "data").exists()


PIECES = {0.3: 1, 3.0: 1, 5.9: 1, 6.1: 2, 17.0: 4}


def test_long_recordings_are_cut_and_nothing_is_lost(tmp_path, capsys):
    for speaker in range(8):
        for number, seconds in enumerate(PIECES):
            tone(tmp_path / f"speech/s{speaker}/{number}.wav", seconds, rate=1000)
    tone(tmp_path / "noise/a.wav", 0.01)
    tone(tmp_path / "noise/b.wav", 0.01)
    assert prepare(tmp_path, "--segment_seconds", 4) == 0
    for utt, recording in read_table(tmp_path / "data/train/utt2session").items():
        assert recording == read_table(tmp_path / "data/train/segments")[utt].split()[0]
    assert "test: 18 utterances cut from 10 recordings, 2 speakers" in capsys.readouterr().out
    segments = [line.split() for line in read_table(tmp_path / "data/test/segments").values()]
    for recording, path in read_table(tmp_path / "data/test/wav.scp").items():
        seconds = soundfile.info(path).duration
        times = [(float(begin), float(end)) for name, begin, end in segments if name == recording]
        assert len(times) == PIECES[seconds]
        assert [times[0][0], *(end for _, end in times)] == [*(begin for begin, _ in times), seconds]
        assert len({round(end - begin, 3) for begin, end in times}) == 1
    assert set(read_table(tmp_path / "data/test/utt2spk")) == set(read_table(tmp_path / "data/test/segments"))
    assert not (tmp_path / "data/noise_test/segments").exists()
    assert prepare(tmp_path) == 0
    assert not (tmp_path / "data/test/segments").exists()


def test_pieces_of_one_recording_are_said_to_be_one_session(tmp_path, capsys):
    for speaker in range(8):
        tone(tmp_path / f"speech/s{speaker}/a.wav", 9, rate=1000)
    words = ["--speech", str(tmp_path / "speech"), "--outdir", str(tmp_path / "data"), "--segment_seconds", "4"]
    assert run(prepare_folder.main, words) == 0
    message = "note: 2 of these speakers have one recording: their target trials are within one session"
    assert capsys.readouterr().out.count(message) == 2


def test_unreadable_recordings_are_named_or_left_out(folder, capsys):
    bad = folder / "speech/talker3/s 1/a.wav"
    bad.write_bytes(b"no audio")
    assert prepare(folder, "--segment_seconds", 4) == 1
    message = capsys.readouterr().err
    assert "1 bad of 30, --allow_bad 0: talker3-s_1-a" in message
    assert "cannot be decoded" in message
    assert prepare(folder, "--segment_seconds", 4, "--allow_bad", 1) == 0
    assert f"left out: talker3-s_1-a: {bad}" in capsys.readouterr().out
    sets = [read_table(folder / f"data/{name}/wav.scp") for name in ("train", "valid", "test")]
    assert sum(map(len, sets)) == 29


def test_an_empty_folder(folder, capsys):
    (folder / "empty/talker").mkdir(parents=True)
    (folder / "empty/talker/notes.txt").write_text("nothing")
    assert prepare(folder, speech="empty") == 1
    assert "empty: holds no audio (.aif, .aiff," in capsys.readouterr().err


@pytest.mark.parametrize(
    ("speech", "noise"), [("speech", "speech"), ("speech", "speech/talker1"), (".", "noise"), ("link", "speech")]
)
def test_folders_must_be_apart(folder, capsys, speech, noise):
    (folder / "link").symlink_to(folder / "speech")
    assert prepare(folder, speech=speech, noise=noise) == 1
    assert "its audio would be used for both" in capsys.readouterr().err


CLASHES = {
    "file": (["talker1/x y.wav", "talker1/x_y.wav"], "the same id talker1-x_y as"),
    "folder": (["a b/1.wav", "a_b/1.wav"], "the same id a_b as"),
    "depth": (["talker1/x/y.wav", "talker1/x-y.wav"], "the same id talker1-x-y as"),
    "extension": (["talker1/x.wav", "talker1/x.flac"], "differs only by extension from x."),
    "control": (["talker1/x\ny.wav"], r"x\ny.wav': the name has a control character"),
    "not UTF-8": ([os.fsdecode(b"talker1/x\xff.wav")], "or is not UTF-8; rename it"),
}


@pytest.mark.parametrize("case", CLASHES)
def test_names_that_cannot_be_ids(folder, capsys, case):
    names, message = CLASHES[case]
    for name in names:
        tone(folder / "speech" / Path(name).with_stem("x"), 0.01)
        (folder / "speech" / Path(name).with_stem("x")).rename(folder / "speech" / name)
    assert prepare(folder) == 1
    assert message in capsys.readouterr().err


def test_odd_names_make_a_valid_data_dir(folder):
    odd = ["a", "a!", "a-b", "a (2)", "a,c", "a.b", "\u00dcnal", "A", "0"]
    for speaker in odd:
        for utt in ("1 (copy).wav", "+2.WAV", "deep/er/3.flac"):
            tone(folder / "odd" / speaker / utt, 0.01)
    tone(folder / "odd/a/._1.wav", 0.01)  # what other systems leave
    assert prepare(folder, speech="odd") == 0
    sets = [folder / "data" / name for name in ("train", "valid", "test")]
    for path in sets:
        done = subprocess.run([UTILS / "validate_data_dir.sh", "--no-text", "--no-feats", path], capture_output=True)
        assert done.returncode == 0, done.stderr
    assert sum(len(read_table(path / "utt2spk")) for path in sets) == 27
    assert len(set.union(*(speakers(folder, path.name) for path in sets))) == len(odd)
    assert set().union(*(read_table(path / "wav.scp").values() for path in sets)) == {
        str(path) for path in (folder / "odd").rglob("*.*") if path.is_file() and not path.name.startswith(".")
    }


def test_links_are_followed_once(folder):
    (folder / "linked").mkdir()
    for speaker in range(10):
        (folder / f"linked/l{speaker}").symlink_to(folder / f"speech/talker{speaker}")
    (folder / "speech/talker1/loop").symlink_to(folder / "speech/talker1")
    assert prepare(folder, speech="linked") == 0
    assert sum(len(read_table(folder / f"data/{name}/wav.scp")) for name in ("train", "valid", "test")) == 30


def test_a_path_with_blanks_and_a_home(folder, monkeypatch):
    (folder / "speech").rename(folder / "my speech  2")
    monkeypatch.setenv("HOME", str(folder))
    words = ["--speech", "~/my", "speech", "", "2", "--outdir", str(folder / "data")]  # as a shell cuts it
    assert run(prepare_folder.main, words) == 0
    assert len(speakers(folder, "train")) == 6


def test_music_and_rooms(folder):
    for name in ("a", "b"):
        tone(folder / f"music/{name}.ogg", 0.01)
        for place in ("1", "2"):
            tone(folder / f"rooms/hall {name}/{place}.wav", 0.01)
    tone(folder / "rooms/alone.wav", 0.01)
    assert prepare(folder, "--music", folder / "music", "--rooms", folder / "rooms") == 0
    assert len(speakers(folder, "music_train")) == len(speakers(folder, "music_test")) == 1
    rooms = {"hall_a-1": "hall_a", "hall_a-2": "hall_a", "hall_b-1": "hall_b", "hall_b-2": "hall_b", "alone": "alone"}
    assert read_table(folder / "data/rirs_train/utt2spk") == rooms


def test_one_recording_of_noise_is_too_few(folder, capsys):
    tone(folder / "one/a.wav", 0.01)
    assert prepare(folder, noise="one") == 1
    assert "need 2 in all, there are 1; add recordings, or cut a long one" in capsys.readouterr().err


def test_a_folder_of_test_speakers(folder, capsys):
    for speaker in ("x", "y"):
        for utt in range(3):
            tone(folder / f"other/{speaker}/{utt}.wav", 0.01)
    assert prepare(folder, "--test_speech", folder / "other") == 0
    assert speakers(folder, "test") == {"x", "y"}
    assert len(speakers(folder, "train")), len(speakers(folder, "valid")) == (8, 2)
    tone(folder / "other/talker4/1.wav", 0.01)
    assert prepare(folder, "--test_speech", folder / "other") == 1
    assert "--speech has the same speakers: talker4" in capsys.readouterr().err


def test_options_are_remembered_and_sets_that_are_no_longer_made_go(folder, capsys):
    assert prepare(folder, "--seed", 3) == 0
    before = {path: path.read_text() for path in folder.glob("data/*/*")}
    (folder / "data/test/trials").write_text("of other utterances, perhaps")
    (folder / "data/mine").mkdir()
    assert run(prepare_folder.main, ["--outdir", str(folder / "data")]) == 0
    assert {path: path.read_text() for path in folder.glob("data/*/*")} == before
    assert run(prepare_folder.main, ["--outdir", str(folder / "data"), "--seed", "1"]) == 0
    assert {path: path.read_text() for path in folder.glob("data/*/*")} != before
    assert run(prepare_folder.main, ["--speech", str(folder / "speech"), "--outdir", str(folder / "data")]) == 0
    made = {path.name for path in (folder / "data").iterdir()}
    assert made == {"train", "valid", "test", "mine", "prepare_folder.json"}


def test_files_that_are_passed_over_are_counted(folder, capsys):
    for name in ("talker1/b.m4a", "talker2/c.M4A", "notes.txt", "talker3/.hidden"):
        (folder / "speech" / name).write_bytes(b"x")
    assert prepare(folder) == 0
    assert f"note: not read as audio in {folder}/speech: 2 .m4a, 1 .txt\n" in capsys.readouterr().out


def test_speech_is_wanted(tmp_path, capsys):
    assert run(prepare_folder.main, ["--outdir", str(tmp_path)]) == 1
    assert '--speech is missing; ./run.sh --local_data_opts "--speech' in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--valid_share 0", "--test_share 1", "--segment_seconds 0.1"])
def test_values_out_of_range(folder, capsys, words):
    assert prepare(folder, *words.split()) == 1
    assert words in capsys.readouterr().err


def test_folders_that_are_not_there(folder):
    words = ["--speech", str(folder / "speech"), "--seed", "1", "--noise", "my", "noise", "--rooms=nowhere"]
    assert missing_folders(words) == ["--noise my noise", "--rooms nowhere"]
    assert missing_folders([]) == missing_folders(["--speech"]) == []


def test_a_missing_folder(tmp_path, capsys):
    assert run(prepare_folder.main, ["--speech", str(tmp_path / "none")]) == 1
    assert "none: no such folder" in capsys.readouterr().err
