"""What lies beside the recordings of a user's folders, or names them: trials, transcripts, intents."""

import pytest
from helpers.own_folders import prepare, speakers

from toolkit.io.datadir import read_table


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
