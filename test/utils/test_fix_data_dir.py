"""utils/fix_data_dir.sh: sorts, cuts down to common utterances, keeps a backup."""

import os
import subprocess

import pytest


def lines(path):
    return path.read_text().splitlines()


def keys(path):
    return [line.split()[0] for line in lines(path)]


def test_a_valid_dir_stays_as_it_is(call, data_dir):
    path = data_dir()
    before = {file.name: file.read_text() for file in path.iterdir()}
    assert "kept 4 utterances of 4" in call("fix_data_dir.sh", path).stdout
    assert {file.name: file.read_text() for file in path.iterdir() if file.is_file()} == before


def test_a_run_beside_keeps_its_files_and_those_of_a_killed_one_go(call, data_dir):
    path, ended = data_dir(), subprocess.Popen(["true"])
    ended.wait()
    for name in (f".aside.{os.getpid()}.x", f".aside.{ended.pid}.x", ".aside.Former"):
        (path / name).mkdir()
    call("fix_data_dir.sh", path)
    assert [left.name for left in path.glob(".aside*")] == [f".aside.{os.getpid()}.x"]


def test_sorts_and_makes_spk2utt(call, data_dir):
    path = data_dir(tables={"utt2spk": "b-2 b\na-1 a\nb-1 b\na-2 a\n", "spk2utt": None})
    call("fix_data_dir.sh", path)
    assert keys(path / "utt2spk") == ["a-1", "a-2", "b-1", "b-2"]
    assert lines(path / "spk2utt") == ["a a-1 a-2", "b b-1 b-2"]


NAMES = "wav.scp feats.scp text vad.scp spk1.scp noise1.scp dereverb1.scp enroll_spk1.scp utt2snr utt2dur"


@pytest.mark.parametrize("name", NAMES.split())
def test_keeps_the_utterances_of_all_tables(call, data_dir, name):
    path = data_dir(tables={"spk2.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\n", name: "a-1 x\nb-2 x\nc-1 x\n"})
    done = call("fix_data_dir.sh", path)
    assert f"2 utterances are not in {name}, e.g. a-2" in done.stdout
    assert "kept 2 utterances of 4" in done.stdout
    assert all(keys(path / file) == ["a-1", "b-2"] for file in ["utt2spk", "wav.scp", "spk2.scp", name])


def test_drops_malformed_and_repeated_lines(call, data_dir):
    path = data_dir(tables={"utt2spk": "a-1 a\na-1 z\n\nb-1\nb-2 b\r\n  a-2 a"})
    assert "utt2spk: dropped 3 malformed or repeated lines" in call("fix_data_dir.sh", path).stdout
    assert lines(path / "utt2spk") == ["a-1 a", "a-2 a", "b-2 b"]


def test_result_is_valid(call, data_dir):
    path = data_dir(tables={"utt2spk": "b-2 b\na-1 a\n\nx-1 x\na-1 a", "spk1.scp": "b-2 x\na-1 x\n"})
    call("fix_data_dir.sh", path)
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", path)


def test_speaker_tables_decide_too(call, data_dir):
    path = data_dir(tables={"spk2gender": "b f\nc m\n", "cmvn.scp": "a x\nb x\n"})
    call("fix_data_dir.sh", path)
    assert keys(path / "utt2spk") == ["b-1", "b-2"]
    assert keys(path / "cmvn.scp") == keys(path / "spk2gender") == ["b"]


def test_segments_and_recordings(call, segmented):
    tables = {"wav.scp": "r2 2.wav\nr1 1.wav\nr9 9.wav\n", "reco2dur": "r2 3\nr1 2\n", "utt2dur": "a-1 1\nb-1 1\n"}
    path = segmented(tables={**tables, "segments": "b-1 r2 0 1\na-1 r7 0 1\nb-2 r2 3 2\n"})
    call("fix_data_dir.sh", path)
    assert keys(path / "utt2spk") == ["b-1"]
    assert lines(path / "segments") == ["b-1 r2 0 1"]
    assert keys(path / "wav.scp") == keys(path / "reco2dur") == ["r2"]


def test_extra_files(call, data_dir):
    path = data_dir(tables={"my.lst": "b-1 x\na-1 x\n", "ages": "b 30\n"})
    call("fix_data_dir.sh", "--utt_extra_files", "my.lst", "--spk-extra-files", "ages", path)
    assert keys(path / "utt2spk") == keys(path / "my.lst") == ["b-1"]


def test_backup_has_the_former_files(call, data_dir):
    path = data_dir(tables={"wav.scp": "b-1 x\na-1 x\n"})
    call("fix_data_dir.sh", path)
    assert lines(path / ".backup/wav.scp") == ["b-1 x", "a-1 x"]
    assert len(lines(path / ".backup/utt2spk")) == 4


def test_nothing_left_is_an_error_and_changes_nothing(call, data_dir):
    path = data_dir(tables={"spk1.scp": "c-1 x\n"})
    done = call("fix_data_dir.sh", path, code=1)
    assert "no utterances remained" in done.stderr
    assert "not in spk1.scp" in done.stdout
    assert len(lines(path / "utt2spk")) == 4
    assert {file.name for file in path.iterdir()} == {"utt2spk", "spk2utt", "wav.scp", "spk1.scp"}


def test_missing_utt2spk(call, data_dir):
    assert "utt2spk: missing or empty" in call("fix_data_dir.sh", data_dir(tables={"utt2spk": None}), code=1).stderr


def test_other_files_are_left_alone(call, data_dir):
    path = data_dir(tables={"README": "hi\n", "feats_conf.yaml": "n: 80\n", "utt2spk.old": "x\n"})
    call("fix_data_dir.sh", path)
    assert [lines(path / name) for name in ["README", "feats_conf.yaml", "utt2spk.old"]] == [["hi"], ["n: 80"], ["x"]]


def test_a_mixture_set_loses_an_utterance_everywhere(call, mixture):
    path = mixture(tables={"noise1.scp": "a-1 x\na-2 x\nb-2 x\nb-3 x\n"}, utts=["a-1", "a-2", "b-1", "b-2", "b-3"])
    plan = lines(path / "mix.jsonl")
    assert "kept 4 utterances of 5" in call("fix_data_dir.sh", path).stdout
    tables = [p for p in path.iterdir() if p.name.startswith("utt2") or p.suffix == ".scp"]
    assert len(tables) == 11
    assert all(keys(table) == ["a-1", "a-2", "b-2", "b-3"] for table in tables)
    assert lines(path / "mix.jsonl") == plan[:2] + plan[3:]
    assert lines(path / ".backup/mix.jsonl") == plan
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", path)


def test_the_plan_decides_too(call, mixture):
    path = mixture()
    (path / "mix.jsonl").write_text("no mixture\n" + "\n".join(lines(path / "mix.jsonl")[:2]) + "\n")
    done = call("fix_data_dir.sh", path)
    assert "mix.jsonl: dropped 1 lines that are not mixtures" in done.stdout
    assert "2 utterances are not in mix.jsonl, e.g. b-1" in done.stdout
    assert keys(path / "utt2spk") == ["a-1", "a-2"]
    assert len(lines(path / "mix.jsonl")) == 2


def test_utterances_whose_enrolment_is_lost_go_too(call, mixture):
    # Without b-1, b has nothing but b-2 itself to enrol it with; and c-1 wants b-2's.
    enrolments = "a-1 *a-1 a\na-2 *a-2 a\nb-1 *b-1 b\nb-2 *b-2 b\nc-1 *a-1 b\n"
    utts = ["a-1", "a-2", "b-1", "b-2", "c-1"]
    path = mixture(tables={"enroll_spk1.scp": enrolments, "wav.scp": "a-1 x\na-2 x\nb-2 x\nc-1 x\n"}, utts=utts)
    done = call("fix_data_dir.sh", path)
    assert "not in reach of an enrolment that enroll_spk1.scp lets draw, e.g. b-2" in done.stdout
    assert keys(path / "utt2spk") == ["a-1", "a-2"]
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", path)
