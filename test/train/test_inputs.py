"""An experiment is trained on the data that it was begun with, or says what has changed."""

import json
import logging
import os
import re
from pathlib import Path

import pytest

from toolkit.bin import known_speakers
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.train.checkpoint import load, save

from .conftest import go_on


def change(table: str, old: str, new: str):
    """What replaces a pattern in a table."""

    def apply():
        path = Path("raw", table)
        path.write_text(re.sub(old, new, path.read_text()))

    return apply


def add_utterance(key: str = "s98-u0", speaker: str = "s98") -> None:
    """One more, with the audio of another."""
    for name, value in (("wav.scp", None), ("utt2num_samples", None), ("utt2dur", None), ("utt2spk", speaker)):
        table = read_table(f"raw/train/{name}")
        write_table(f"raw/train/{name}", table | {key: value or table["s00-u0"]})


def swap_audio(name: str) -> None:
    table = read_table(f"raw/{name}/wav.scp")
    one, two, *_ = table
    write_table(f"raw/{name}/wav.scp", table | {one: table[two]})


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (
            change("train/utt2spk", " s03", " s99"),
            "training set: 4 utterances of 1 speaker added: s99; 4 .* removed: s03",
        ),
        (add_utterance, "training set: 1 utterance of 1 speaker added: s98"),
        (lambda: add_utterance("s00-u9", "s00"), r"training set: other utterances of s00 \(4 -> 5\)"),
        (lambda: swap_audio("train"), "training set: other utterances of s00"),
        (lambda: swap_audio("noise"), "began: noise: other utterances of noise0"),
        (lambda: swap_audio("dev"), "validation set dev: other utterances of s04"),
        (change("dev/trials", r"^.*\n", ""), "trials of validation set dev changed"),
    ],
)
def test_other_data_is_refused_with_what_changed(trained, alter, message):
    alter()
    with pytest.raises(InputError, match=f"the training data has changed.*{message}.*another tag .--s[ev]_tag"):
        go_on("--trainer.epochs", "2")
    assert load(Path("exp/checkpoint/last.pt"))["epoch"] == 2


def test_the_same_data_elsewhere_is_the_same(trained, caplog):
    """As after a move: other folder, arks, times."""
    table, info = AudioTable("raw/train"), Path("exp/train_info.json").read_text()
    with ArkWriter("raw/moved/data/all.ark") as ark:
        for key in reversed(table.keys()):
            ark.write_audio(key, table.read(key), 16000)
    for path in Path("raw/train").iterdir():
        if path.is_file():
            Path("raw/moved", path.name).write_bytes(path.read_bytes())
    write_table("raw/moved/wav.scp", ark.scp)
    os.rename("exp", "moved")
    go_on("--train_dir", "raw/moved", "--expdir", str(Path("moved").absolute()))
    assert Path("moved/train_info.json").read_text() == info
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_accepted_data_is_trained_on_and_is_the_data_from_then_on(trained):
    add_utterance("s00-u9", "s00")
    go_on("--trainer.epochs", "2", "--accept_data", "true")
    go_on("--trainer.epochs", "2")
    assert json.loads(Path("exp/train_info.json").read_text())["utterances"] == 17
    assert "accept_data: false" in Path("exp/config.yaml").read_text()


def test_classes_of_other_speakers_cannot_be_accepted(trained):
    change("train/utt2spk", " s03", " s99")()
    with pytest.raises(InputError, match=r"classes of its checkpoint are other speakers.*s03, s99"):
        go_on("--trainer.epochs", "2", "--accept_data", "true")


def test_other_weights_to_start_from_are_refused(trained):
    save(Path("start.pth"), {name: value + 1 for name, value in load(Path("start.pth")).items()})
    with pytest.raises(InputError, match="init_from changed"):
        go_on()
    with pytest.raises(InputError, match="init_from removed"):
        go_on("--init_from", "null")


def as_before_records() -> None:
    """Make the experiment one of an older version."""
    os.unlink("exp/inputs.json")
    config = Path("exp/config.yaml")
    config.write_text(config.read_text().replace("accept_data: false\n", ""))
    for name in ("last", "previous"):
        path = Path(f"exp/checkpoint/{name}.pt")
        if path.exists():
            save(path, {key: value for key, value in load(path).items() if key not in ("version", "classes")})


def test_an_experiment_without_a_record_is_trained_on_and_has_one_then(trained, caplog):
    as_before_records()
    go_on()
    assert "could not be checked" in caplog.text
    assert not Path("exp/inputs.json").exists()  # nobody knows what it was trained on
    go_on("--trainer.epochs", "2")
    add_utterance()
    with pytest.raises(InputError, match="s98"):
        go_on("--trainer.epochs", "2")


def test_an_experiment_without_a_record_has_counts(trained):
    as_before_records()
    add_utterance()
    with pytest.raises(InputError, match="was trained on 16 utterances, the training set has 17 now"):
        go_on("--trainer.epochs", "2")


def test_speakers_of_the_training_set_are_told_in_validation_and_test_sets(trained, caplog, capsys):
    change("dev/utt2spk", " s04", " s00")()
    with pytest.raises(InputError, match="validation set dev"):
        go_on()
    assert "validation set dev: has 1 speaker of the training set: s00" in caplog.text
    for words in (["--train_dir", "raw/train"], ["--expdir", "exp"]):
        known_speakers.main([*words, "--sets", "raw/dev", "raw/noise"])
        message = capsys.readouterr().err
        assert message.startswith("WARNING dev: has 1 speaker of")
        assert len(message.splitlines()) == 1
    assert set(DataDir("raw/dev").table("utt2spk").values()) == {"s00", "s05", "s06"}
