"""Best-k models, averages, and the way back from a damaged checkpoint."""

from unittest.mock import Mock

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.train.checkpoint import Checkpoints, average_states, load


def model(value: float) -> dict:
    return {"w": torch.full((2,), value), "n": torch.tensor(int(value))}


def test_the_best_k_are_kept_and_averaged(tmp_path):
    kept = Checkpoints(tmp_path, "eer", "min", keep_best=2)
    for epoch, value in enumerate([9.0, 5.0, 7.0, 8.0], 1):
        kept.add(epoch, value, model(value))
    assert sorted(p.name for p in tmp_path.glob("epoch*.pth")) == ["epoch2.pth", "epoch3.pth"]
    assert (tmp_path / "valid.eer.best.pth").resolve().name == "epoch2.pth"
    assert load(kept.average())["w"].tolist() == [6.0, 6.0]


def test_a_metric_that_should_rise(tmp_path):
    kept = Checkpoints(tmp_path, "snr", "max", keep_best=1)
    for epoch, value in enumerate([1.0, 3.0, 2.0], 1):
        kept.add(epoch, value, model(value))
    assert (tmp_path / "valid.snr.best.pth").resolve().name == "epoch2.pth"


def test_nan_is_the_worst_value(tmp_path):
    kept = Checkpoints(tmp_path, "loss", "min", keep_best=2)
    for epoch, value in enumerate([float("nan"), 5.0, float("nan"), 4.0, 6.0], 1):
        kept.add(epoch, value, model(float(epoch)))
        names = {path.name for path in tmp_path.glob("epoch*.pth")}
        assert names == {f"epoch{e}.pth" for e in ([1], [2], [2], [2, 4], [2, 4])[epoch - 1]}
    assert load(kept.average())["w"].tolist() == [3.0, 3.0]


def test_averages_leave_counters_alone():
    mean = average_states([model(1.0), model(4.0)])
    assert mean["w"].tolist() == [2.5, 2.5]
    assert mean["n"] == 1


def test_a_damaged_last_checkpoint_falls_back_to_the_one_before(tmp_path):
    kept = Checkpoints(tmp_path, "eer")
    kept.save_last({"epoch": 1})
    kept.save_last({"epoch": 2})
    last = tmp_path / "checkpoint/last.pt"
    last.write_bytes(last.read_bytes()[:100])
    assert Checkpoints(tmp_path, "eer").load_last()["epoch"] == 1


def test_a_state_is_left_when_the_next_is_not_written(tmp_path, monkeypatch):
    """The disk is full after the last state was damaged."""
    kept = Checkpoints(tmp_path, "eer")
    kept.save_last({"epoch": 1})
    kept.save_last({"epoch": 2})
    (tmp_path / "checkpoint/last.pt").write_bytes(b"damaged")
    kept = Checkpoints(tmp_path, "eer")
    kept.load_last()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", Mock(side_effect=OSError("full")))
        with pytest.raises(OSError, match="full"):
            kept.save_last({"epoch": 2})
    assert Checkpoints(tmp_path, "eer").load_last()["epoch"] == 1
    kept.save_last({"epoch": 2})
    kept.save_last({"epoch": 3})
    assert [load(tmp_path / f"checkpoint/{name}.pt")["epoch"] for name in ("previous", "last")] == [2, 3]


def test_what_killed_trainings_left_is_removed(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    for name in (".epoch3.99.tmp.pth", "checkpoint/.last.99.tmp.pt", ".packed.99.tmp.zip", ".mine.pth", "x.tmp.pth"):
        (tmp_path / name).touch()
    Checkpoints(tmp_path, "eer").load_last()
    assert {path.name for path in tmp_path.rglob("*.*")} == {".packed.99.tmp.zip", ".mine.pth", "x.tmp.pth"}


def test_nothing_to_resume(tmp_path):
    assert Checkpoints(tmp_path, "eer").load_last() is None


def test_missing_and_damaged_models_are_named(tmp_path):
    with pytest.raises(InputError, match="a.pth: no such checkpoint"):
        load(tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(b"no model")
    with pytest.raises(InputError, match="b.pth: is damaged"):
        load(tmp_path / "b.pth")


@pytest.mark.parametrize(("mode", "kept"), [("min", [9.0, 5.0, 7.0]), ("max", [-9.0, -5.0, -7.0])])
def test_every_epochs_value_comes_back_less_being_better(tmp_path, mode, kept):
    one = Checkpoints(tmp_path, "m", mode, keep_best=1)
    for epoch, value in enumerate([9.0, 5.0, 7.0], 1):
        one.add(epoch, value, model(value))
    one.save_last({"epoch": 4})
    two = Checkpoints(tmp_path, "m", mode, keep_best=1)
    two.load_last()
    assert one.values == two.values == kept


def test_an_epoch_that_is_validated_again_counts_once(tmp_path):
    kept = Checkpoints(tmp_path, "eer")
    for epoch, value in [(1, 9.0), (2, 5.0), (2, 4.0)]:
        kept.add(epoch, value, model(value))
    assert kept.values == [9.0, 4.0]
