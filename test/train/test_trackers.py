"""Trackers get what the run log gets, once, also after a resume; a missing one is named before a training."""

import json
import sqlite3
import struct
import time
from pathlib import Path

import pytest

from toolkit.io.errors import InputError
from toolkit.train import trackers
from toolkit.train.runlog import RunLog
from toolkit.train.trainer import Trainer

EXPECTED = [
    {"train/epoch": 1, "train/loss": 0.5, "step": 10},
    {"train/epoch": 1, "train/loss": 0.25, "step": 20},
    {"valid/epoch": 1, "valid/eer": 3.5, "step": 20},
    {"train/epoch": 2, "train/loss": 0.125, "step": 30},
]


def interrupted_and_resumed(name: str) -> None:
    """Killed after step 20, before its validation; resumed from step 10."""
    Path("exp").mkdir()
    Path("exp/config.yaml").write_text("model: {class_path: X}\n")
    log = RunLog("exp", trackers=(name,), project="p")
    log.rewind(0)
    log.record("train", epoch=1, step=10, loss=0.5)
    log.record("train", epoch=1, step=20, loss=0.25)
    log.close()
    time.sleep(1.1 if name == "wandb" else 0)  # its folders are named by seconds
    log = RunLog("exp", trackers=(name,), project="p")
    log.rewind(10)
    log.record("train", epoch=1, step=20, loss=0.25)
    log.record("valid", epoch=1, step=20, eer=3.5)
    log.record("train", epoch=2, step=30, loss=0.125)
    log.close()


def test_trackio(tmp_path, monkeypatch):
    pytest.importorskip("trackio", reason="tools/install.sh --extras trackio")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trackio.utils.TRACKIO_DIR", tmp_path / "store")
    monkeypatch.setattr("trackio.sqlite_storage.TRACKIO_DIR", tmp_path / "store")
    interrupted_and_resumed("trackio")
    with sqlite3.connect(tmp_path / "store/p.db") as base:
        rows = base.execute("select run_name, step, metrics from metrics order by id").fetchall()
        configs = base.execute("select config from configs").fetchall()
    assert [json.loads(metrics) | {"step": step} for _, step, metrics in rows] == EXPECTED
    assert len({name for name, _, _ in rows}) == 1
    assert json.loads(configs[0][0])["model"] == {"class_path": "X"}


def records_of(path: Path):
    """Records of a .wandb file: a LevelDB log of protocol buffers."""
    from wandb.proto import wandb_internal_pb2

    data, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            part = b""
            yield record


def test_wandb_offline(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="tools/install.sh --extras wandb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    interrupted_and_resumed("wandb")
    wandb.teardown()  # its process has written its files
    rows, runs = [], set()
    for path in sorted(Path("exp/wandb").glob("offline-run-*/*.wandb")):
        for record in records_of(path):
            if record.WhichOneof("record_type") == "history":
                items = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
                rows.append({key: value for key, value in items.items() if not key.startswith("_")})
            if record.WhichOneof("record_type") == "run":
                runs.add((record.run.project, record.run.run_id))
    assert rows == EXPECTED
    assert len(runs) == 1


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, name):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=f"{name} is not installed: tools/install.sh --extras {name}"):
        Trainer(trackers=(name,))


def test_an_unknown_tracker():
    with pytest.raises(InputError, match="neptune.*wandb, trackio"):
        Trainer(trackers=("neptune",))


class Broken:
    """A package of a tracker that cannot start, or fails later."""

    def __init__(self, at_once: bool):
        self.at_once = at_once

    def init(self, **options):
        if self.at_once:
            raise RuntimeError("no network")
        return self

    def log(self, values, step):
        raise RuntimeError("no network")


def test_faults_of_a_tracker(tmp_path, monkeypatch, caplog):
    """At the start they are errors; later the training goes on without it."""
    monkeypatch.setattr(trackers.importlib, "import_module", lambda _: Broken(True))
    log = RunLog(tmp_path, trackers=("trackio",))
    with pytest.raises(InputError, match="trackio cannot start.*no network"):
        log.rewind(0)
    monkeypatch.setattr(trackers.importlib, "import_module", lambda _: Broken(False))
    log.rewind(0)
    for step in (1, 2):
        log.record("train", step=step, epoch=1, loss=0.5)
    log.close()
    assert caplog.text.count("tracking ends") == 1
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
