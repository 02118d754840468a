"""utils/parse_options.sh: every rule, under ``set -euo pipefail``."""

import subprocess
from pathlib import Path

import pytest

PARSE = Path(__file__).resolve().parents[2] / "utils/parse_options.sh"

SCRIPT = f"""set -euo pipefail
help_message="Usage: $0 [--nj 4]"
nj=4
num_jobs=4
skip_train=false
empty=
cmd=run.pl
. {PARSE}
printf '%s|' "$nj" "$num_jobs" "$skip_train" "$empty" "$cmd" "$#" "$@"
"""


@pytest.fixture
def parse(tmp_path):
    """``parse(*args, code=0)``: the values nj num_jobs skip_train empty cmd $# $@, or the message of a failure."""

    def _parse(*args, code=0):
        (tmp_path / "script.sh").write_text(SCRIPT)
        done = subprocess.run(["bash", "script.sh", *args], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout.split("|")[:-1]

    return _parse


def test_defaults_stay(parse):
    assert parse() == ["4", "4", "false", "", "run.pl", "0"]


@pytest.mark.parametrize("option", ["--num-jobs", "--num_jobs"])
def test_hyphen_and_underscore_are_the_same(parse, option):
    assert parse(option, "7")[1] == "7"


@pytest.mark.parametrize("value", ["a  b", "", "*", "it's", '"q"', "$HOME", "--max_epoch 3", "-1", "a\nb", "x=y"])
def test_values_arrive_literally(parse, value):
    assert parse("--empty", value)[3] == value


def test_positionals_stay(parse):
    assert parse("--nj", "1", "a b", "--nj", "9")[5:] == ["3", "a b", "--nj", "9"]


def test_double_dash_ends_the_options(parse):
    assert parse("--nj", "1", "--", "--nj", "9")[5:] == ["2", "--nj", "9"]


def test_the_last_of_two_wins(parse):
    assert parse("--nj", "1", "--nj", "2")[0] == "2"


@pytest.mark.parametrize("value", ["true", "false"])
def test_boolean_values(parse, value):
    assert parse("--skip-train", value)[2] == value


@pytest.mark.parametrize("value", ["True", "1", "yes", ""])
def test_boolean_takes_true_or_false_only(parse, value):
    assert "--skip-train takes true or false" in parse("--skip-train", value, code=1)


@pytest.mark.parametrize("option", ["--no-such", "--nj.x", "--1"])
def test_unknown_option_is_named(parse, option):
    assert f"unknown option {option}" in parse(option, "1", code=1)


def test_equals_sign_is_rejected(parse):
    assert "'--nj 8' instead of '--nj=8'" in parse("--nj=8", code=1)


def test_option_without_value(parse):
    assert "option --nj needs a value" in parse("--nj", code=1)


def test_empty_cmd(parse):
    assert "--cmd is empty" in parse("--cmd", "", code=1)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_prints_the_message(parse, tmp_path, option):
    (tmp_path / "script.sh").write_text(SCRIPT)
    done = subprocess.run(["bash", "script.sh", "--nj", "2", option], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Usage: script.sh [--nj 4]\n")


@pytest.mark.parametrize("args", [["--config", "my.conf", "--nj", "2"], ["--nj", "2", "--config", "my.conf"]])
def test_config_is_weaker_than_options(parse, tmp_path, args):
    (tmp_path / "my.conf").write_text("nj=20\nnum_jobs='x y'\n")
    assert parse(*args)[:2] == ["2", "x y"]


def test_missing_config_is_named(parse):
    assert "none.conf" in parse("--config", "none.conf", code=1)


def test_option_names_as_values_are_not_options(parse, tmp_path):
    (tmp_path / "9").write_text("nj=20\n")
    assert parse("--empty", "--config", "9")[0] == "4"
