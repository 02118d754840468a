"""speechocean762 as published: needs the corpora (CORPORA names their folder); says so when it skips."""

import os
from pathlib import Path

import pytest

from toolkit.io.datadir import read_table
from toolkit.io.trials import read_trials

CORPORA = os.environ.get("CORPORA", "")
needs_corpora = pytest.mark.skipif(
    not Path(CORPORA, "speechocean762").is_dir(), reason="CORPORA names no folder with speechocean762 and the noises"
)


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after stage 1."""
    folder = tree.copy("speechocean762/sv")
    done = tree.run(folder, "./run.sh", "--stop_stage", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@needs_corpora
def test_the_corpus_is_parsed_whole(recipe):
    sizes = {name: len(read_table(recipe / f"data/{name}/wav.scp")) for name in ("train", "dev", "test")}
    assert sizes == {"train": 2300, "dev": 200, "test": 2500}
    assert sum(sizes.values()) == 5000


@needs_corpora
def test_speakers_are_disjoint_and_trials_balanced(recipe):
    sets = [set(read_table(recipe / f"data/{n}/utt2spk").values()) for n in ("train", "dev", "test", "babble_test")]
    assert [len(s) for s in sets] == [115, 10, 125, 251]
    assert len(set.union(*sets)) == sum(map(len, sets))
    trials = read_trials(recipe / "data/test/trials")
    assert (int(trials.is_target.sum()), len(trials)) == (12500, 62500)
    speaker, gender = read_table(recipe / "data/test/utt2spk"), read_table(recipe / "data/test/spk2gender")
    pairs = [(gender[speaker[a]], gender[speaker[b]]) for a, b in trials.pairs() if speaker[a] != speaker[b]]
    assert sum(a == b for a, b in pairs) == 25000


@needs_corpora
@pytest.mark.parametrize("kind", ["noise", "music"])
def test_noise_recordings_of_train_dev_and_test_are_disjoint(recipe, kind):
    names = [
        n for n in (f"{kind}_train", f"{kind}_dev", f"{kind}_test", "nonspeech_test") if (recipe / "data" / n).is_dir()
    ]
    files = [set(read_table(recipe / f"data/{name}/wav.scp").values()) for name in names]
    assert len(set.union(*files)) == sum(map(len, files))


@needs_corpora
def test_the_sets_are_those_of_the_published_splits(recipe):
    lists = {"noise_train": "noise_train", "noise_dev": "noise_dev", "noise_test": "noise_test_unseen"}
    for name, split in {**lists, "nonspeech_test": "noise_test_nonspeech", "rirs_train": "rir_real"}.items():
        path = Path(CORPORA, f"splits/{split}.txt")
        if path.is_file():
            ours = {os.path.relpath(p, CORPORA) for p in read_table(recipe / f"data/{name}/wav.scp").values()}
            assert ours == set(path.read_text().splitlines()), name


def test_a_missing_corpus_is_named_with_its_source(tree, tmp_path):
    folder = tree.copy("speechocean762/sv") if not (tree.path / "egs/speechocean762").exists() else None
    folder = folder or tree.path / "egs/speechocean762/sv"
    done = tree.run(folder, "./run.sh", "--stop_stage", "1", CORPORA=str(tmp_path))
    assert done.returncode == 1
    assert f"SPEECHOCEAN762={tmp_path}/speechocean762: no such folder; get it from openslr.org/101" in done.stderr
