"""utils/run.pl: options, requoting, logs, exit codes, limits and clean-up."""

import os
import re
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "utils/run.pl"


@pytest.fixture
def fake(tmp_path):
    """``fake(name, script)``: put a program in front of PATH; returns the environment."""

    def _fake(name, script):
        folder = tmp_path / "fake"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    return _fake


# Every job notes how many jobs run beside it.
COUNT = "touch on.JOB; sleep 0.05; ls on.* | wc -l > seen.JOB; sleep 0.05; rm on.JOB"
# Every job waits until N jobs run, so it ends only where N run at once.
MEET = "touch on.JOB; for i in $(seq 500); do [ $(ls on.* | wc -l) -lt {n} ] || exit 0; sleep 0.02; done; exit 1"


def most_at_once(folder):
    return max(int(path.read_text()) for path in folder.glob("seen.*"))


def output(log):
    """The job's own output: what stands between the header and the accounting."""
    return log.read_text().split("\n#\n", 1)[1].split("# Accounting:")[0]


def test_log_has_the_documented_form(call, tmp_path):
    call("run.pl", "x.log", "echo", "hello")
    date = r"\w{3} \w{3} [ \d]\d [\d:]{8} \S+ \d{4}"
    form = rf"""# echo hello
# Started at {date}
#
hello
# Accounting: time=\d+ threads=1
# Ended \(code 0\) at {date}, elapsed time \d+ seconds
"""
    assert re.fullmatch(form, (tmp_path / "x.log").read_text())


def test_footer_starts_a_new_line_after_unfinished_output(call, tmp_path):
    call("run.pl", "x.log", "printf", "no newline")
    assert "\nno newline\n# Accounting" in (tmp_path / "x.log").read_text()


def test_stdout_and_stderr_go_into_the_log_only(call, tmp_path):
    done = call("run.pl", "x.log", "sh", "-c", "echo out; echo err >&2")
    assert output(tmp_path / "x.log") == "out\nerr\n"
    assert done.stdout + done.stderr == ""


def test_makes_the_log_folder(call, tmp_path):
    call("run.pl", "JOB=1:2", "exp/JOB/log/x.JOB.log", "true")
    assert (tmp_path / "exp/2/log/x.2.log").is_file()


@pytest.mark.parametrize("name", ["JOB", "LMWT", "n"])
def test_any_name_is_replaced_in_log_and_command(call, tmp_path, name):
    call("run.pl", f"{name}=2:3", f"{name}.log", "echo", f"a{name}b {name}")
    assert output(tmp_path / "3.log") == "a3b 3\n"
    assert not (tmp_path / "1.log").exists()


def test_single_job_number(call, tmp_path):
    call("run.pl", "JOB=5", "x.JOB.log", "echo", "JOB")
    assert output(tmp_path / "x.5.log") == "5\n"


@pytest.mark.parametrize(
    "job_range",
    ["JOB=0:2", "JOB=3:2", "JOB=-1:2", "JOB=1:", "JOB=", "JOB=1:1000000000", "JOB=1:n", "JOB=1:10x", "J-B=1:2", "1:2"],
)
def test_bad_job_range_dies(call, job_range):
    assert job_range in call("run.pl", job_range, "x.JOB.log", "true", code=255).stderr


def test_two_job_ranges_die(call):
    assert "two job ranges" in call("run.pl", "JOB=1:2", "K=1:2", "x.JOB.K.log", "true", code=255).stderr


def test_range_must_stand_in_the_log_name(call, tmp_path):
    assert "JOB" in call("run.pl", "JOB=1:2", "x.log", "touch", "ran", code=1).stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("args", [[], ["x.log"], ["JOB=1:2", "x.JOB.log"]])
def test_too_few_arguments_show_the_usage(call, args):
    assert "Usage: run.pl" in call("run.pl", *args, code=1).stderr


def test_help(call):
    assert "e.g.:" in call("run.pl", "--help").stdout


IGNORED = [
    *(["--mem", "2G"], ["--num-threads", "3"], ["--time", "1:00"], ["--name", "x"], ["--num-nodes", "2"], ["-V"]),
    *(["-pe", "smp", "4"], ["-sync", "y"], ["-q", "all.q"], ["--config", "none.conf"], ["--gpu", "0"]),
]


@pytest.mark.parametrize("option", IGNORED, ids=lambda option: option[0])
def test_scheduler_options_are_accepted_before_and_after_the_range(call, tmp_path, option):
    call("run.pl", *option, "JOB=1:1", *option, "x.JOB.log", "echo", "fine")
    assert output(tmp_path / "x.1.log") == "fine\n"


@pytest.mark.parametrize(
    "args", [["--mem"], ["--mem", "--gpu"], ["--max-jobs-run", "0"], ["--gpu", "x"], ["--pick", "some"]]
)
def test_bad_option_values_die(call, args):
    assert args[0] in call("run.pl", *args, code=255).stderr


@pytest.mark.parametrize(
    "word", ["a  b", "it's", '"q"', "$HOME", "*", "", "a\\b", "<unk>", "x;y", "#", "~", "(a|b)", "a\nb"]
)
def test_arguments_arrive_literally(call, tmp_path, word):
    call("run.pl", "x.log", "printf", "[%s]", word)
    assert output(tmp_path / "x.log") == f"[{word}]\n"


def test_pipe_and_redirection(call, tmp_path):
    command = ["printf", r"b\na b\n", "|", "sort", ">out.JOB", "2>&1", "&&", "echo", "JOB", ">>", "out.JOB"]
    call("run.pl", "JOB=1:2", "x.JOB.log", *command)
    assert (tmp_path / "out.2").read_text() == "a b\nb\n2\n"


def test_a_pipe_fails_when_its_first_part_fails(call):
    call("run.pl", "x.log", "false", "|", "cat", code=1)


def test_environment_can_be_set_for_the_command(call, tmp_path):
    call("run.pl", "x.log", "COLOUR=red", "sh", "-c", "echo $COLOUR")
    assert output(tmp_path / "x.log") == "red\n"


def test_failing_job_is_reported_with_its_log(call, tmp_path):
    done = call("run.pl", "x.log", "sh", "-c", "exit 3", code=1)
    assert done.stderr == "run.pl: error: job failed, log is in x.log\n"
    assert "# Ended (code 3) at" in (tmp_path / "x.log").read_text()


def test_failing_jobs_are_counted_and_the_others_run(call, tmp_path):
    done = call("run.pl", "JOB=1:5", "log/x.JOB.log", "test", "JOB", "-gt", "2", code=1)
    assert done.stderr == "run.pl: error: 2 / 5 failed, log is in log/x.*.log\n"
    assert "(code 0)" in (tmp_path / "log/x.5.log").read_text()


def test_missing_command_fails(call, tmp_path):
    call("run.pl", "x.log", "no_such_command", code=1)
    assert "code 127" in (tmp_path / "x.log").read_text()


@pytest.mark.parametrize("more", [[], ["|", "cat"]], ids=["alone", "in a pipe"])
def test_signal_that_killed_the_job_is_in_the_log(call, tmp_path, more):
    call("run.pl", "x.log", "sh", "-c", "kill -9 $$", *more, code=1)
    assert "# Ended (code 137; signal 9) at" in (tmp_path / "x.log").read_text()


@pytest.mark.parametrize("option", ["--max-jobs-run", "--max_jobs_run", "-tc"])
def test_max_jobs_run_is_an_upper_limit(call, tmp_path, option):
    call("run.pl", option, "2", "JOB=1:6", "x.JOB.log", "sh", "-c", COUNT)
    assert most_at_once(tmp_path) <= 2
    assert len(list(tmp_path.glob("seen.*"))) == 6


def test_max_jobs_run_is_used_up(call, fake):
    call(
        "run.pl",
        "--max-jobs-run",
        "3",
        "JOB=1:3",
        "x.JOB.log",
        "sh",
        "-c",
        MEET.format(n=3),
        env=fake("nproc", "echo 1"),
    )


def test_limit_is_the_cpu_count(call, tmp_path, fake):
    call("run.pl", "JOB=1:7", "x.JOB.log", "sh", "-c", COUNT, env=fake("nproc", "echo 5"))
    assert most_at_once(tmp_path) <= 5


def test_slightly_more_jobs_than_cpus_run_at_once(call, fake):
    call("run.pl", "JOB=1:6", "x.JOB.log", "sh", "-c", MEET.format(n=6), env=fake("nproc", "echo 5"))


def test_threads_of_a_job_do_not_pass_for_the_cpu_count(call, tmp_path, fake):
    env = {**fake("nproc", "echo ${OMP_NUM_THREADS:-2}"), "OMP_NUM_THREADS": "1"}
    call("run.pl", "JOB=1:2", "x.JOB.log", "sh", "-c", f"({MEET.format(n=2)}) && echo $OMP_NUM_THREADS", env=env)
    assert output(tmp_path / "x.2.log") == "1\n"


def test_gpus_limit_the_jobs(call, tmp_path, fake):
    env = fake("nvidia-smi", "echo 'GPU 0: X (UUID: 1)'; echo 'GPU 1: X (UUID: 2)'") | fake("nproc", "echo 5")
    call("run.pl", "--gpu", "1", "JOB=1:5", "x.JOB.log", "sh", "-c", COUNT, env=env)
    assert most_at_once(tmp_path) <= 2


@pytest.mark.parametrize(("asked", "allowed"), [(4, 2), (1, 1)])
def test_gpus_and_max_jobs_run_limit_together(call, tmp_path, fake, asked, allowed):
    env = fake("nvidia-smi", "printf 'GPU 0: x\\nGPU 1: y\\n'")
    call("run.pl", "--gpu", "1", "--max-jobs-run", str(asked), "JOB=1:6", "x.JOB.log", "sh", "-c", COUNT, env=env)
    assert most_at_once(tmp_path) <= allowed


def test_gpu_jobs_need_a_gpu(call, fake):
    assert (
        "nvidia-smi" in call("run.pl", "--gpu", "1", "x.log", "true", code=1, env=fake("nvidia-smi", "exit 9")).stderr
    )


def test_more_gpus_per_job_than_there_are(call, fake):
    env = fake("nvidia-smi", "echo 'GPU 0: X (UUID: 1)'")
    assert "only 1" in call("run.pl", "--gpu", "2", "x.log", "true", code=1, env=env).stderr


@pytest.fixture
def earlier_logs(call, tmp_path):
    """Job 1 succeeded, 2 failed, 3 was cut off, 4 never ran."""
    call("run.pl", "JOB=1:2", "x.JOB.log", "test", "JOB", "-eq", "1", code=1)
    (tmp_path / "x.3.log").write_text("# sleep\n# Started at some time\n#\n")


PICKS = [("all", {1, 2, 3, 4}, 0), ("failed", {2, 3, 4}, 0), ("incomplete", {3, 4}, 1)]


@pytest.mark.parametrize(("pick", "ran", "code"), PICKS)
@pytest.mark.usefixtures("earlier_logs")
def test_pick_by_earlier_logs(call, tmp_path, pick, ran, code):
    call("run.pl", "--pick", pick, "JOB=1:4", "x.JOB.log", "touch", "ran.JOB", code=code)
    assert {int(path.suffix[1:]) for path in tmp_path.glob("ran.*")} == ran


def test_a_dry_run_tells_and_runs_nothing(call, tmp_path):
    message = call(
        "run.pl", "--dry-run", "true", "--max-jobs-run", "3", "JOB=1:5", "q/x.JOB.log", "touch", "JOB"
    ).stdout
    assert "5 jobs on this machine, 3 at a time" in message
    assert not any(tmp_path.iterdir())
