"""Training of DRL: environments go from the speaker code, it resumes exactly, and needs labels."""

import json

import numpy as np
import pytest
import torch
import yaml
from helpers.fake_gpu import check_training_step

from test.tasks.embedding.conftest import train_ee, write_pairs
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.systems import EmbeddingEnhancer
from toolkit.tasks.embedding.embedding_task import mean_distance
from toolkit.train.checkpoint import load

CONFIG = {
    "model": {"class_path": "DRL", "init_args": {"dim": 8, "speaker_dim": 6}},
    "loss": {"class_path": "DRLLoss"},
    "batches": {"class_path": "CropBatches", "init_args": {"batch_size": 15}},
    "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
    "trainer": {"epochs": 10, "workers": 0, "threads": 1, "keep_best": 1},
}


def rows_of(seed: int) -> np.ndarray:
    """(60, 3, 8): ten speakers in four dimensions; each condition moves the others its own way."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((10 + 3, 4))
    speakers = np.repeat(fixed[:10], 6, 0)[:, None] + 0.3 * rng.standard_normal((60, 3, 4))
    return np.concatenate([speakers, fixed[10:] + 0.3 * rng.standard_normal((60, 3, 4))], 2)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A folder with train, of labels, and dev; and a config ``c.yaml``."""
    root = tmp_path_factory.mktemp("labelled")
    for number, name in enumerate(("train", "dev")):
        (root / name).mkdir()
        write_pairs(root / name, rows_of(number + 1))
    write_table(root / "train/utt2spk", {f"u{i}": f"s{i // 6}" for i in range(60)})
    (root / "c.yaml").write_text(yaml.safe_dump(CONFIG))
    return root


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    """The experiment."""
    expdir = tmp_path_factory.mktemp("exp") / "ee_drl"
    train_ee(pairs, expdir)
    return expdir


def records(expdir, kind: str) -> list[dict]:
    lines = map(json.loads, (expdir / "metrics.jsonl").read_text().splitlines())
    return [record for record in lines if record["kind"] == kind]


def test_conditions_go_from_the_speaker_code(trained):
    """Of speakers as in training, in new recordings: conditions move the code less than they move the embedding."""
    last = records(trained, "valid")[-1]
    assert last["distance"] < 0.5 * last["before"]
    first, *_, end = records(trained, "train")
    for term in ("speaker", "environment", "correlation", "reconstruction"):
        assert end[term] < first[term], term


def test_a_training_step_on_a_fake_gpu(pairs, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: train_ee(pairs, tmp_path / "exp"))


def test_validation_by_numpy(trained, pairs):
    """Of the codes of variants to that of the clean utterance, in % of the distance between clean ones."""
    rows = rows_of(2).astype(np.float32)
    codes = EmbeddingEnhancer.load(trained, "epoch10.pth").enhance(rows.reshape(-1, 8)).reshape(60, 3, 6)
    codes /= np.linalg.norm(codes, axis=2, keepdims=True)
    near = np.mean([1 - codes[u, 0] @ codes[u, v] for u in range(60) for v in (1, 2)])
    far = np.mean([1 - codes[u, 0] @ codes[w, 0] for u in range(60) for w in range(60) if u != w])
    assert records(trained, "valid")[-1]["distance"] == pytest.approx(100 * near / far, rel=1e-3)


def test_mean_distance_of_alike_rows_is_above_zero():
    assert mean_distance(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])) == pytest.approx((1 + 1 + 2) / 3)
    assert mean_distance(np.ones((3, 1))) == mean_distance(np.ones((1, 1))) * 1e-9


@pytest.mark.parametrize("first", ["1", "4"])
def test_a_training_goes_on_as_if_it_had_not_stopped(pairs, trained, tmp_path, first):
    for epochs in (first, "10"):
        train_ee(pairs, tmp_path / "exp", "--trainer.epochs", epochs)
    one, two = (load(path / "checkpoint/last.pt") for path in (trained, tmp_path / "exp"))
    assert one["task"]["loss.losses.adversarial.moments"].any()
    assert one["task"].keys() == two["task"].keys()
    assert all(torch.equal(value, two["task"][name]) for name, value in one["task"].items())


def test_the_adversary_is_not_in_the_optimizer(trained):
    state = load(trained / "checkpoint/last.pt")
    sizes = [value["exp_avg"].numel() for value in state["optimizer"]["state"].values()]
    parameters = {name: value for name, value in state["task"].items() if not name.endswith(("moments", "updates"))}
    adversary = [value for name, value in parameters.items() if ".adversarial." in name]
    others = [v for name, v in parameters.items() if ".adversarial." not in name and "running" not in name]
    assert sum(sizes) == sum(value.numel() for value in others if value.is_floating_point())
    assert state["task"]["loss.losses.adversarial.moments"].shape[1] == sum(value.numel() for value in adversary)


def test_labels_are_needed(pairs, tmp_path):
    (tmp_path / "train").mkdir()
    write_pairs(tmp_path / "train", rows_of(1))
    for name in ("dev", "c.yaml"):
        (tmp_path / name).symlink_to(pairs / name)
    with pytest.raises(InputError, match="utt2spk") as caught:
        train_ee(tmp_path, tmp_path / "exp")
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_not_its_own_is_refused(pairs, tmp_path):
    with pytest.raises(InputError, match="DRLLoss"):
        train_ee(pairs, tmp_path / "exp", "--loss", "EmbeddingReconstruction")
