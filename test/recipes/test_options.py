"""Options of recipes: values from command lines, checks, usage texts."""

from dataclasses import dataclass, fields
from typing import ClassVar

import pytest

from toolkit.io.errors import InputError
from toolkit.recipes import Asr, Ee, Se, Sv, Tse
from toolkit.recipes.options import COUNT, LIST, HelpRequest, Options, option

RECIPES = (Asr, Ee, Se, Sv, Tse)


@dataclass
class Training(Options):
    title: ClassVar[str] = "Training"
    epochs: int = option(3, "passes over the set", COUNT)
    use_gpu: bool = option(False, "a faster machine")
    sets: list[str] = option(["a", "b"], "what is read", LIST)
    tag: str = option("", "its name", shown="from config")


def test_values_have_the_types_of_their_fields():
    words = ["--use-gpu", "true", "--epochs", "5", "--sets", " x  y ", "--tag", "a b", "--epochs", "7"]
    assert Training.parse(words) == Training(7, True, ["x", "y"], "a b")
    assert Training.parse([]) == Training(3, False, ["a", "b"], "")
    assert Training.parse([]).sets is not Training.parse([]).sets


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--epoch", "5"], "unknown option --epoch .*did you mean --epochs"),
        (["--PATH", "x"], "unknown option --PATH"),
        (["--epochs"], "--epochs needs a value"),
        (["--epochs=5"], "'--epochs 5' instead of '--epochs=5'"),
        (["--use_gpu", "yes"], "takes true or false, got 'yes'"),
        (["--epochs", "two"], "--epochs two: two must be a whole number from 1"),
        (["--epochs", ""], "--epochs"),
        (["--epochs", "1 2"], "--epochs 1 2"),
        (["--epochs", "9" * 20], "whole number from 1 to"),
        (["--sets", "a, b"], 'separate by spaces: --sets "a b"'),
        (["--config", "none.sh"], "--config none.sh: no such file"),
        (["--tag", "\udcff"], "must be UTF-8 text"),
    ],
)
def test_faults_are_named(words, fault):
    with pytest.raises(InputError, match=fault):
        Training.parse(words)


def test_what_is_no_option_is_refused():
    for words in (["positional"], ["--epochs", "1", "x", "y"], ["--", "--epochs", "1"], ["-e", "1"]):
        with pytest.raises(InputError):
            Training.parse(words)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--epochs", "2", "--help"]])
def test_help_is_asked_for(words):
    with pytest.raises(HelpRequest):
        Training.parse(words)
    assert Training.parse(["--tag", "--help"]).tag == "--help"  # a value


def test_a_config_is_shell_whose_options_lose_against_the_command_line(tmp_path):
    config = tmp_path / "my conf.sh"
    config.write_text("epochs=$((epochs + 1))\nsets=\"${sets} c\" # more\ntag='two words'\nother=1\n")
    words = ["--tag", "mine", "--config", str(config)]
    assert Training.parse(words) == Training(4, False, ["a", "b", "c"], "mine")
    config.write_text("use_gpu=yes\n")
    with pytest.raises(InputError, match="--use_gpu takes true or false, got 'yes'"):
        Training.parse(words)
    config.write_text("epochs=1\nfalse\n")
    with pytest.raises(InputError, match="must be a file of shell assignments"):
        Training.parse(words)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_usage_text_has_each_option_once_with_its_default(recipe):
    lines = recipe.help().splitlines()
    for one in fields(recipe):
        assert sum(line.startswith(f"  --{one.name} ") for line in lines) == 1, one.name
        assert one.metadata["help"]
    assert max(map(len, lines)) <= 120
    assert "--nj" in recipe.help()


@pytest.mark.parametrize("recipe", RECIPES)
def test_defaults_pass_their_checks(recipe, monkeypatch, tmp_path):
    for one in fields(recipe):  # defaults that are files exist in a recipe's folder
        default = getattr(recipe(), one.name)
        if isinstance(default, str) and default.startswith("conf/"):
            (tmp_path / default).parent.mkdir(exist_ok=True)
            (tmp_path / default).touch()
    monkeypatch.chdir(tmp_path)
    assert recipe.parse([]) == recipe()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--snrs", "0,10"], 'spaces: --snrs "0 10"'),
        (["--test_sets", "a, b"], '"a b"'),
        (["--sv_tag", "a b"], "--sv_tag a b: a b must be a name of a folder"),
        (["--scoring", "dot"], "must be cosine, mean_cosine or neg_euclidean"),
        (["--segment_seconds", "0.0"], "number above 0"),
        (["--channel", "left"], "channel from 0, or mean"),
        (["--sv_config", "none.yaml"], "--sv_config none.yaml: no such file"),
        (["--se_exp", "none"], "--se_exp none: no such experiment, nor packed zip, of enhancement"),
    ],
)
def test_options_of_recipes_are_checked(words, fault):
    with pytest.raises(InputError, match=fault):
        Sv.parse(["--sv_config", "", "--floor_config", "", *words])


@pytest.mark.parametrize("stage", ["x", "9" * 20, "-1", ""])
def test_a_stage_is_a_number(stage):
    with pytest.raises(InputError, match="must be numbers"):
        Sv(stage=stage).check_stages()


def test_stages_are_in_order():
    with pytest.raises(InputError, match="comes after"):
        Sv(stage="5", stop_stage="3").check_stages()
    with pytest.raises(InputError, match="there are 10 stages"):
        Sv(stage="11").check_stages()


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        ([], [*range(1, 10)]),
        (["--skip_packing", "false"], [*range(1, 11)]),
        (["--stage", "3", "--stop_stage", "7", "--skip_stages", "4 6"], [3, 5, 7]),
        (["--skip_data_prep", "true", "--skip_eval", "true"], [6]),
        (["--skip_train", "true", "--stage", "5"], [5, 7, 8, 9]),
    ],
)
def test_stages_that_run(words, stages):
    recipe = Se.parse([*words, "--se_config", ""])
    assert recipe.stages == stages
    assert recipe.runs(6, 7) == (6 in stages or 7 in stages)


def test_quotes_join_the_words_of_local_data_opts():
    recipe = Sv(local_data_opts="--speech '/my speech' --x \"a  b\" *")
    assert recipe.local_data_words.split("\n") == ["--speech", "/my speech", "--x", "a  b", "*"]
    assert Sv(local_data_opts=" ").local_data_words == ""
    with pytest.raises(InputError, match="--local_data_opts --speech '/my: "):
        _ = Sv(local_data_opts="--speech '/my").local_data_words
