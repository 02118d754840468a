"""Training of embedding enhancement: it learns, resumes exactly, reads no label, and refuses what does not fit."""

import json
import shutil

import numpy as np
import pytest
import yaml
from helpers.fake_gpu import check_training_step

from test.tasks.embedding.conftest import EXTRACTOR, rows_of, train_ee
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.io.extractors import write_extractor
from toolkit.systems import EmbeddingEnhancer
from toolkit.tasks.embedding.embedding_task import EmbeddingTask
from toolkit.train.checkpoint import load


def validations(expdir) -> list[dict]:
    records = map(json.loads, (expdir / "metrics.jsonl").read_text().splitlines())
    return [record for record in records if record["kind"] == "valid"]


def test_noise_is_taken_away(trained):
    """Half of what noise does lies where clean embeddings are zero; a network that learns finds that."""
    last = validations(trained)[-1]
    assert last["before"] == pytest.approx(_cosine_distance(rows_of(1)), abs=0.01)
    assert last["distance"] < 0.5 * last["before"]
    unseen = rows_of(7)
    enhanced = EmbeddingEnhancer.load(trained).enhance(unseen[:, 1], [f"x{i}" for i in range(len(unseen))])
    assert _cosine_distance(np.stack([unseen[:, 0], enhanced], 1)) < 0.5 * _cosine_distance(unseen[:, :2])


def _cosine_distance(rows: np.ndarray) -> float:
    clean, others = rows[:, 0], rows[:, 1:]
    cosines = np.einsum("nd,nvd->nv", clean, others)
    return 100 * float(np.mean(1 - cosines / np.linalg.norm(clean, axis=1)[:, None] / np.linalg.norm(others, axis=2)))


def test_a_training_step_on_a_fake_gpu(pairs, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: train_ee(pairs, tmp_path / "exp"))


def test_a_training_goes_on_as_if_it_had_not_stopped(pairs, trained, tmp_path):
    for epochs in ("5", "12"):
        train_ee(pairs, tmp_path / "exp", "--trainer.epochs", epochs)
    one, two = (load(path / "epoch12.pth") for path in (trained, tmp_path / "exp"))
    assert all((one[name] == two[name]).all() for name in one)


def test_labels_are_not_read(pairs, trained, tmp_path):
    """With labels, whatever they are, or without: the same weights."""
    shutil.copytree(pairs, tmp_path / "pairs")
    write_table(tmp_path / "pairs/train/utt2spk", {f"u{i}": f"s{i % 3}" for i in range(80)})
    train_ee(tmp_path / "pairs", tmp_path / "exp")
    one, two = (load(path / "epoch12.pth") for path in (trained, tmp_path / "exp"))
    assert all((one[name] == two[name]).all() for name in one)


def test_the_experiment_knows_its_extractor(trained):
    enhancer = EmbeddingEnhancer.load(trained)
    assert enhancer.extractor == EXTRACTOR
    assert "toy" in str(enhancer)
    enhancer.check_extractor(EXTRACTOR, "x.scp")
    with pytest.raises(InputError, match=r"x\.scp.*other.*toy"):
        enhancer.check_extractor({**EXTRACTOR, "extractor": "other", "digest": "4"}, "x.scp")


def test_another_size_is_refused(pairs, tmp_path):
    with pytest.raises(InputError, match="model.init_args.dim 9.* 8"):
        train_ee(pairs, tmp_path / "exp", "--model.init_args.dim", "9")


def test_validation_of_another_extractor_is_refused(pairs, tmp_path):
    shutil.copytree(pairs, tmp_path / "pairs")
    write_extractor(tmp_path / "pairs/dev", {**EXTRACTOR, "digest": "4"})
    with pytest.raises(InputError, match="dev"):
        train_ee(tmp_path / "pairs", tmp_path / "exp")


def test_audio_without_an_extractor_is_refused(pairs, corpus, tmp_path):
    noise = {"noises": {"noise": {"data": [str(corpus / "raw/noise")]}}}
    data = {"class_path": "AudioPairs", "init_args": {"variants": {"noise": noise}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(yaml.safe_load((pairs / "c.yaml").read_text()) | {"data": data}))
    (tmp_path / "train").symlink_to(corpus / "raw/train")
    (tmp_path / "dev").symlink_to(pairs / "dev")
    with pytest.raises(InputError, match="extractor"):
        train_ee(tmp_path, tmp_path / "exp")


def test_defaults_are_the_papers():
    assert EmbeddingTask.defaults["optimizer"]["init_args"] == {"lr": 5e-4, "weight_decay": 5e-5}
    assert EmbeddingTask.defaults["batches"]["init_args"]["batch_size"] == 300


def test_a_network_that_does_not_help_is_warned_of(pairs, tmp_path, caplog):
    train_ee(pairs, tmp_path / "exp", "--trainer.epochs", "1", "--optimizer.init_args.lr", "1e-9")
    last = validations(tmp_path / "exp")[-1]
    assert last["distance"] >= last["before"]
    assert any(
        record.levelname == "WARNING" and f"{last['before']:.2f}" in record.getMessage() for record in caplog.records
    )
