"""utils/slurm.pl over a fake Slurm: what reaches sbatch, configs, logs, exit codes, lost jobs and clean-up.

The same against a real Slurm: ci/integration_slurm.sh.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[2] / "utils"
TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"


class Slurm:
    """A fake Slurm on PATH."""

    def __init__(self, folder: Path):
        self.folder = folder / "slurm"
        programs = folder / "programs"
        programs.mkdir()
        self.folder.mkdir()
        for name in ("sbatch", "squeue", "scontrol", "scancel"):
            program = programs / name
            fake = Path(__file__).with_name("fake_slurm.py")
            program.write_text(f"#!{sys.executable} -IS\n{fake.read_text()}")
            program.chmod(0o755)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "FAKE_SLURM": str(self.folder)}
        self.environment["SLURM_PL_GRACE"] = "1"

    def submitted(self, job=1):
        """What sbatch was given before the script, without what is always there."""
        words = json.loads((self.folder / f"job.{job}").read_text())
        always = ["--open-mode=append", "-e"]
        at = words.index(always[0])
        assert words[at : at + 2] == always
        assert words[at + 2] == words[at + 4]
        return words[:at] + words[at + 5 :]


@pytest.fixture
def slurm(tmp_path_factory):
    return Slurm(tmp_path_factory.mktemp("fake"))


@pytest.fixture
def submit(call, slurm):
    """``submit(*args, code=0, **environment)``: call slurm.pl."""

    def _submit(*args, code=0, **environment):
        return call("slurm.pl", *args, code=code, env={**slurm.environment, **environment})

    return _submit


def output(log):
    """The job's own output: what stands between the command and the accounting."""
    return re.split(r"^# (?!SLURM_|Running|Started).*\n", log.read_text(), maxsplit=1, flags=re.M)[1].split("# Acc")[0]


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("waited in vain")


def test_log_has_the_documented_form(submit, tmp_path):
    submit("x.log", "echo", "hello")
    date = r"\w{3} \w{3} [ \d]\d [\d:]{8} \S+ \d{4}"
    form = rf"""# Running on \S+
# Started at {date}
(# SLURM_\w+=.*\n)+# echo hello
hello
# Accounting: job=1
# Accounting: begin_time=\d+
# Accounting: end_time=\d+
# Accounting: time=\d+ threads=3
# Finished at {date} with status 0
"""
    assert re.fullmatch(form, (tmp_path / "x.log").read_text())


def test_script_and_slurms_log_lie_in_q_and_nothing_else_is_left(submit, tmp_path):
    done = submit("JOB=1:2", "log/x.JOB.log", "true")
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"log/x.1.log", "log/x.2.log", "log/q/x.sh", "log/q/x.log"}
    assert done.stdout + done.stderr == ""


WORDS = ["a  b", "it's", '"q"', "$HOME", "*", "", "a\\b", "<unk>", "x;y", "#", "~", "(a|b)", "a\nb", "&", "JOBs' JOB"]
PIPE = ["printf", "%s,", *WORDS[:-2], "it's JOB", "xJOBy", "|", "cat", "-", "2>&1", "&&", "printf", "no newline JOB"]


@pytest.mark.parametrize(
    "command", [["printf", "[%s]", *WORDS[:-2], WORDS[-1]], PIPE, ["COLOUR=red", "sh", "-c", "env | grep COL"]]
)
def test_arguments_arrive_as_under_run_pl(call, submit, tmp_path, command):
    call("run.pl", "JOB=7:8", "run.JOB.log", *command)
    submit("JOB=7:8", "slurm.JOB.log", *command)
    for job in (7, 8):
        expected = (tmp_path / f"run.{job}.log").read_text().split("\n#\n", 1)[1].split("# Acc")[0]
        text = (tmp_path / f"slurm.{job}.log").read_text()
        assert expected in text
        assert text.split("# Acc")[0].endswith(expected)


def test_jobs_are_tasks_of_an_array(submit, slurm, tmp_path):
    submit("--max-jobs-run", "2", "LMWT=3:5", "x.LMWT.log", "echo", "aLMWTb")
    assert slurm.submitted() == ["sbatch", "--export=ALL", "--array", "3-5%2"][1:]
    assert [output(tmp_path / f"x.{n}.log") for n in (3, 4, 5)] == ["a3b\n", "a4b\n", "a5b\n"]


@pytest.mark.parametrize(
    ("job_range", "array"), [("JOB=5", ["--array", "5"]), (None, []), ("JOB=1:1", ["--array", "1"])]
)
def test_single_jobs(submit, slurm, job_range, array):
    submit(*filter(None, [job_range]), "x.JOB.log", "true")
    assert slurm.submitted()[1:] == array


def test_limit_holds(submit, tmp_path):
    count = "touch on.JOB; sleep 0.1; ls on.* | wc -l > seen.JOB; rm on.JOB"
    submit("--max-jobs-run", "2", "JOB=1:5", "x.JOB.log", "sh", "-c", count)
    assert max(int(path.read_text()) for path in tmp_path.glob("seen.*")) == 2


def test_jobs_start_here_after_path_sh_with_the_environment(submit, tmp_path):
    (tmp_path / "path.sh").write_text("export FROM_PATH=$CALLER; set -eu; false || true")
    submit("x.log", "sh", "-c", "pwd; echo $FROM_PATH", CALLER="me")
    assert output(tmp_path / "x.log") == f"{tmp_path}\nme\n"
    submit("x.log", "sh", "-c", "exit 4", code=1)
    assert "with status 4" in (tmp_path / "x.log").read_text()


def test_works_through_a_link_as_recipes_have_it(slurm, tmp_path):
    (tmp_path / "utils").symlink_to(UTILS)
    for program in ("run.pl", "slurm.pl"):
        command = [f"utils/{program}", "x.log", "true"]
        subprocess.run(command, cwd=tmp_path, env=os.environ | slurm.environment, check=True)


def test_a_job_around_it_does_not_leak_in(submit, tmp_path):
    submit("x.log", "sh", "-c", "echo ${SLURM_MEM_PER_CPU:-none}", SLURM_JOB_ID="9", SLURM_MEM_PER_CPU="7")
    assert output(tmp_path / "x.log") == "none\n"


@pytest.mark.parametrize(
    ("log", "script"), [("exp/JOB/log/x.JOB.log", "exp/q/x.sh"), ("JOB.log", "q/job.sh"), ("a%j/x.JOB", "a%j/q/x.sh")]
)
def test_q_folder_of_unusual_logs(submit, tmp_path, log, script):
    submit("JOB=1:2", log, "echo", "JOB")
    assert (tmp_path / script).is_file()
    assert (tmp_path / script).with_suffix(".log").is_file()
    assert output(tmp_path / log.replace("JOB", "2")) == "2\n"


# -- options and configs

CONFIG = """\
# the site's
command sbatch --export=PATH  # and more
option name=* --job-name $0
option time=* --time $0
option mem=* --mem-per-cpu $0
option mem=0
option num-threads=* --cpus-per-task $0
option partition=* --partition $0
option constraint=* --constraint "$0&big mem"
option gpu=*   --gres=gpu:$0 -p gpu -c $0

option gpu=0
default time=4:0:0
default max_jobs_run=9
"""


@pytest.fixture
def config(tmp_path):
    """``config(text)``: write conf/slurm.conf."""

    def _config(text):
        (tmp_path / "conf").mkdir(exist_ok=True)
        (tmp_path / "conf/slurm.conf").write_text(text)

    return _config


TIME = ["--time", "4:0:0"]
OPTIONS = [
    ([], TIME),
    (["--time", "1:00"], ["--time", "1:00"]),
    (["--time", "1:00", "--time", "2:00"], ["--time", "2:00"]),
    (["--gpu", "0", "--mem", "0"], TIME),
    (["--gpu", "2", "--name", "exp/a b"], ["--job-name", "exp/a b", *TIME, "--gres=gpu:2", "-p", "gpu", "-c", "2"]),
    (["--num-threads", "3"], [*TIME, "--cpus-per-task", "3"]),
    (["--num_threads", "3"], [*TIME, "--cpus-per-task", "3"]),
    (["-pe", "smp", "4", "-V", "-sync", "y", "-q", "big"], [*TIME, "--cpus-per-task", "4", "--partition", "big"]),
    (["--constraint", "v100"], [*TIME, "--constraint", "v100&big mem"]),
]


@pytest.mark.parametrize(("options", "words"), OPTIONS, ids=lambda value: " ".join(value))
def test_config_turns_options_into_words(submit, slurm, config, options, words):
    config(CONFIG)
    submit(*options, "JOB=1:1", *options, "x.JOB.log", "true")
    assert slurm.submitted() == ["--export=PATH", *words, "--array", "1%9"]


def test_a_named_config_goes_before_the_default_one(submit, slurm, config, tmp_path):
    config("broken")
    (tmp_path / "mine.conf").write_text("command sbatch --hold\noption name=x\n")
    submit("--config", "mine.conf", "--name", "x", "x.log", "true")
    assert slurm.submitted() == ["--hold"]


def test_the_shared_config_is_what_is_built_in(submit, slurm, config):
    options = ["--gpu", "2", "--mem", "3G", "--time", "4", "--num-threads", "5", "--num-nodes", "6", "--name", "n"]
    options += ["--partition", "p", "--constraint", "c", "--account", "a", "--qos", "q"]
    submit(*options, "x.log", "true")
    config((TEMPLATE / "conf/slurm.conf").read_text())
    submit(*options, "x.log", "true")
    submit("--gpu", "0", "x.log", "true")
    assert slurm.submitted(1) == slurm.submitted(2)
    assert slurm.submitted(3) == ["--export=ALL"]
    words = " ".join(slurm.submitted(1))
    for part in ("--gres=gpu:2", "--mem-per-cpu 3G", "--time 4", "--cpus-per-task 5", "--nodes 6", "--constraint c"):
        assert part in words


WRONG_CONFIGS = [
    ("option name=*\n", "there is no line 'command sbatch ...'"),
    ("command sbatch\nfoo bar\n", "conf/slurm.conf:2: not understood: foo bar"),
    ("command sbatch\n\noption name\n", "conf/slurm.conf:3: not understood"),
    ("command sbatch\ncommand sbatch\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\noption name=* 'half\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\ndefault time=1 2\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\ndefault max_jobs_run=none\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\ndefault time=1\n", "conf/slurm.conf:2: unknown option --time"),
    ("command sbatch\noption time=2\ndefault time=1\n", "conf/slurm.conf:3: option --time 1: conf/slurm.conf has no"),
]


@pytest.mark.parametrize(("text", "said"), WRONG_CONFIGS)
def test_wrong_configs_are_said(submit, config, slurm, text, said):
    config(text)
    assert said in submit("x.log", "true", code=1).stderr
    assert not list(slurm.folder.glob("job.*"))


WRONG = [
    (["--foo", "1"], 255, "unknown option --foo; the built-in config knows --account --constraint"),
    (["-l", "x"], 255, "unknown option --l"),
    (["--config", "none.conf"], 1, "--config none.conf: No such file"),
    (["--max-jobs-run", "0"], 255, "--max-jobs-run needs a whole number from 1 up"),
    (["--gpu", "x"], 255, "--gpu needs a whole number"),
    (["--mem"], 255, "option --mem needs a value"),
    (["JOB=0:2"], 255, "jobs are numbered from 1"),
    (["JOB=1:2"], 1, "the log-file's name must contain JOB"),
]


@pytest.mark.parametrize(("options", "code", "said"), WRONG)
def test_wrong_options_are_said(submit, tmp_path, options, code, said):
    arguments = options if options == ["--mem"] else [*options, "x.log", "touch", "ran"]
    assert said in submit(*arguments, code=code).stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [[], ["x.log"], ["JOB=1:2", "x.JOB.log"]])
def test_too_few_arguments_show_the_usage(submit, args):
    assert "Usage: slurm.pl" in submit(*args, code=1).stderr


def test_what_sbatch_refuses_is_said(submit, config, slurm):
    config("command sbatch --reject\n")
    said = submit("x.log", "true", code=1).stderr
    assert "the job was not accepted: sbatch: error: Batch job submission failed: Invalid account" in said
    config("command no_such_sbatch\n")
    assert "no_such_sbatch: No such file" in submit("x.log", "true", code=1).stderr
    assert "cmd_backend" not in said


HINT = "Without one, cmd_backend=local (see cmd.sh) runs the jobs on this machine."


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: fetch_config: DNS SRV lookup failed\nsbatch: fatal: Could not establish a configuration source",
    ],
)
def test_where_no_controller_answers_the_way_out_is_said(submit, slurm, said):
    (slurm.folder / "dead").write_text(said)
    message = submit("a.log", "true", code=1).stderr
    assert message.startswith(f"slurm.pl: the job was not accepted: {said}\n")
    assert HINT in message


def test_where_there_is_no_slurm_the_way_out_is_said(submit, config):
    config("command sbatch-of-nowhere\n")
    message = submit("a.log", "true", code=1).stderr
    assert "the job was not accepted: sbatch-of-nowhere: No such file or directory" in message
    assert HINT in message


# -- long arrays


def test_arrays_longer_than_slurm_allows_are_split(submit, slurm, tmp_path):
    submit("JOB=2:9", "x.JOB.log", "echo", "JOB", FAKE_MAX_ARRAY="5")
    assert [slurm.submitted(job)[-1] for job in (1, 2, 3)] == ["2-4", "1-4", "1"]
    assert [output(tmp_path / f"x.{n}.log") for n in range(2, 10)] == [f"{n}\n" for n in range(2, 10)]


def test_split_arrays_keep_the_limit(submit, slurm):
    submit("--max-jobs-run", "2", "JOB=1:5", "x.JOB.log", "true", FAKE_MAX_ARRAY="4")
    assert slurm.submitted(1)[1:] == ["--array", "1-3%2"]
    assert slurm.submitted(2)[1:] == ["--array", "1-2%2", "--dependency=afterany:1"]


def test_a_slurm_without_arrays(submit):
    assert "allows no job arrays" in submit("JOB=1:2", "x.JOB.log", "true", code=1, FAKE_MAX_ARRAY="1").stderr


# -- failures


def test_failing_job_is_reported_with_its_log(submit, tmp_path):
    assert submit("x.log", "sh", "-c", "exit 3", code=1).stderr == "slurm.pl: job failed, log is in x.log\n"
    assert re.search(r"# Finished at .* with status 3\n$", (tmp_path / "x.log").read_text())


def test_failing_jobs_are_counted_and_the_others_run(submit, tmp_path):
    done = submit("JOB=1:5", "log/x.JOB.log", "test", "JOB", "-gt", "2", code=1)
    assert done.stderr == "slurm.pl: 2 / 5 failed, log is in log/x.*.log\n"
    assert "with status 0" in (tmp_path / "log/x.5.log").read_text()


def test_a_pipe_fails_when_its_first_part_fails(submit):
    submit("x.log", "false", "|", "cat", code=1)


def test_a_killed_command_ends_the_task_with_100(submit, slurm, tmp_path):
    done = submit("x.log", "sh", "-c", "kill -9 $$", code=1)
    assert "with status 137" in (tmp_path / "x.log").read_text()
    assert (slurm.folder / "1/code").read_text() == "100"
    assert "slurm.pl: job failed, log is in x.log" in done.stderr


KILL_SCRIPT = "kill -9 -$(ps -o pgid= -p $$ | tr -d ' ')"  # the command and the script around it
STATES = [
    ("TIMEOUT", "TIMEOUT, its time limit ended it (--time)"),
    ("OUT_OF_MEMORY", "OUT_OF_MEMORY, it used more memory than it was given (--mem)"),
    ("NODE_FAIL", "NODE_FAIL, its node failed"),
    ("GONE", "GONE, Slurm knows it no more, and the log has no end"),
]


@pytest.mark.parametrize(("state", "said"), STATES)
def test_lost_jobs_fail_and_slurms_word_is_said(submit, tmp_path, state, said):
    command = ["sh", "-c", f"test JOB -eq 2 || {KILL_SCRIPT}"]
    done = submit("JOB=1:3", "x.JOB.log", *command, code=1, FAKE_KILLED=state)
    assert f"slurm.pl: Slurm's state of job 1,3: {said}\n" in done.stderr
    assert done.stderr.endswith("slurm.pl: 2 / 3 failed, log is in x.*.log\n")
    assert (tmp_path / "x.3.log").read_text().endswith(f"# Ended by Slurm: {state}\n")


def test_a_job_that_someone_cancels(slurm, tmp_path):
    environment = os.environ | slurm.environment
    command = [UTILS / "slurm.pl", "-tc", "2", "JOB=1:4", "x.JOB.log", "sh", "-c", "touch on.JOB; sleep 60"]
    runner = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (tmp_path / "on.1").exists() and (tmp_path / "on.2").exists())
    subprocess.run(["scancel", "1"], env=environment, check=True)
    said = runner.communicate(timeout=20)[1]
    assert runner.returncode == 1
    assert "state of job 1-4: CANCELLED, it was cancelled (scancel)" in said
    assert "with status 143" in (tmp_path / "x.1.log").read_text()
    assert (tmp_path / "x.4.log").read_text().endswith("# Ended by Slurm: CANCELLED\n")


@pytest.mark.parametrize("kill", ["kill $$", "kill -9 $$", "kill -9 $PPID $$"])
def test_what_slurm_starts_again_is_waited_for(submit, slurm, tmp_path, kill):
    (slurm.folder / "requeue").touch()
    submit("x.log", "sh", "-c", f"test -f on || {{ touch on; {kill}; }}; sleep 1; echo again")
    assert output(tmp_path / "x.log") == "again\n"


def test_a_script_that_cannot_start_shows_slurms_log(submit, tmp_path):
    (tmp_path / "path.sh").write_text("echo the reason >&2; exit 5")
    said = submit("x.log", "true", code=1).stderr
    assert "q/x.log: the reason" in said
    assert "FAILED" in said


def test_a_log_that_the_command_prints_is_not_taken_for_its_own(submit, tmp_path):
    submit("old.log", "true")
    submit("new.log", "sh", "-c", "cat old.log; sleep 1; exit 3", code=1)


def test_an_old_log_is_not_taken_for_the_new_one(submit, slurm, tmp_path):
    submit("x.log", "true")
    for path in sorted(slurm.folder.iterdir()):  # the id is given a second time
        path.rename(path.with_name(f"old_{path.name}"))
    (slurm.folder / "hold").touch()
    environment = os.environ | slurm.environment
    runner = subprocess.Popen(
        [UTILS / "slurm.pl", "x.log", "false"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    wait_for((slurm.folder / "job.1").exists)
    time.sleep(0.5)
    (slurm.folder / "hold").unlink()
    assert runner.wait(timeout=20) == 1


def test_slurm_may_be_out_of_reach_for_a_while(submit, slurm):
    (slurm.folder / "deaf").touch()
    said = submit("x.log", "sh", "-c", f"sleep 3; rm {slurm.folder}/deaf").stderr
    assert said.count("squeue failed, waiting on: slurm_load_jobs error: Unable to contact") == 1


def test_what_holds_jobs_is_said(slurm, tmp_path):
    (slurm.folder / "hold").touch()
    command = [UTILS / "slurm.pl", "x.log", "true"]
    environment = os.environ | slurm.environment
    runner = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert runner.stderr.readline() == "slurm.pl: the queue holds jobs back: JobHeldUser\n"
    (slurm.folder / "hold").unlink()
    assert runner.wait(timeout=20) == 0
    assert runner.stderr.read() == ""


@pytest.mark.parametrize("earlier", ["run.pl", "slurm.pl"])
def test_pick_by_earlier_logs(call, slurm, tmp_path, earlier):
    call(earlier, "JOB=1:2", "x.JOB.log", "test", "JOB", "-eq", "1", code=1, env=slurm.environment)
    (tmp_path / "x.3.log").write_text("# Queued at some time\n")
    for pick, ran, code in (("incomplete", {3}, 1), ("failed", {2}, 0), ("failed", set(), 0)):
        call(
            *("slurm.pl", "--pick", pick, "JOB=1:3", "x.JOB.log", "touch", "ran.JOB"),
            code=code,
            env=slurm.environment,
        )
        assert {int(path.suffix[1:]) for path in tmp_path.glob("ran.*")} == ran
        for path in tmp_path.glob("ran.*"):
            path.unlink()


# -- signals


def start_jobs(slurm, folder, number, handling, job):
    """Start slurm.pl with one signal handled as given, whatever the tests themselves inherited."""
    command = [UTILS / "slurm.pl", "--max-jobs-run", "2", "JOB=1:3", "x.JOB.log", "sh", "-c", job]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | slurm.environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, handling),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_cancels_the_jobs(slurm, tmp_path, number):
    runner = start_jobs(slurm, tmp_path, number, signal.SIG_DFL, "echo $$ > tmp.JOB; mv tmp.JOB pid.JOB; sleep 60")
    wait_for(lambda: len(list(tmp_path.glob("pid.*"))) == 2)
    os.killpg(runner.pid, number)
    assert runner.wait(timeout=20) == -number
    assert runner.stderr.read() == "slurm.pl: interrupted, all jobs were cancelled\n"
    assert (slurm.folder / "cancelled").read_text() == "1\n"
    assert {(slurm.folder / f"1_{n}/state").read_text() for n in (1, 2, 3)} == {"CANCELLED"}
    wait_for(lambda: not any(Path(f"/proc/{p.read_text().strip()}").exists() for p in tmp_path.glob("pid.*")))


def test_ctrl_c_while_submitting_leaves_no_job_behind(slurm, tmp_path):
    """Ctrl-C reaches the whole foreground group; sbatch must not die of it, and its job must be cancelled."""
    (tmp_path / "conf").mkdir()
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\nsbatch "$@" >answer\ntouch submitted\nsleep 1\ncat answer\n')
    slow.chmod(0o755)
    (tmp_path / "conf/slurm.conf").write_text(f"command {slow}\n")
    runner = start_jobs(slurm, tmp_path, signal.SIGINT, signal.SIG_DFL, "sleep 60")
    wait_for(lambda: (tmp_path / "submitted").exists())
    os.killpg(runner.pid, signal.SIGINT)
    assert runner.wait(timeout=20) == -signal.SIGINT
    assert (slurm.folder / "cancelled").read_text() == "1\n"


def test_nohup_is_respected(slurm, tmp_path):
    runner = start_jobs(
        slurm, tmp_path, signal.SIGHUP, signal.SIG_IGN, "touch on.JOB; while [ ! -e go ]; do sleep 0.02; done"
    )
    wait_for(lambda: (tmp_path / "on.1").exists())
    runner.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    assert runner.wait(timeout=20) == 0


# -- launch.sh


def launch(tmp_path, srun, *words, **environment):
    """launch.sh inside a job of nodes a and b, with a given srun."""
    programs = {
        "srun": srun,
        "scontrol": 'case "$*" in *hostnames*) echo a; echo b;; *) echo "X=1 NodeAddr=10.0.0.7 Y=2";; esac',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "a,b", "SLURM_JOB_ID": "40007"}
    command = [UTILS / "launch.sh", *words, "python3", "-m", "this"]
    return subprocess.run(command, env=os.environ | variables | environment, capture_output=True, text=True)


def test_torchrun_starts_on_every_node(tmp_path):
    srun = 'if [[ "$*" == *SLURMD_NODENAME* ]]; then echo a; echo b; else echo "$*"; fi'
    done = launch(tmp_path, srun, "--ngpu", "4", "--num_nodes", "2", SLURM_CPUS_PER_TASK="8")
    assert done.returncode == 0, done.stderr
    for part in ("--nodes 2", "--cpus-per-task 8", "--nnodes 2 --nproc_per_node 4", "10.0.0.7:20007", "--world_size 8"):
        assert part in done.stdout


def test_nodes_that_do_not_answer_are_said(tmp_path):
    done = launch(tmp_path, "echo b", "--ngpu", "4", "--num_nodes", "2")
    assert done.returncode == 1
    assert "2 nodes are wanted, of a,b these answered: b" in done.stderr


def test_missing_processes_are_said(tmp_path):
    done = launch(tmp_path, "", "--world_size", "8", WORLD_SIZE="4", RANK="0")
    assert done.returncode == 1
    assert "4 processes take part" in done.stderr
    assert "Zen" in launch(tmp_path, "", "--world_size", "8", WORLD_SIZE="8", RANK="0").stdout


@pytest.fixture
def recipe(tmp_path):
    """A new recipe, in a tree of its own."""
    (tmp_path / "egs").mkdir()
    (tmp_path / "egs/TEMPLATE").symlink_to(TEMPLATE)
    (tmp_path / "utils").symlink_to(UTILS)
    subprocess.run(["egs/TEMPLATE/setup.sh", "egs/mine/sv"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "egs/mine/sv"


def test_a_new_recipe_has_a_link_to_the_shared_config_or_keeps_its_own(recipe):
    config = recipe / "conf/slurm.conf"
    assert config.resolve() == TEMPLATE / "conf/slurm.conf"
    config.unlink()
    config.write_text("mine")
    subprocess.run(["egs/TEMPLATE/setup.sh", "egs/mine/sv"], cwd=recipe.parents[2], check=True, capture_output=True)
    assert config.read_text() == "mine"


@pytest.mark.parametrize(
    ("backend", "code", "said"), [("local", 1, "run.pl knows this machine only"), ("slurm", 0, "")]
)
def test_several_nodes_need_a_scheduler(recipe, backend, code, said):
    command = ["./run.sh", "--num_nodes", "2", "--dry_run", "true"]
    done = subprocess.run(
        command, cwd=recipe, env=os.environ | {"cmd_backend": backend}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("backend", "code", "said"), [("slurm", 0, "utils/slurm.pl --num-threads 6"), ("sge", 1, "local or slurm")]
)
def test_cmd_sh_chooses_the_backend(backend, code, said):
    command = ["bash", "-c", f"ngpu=2 cmd_backend={backend}; . {TEMPLATE}/cmd.sh && echo $cuda_cmd"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
