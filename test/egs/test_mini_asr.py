"""The mini recognition recipe at a tiny size: all stages, another search, faults of transcripts and options."""

import json
import shutil

import jiwer
import pytest
import yaml

from toolkit import Recognizer
from toolkit.data.text_units import EMPTY, TextUnits
from toolkit.io.datadir import read_table, write_table

CORPUS = "--train_speakers 4 --dev_speakers 2 --test_speakers 2 --babble_speakers 1 --utterances 2 --commands 2"
CORPUS += " --noises 1 --workers 1"
SIZES = {"dim": 16, "heads": 2, "hidden": 16, "blocks": 1, "kernel_size": 3, "decoder_hidden": 16}
SMALL = " ".join(f"--model.init_args.{key} {value}" for key, value in SIZES.items())
SMALL += " --trainer.epochs 1 --trainer.workers 0 --batches.init_args.max_size 4"
OPTIONS = ["--local_data_opts", CORPUS, "--asr_args", SMALL, "--asr_tag", "one", "--nbpe", "40", "--snrs", "5"]
OPTIONS += ["--resamples", "20", "--nj", "1", "--inference_nj", "1"]
BEAM = ["--inference_args", "--beam 2"]
SETS = ("test4", "commands_test4", "test4_noise_5", "commands_test4_noise_5")


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after all its stages in one go."""
    folder = tree.copy("mini/asr")
    done = tree.run(folder, "./run.sh", *OPTIONS, *BEAM, "--skip_packing", "false")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_every_utterance_is_transcribed_clean_and_in_noise(recipe):
    for name in SETS:
        hypotheses = read_table(recipe / f"exp/asr_one/transcripts/{name}/text")
        assert hypotheses.keys() == read_table(recipe / f"data/{name.removesuffix('_noise_5')}/utt2spk").keys()


def test_scores_are_those_of_the_texts(recipe):
    for name in SETS:
        references = read_table(recipe / f"data/{name.removesuffix('_noise_5')}/text")
        hypotheses = read_table(recipe / f"exp/asr_one/transcripts/{name}/text")
        pairs = [*references.values()], ["" if hypotheses[utt] == EMPTY else hypotheses[utt] for utt in references]
        result = json.loads((recipe / f"exp/asr_one/scores/{name}/result.json").read_text())
        assert result["metrics"]["wer"]["value"] == pytest.approx(100 * jiwer.wer(*pairs))
        assert result["metrics"]["cer"]["value"] == pytest.approx(100 * jiwer.cer(*pairs))
        condition = ("noise", 5) if name.endswith("_noise_5") else ("clean", None)
        assert (result["condition"]["noise"], result["condition"]["snr"]) == condition


def test_units_are_of_the_training_text_and_in_the_network(recipe):
    units = TextUnits.read(recipe / "exp/asr_units/train_both_bpe40/units.model")
    assert len(units) == 40
    texts = read_table(recipe / "data/train_both/text")
    assert all(units.decode(units.encode(text)) == text for text in texts.values())
    assert {utt[:6] for utt in texts} == {*read_table(recipe / "data/train/utt2spk").values()}
    assert sum("-c" in utt for utt in texts) == len(texts) / 2
    assert Recognizer.load(recipe / "exp/asr_one").network.units.model == units.model


def test_intents_stay_with_the_commands(recipe):
    intents = read_table(recipe / "dump/raw/commands_test4_noise_5/utt2intent")
    assert intents == read_table(recipe / "data/commands_test4/utt2intent")


def test_the_packed_recogniser_says_what_stage_7_said(recipe):
    system = Recognizer.load(recipe / "exp/asr_one/packed.zip")
    utt, path = next(iter(read_table(recipe / "data/test4/wav.scp").items()))
    text = read_table(recipe / "exp/asr_one/transcripts/test4/text")[utt]
    assert (system.transcribe(recipe / path, beam=2) or EMPTY) == text


def test_another_search_has_a_row_beside_the_first(recipe, tree):
    words = ["--stage", "7", "--inference_args", "--method ctc_greedy", "--inference_tag", "greedy"]
    done = tree.run(recipe, "./run.sh", *OPTIONS, *words)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert {path.name for path in recipe.glob("exp/asr_one/scores_greedy/*/")} >= {*SETS}
    page = (recipe / "exp/RESULTS.md").read_text()
    assert "asr_one" in page
    assert "greedy" in page


def test_the_same_command_again_does_nothing(recipe, tree):
    made = {path: path.stat().st_mtime_ns for path in recipe.glob("exp/asr_one/*/*/*") if path.is_file()}
    done = tree.run(recipe, "./run.sh", *OPTIONS, *BEAM, "--stage", "2")
    assert done.returncode == 0, done.stderr
    for what in ("units", "statistics", "training"):
        assert f"{what}: done before" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_characters_are_counted_by_their_file(recipe, tree):
    words = ["--asr_tag", "char", "--token_type", "char", "--stage", "4", "--stop_stage", "6"]
    done = tree.run(recipe, "./run.sh", *[word for word in OPTIONS if word not in ("--nbpe", "40")], *words)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    config = yaml.safe_load((recipe / "exp/asr_char/config.yaml").read_text())
    letters = {*"".join(read_table(recipe / "data/train_both/text").values())}
    assert config["model"]["init_args"]["num_units"] == 3 + len(letters)


@pytest.fixture
def spoilt(recipe, tree, tmp_path):
    """Run stage 1 of a recipe whose local/data.sh writes transcripts with a fault."""

    def run(change):
        folder = shutil.copytree(recipe, recipe.with_name("spoilt"), symlinks=True, dirs_exist_ok=True)
        (folder / "local/data.sh").write_text("#!/bin/sh\nexit 0\n")
        table = read_table(recipe / "data/test4/text")
        change(table)
        write_table(folder / "data/test4/text", table)
        done = tree.run(folder, "./run.sh", *OPTIONS, "--stop_stage", "1")
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr, next(iter(read_table(recipe / "data/test4/utt2spk")))

    yield run
    shutil.rmtree(recipe.with_name("spoilt"), ignore_errors=True)


def test_audio_without_text_is_named(spoilt):
    message, first = spoilt(lambda table: table.pop(next(iter(table))))
    assert first in message


def test_text_without_audio_is_named(spoilt):
    message, _ = spoilt(lambda table: table.update({"stray-001": "WORDS"}))
    assert "stray-001" in message


def test_empty_transcripts_are_counted_and_named(spoilt):
    message, first = spoilt(lambda table: table.update(dict.fromkeys([*table][:2], "")))
    assert "2 utterances" in message
    assert first in message


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--token_type", "word"], "--token_type word"),
        (["--nbpe", "0"], "--nbpe 0"),
        (["--breakdown", "gender"], "--breakdown gender"),
        (["--inference_args", "--method nosuch"], "--method"),
        (["--inference_tag", "a/b"], "--inference_tag a/b"),
        (["--fs", "8000"], "--fs 8000"),
        (["--asr_config", "conf/none.yaml"], "conf/none.yaml"),
        (["--stage", "7", "--asr_tag", "nosuch"], "exp/asr_nosuch"),
    ],
)
def test_wrong_options_are_named_before_any_work(recipe, tree, words, named):
    done = tree.run(recipe, "./run.sh", *OPTIONS, *words)
    assert done.returncode == 1
    assert named in done.stderr
    assert "stage 1" not in done.stdout
