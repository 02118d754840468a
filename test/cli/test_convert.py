"""voxsift convert: the format of the input is recognised; what does not fit is refused."""

from pathlib import Path

import pytest

from test.conftest import write_speech
from toolkit.io.datadir import read_table, write_table


@pytest.fixture
def data(place):
    """A data dir."""
    return write_speech(Path("data"), 2, 2, 0.3)


@pytest.mark.parametrize("form", ["lhotse", "webdataset", "versa"])
def test_there_and_back(voxsift, data, form):
    code, content, _ = voxsift("convert", "data", "--to", form, "-o", "there", "--json")
    assert code == 0
    assert (content["from"], content["to"], content["utterances"]) == ("kaldi", form, 4)
    assert voxsift("convert", "there", "-o", "back")[0] == 0
    assert read_table("back/wav.scp").keys() == read_table("data/wav.scp").keys()
    if form != "versa":  # which has no speakers
        assert read_table("back/spk2utt") == read_table("data/spk2utt")


def test_paths_of_a_recipe_begin_at_its_folder(voxsift, place, monkeypatch):
    write_speech(Path("egs/mine/sv/data"), 2, 2, 0.3)
    wav = {key: value.removeprefix("egs/mine/sv/") for key, value in read_table("egs/mine/sv/data/wav.scp").items()}
    write_table("egs/mine/sv/data/wav.scp", wav)
    for words in (
        ["convert", "egs/mine/sv/data", "--to", "lhotse", "-o", "there"],
        ["embed", "egs/mine/sv/data", "-o", "e"],
    ):
        code, _, err = voxsift(*words)
        assert (code, f"begin at {Path('egs/mine/sv').absolute()};" in err) == (1, True)
    assert not Path("there").exists()
    monkeypatch.chdir("egs/mine/sv")
    assert voxsift("convert", "data", "--to", "lhotse", "-o", "there")[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["data", "-o", "out"],
        ["data", "-o", "out", "--to", "kaldi"],
        ["data", "data", "-o", "out", "--to", "lhotse"],
        ["data", "-o", "data", "--to", "lhotse"],
        ["data", "-o", "out", "--to", "lhotse", "--reference", "data"],
        ["spk", "-o", "out"],
        ["nowhere", "-o", "out"],
        ["slow.wav", "-o", "out"],
    ],
)
def test_bad_options(voxsift, data, words):
    assert voxsift("convert", *words)[0] == 1
    assert not Path("out").exists()
    assert not list(Path().glob(".*tmp"))
