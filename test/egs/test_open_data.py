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
    sets = {name: DataDir(data / name).table("utt2spk") for name in ("train", "dev", "babble_test", "test", "libri_test")}
    talkers = {name: {value.rpartition("-")[2] + value.split("-")[0] for value in sets[name].values()} for name in sets}
    names = [*sets]
    for one, other in ((a, b) for a in names for b in names if a < b):
        assert not talkers[one] & talkers[other], (one, other)
    # speechocean762's own split: the training speakers are those of its train/utt2spk
    own = set(read_table(Path(CORPORA, "speechocean762/train/utt2spk")).values())
    ours = {s.removeprefix("speechocean762-") for s in {*sets["train"].values(), *sets["dev"].values()}}
    assert own <= ours
    assert not own & set(sets["test"].values())


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
