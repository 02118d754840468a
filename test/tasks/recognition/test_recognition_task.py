"""Recognition: it learns a handful of utterances by heart, resumes exactly, and its faults are named."""

import json
import logging
import shutil

import numpy as np
import pytest
import soundfile
import torch
from helpers.fake_gpu import check_training_step

from toolkit import Recognizer
from toolkit.bin import train, train_units, transcribe_audio
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.jobs import write_work
from toolkit.metrics.recognition.word_errors import count_errors
from toolkit.systems.packing import pack
from toolkit.systems.recognizer import cut_at_pauses
from toolkit.train.checkpoint import load


@pytest.fixture(scope="module")
def learnt(words, songs, tmp_path_factory):
    """An experiment validated on what it was trained on, to be read."""
    expdir = tmp_path_factory.mktemp("learnt")
    more = ["--trainer.epochs", "24", "--loss.init_args.label_smoothing", "0"]
    train.main([*words, *more, "--valid_dirs", f"[{songs / 'train'}]", "--expdir", str(expdir)])
    return expdir


def test_it_learns_by_heart(learnt):
    records = [json.loads(line) for line in (learnt / "metrics.jsonl").read_text().splitlines()]
    valid = [record for record in records if record["kind"] == "valid"]
    assert min(record["cer"] for record in valid) == 0
    assert {"loss", "ctc", "attention", "wer"} <= valid[-1].keys()


def test_a_training_step_on_a_fake_gpu(words, songs, tmp_path, monkeypatch):
    check_training_step(
        monkeypatch,
        lambda: train.main([*words, "--valid_dirs", f"[{songs / 'dev'}]", "--expdir", str(tmp_path / "exp")]),
    )


@pytest.mark.parametrize(("method", "most"), [("ctc_greedy", 0), ("joint", 0.1), ("ctc_beam", 0.1)])
def test_what_it_learnt_is_transcribed(learnt, songs, method, most):
    """By greedy CTC without an error: the first epoch that did so is kept, when the other searches may err yet."""
    recognizer, texts = Recognizer.load(learnt), read_table(songs / "train/text")
    actual = [recognizer.transcribe(songs / f"train/audio/{key}.wav", method=method) for key in texts]
    assert count_errors([*texts.values()], actual, "cer").rate <= most


def test_long_audio_is_transcribed_in_parts(learnt, songs):
    """In batches, as each part alone."""
    recognizer, keys = Recognizer.load(learnt), read_table(songs / "train/text")
    long = np.concatenate([soundfile.read(songs / f"train/audio/{key}.wav", dtype="float32")[0] for key in keys])
    parts = cut_at_pauses(long, recognizer.fs, 1.5)
    assert len(parts) > 4
    alone = [recognizer.transcribe(part, fs=recognizer.fs) for part in parts]
    assert recognizer.transcribe(long, fs=recognizer.fs, chunk_seconds=1.5) == " ".join(filter(None, alone))


def test_a_packed_recogniser_needs_no_other_file(learnt, songs, tmp_path, monkeypatch):
    pack(learnt, tmp_path / "packed.zip")
    monkeypatch.chdir(tmp_path)
    file, text = (
        next(iter(read_table(songs / "train/wav.scp").values())),
        next(iter(read_table(songs / "train/text").values())),
    )
    recognizer = Recognizer.load(tmp_path / "packed.zip")
    assert recognizer.transcribe(file) == text
    assert "units" in str(recognizer)


def test_the_program_transcribes_files_and_sets(learnt, songs, tmp_path, capsys):
    texts = read_table(songs / "train/text")
    model = ["--model", str(learnt), "--method", "ctc_greedy"]
    transcribe_audio.main([*model, "--input", str(songs / "train/audio/s0-u00.wav")])
    assert capsys.readouterr().out == texts["s0-u00"] + "\n"
    write_work(tmp_path / "work", songs, ["train"])
    roots = ["--in_root", str(songs), "--out_root", str(tmp_path / "out")]
    transcribe_audio.main([*model, *roots, "--work", str(tmp_path / "work"), "--job", "1"])
    assert read_table(tmp_path / "out/train/.jobs/1/text") == texts


def test_two_epochs_are_one_and_one(words, songs, tmp_path):
    more = ["--valid_dirs", f"[{songs / 'dev'}]", "--specaugment", "SpecAugment"]
    more += ["--data.init_args.planner", "{speeds: [0.9, 1.0, 1.1]}"]
    train.main([*words, *more, "--expdir", str(tmp_path / "whole")])
    train.main([*words, *more, "--expdir", str(tmp_path / "parts"), "--trainer.epochs", "1"])
    train.main([*words, *more, "--expdir", str(tmp_path / "parts")])
    whole, parts = (load(tmp_path / name / "checkpoint/last.pt")["task"] for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.fixture
def other(words, songs, tmp_path):
    """Train on a copy of the corpus that ``change`` has changed."""

    def run(change, *more):
        shutil.copytree(songs / "train", tmp_path / "train", dirs_exist_ok=True)
        table = read_table(tmp_path / "train/text")
        change(table)
        write_table(tmp_path / "train/text", table)
        dirs = ["--train_dir", str(tmp_path / "train"), "--valid_dirs", f"[{songs / 'dev'}]"]
        train.main([*words, *dirs, "--expdir", str(tmp_path / "exp"), "--trainer.epochs", "1", *more])

    return run


def test_another_text_is_another_training(other):
    other(lambda table: None)
    with pytest.raises(InputError, match="text of training set"):
        other(lambda table: table.update({"s0-u00": "SO SO"}))


def test_audio_and_text_must_go_together(other):
    with pytest.raises(InputError, match="s0-u00"):
        other(lambda table: table.pop("s0-u00"))
    with pytest.raises(InputError, match="stray"):
        other(lambda table: table.update({"s0-u00": "LA", "stray": "LA"}))


def test_texts_that_do_not_fit_are_named_and_kept(other, caplog, tmp_path):
    with caplog.at_level(logging.WARNING):
        other(lambda table: table.update({"s0-u00": "LA " * 60, "s1-u01": "QUO"}))
    messages = [record.getMessage() for record in caplog.records]
    assert any("s0-u00" in message and "frames" in message for message in messages)
    assert any("s1-u01" in message and "Q" in message for message in messages)
    assert json.loads((tmp_path / "exp/train_info.json").read_text())["utterances"] == 12


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--units", "missing.model"], "units"),
        (["--model.init_args.num_units", "13"], "num_units"),
        (["--batches", "CropBatches"], "BucketBatches"),
        (["--data", "MixtureDataset"], "RecognitionDataset"),
    ],
)
def test_configs_that_do_not_fit(other, more, named):
    with pytest.raises(InputError, match=named):
        other(lambda table: None, *more)


def test_weights_of_other_units_are_refused(other, songs, learnt, tmp_path):
    write_table(tmp_path / "text", {"a": "XYZWVUTS"})  # as many characters
    train_units.main(["--output", str(tmp_path / "other.model"), str(tmp_path)])
    weights = str(learnt / "valid.cer.ave.pth")
    other(lambda table: None, "--init_from", weights)
    with pytest.raises(InputError, match="units"):
        other(lambda table: None, "--init_from", weights, "--units", str(tmp_path / "other.model"))
