"""Stage 1 of egs/open: needs the corpora (CORPORA names their folder); says so when it skips."""

from pathlib import Path

import pytest

from toolkit.io.datadir import DataDir, read_table

from .test_speechocean762_sv import CORPORA, needs_corpora

OPEN = ("speechocean762", "LibriSpeech", "alphanumeric-audio-dataset", "msc")


@pytest.fixture(scope="module")
def data(tree):
    """The data dirs of its recipe of enhancement."""
    folder = tree.copy("open/se")
    done = tree.run(folder, "local/data.sh")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "data"


@needs_corpora
def test_no_talker_is_in_two_sets(data):
    names = ("train", "dev", "babble_test", "test", "libri_test")
    prefix = {"test": "speechocean762-", "libri_test": "librispeech-"}  # the test sets have the labels of their corpora
    talkers = [{prefix.get(n, "") + s for s in DataDir(data / n).table("utt2spk").values()} for n in names]
    assert len(set.union(*talkers)) == sum(map(len, talkers))
    published = {"train": 125, "test": 125}  # of speechocean762
    for part, count in published.items():
        own = {f"speechocean762-{s}" for s in read_table(Path(CORPORA, f"speechocean762/{part}/utt2spk")).values()}
        assert len(own) == count
        assert own <= (talkers[0] | talkers[1] if part == "train" else talkers[3])


@needs_corpora
def test_pieces_cover_their_recordings(data):
    """No audio is lost, and each piece follows the one before."""
    segments = read_table(data / "train/segments")
    before: dict[str, float] = {}
    for line in segments.values():
        recording, begin, end = line.split()
        assert float(begin) == pytest.approx(before.get(recording, 0.0), abs=1e-3)
        before[recording] = float(end)
    assert before.keys() == read_table(data / "train/wav.scp").keys()


@needs_corpora
@pytest.mark.parametrize(
    ("text", "where"),
    [("file\tspeaker\n", ":1: expected a header with path"), ("path\tspeaker\naudio/none.opus\tu0\n", ":2: expected")],
)
def test_a_list_of_msc_with_other_content_is_named(tree, data, tmp_path, text, where):
    for name in OPEN[:-1]:
        (tmp_path / name).symlink_to(Path(CORPORA, name))
    (tmp_path / "msc").mkdir()
    (tmp_path / "msc/speech.tsv").write_text(text)
    done = tree.run(data.parent, "local/data.sh", "--outdir", str(tmp_path / "data"), CORPORA=str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path}/msc/speech.tsv{where}" in done.stderr
