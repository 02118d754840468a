"""Stage 1 of speechocean762/ssl: needs the corpora (CORPORA names their folder); says so when it skips."""

import pytest

from toolkit.io.datadir import read_table

from .test_speechocean762_sv import needs_corpora

SETS = ("train", "dev", "test4", "libri_test4")


@pytest.fixture(scope="module")
def data(tree):
    """Its data dirs."""
    folder = tree.copy("speechocean762/ssl")
    done = tree.run(folder, "local/data.sh")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "data"


@needs_corpora
def test_no_talker_is_in_two_sets_and_both_corpora_train(data):
    talkers = [set(read_table(data / name / "utt2spk").values()) for name in SETS]
    assert len(set.union(*talkers)) == sum(map(len, talkers))
    for name in ("train", "dev"):
        of_librispeech = [talker.startswith("librispeech-") for talker in talkers[SETS.index(name)]]
        assert any(of_librispeech)
        assert not all(of_librispeech)


@needs_corpora
def test_test_talkers_have_four_utterances(data):
    for name, count in (("test4", 125), ("libri_test4", 40)):
        utt2spk = read_table(data / name / "utt2spk")
        assert (len(utt2spk), len(set(utt2spk.values()))) == (4 * count, count)
