"""The mini recipe of intents at a tiny size: all stages, accuracies by hand, slots of the data, faults."""

import json

import pytest
import yaml

from toolkit.io.datadir import read_table, write_table
from toolkit.systems.intent_recognizer import IntentRecognizer

CORPUS = "--train_speakers 4 --dev_speakers 2 --test_speakers 2 --babble_speakers 1 --utterances 1 --commands 4"
CORPUS += " --noises 1 --workers 1"
SMALL = "--model.init_args.channels 16 --trainer.epochs 1 --trainer.workers 0"
OPTIONS = ["--local_data_opts", CORPUS, "--ic_args", SMALL, "--ic_tag", "one", "--snrs", "5"]
OPTIONS += ["--resamples", "20", "--nj", "1", "--inference_nj", "1"]


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after all its stages in one go."""
    folder = tree.copy("mini/ic")
    done = tree.run(folder, "./run.sh", *OPTIONS, "--skip_packing", "false")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", ["commands_test4", "commands_test4_noise_5"])
def test_accuracy_is_the_share_of_equal_intents(recipe, name):
    references = read_table(recipe / "data/commands_test4/utt2intent")
    intents = read_table(recipe / f"exp/ic_one/intents/{name}/utt2intent")
    assert intents.keys() == references.keys()
    equal = [{*intents[utt].split()} == {*references[utt].split()} for utt in references]
    result = json.loads((recipe / f"exp/ic_one/scores/{name}/result.json").read_text())
    assert result["metrics"]["intent_accuracy"]["value"] == pytest.approx(100 * sum(equal) / len(equal), abs=1e-4)
    assert result["condition"]["noise"] == ("noise" if name.endswith("5") else "clean")


def test_slots_are_those_of_the_data(recipe):
    config = yaml.safe_load((recipe / "exp/ic_one/config.yaml").read_text())
    values = {}
    for name in ("commands_train", "commands_dev4"):
        for text in read_table(recipe / f"data/{name}/utt2intent").values():
            for slot, value in (word.split("=") for word in text.split()):
                values.setdefault(slot, set()).add(value)
    slots = config["model"]["init_args"]["slots"]
    assert {slot: {*of} for slot, of in slots.items()} == values
    assert len(values) == 3


def test_the_packed_classifier_says_what_stage_7_said(recipe):
    system = IntentRecognizer.load(recipe / "exp/ic_one/packed.zip")
    utt, path = next(iter(read_table(recipe / "data/commands_test4/wav.scp").items()))
    intent = read_table(recipe / "exp/ic_one/intents/commands_test4/utt2intent")[utt]
    assert system.classify(recipe / path) == dict(word.split("=") for word in intent.split())


def test_the_same_command_again_does_nothing(recipe, tree):
    made = {path: path.stat().st_mtime_ns for path in recipe.glob("exp/ic_one/*/*/*") if path.is_file()}
    done = tree.run(recipe, "./run.sh", *OPTIONS, "--stage", "5")
    assert done.returncode == 0, done.stderr
    for what in ("statistics", "training"):
        assert f"{what}: done before" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_an_intent_of_other_slots_is_named(recipe, tree):
    table = recipe / "data/commands_test4/utt2intent"
    before = read_table(table)
    first = next(iter(before))
    write_table(table, before | {first: "action=activate"})
    done = tree.run(recipe, "./run.sh", *OPTIONS, "--stage", "2", "--stop_stage", "2")
    write_table(table, before)
    assert done.returncode == 1
    assert f"utt2intent: {first}" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [(["--ic_config", "conf/none.yaml"], "conf/none.yaml"), (["--stage", "7", "--ic_tag", "nosuch"], "exp/ic_nosuch")],
)
def test_wrong_options_are_named_before_any_work(recipe, tree, words, named):
    done = tree.run(recipe, "./run.sh", *OPTIONS, *words)
    assert done.returncode in (1, 2)
    assert named in done.stderr
    assert "stage 1" not in done.stdout
