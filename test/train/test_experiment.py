"""Files of an experiment that are damaged are made anew, or named with a remedy that works."""

from pathlib import Path

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.train.checkpoint import load

from .conftest import go_on

AVERAGE = Path("exp/valid.eer.ave.pth")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train_info.json", ""),
        ("train_info.json", '{"epochs": "many"}'),
        ("valid.eer.ave.pth", "no weights"),
        ("epoch1.pth valid.eer.ave.pth", ""),
    ],
)
def test_what_follows_from_the_checkpoint_is_made_anew(trained, name, content):
    expected, info = load(AVERAGE), Path("exp/train_info.json").read_text()
    for one in name.split():
        Path("exp", one).write_text(content)
    go_on()
    assert all(torch.equal(value, expected[key]) for key, value in load(AVERAGE).items())
    assert Path("exp/train_info.json").read_text().split('"date"')[0] == info.split('"date"')[0]


@pytest.mark.parametrize("name", ["config.yaml", "inputs.json"])
@pytest.mark.parametrize("content", ["", "[1, 2]"])
def test_a_damaged_table_of_facts_is_named_and_can_be_removed(trained, name, content):
    path = Path("exp", name)
    path.write_text(content)
    with pytest.raises(InputError, match=f"{name}.*remove it"):
        go_on()
    path.unlink()
    go_on()


def test_a_record_of_a_newer_version_is_no_damage(trained):
    Path("exp/inputs.json").write_text('{"version": 99}')
    with pytest.raises(InputError, match="newer version"):
        go_on()


def test_a_key_that_an_older_version_did_not_know_has_its_default(trained):
    config = Path("exp/config.yaml")
    config.write_text(config.read_text().replace("    repeats: 1\n", ""))
    go_on()
    with pytest.raises(InputError, match=r"batches\.init_args\.repeats 1 -> 2"):
        go_on("--batches.init_args.repeats", "2")
