"""Corpora: folders by db.sh, completeness, data dirs, the layout of LibriSpeech."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.io.corpora import (
    LIBRISPEECH_PARTS,
    add_corpus_arguments,
    by_id,
    check_count,
    corpus,
    librispeech_genders,
    librispeech_part,
    librispeech_text,
    optional_corpus,
    recording,
    write_data_dir,
    write_sounds,
    write_speech,
)
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError


def test_a_corpus_is_the_folder_of_its_variable_or_the_one_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSAN", str(tmp_path))
    assert corpus("MUSAN", inner="musan") == corpus("MUSAN") == tmp_path
    (tmp_path / "musan").mkdir()
    assert corpus("MUSAN", inner="musan") == tmp_path / "musan"


@pytest.mark.parametrize("value", [None, "", "nowhere"])
def test_a_corpus_that_is_missing_is_named_with_its_source(value, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MUSAN", raising=False)
    if value is not None:
        monkeypatch.setenv("MUSAN", value)
    with pytest.raises(InputError, match=r"^MUSAN=(\(empty\)|nowhere): .*openslr.org/17.* MUSAN or CORPORA in db.sh"):
        corpus("MUSAN", "openslr.org/17")
    with pytest.raises(InputError, match="MUSAN or CORPORA"):
        corpus("MUSAN")
    assert optional_corpus("MUSAN") is None
    assert "MUSAN" in capsys.readouterr().out


def test_a_corpus_that_is_not_whole_is_an_error_or_with_partial_a_warning(capsys):
    parser = argparse.ArgumentParser()
    add_corpus_arguments(parser)
    check_count("x: 3 files", 3, 3, partial=parser.parse_args([]).partial)
    with pytest.raises(InputError, match=r"x: 3 files, published are 4.*--partial"):
        check_count("x: 3 files", 3, 4, partial=parser.parse_args([]).partial)
    assert capsys.readouterr().err == ""
    check_count("x: 3 files", 3, 4, partial=parser.parse_args(["--partial"]).partial)
    assert "x: 3 files" in capsys.readouterr().err


def test_a_recording_may_have_another_extension(tmp_path):
    (tmp_path / "a.flac").touch()
    assert recording(tmp_path / "a.wav") == recording(tmp_path / "a.flac") == tmp_path / "a.flac"
    assert recording(tmp_path / "b.wav") == tmp_path / "b.wav"


def test_two_files_of_one_id_are_both_named():
    assert by_id([Path("x/a.wav"), Path("y/b.wav")]) == {"a": Path("x/a.wav"), "b": Path("y/b.wav")}
    assert list(by_id([Path("x/a.wav"), Path("y/a.wav")], lambda path: path.parent.name)) == ["x", "y"]
    with pytest.raises(InputError, match=r"y/a.wav.*x/a.wav"):
        by_id([Path("x/a.wav"), Path("y/a.wav")])


def test_a_data_dir_is_sorted_and_keeps_no_table_that_is_empty_now(tmp_path):
    wav = {"b-1": Path("b1.wav"), "a-1": Path("a1.wav"), "a-0": Path("a0.wav")}
    write_data_dir(tmp_path, wav, {"b-1": "b", "a-1": "a", "a-0": "a"}, text={"b-1": "x", "a-1": "y", "a-0": "z"})
    assert (tmp_path / "wav.scp").read_text() == "a-0 a0.wav\na-1 a1.wav\nb-1 b1.wav\n"
    assert (tmp_path / "spk2utt").read_text() == "a a-0 a-1\nb b-1\n"
    DataDir(tmp_path).check_same_keys("utt2spk", "text")
    write_data_dir(tmp_path, wav, {"b-1": "b"}, text={})
    assert not (tmp_path / "text").exists()


def test_facts_are_cut_to_the_set(tmp_path):
    wav = {f"{speaker}-1": Path(f"{speaker}.wav") for speaker in "abc"}
    facts = {"text": dict.fromkeys(wav, "hello"), "spk2gender": {"a": "m", "b": "f", "d": "f"}}
    write_speech(tmp_path, wav, {"a-1": "a", "b-1": "b"}, **facts)
    for table in ("wav.scp", "utt2spk", "text"):
        assert list(read_table(tmp_path / table)) == ["a-1", "b-1"]
    assert read_table(tmp_path / "spk2gender") == {"a": "m", "b": "f"}
    write_speech(tmp_path, wav, {"a-1": "a", "c-1": "c"}, **facts)  # of c the gender is unknown
    assert not (tmp_path / "spk2gender").exists()
    with pytest.raises(InputError, match="no audio for 1 utterances: d-1"):
        write_speech(tmp_path, wav, {"a-1": "a", "d-1": "d"})


def test_windows_of_sounds_have_segments(tmp_path):
    write_sounds(tmp_path, {"r": Path("r.wav")}, {"r-0": "r", "r-3": "r"}, {"r-0": "r 0 5", "r-3": "r 3 8"})
    assert DataDir(tmp_path).keys() == list(read_table(tmp_path / "segments")) == ["r-0", "r-3"]
    write_sounds(tmp_path, {"r": Path("r.wav")}, {"r": "r"})
    assert DataDir(tmp_path).keys() == ["r"]
    assert not (tmp_path / "segments").exists()


@pytest.fixture
def librispeech(tmp_path):
    """Two utterances of a part, with transcripts and SPEAKERS.TXT."""
    chapter = tmp_path / "dev-clean/84/7"
    chapter.mkdir(parents=True)
    for number in range(2):
        soundfile.write(chapter / f"84-7-000{number}.flac", np.zeros(160), 16000)
    (chapter / "84-7.trans.txt").write_text("84-7-0000 ONE TWO\n84-7-0001 THREE\n")
    (tmp_path / "SPEAKERS.TXT").write_text(";ID |SEX| SUBSET\n84 | F | dev-clean | 8 | A | B\n\n85 | M | dev-clean\n")
    return tmp_path


def test_a_part_of_librispeech(librispeech, monkeypatch):
    monkeypatch.setitem(LIBRISPEECH_PARTS, "dev-clean", 2)
    wav = librispeech_part(librispeech, "dev-clean", partial=False)
    assert list(wav) == ["84-7-0000", "84-7-0001"]
    assert librispeech_text(librispeech, "dev-clean", wav) == {"84-7-0000": "ONE TWO", "84-7-0001": "THREE"}
    assert librispeech_genders(librispeech) == {"84": "f", "85": "m"}


def test_what_is_wrong_with_librispeech_is_named(librispeech):
    with pytest.raises(InputError, match="dev-clean has 2 utterances, published are 2703"):
        librispeech_part(librispeech, "dev-clean", partial=False)
    with pytest.raises(InputError, match="holds no test-clean"):
        librispeech_part(librispeech, "test-clean", partial=True)
    wav = librispeech_part(librispeech, "dev-clean", partial=True)
    (librispeech / "dev-clean/84/7/84-7.trans.txt").write_text("84-7-0000 ONE TWO\n")
    with pytest.raises(InputError, match=r"dev-clean: no transcript .* 84-7-0001"):
        librispeech_text(librispeech, "dev-clean", wav)
    (librispeech / "SPEAKERS.TXT").write_text("84 | F | x\n85\n")
    with pytest.raises(InputError, match=r"SPEAKERS.TXT:2: expected"):
        librispeech_genders(librispeech)
    (librispeech / "SPEAKERS.TXT").unlink()
    assert librispeech_genders(librispeech) == {}
    (librispeech / "dev-clean/84/7/84-7-0000.flac").rename(librispeech / "dev-clean/84/84-7-0000.flac")
    with pytest.raises(InputError, match="84-7-0000.flac: expected <speaker>/<chapter>/"):
        librispeech_part(librispeech, "dev-clean", partial=True)
