"""The run log: records, rewinding, speed."""

import json
import logging

from toolkit.train.runlog import Meter, RunLog, log_interval


def test_rewinding_drops_what_the_checkpoint_has_not_seen(tmp_path):
    log = RunLog(tmp_path)
    for step in (10, 20, 30):
        log.record("train", epoch=1, step=step, loss=1.0 / step)
    with open(tmp_path / "metrics.jsonl", "a") as handle:
        handle.write('{"kind": "train", "st')  # as kill -9 leaves it
    log.rewind(20)
    log.close()
    records = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records] == [10, 20]
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_meter_means_over_its_steps():
    meter = Meter()
    meter.add({"loss": 1.0}, 8, 0.0)
    meter.add({"loss": 3.0, "residual_energy": -9.0}, 8, 0.0)
    meter.began -= 4.0  # pretend that four seconds have passed
    means = meter.means()
    assert means["loss"] == 2.0
    assert means["residual_energy"] == -9.0  # of the one step that had it
    assert 3.9 < means["utterances_per_second"] <= 4.0
    assert means["data_wait"] == 0.0


def test_few_steps_are_warned_of_where_asked_for(caplog):
    caplog.set_level(logging.INFO)
    for per_epoch, epochs, warn in ((5, 3, True), (5, 3, False), (500, 3, True)):
        assert log_interval(per_epoch, epochs, warn) == per_epoch * epochs
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO, logging.INFO]
