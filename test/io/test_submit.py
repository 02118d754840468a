"""Jobs that run.pl runs: progress, sums and warnings of their logs, and why they failed."""

import os
import time

import pytest

from toolkit.io.errors import InputError
from toolkit.io.submit import print_notes, print_warnings, progress_lines, submit


@pytest.fixture
def logs(tmp_path):
    """``logs(name=text)``: a folder of logs."""

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name.replace('_', '.')}.log").write_text(text)
        return tmp_path

    return write


def test_progress_lines_say_which_job(logs):
    folder = logs(
        format_3="start\r format:  37%|###   | 3/8\r", format_1=" format: 100%|####| 8/8\n", format_10="x 1%\n"
    )
    assert progress_lines(folder, 10, 0) == ["format 3/10: format:  37%|###   | 3/8", "format 10/10: x 1%"]


def test_progress_of_one_job_is_that_of_this_run(logs):
    folder = logs(train="INFO epoch 1/3 step 5, loss 2.1\n", train_0="INFO epoch 1/3 step 9, loss 1\n")
    os.utime(folder / "train.0.log", (1, 1))
    assert progress_lines(folder, 1, time.time() - 60) == ["train: INFO epoch 1/3 step 5, loss 2.1"]


def test_what_jobs_count_is_summed_and_warnings_are_said_once(logs, capsys):
    text = "note: 2 of these\nx WARNING a\nx WARNING b\n"
    folder = logs(score_1=text, score_2=f"{text}note: 1 of those\nx WARNING c\nx WARNING d\n")
    print_notes(sorted(folder.glob("*.log")))
    print_warnings(sorted(folder.glob("*.log")))
    captured = capsys.readouterr()
    assert captured.out.split("\n")[:-1] == ["    4 of these", "    1 of those"]
    assert captured.err.split("\n")[:3] == ["WARNING a", "WARNING b", "WARNING c"]
    assert "1 more warning" in captured.err


def test_a_failed_job_shows_its_errors(tmp_path, capsys):
    words = ["JOB=1:2", f"{tmp_path}/x.JOB.log", "bash", "-c", "echo error: it is JOB; exit $((JOB - 1))"]
    with pytest.raises(InputError, match=f"exit 1.*{tmp_path}"):
        submit("utils/run.pl", tmp_path, words)
    assert "error: it is 2\n" in capsys.readouterr().err
