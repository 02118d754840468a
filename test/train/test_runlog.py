"""The run log: records, rewinding, speed."""

import json

from toolkit.train.runlog import Meter, RunLog


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
    meter.add({"loss": 3.0}, 8, 0.0)
    meter.began -= 4.0  # pretend that four seconds have passed
    means = meter.means()
    assert means["loss"] == 2.0
    assert 3.9 < means["utterances_per_second"] <= 4.0
    assert means["data_wait"] == 0.0
