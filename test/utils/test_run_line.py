import shlex
from pathlib import Path

RUN_LINE = Path(__file__).resolve().parents[2] / "utils/run_line.sh"


def test_each_job_runs_its_line(call, tmp_path):
    (tmp_path / "commands").write_text("echo one >out1\necho 'two words' >out2 && echo more >>out2\n")
    for number in (2, 1):
        call("run_line.sh", "commands", number)
    assert (tmp_path / "out1").read_text() == "one\n"
    assert (tmp_path / "out2").read_text() == "two words\nmore\n"


def test_run_pl_runs_the_lines_as_an_array(call, tmp_path):
    (tmp_path / "commands").write_text("".join(f"echo {n} >{shlex.quote(f'out{n}')}\n" for n in (1, 2, 3)))
    call("run.pl", "JOB=1:3", "log.JOB", RUN_LINE, "commands", "JOB")
    assert [(tmp_path / f"out{n}").read_text() for n in (1, 2, 3)] == ["1\n", "2\n", "3\n"]


def test_a_failing_command_fails_and_what_follows_does_not_run(call, tmp_path):
    (tmp_path / "commands").write_text("false && touch out\nexit 3\n")
    call("run_line.sh", "commands", 1, code=1)
    call("run_line.sh", "commands", 2, code=3)
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_said(call, tmp_path):
    (tmp_path / "commands").write_text("true\n")
    assert "commands: has no command in line 2" in call("run_line.sh", "commands", 2, code=1).stderr
    assert "none: no such file" in call("run_line.sh", "none", 1, code=1).stderr
    assert "Usage: run_line.sh" in call("run_line.sh", code=1).stderr


def test_marks_and_line_ends_of_other_systems_are_no_part_of_a_command(call, tmp_path):
    (tmp_path / "commands").write_bytes(b"\xef\xbb\xbfecho \xc3\xbc >out\r\n")
    call("run_line.sh", "commands", 1)
    assert (tmp_path / "out").read_text() == "\u00fc\n"
