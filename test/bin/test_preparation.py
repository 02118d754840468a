"""Own corpora and trial lists: prepare_folder, make_trials."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.bin import make_trials, prepare_folder
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.trials import read_trials

UTILS = Path(__file__).parents[2] / "utils"


@pytest.fixture
def folder(tmp_path):
    """Ten speakers with three files each, five noises."""
    for speaker in range(10):
        for utt in range(3):
            path = tmp_path / f"speech/talker{speaker}/s {utt}/a.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, np.zeros(160), 16000)
    for noise in range(5):
        path = tmp_path / f"noise/deep/n{noise}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(160), 16000)
    return tmp_path


def prepare(folder, *words, speech="speech", noise="noise"):
    roots = ["--speech", str(folder / speech), "--noise", str(folder / noise), "--outdir", str(folder / "data")]
    return run(prepare_folder.main, [*roots, *map(str, words)])


def tone(path, seconds, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * rate)), rate)


def speakers(folder, name):
    return set(read_table(folder / f"data/{name}/utt2spk").values())


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


@pytest.fixture
def own_list(folder):
    """A list as VoxCeleb's, of three speakers."""
    lines = ["1 talker1/s 0/a.wav talker1/s 2/a.wav", "0 talker1/s 0/a.wav talker5/s 1/a.wav"]
    lines += ["0 talker7/s 1/a.wav talker5/s 1/a.wav"]
    for old in (folder / "speech").glob("*/s *"):
        old.rename(old.with_name(old.name.replace(" ", "")))
    (folder / "my list").write_text("".join(line.replace("s ", "s") + "\n" for line in lines))
    return folder / "my list"


def test_own_trials_say_which_speakers_are_test(folder, own_list):
    assert prepare(folder, "--trials", own_list) == 0
    assert set(read_table(folder / "data/test/utt2spk")) == {
        "talker1-s0-a",
        "talker1-s2-a",
        "talker5-s1-a",
        "talker7-s1-a",
    }
    trials = (folder / "data/test/trials").read_text()
    assert trials == (
        "talker1-s0-a talker1-s2-a target\ntalker1-s0-a talker5-s1-a nontarget\ntalker7-s1-a talker5-s1-a nontarget\n"
    )
    others = speakers(folder, "train") | speakers(folder, "valid")
    assert others == {f"talker{n}" for n in range(10)} - {"talker1", "talker5", "talker7"}
    # By id, and read from where it is written itself.
    assert prepare(folder, "--trials", folder / "data/test/trials") == 0
    assert (folder / "data/test/trials").read_text() == trials


def test_own_trials_are_checked(folder, own_list, capsys):
    text = own_list.read_text()
    own_list.write_text(text + "1 talker1/s0/a.wav talker5/s1/a.wav\n")
    assert prepare(folder, "--trials", own_list) == 1
    message = "my list:4: talker1-s0-a and talker5-s1-a are labelled target, their folders say otherwise"
    assert message in capsys.readouterr().err
    own_list.write_text(text + "1 talker1/s0/a.wav talker1/s9/a.wav\n")
    assert prepare(folder, "--trials", own_list) == 1
    assert "my list:4: talker1/s9/a.wav: " in capsys.readouterr().err
    own_list.write_text(text.splitlines()[0] + "\n")
    assert prepare(folder, "--trials", own_list) == 1
    assert "none of the 1 trials is a nontarget" in capsys.readouterr().err
    assert not (folder / "data").exists()
    assert prepare(folder, "--trials", own_list, "--segment_seconds", 4) == 1
    assert "give one of the two" in capsys.readouterr().err


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


def test_a_missing_folder(tmp_path, capsys):
    assert run(prepare_folder.main, ["--speech", str(tmp_path / "none")]) == 1
    assert "none: no such folder" in capsys.readouterr().err


def test_trials_of_a_data_dir(tmp_path):
    utt2spk = {f"s{s}-{u}": f"s{s}" for s in range(4) for u in range(3)}
    write_table(tmp_path / "utt2spk", utt2spk)
    make_trials.main([str(tmp_path), "--targets_per_speaker", "2", "--nontargets_per_target", "3"])
    trials = read_trials(tmp_path / "trials")
    assert (trials.is_target.sum(), (~trials.is_target).sum()) == (8, 24)
    for (one, two), target in zip(trials.pairs(), trials.is_target, strict=True):
        assert (utt2spk[one] == utt2spk[two]) == target


def test_more_nontargets_than_there_are_pairs_gives_all(tmp_path):
    write_table(tmp_path / "utt2spk", {"a-1": "a", "a-2": "a", "b-1": "b"})
    make_trials.main([str(tmp_path), "--nontargets_per_target", "100"])
    assert len(read_trials(tmp_path / "trials")) == 3


def test_one_speaker_makes_no_trials(tmp_path, capsys):
    write_table(tmp_path / "utt2spk", {"a-1": "a", "a-2": "a"})
    assert run(make_trials.main, [str(tmp_path)]) == 1
    assert "trials need two speakers" in capsys.readouterr().err


def test_a_list_that_names_unknown_ids(tmp_path, capsys):
    write_table(tmp_path / "utt2spk", {"a-1": "a", "a-2": "a", "b-1": "b"})
    (tmp_path / "trials").write_text("a-1 a-2 target\na-1 nobody nontarget\n")
    assert run(make_trials.main, [str(tmp_path), "--check"]) == 1
    assert "nobody" in capsys.readouterr().err
    (tmp_path / "trials").write_text("a-1 a-2 target\na-1 b-1 nontarget\n")
    assert run(make_trials.main, [str(tmp_path), "--check"]) == 0


@pytest.mark.parametrize("line", ["a-1 a-2 target", "0 a-1 b-1"])
def test_a_list_of_one_kind(tmp_path, capsys, line):
    write_table(tmp_path / "utt2spk", {"a-1": "a", "a-2": "a", "b-1": "b"})
    (tmp_path / "trials_x").write_text(f"{line}\n")
    assert run(make_trials.main, [str(tmp_path), "--check"]) == 1
    assert "trials_x: none of the 1 trials is a" in capsys.readouterr().err


def test_transcripts_are_the_words_beside_the_recordings(folder, capsys):
    for path in folder.glob("speech/*/*/a.wav"):
        path.with_suffix(".txt").write_text(f"  {path.parts[-3].upper()}\nSAYS {path.parts[-2].upper()}\n")
    assert prepare(folder, "--transcripts") == 0
    assert ".txt" not in capsys.readouterr().out
    texts = {}
    for name in ("train", "valid", "test"):
        texts |= (text := read_table(folder / f"data/{name}/text"))
        assert text.keys() == read_table(folder / f"data/{name}/utt2spk").keys()
    assert texts["talker3-s_2-a"] == "TALKER3 SAYS S 2"
    assert len(texts) == 30
    assert prepare(folder) == 0
    assert not [*folder.glob("data/*/text")]


def test_intents_are_the_slots_beside_the_recordings(folder, capsys):
    files = sorted(folder.glob("speech/*/*/a.wav"))
    for number, path in enumerate(files):
        path.with_suffix(".intent").write_text(f"action={'on' if number % 2 else 'off'}\n")
    assert prepare(folder, "--intents") == 0
    assert ".intent" not in capsys.readouterr().out
    intents = {}
    for name in ("train", "valid", "test"):
        intents |= read_table(folder / f"data/{name}/utt2intent")
    assert sorted(intents.values()) == sorted(f"action={'on' if n % 2 else 'off'}" for n in range(len(files)))
    files[0].with_suffix(".intent").unlink()
    assert prepare(folder, "--intents") == 1
    assert str(files[0].relative_to(folder)) in capsys.readouterr().err


def test_a_recording_without_words_is_named_before_anything_is_written(folder, capsys):
    for path in folder.glob("speech/*/*/a.wav"):
        path.with_suffix(".txt").write_text("" if "talker3/s 2" in str(path) else "WORDS")
    (folder / "speech/talker5/s 0/a.txt").unlink()
    assert prepare(folder, "--transcripts") == 1
    message = capsys.readouterr().err
    assert "2 recordings" in message
    assert "talker3/s 2/a.wav" in message
    assert "talker5/s 0/a.wav" in message
    assert not (folder / "data").exists()
    assert prepare(folder, "--transcripts", "--segment_seconds", 2) == 1
