"""Own corpora and trial lists: prepare_folder, make_trials."""

import numpy as np
import pytest
import soundfile

from toolkit.bin import make_trials, prepare_folder
from toolkit.bin.cli import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.trials import read_trials


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


def prepare(folder, *words):
    roots = ["--speech", str(folder / "speech"), "--noise", str(folder / "noise"), "--outdir", str(folder / "data")]
    return run(prepare_folder.main, [*roots, *words])


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
    assert "stray.wav: lies in no speaker's folder" in capsys.readouterr().err


def test_too_few_speakers(tmp_path, capsys):
    (tmp_path / "speech/only").mkdir(parents=True)
    soundfile.write(tmp_path / "speech/only/a.wav", np.zeros(160), 16000)
    assert run(prepare_folder.main, ["--speech", str(tmp_path / "speech"), "--outdir", str(tmp_path / "data")]) == 1
    assert "too few for train" in capsys.readouterr().err


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
