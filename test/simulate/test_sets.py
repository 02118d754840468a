"""A mixture set on disk."""

import pytest

from toolkit.io.errors import InputError
from toolkit.simulate.mix_conf import write_mix_conf
from toolkit.simulate.plan import Mixture, Source, write_plan
from toolkit.simulate.sets import open_set


def write_set(path, corpus, ids=("a", "b"), rooms=()):
    plan = [Mixture(key, 16000, 50, (Source("spk1", "s00-u0", 50),), "s00") for key in ids]
    write_plan(path / "mix.jsonl", plan)
    write_mix_conf(path, [corpus / "raw/train", corpus / "raw/noise", corpus / "raw/train"], rooms, 16000, 3)
    return plan


def test_a_set_opens_with_its_plan_and_its_audio(tmp_path, corpus):
    plan = write_set(tmp_path, corpus)
    mixtures, audio, rooms = open_set(tmp_path)
    assert mixtures == {"a": plan[0], "b": plan[1]}
    assert {"s00-u0", "noise0"} < set(audio.keys())
    assert audio.fs == 16000
    assert rooms is None


def test_impulse_responses_are_a_table_of_their_own(tmp_path, corpus):
    write_set(tmp_path, corpus, rooms=[corpus / "raw/dev"])
    _, audio, rooms = open_set(tmp_path)
    assert "s04-u0" in rooms.keys()
    assert "s04-u0" not in audio.keys()


def test_an_id_that_stands_twice(tmp_path, corpus):
    write_set(tmp_path, corpus, ids=("a", "b", "a"))
    with pytest.raises(InputError, match=r"mix\.jsonl: duplicate id a"):
        open_set(tmp_path)


def test_a_folder_that_is_no_set(tmp_path):
    with pytest.raises(InputError, match=r"mix_conf\.yaml: no such file; is it a planned set"):
        open_set(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a mapping"),
        ("fs: 16000\n", "data is missing"),
        ("data: [", "is not valid YAML"),
        ("[1]", "must be a mapping"),
        ("data: [a]\nrooms: []\n", "fs is missing"),
        ("data: a\nrooms: []\nfs: 16000\n", "data must be a list"),
        ("data: [a]\nrooms: []\nfs: 16k\n", "fs must be a whole number"),
    ],
)
def test_a_malformed_conf(tmp_path, text, message):
    (tmp_path / "mix_conf.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"mix_conf\.yaml: {message}"):
        open_set(tmp_path)


def test_some_ids_take_no_more_than_they_need(tmp_path, corpus):
    plan = write_set(tmp_path, corpus, ids=("a", "b", "c"))
    lines = (tmp_path / "mix.jsonl").read_text().splitlines()
    (tmp_path / "mix.jsonl").write_text("\n".join([lines[0], lines[1][:-9], lines[2]]))  # the plan stage finds such
    mixtures, audio, _ = open_set(tmp_path, ["a", "c"])
    assert mixtures == {"a": plan[0], "c": plan[2]}
    assert audio.keys() == ["s00-u0"]
    with pytest.raises(InputError, match=r"mix\.jsonl:2: "):
        open_set(tmp_path, ["b"])


def test_a_mixture_with_a_fault_is_named_when_it_is_read(tmp_path, corpus):
    plan = write_set(tmp_path, corpus, ids=("a", "b"))
    text = (tmp_path / "mix.jsonl").read_text()
    (tmp_path / "mix.jsonl").write_text(
        text.replace('"length": 50', '"length": 0').replace('"length": 0', '"length": 50', 2)
    )
    mixtures, _, _ = open_set(tmp_path)
    assert mixtures["a"] == plan[0]
    with pytest.raises(InputError, match=r"mix\.jsonl:2: b: fs and lengths must be positive"):
        _ = mixtures["b"]


def test_a_plan_that_changes_under_its_reader(tmp_path, corpus):
    write_set(tmp_path, corpus)
    mixtures, _, _ = open_set(tmp_path)
    write_set(tmp_path, corpus, ids=("x", "y"))
    with pytest.raises(InputError, match=r"mix\.jsonl: has changed"):
        _ = mixtures["a"]
