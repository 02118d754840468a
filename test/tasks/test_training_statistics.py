"""What stage 5 says of a training before it begins."""

import json
import logging

import pytest

from toolkit.bin import statistics


@pytest.mark.parametrize(("epochs", "few"), [("3", True), ("200", False)])
def test_steps_in_all_are_said_and_a_warning_where_they_are_few(options, tmp_path, caplog, capsys, epochs, few):
    caplog.set_level(logging.INFO)
    statistics.main(["sv", *options, "--trainer.epochs", epochs, "--output", str(tmp_path / "stats")])
    steps = 4 * int(epochs)  # 16 utterances, 4 in a batch
    assert json.loads((tmp_path / "stats/stats.json").read_text())["steps"] == steps
    assert f"{steps} steps" in capsys.readouterr().out
    (record,) = (record for record in caplog.records if f"{steps} steps" in record.getMessage())
    assert (record.levelno == logging.WARNING) == few
    assert ("batch_size" in record.getMessage()) == few
