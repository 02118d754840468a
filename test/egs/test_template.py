"""A recipe of one's own from egs/TEMPLATE/setup.sh: from two folders of audio to a table."""

import shutil
import subprocess
import time

import numpy as np
import pytest
import soundfile
import yaml
from conftest import FS, voice  # the shared voices of test/conftest.py

from toolkit.bin import train
from toolkit.io.datadir import read_table

from .conftest import ROOT

CONFIG = """\
model:
  class_path: toolkit.models.sv.ecapa_tdnn.EcapaTdnn
  init_args: {channels: 16, mfa_channels: 24, embedding_dim: 8}
batches:
  class_path: toolkit.data.batches.CropBatches
  init_args: {batch_size: 4, crop_seconds: [0.5, 0.5]}
trainer: {epochs: 1, workers: 0}
"""


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Folders as people keep them: long speech by speaker, noise, impulse responses; blanks in their names."""
    root, rng = tmp_path_factory.mktemp("my sounds"), np.random.default_rng(5)
    files = {f"speech/talker {speaker}/session/take.wav": voice(speaker, 0, 3.2) for speaker in range(7)}
    files |= {f"noise/rain/{n}.flac": 0.1 * rng.standard_normal(2 * FS) for n in range(3)}
    files |= {f"rooms/hall/{n}.wav": np.r_[0.5, 0.1 * rng.standard_normal(800)] for n in range(2)}
    for name, samples in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, samples, FS)
    return root


@pytest.fixture(scope="module")
def recipe(tree, sounds):
    """A recipe from nothing to its table, by the one command that the README has; a tiny model."""
    done = tree.run(tree.path, "egs/TEMPLATE/setup.sh", "egs/mine/sv")
    assert done.returncode == 0, done.stderr
    assert "cd egs/mine/sv && ./run.sh --local_data_opts" in done.stdout
    folder = tree.use_python(tree.path / "egs/mine/sv")
    (folder / "conf/train_ecapa.yaml").write_text(CONFIG)
    options = f"--speech {sounds}/speech --noise {sounds}/noise --rooms {sounds}/rooms --segment_seconds 0.8"
    done = tree.run(folder, "./run.sh", "--local_data_opts", options, "--snrs", "10", "--resamples", "20")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    folder.joinpath("first.log").write_text(done.stdout)
    return folder


def test_folders_give_a_table_with_noise(recipe):
    page = (recipe / "exp/RESULTS.md").read_text()
    for condition in ("mean_fbank", "test", "test_noise_10"):
        assert f"| {condition} |" in page
    message = "note: 2 of these speakers have one recording: their target trials are within one session"
    assert (recipe / "first.log").read_text().count(message) == 2  # valid and test


def test_training_is_in_noise_and_rooms(recipe):
    config = yaml.safe_load((recipe / "exp/sv_train_ecapa_noise_rooms_raw/config.yaml").read_text())
    planner = config["data"]["init_args"]["planner"]["init_args"]
    assert (list(planner["noises"]), planner["rooms"]) == (["noise"], ["rirs_train"])
    assert config["model"]["init_args"]["channels"] == 16


def test_pieces_and_noises_are_disjoint(recipe):
    speakers = [set(read_table(recipe / f"dump/raw/{name}/utt2spk").values()) for name in ("train", "valid", "test")]
    assert [len(s) for s in speakers] == [3, 2, 2]
    assert len(set.union(*speakers)) == 7
    lengths = read_table(recipe / "dump/raw/test/utt2num_samples")
    assert set(map(int, lengths.values())) == {round(0.8 * FS)}
    noises = [set(read_table(recipe / f"data/noise_{part}/wav.scp").values()) for part in ("train", "test")]
    assert [len(n) for n in noises] == [2, 1]
    assert noises[0].isdisjoint(noises[1])


def test_the_options_need_not_be_said_again(recipe, tree):
    done = tree.run(recipe, "./run.sh", "--stop_stage", "3")
    assert done.returncode == 0, done.stderr
    assert "using the saved options" in done.stdout
    assert "conf/train_ecapa_noise_rooms.yaml" in done.stdout
    assert done.stdout.count("format: all done before") == 3  # of sounds, rooms and speech


CHOICES = {
    "--speech S": "train_ecapa",
    "--speech S --noise N": "train_ecapa_noise",
    "--noise=N --speech=S --music=M": "train_ecapa_noise_music",
    "--speech S --music M": "train_ecapa_music",
    "--speech S --rooms R": "train_ecapa_rooms",
    "--speech S --rooms R --noise N": "train_ecapa_noise_rooms",
    "--speech S --rooms R --music M": "train_ecapa_music_rooms",
    "--speech S --rooms R --noise N --music M": "train_ecapa_noise_music_rooms",
}


@pytest.mark.parametrize("config", CHOICES.values())
def test_the_configs_pass_the_check(config, capsys):
    train.main(["sv", "--config", str(ROOT / f"egs/TEMPLATE/sv/conf/{config}.yaml"), "--check"])
    mixes = "noise" in config or "music" in config
    assert capsys.readouterr().out == f"stream: wav\nmixing: {str(mixes).lower()}\nfs: 16000\nstreams: wav\n"


# A dry run takes seconds: of each folder one choice with it and one without.
@pytest.mark.parametrize("options", [*CHOICES][::2])
def test_the_folders_choose_the_config(tree, options):
    folder = tree.path / "egs/choice/sv"
    if not folder.exists():
        tree.setup("choice/sv")
    done = tree.run(folder, "./run.sh", "--local_data_opts", options, "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert f"training -> exp/sv_{CHOICES[options]}_raw, log" in done.stdout
    sounds = [f"{kind}_train {kind}_test" for kind in ("noise", "music") if f"--{kind}" in options]
    assert f"--extra_sets {' '.join(sounds)} --room_sets" in done.stdout.replace("\\", "").replace("''", "")


# Those of sv and tse are tested above and below.
@pytest.mark.parametrize("task", ["se", "ee", "asr", "ic", "ssl"])
def test_a_new_recipe_goes_through_its_stages(tree, task):
    folder = tree.setup(f"every/{task}")
    assert not any(path.is_symlink() for path in folder.glob("conf/*.yaml"))  # it owns them
    done = tree.run(folder, "./run.sh", "--local_data_opts", "--speech S --noise N", "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert f"training -> exp/{task}_" in done.stdout
    assert done.stdout.rstrip().endswith("finished")


def variables_of(template, corpora: str) -> dict[str, str]:
    """What db.sh of a copy of egs/TEMPLATE sets, where CORPORA is that."""
    command = f"set -aeu; . {template}/db.sh; env -0"
    done = subprocess.run(["env", "-i", f"CORPORA={corpora}", "bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    pairs = (line.split("=", 1) for line in done.stdout.split("\0") if line)
    return {name: value for name, value in pairs if name not in ("PWD", "SHLVL", "_", "PATH")}


def test_a_corpus_is_a_file_of_db_d(tmp_path):
    template = shutil.copytree(ROOT / "egs/TEMPLATE", tmp_path / "TEMPLATE")
    variables = variables_of(template, "/my corpora")
    assert variables.pop("MINI") == "downloads/mini"
    assert variables["CORPORA"] == "/my corpora"
    assert all(value.startswith("/my corpora") for value in variables.values())
    assert variables_of(template, "")["MUSAN"] == "downloads/musan"
    (template / "db.d/digits.sh").write_text("DIGITS=${CORPORA}/digits\n")
    (template / "db.d/librispeech.sh").write_text("LIBRISPEECH=/else/where\n")
    assert variables_of(template, "/c")["DIGITS"] == "/c/digits"
    # What a corpus takes from another follows it.
    assert variables_of(template, "/c")["LIBRI2MIX_TEST"] == "/else/where/libri2mix_test-clean_subset.csv"


def test_own_options_win(tree):
    tree.setup("choice/sv")
    options = ["--local_data_opts", "--speech S --noise N", "--sv_config", "conf/train_ecapa.yaml", "--dry_run", "true"]
    done = tree.run(tree.path / "egs/choice/sv", "./run.sh", *options)
    assert "training -> exp/sv_train_ecapa_raw, log" in done.stdout
    assert "WARNING --noise N: no such folder" in done.stdout


def test_no_folder_is_said_and_the_options_are_listed(tree):
    tree.setup("none/sv")
    done = tree.run(tree.path / "egs/none/sv", "local/data.sh", "--help")
    assert done.returncode == 0
    assert "--segment_seconds" in done.stdout
    done = tree.run(tree.path / "egs/none/sv", "./run.sh")
    assert done.returncode == 1
    assert '--speech is missing; ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"' in done.stderr


RECIPES = sorted(path.parents[1] for path in ROOT.glob("egs/[!T]*/*/local/data.sh"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_recipes_data_preparation_lists_its_options(recipe):
    assert len(RECIPES) > 7
    done = subprocess.run(["local/data.sh", "--help"], cwd=recipe, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--help" in done.stdout


def test_setup_says_what_it_wants(tree):
    assert "Usage:" in tree.run(tree.path, "egs/TEMPLATE/setup.sh").stderr
    done = tree.run(tree.path, "egs/TEMPLATE/setup.sh", "egs/mine/nothing")
    assert done.returncode == 1
    assert "unknown task nothing" in done.stderr
    assert done.stderr.rstrip().endswith("one of: asr ee ic se ssl sv tse")


def test_setup_keeps_what_a_recipe_owns(tree):
    tree.setup("kept/sv")
    run = tree.path / "egs/kept/sv/run.sh"
    run.write_text("mine")
    tree.setup("kept/sv")
    assert run.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "config", "conditions"),
    [
        ("--speech S", "train_sefpnet", "test_2talker in"),
        ("--speech S --noise N", "train_sefpnet_noise", "test_2talker test_2talker_noise in"),
    ],
)
def test_the_folders_choose_what_extraction_is_tested_on(tree, options, config, conditions):
    folder = tree.path / "egs/choice/tse"
    if not folder.exists():
        tree.setup("choice/tse")
    done = tree.run(folder, "./run.sh", "--local_data_opts", options, "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert f"training -> exp/tse_{config}, log" in done.stdout
    assert f"extracted -> {conditions}" in done.stdout


PIPES = """
. {root}/egs/TEMPLATE/lib/run.sh
. {root}/egs/TEMPLATE/lib/stages.sh
dry_run=false fs=16000 dumpdir=dump local_data_words=''
prepare_data
for sets in own plain "plain own" "own foreign" old; do echo "$sets: $(pipes_of "$sets")"; done
echo "b touch ran |" >>data/own/wav.scp
echo "changed: $(pipes_of own)"
prepare_data
echo "again: $(pipes_of own)"
"""


def test_stage_2_may_run_the_commands_that_local_data_wrote_and_no_others(tmp_path):
    for name, value in (("foreign", "touch ran |"), ("plain", "a.wav"), ("old", "cat a.wav |")):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "wav.scp").write_text(f"a {value}\n")
    (tmp_path / "local").mkdir()
    (tmp_path / "local/data.sh").write_text("#!/bin/sh\nmkdir -p data/own\necho 'a cat a.wav |' >data/own/wav.scp\n")
    (tmp_path / "local/data.sh").chmod(0o755)
    time.sleep(0.02)  # clocks of file systems tick slowly
    done = subprocess.run(["bash", "-euc", PIPES.format(root=ROOT)], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "own: --allow_pipes",
        "plain: ",
        "plain own: --allow_pipes",
        "own foreign: ",
        "old: ",
        "changed: ",
        "again: --allow_pipes",
    ]
