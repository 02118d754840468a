"""utils/slurm.pl over a fake Slurm: what reaches sbatch, logs, configs, arrays.

The same against a real Slurm: ci/integration_slurm.sh.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from test.utils.slurm import output

UTILS = Path(__file__).resolve().parents[2] / "utils"
TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"


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
    ("option name=*\n", "'command sbatch ...'"),
    ("command sbatch\nfoo bar\n", "conf/slurm.conf:2: not understood: foo bar"),
    ("command sbatch\n\noption name\n", "conf/slurm.conf:3: not understood"),
    ("command sbatch\ncommand sbatch\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\noption name=* 'half\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\ndefault time=1 2\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\ndefault max_jobs_run=none\n", "conf/slurm.conf:2: not understood"),
    ("command sbatch\ndefault time=1\n", "conf/slurm.conf:2: unknown option --time"),
    ("command sbatch\noption time=2\ndefault time=1\n", "conf/slurm.conf:3: option --time 1: conf/slurm.conf has no"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_CONFIGS)
def test_wrong_configs_are_said(submit, config, slurm, text, message):
    config(text)
    assert message in submit("x.log", "true", code=1).stderr
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


@pytest.mark.parametrize(("options", "code", "message"), WRONG)
def test_wrong_options_are_said(submit, tmp_path, options, code, message):
    arguments = options if options == ["--mem"] else [*options, "x.log", "touch", "ran"]
    assert message in submit(*arguments, code=code).stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [[], ["x.log"], ["JOB=1:2", "x.JOB.log"]])
def test_too_few_arguments_show_the_usage(submit, args):
    assert "Usage: slurm.pl" in submit(*args, code=1).stderr


def test_what_sbatch_refuses_is_said(submit, config, slurm):
    config("command sbatch --reject\n")
    message = submit("x.log", "true", code=1).stderr
    assert "the job was not accepted: sbatch: error: Batch job submission failed: Invalid account" in message
    config("command no_such_sbatch\n")
    assert "no_such_sbatch: No such file" in submit("x.log", "true", code=1).stderr
    assert "cmd_backend" not in message


HINT = "Without one, cmd_backend=local (see cmd.sh) runs the jobs on this machine."


@pytest.mark.parametrize(
    "printed",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: fetch_config: DNS SRV lookup failed\nsbatch: fatal: Could not establish a configuration source",
    ],
)
def test_where_no_controller_answers_the_way_out_is_said(submit, slurm, printed):
    (slurm.folder / "dead").write_text(printed)
    message = submit("a.log", "true", code=1).stderr
    assert message.startswith(f"slurm.pl: error: the job was not accepted: {printed}\n")
    assert HINT in message


def test_where_there_is_no_slurm_the_way_out_is_said(submit, config):
    config("command sbatch-of-nowhere\n")
    message = submit("a.log", "true", code=1).stderr
    assert "the job was not accepted: sbatch-of-nowhere: No such file or directory" in message
    assert HINT in message


def test_a_dry_run_prints_what_would_submit(submit, config, slurm, tmp_path):
    words = ["--dry-run", "true", "--mem", "2G", "--max-jobs-run", "2", "JOB=1:5", "log/x.JOB.log", "true"]
    assert "sbatch --export=ALL --mem-per-cpu 2G " in (message := submit(*words).stdout)
    assert "--array 1-5%2 log/q/x.sh" in message
    assert not (slurm.folder / "job.1").exists()
    assert not (tmp_path / "log").exists()
    config("command sbatch-of-nowhere\n")
    assert "sbatch-of-nowhere not found" in submit("--dry-run", "true", "x.log", "true").stdout


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
