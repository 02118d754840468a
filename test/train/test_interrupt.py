"""After SIGUSR1 Slurm is asked to queue the job again; a refusal is a warning, and the program ends in any case."""

import os
import signal

import pytest

from toolkit.train.interrupt import StopSignal

pytestmark = pytest.mark.fast


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """A program ``scontrol`` that keeps its words and refuses; the folder of ``words``."""
    program = tmp_path / "scontrol"
    program.write_text(f"#!/bin/sh\necho $* >>{tmp_path}/words\necho Job is no batch job >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    return tmp_path


def ended(number: signal.Signals) -> int:
    """The exit code after a signal."""
    with StopSignal() as stop:
        os.kill(os.getpid(), number)
    with pytest.raises(SystemExit) as end:
        stop.end()
    return end.value.code


def test_a_refusal_is_a_warning(scontrol, caplog):
    assert ended(signal.SIGUSR1) == 128 + signal.SIGUSR1
    assert (scontrol / "words").read_text() == "requeue 17\n"
    assert "Job is no batch job" in caplog.text


def test_a_missing_scontrol_is_a_warning(scontrol, monkeypatch, caplog):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert ended(signal.SIGUSR1) == 128 + signal.SIGUSR1
    assert "scontrol" in caplog.text


@pytest.mark.parametrize(
    ("number", "variables"),
    [(signal.SIGTERM, {}), (signal.SIGUSR1, {"SLURM_JOB_ID": ""}), (signal.SIGUSR1, {"RANK": "1"})],
    ids=["another signal", "no job", "another process"],
)
def test_slurm_is_not_asked(scontrol, monkeypatch, number, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ended(number) == 128 + number
    assert not (scontrol / "words").exists()
