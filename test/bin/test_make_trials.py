"""Trials that are drawn over the utterances of data dirs, and lists that are checked."""

import pytest

from toolkit.bin import make_trials
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table
from toolkit.io.trials import read_trials


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
