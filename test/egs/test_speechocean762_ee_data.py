"""Stage 1 of speechocean762/ee: needs the corpora (CORPORA names their folder); says so when it skips."""

import pytest

from toolkit.io.datadir import read_table
from toolkit.io.text import fields

from .test_speechocean762_sv import needs_corpora

SETS = ("train", "dev", "test", "libri_test", "babble_test")


@pytest.fixture(scope="module")
def data(tree):
    """Its data dirs."""
    folder = tree.copy("speechocean762/ee")
    done = tree.run(folder, "local/data.sh")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "data"


@needs_corpora
def test_no_talker_is_in_two_sets(data):
    talkers = [set(read_table(data / name / "utt2spk").values()) for name in SETS]
    assert len(set.union(*talkers)) == sum(map(len, talkers))


@needs_corpora
@pytest.mark.parametrize("name", ["train", "dev"])
def test_pieces_are_of_one_length_and_leave_nothing_out(data, name):
    ends: dict[str, float] = {}
    for utt, line in sorted(read_table(data / name / "segments").items()):
        recording, begin, end = fields(line)
        assert float(begin) == ends.get(recording, 0), utt
        assert float(end) - float(begin) < 4.51, utt
        ends[recording] = float(end)
    assert ends.keys() == read_table(data / name / "wav.scp").keys()
    pieces = [utt for utt, talker in read_table(data / name / "utt2spk").items() if talker.startswith("librispeech-")]
    assert len(pieces) > 3 * len({utt.rpartition("-")[0] for utt in pieces})
