"""Training: it learns, it resumes exactly, many processes agree, and its faults are named."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from helpers.fake_gpu import check_training_step

from toolkit.bin import train
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.train.checkpoint import load
from toolkit.train.experiment import experiment_lock
from toolkit.train.trainer import Trainer


def trained(options, expdir, *more) -> dict:
    """Train, and return the last state."""
    train.main(["sv", *options, "--expdir", str(expdir), *more])
    return load(expdir / LAST)


STOPPABLE = ["--trainer.epochs", "5", "--trainer.workers", "1", "--trainer.log_seconds", "0"]
LAST = "checkpoint/last.pt"


@pytest.fixture(scope="module")
def whole(options, tmp_path_factory):
    """The last state of three epochs in one go."""
    return trained(options, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole_stoppable(options, tmp_path_factory):
    """That of the five epochs which a signal stops."""
    return trained([*options, *STOPPABLE], tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def one_epoch(options, tmp_path_factory):
    """Folder of an experiment of one epoch; to be read."""
    expdir = tmp_path_factory.mktemp("one_epoch")
    trained(options, expdir, "--trainer.epochs", "1")
    return expdir


@pytest.fixture
def begun(one_epoch, tmp_path):
    """A copy of it, to go on in."""
    return Path(shutil.copytree(one_epoch, tmp_path / "exp"))


def same(one: dict, two: dict) -> bool:
    return all(torch.equal(one[key], two[key]) for key in one) and one.keys() == two.keys()


def interrupted_after(monkeypatch, steps: int):
    """Make the trainer stop dead after a number of steps, with a checkpoint behind it."""
    step = Trainer._step

    def dying(self, batch):
        if self.step == steps:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(Trainer, "_step", dying)


def test_the_loss_falls_and_the_run_is_written_down(options, tmp_path):
    trained(options, tmp_path / "exp", "--trainer.epochs", "8", "--optimizer.init_args.lr", "0.01")
    records = [json.loads(line) for line in (tmp_path / "exp/metrics.jsonl").read_text().splitlines()]
    losses = [r["loss"] for r in records if r["kind"] == "train"]
    assert losses[-1] < 0.7 * losses[0]
    assert all({"utterances_per_second", "data_wait", "lr"} <= r.keys() for r in records if r["kind"] == "train")
    info = json.loads((tmp_path / "exp/train_info.json").read_text())
    assert (info["speakers"], info["utterances"], info["seed"]) == (4, 16, 0)
    assert (tmp_path / "exp/valid.eer.ave.pth").exists()


def test_the_batch_that_is_tried_before_training_changes_nothing(options, one_epoch, tmp_path, monkeypatch):
    tried = load(one_epoch / LAST)
    monkeypatch.setattr("toolkit.train.experiment.probe", lambda task, seed: None)
    untried = trained([*options, "--trainer.epochs", "1"], tmp_path / "untried")
    assert same(tried["task"], untried["task"])
    assert torch.equal(tried["rng"][0], untried["rng"][0])


def test_a_training_step_on_a_fake_gpu(options, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: trained(options, tmp_path / "exp"))


def test_three_epochs_are_two_and_one(options, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_after(patch, 8)  # two epochs of four batches
        with pytest.raises(KeyboardInterrupt):
            trained(options, tmp_path / "parts")
    assert load(tmp_path / "parts" / LAST)["epoch"] == 3
    assert same(whole["task"], trained(options, tmp_path / "parts")["task"])


def test_resuming_inside_an_epoch_changes_nothing(options, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupted_after(patch, 6)
        with pytest.raises(KeyboardInterrupt):
            trained(options, tmp_path / "parts", "--trainer.checkpoint_minutes", "0")
    state = load(tmp_path / "parts" / LAST)
    assert (state["epoch"], state["batch"]) == (2, 2)
    assert same(whole["task"], trained(options, tmp_path / "parts")["task"])


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_writes_a_checkpoint_and_the_same_command_goes_on_exactly(
    python, options, whole_stoppable, tmp_path, stop
):
    """As the scheduler stops a job: the signal goes to every process of the group, those that make batches too."""
    words = [*options, *STOPPABLE]
    command = [python, "-m", "toolkit.bin.train", "sv", *words, "--expdir", str(tmp_path / "parts")]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as job:
        for line in job.stderr:
            if "epoch 2/5 step 2" in line:
                os.killpg(job.pid, stop)
                break
        message = job.stderr.read()
    assert job.returncode == (143 if stop == signal.SIGTERM else 130), message
    assert "wrote a checkpoint" in message
    assert "Traceback" not in message
    state = load(tmp_path / "parts" / LAST)
    assert state["epoch"] < 6
    state_steps = 4 * (state["epoch"] - 1) + state["batch"]
    assert state["step"] == state_steps >= 6
    assert same(whole_stoppable["task"], trained(words, tmp_path / "parts")["task"])


def test_a_training_that_was_left_behind_is_waited_for(python, options, tmp_path):
    """Another process holds the experiment; when it ends, training begins."""
    expdir = tmp_path / "exp"
    command = [python, "-m", "toolkit.bin.train", "sv", *options, "--trainer.epochs", "1", "--expdir", str(expdir)]
    with experiment_lock(expdir):
        job = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": os.getcwd()}, stderr=subprocess.PIPE, text=True
        )
        assert "another process trains here; waiting until it ends" in job.stderr.readline()
        assert not (expdir / "config.yaml").exists()
    message = job.communicate()[1]
    assert job.returncode == 0, message
    assert (expdir / "train_info.json").exists()


def test_a_kill_between_the_last_step_and_its_validation_loses_no_step(options, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_validate", lambda self, epoch: sys.exit(137))
        with pytest.raises(SystemExit):
            trained(options, tmp_path / "parts")
    state = load(tmp_path / "parts" / LAST)
    assert (state["epoch"], state["batch"]) == (1, 4)
    again = trained(options, tmp_path / "parts")
    assert same(whole["task"], again["task"])
    assert whole["best"] == again["best"]


def test_more_epochs_go_on_in_the_same_folder(options, begun):
    assert trained(options, begun, "--trainer.epochs", "2")["epoch"] == 3


def test_training_on_is_said_and_takes_the_packed_model_away(options, begun, caplog):
    packed = begun / "packed.zip"
    packed.write_text("what one epoch gave")
    trained(options, begun, "--trainer.epochs", "1")
    assert packed.exists()
    assert caplog.text.count("trained on") == 0
    trained(options, begun, "--trainer.epochs", "2")
    assert not packed.exists()
    assert "exp: has 1 epoch, is now trained on to 2; another tag (--sv_tag)" in caplog.text


def test_another_config_in_the_same_folder_is_refused(options, begun):
    with pytest.raises(InputError, match=r"another config: model.init_args.channels 16 -> 8; choose"):
        trained(options, begun, "--model.init_args.channels", "8")


def test_the_dumped_config_is_complete(one_epoch, tmp_path):
    again = trained(["--config", str(one_epoch / "config.yaml")], tmp_path / "again")
    assert same(load(one_epoch / LAST)["task"], again["task"])


def test_init_from_starts_at_the_given_weights(options, one_epoch, tmp_path):
    weights = one_epoch / "valid.eer.best.pth"
    frozen = ["--optimizer.init_args.lr", "0", "--optimizer.init_args.weight_decay", "0"]
    state = trained(options, tmp_path / "two", "--trainer.epochs", "1", "--init_from", str(weights), *frozen)
    ours = {k.removeprefix("network."): v for k, v in state["task"].items()}
    given = load(weights)
    learnt = [key for key in given if "running_" not in key and "num_batches" not in key]
    assert len(learnt) > 50
    assert all(torch.equal(ours[key], given[key]) for key in learnt)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model.init_args.chanels", "8"], "chanels"),
        (["--trainer.epochs", "many"], "trainer.epochs"),
        (["--trainer.precision", "int4"], "precision is 'int4'"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--train_dir", "nowhere"], "nowhere: no such data dir"),
        (["--model.class_path", "my.Net"], "my.Net"),
        (
            ["--batches.init_args.batch_size", "1000", "--loss.class_path", "toolkit.losses.speaker.margin.NoLoss"],
            "NoLoss",
        ),
    ],
)
def test_a_mistyped_key_ends_in_one_line_and_exit_1(options, tmp_path, capsys, words, message):
    assert run(train.main, ["sv", *options, "--expdir", str(tmp_path / "exp"), *words]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "exp").exists()


def test_trials_of_ids_that_are_not_in_the_set(options, corpus, tmp_path):
    bad = tmp_path / "dev"
    bad.mkdir()
    for name in ("wav.scp", "utt2spk", "utt2num_samples"):
        (bad / name).write_bytes((corpus / "raw/dev" / name).read_bytes())
    (bad / "trials").write_text("s04-u0 ghost target\ns04-u0 s05-u0 nontarget\n")
    with pytest.raises(InputError, match="ghost"):
        trained(options, tmp_path / "exp", "--valid_dirs", f"[{bad}]")


def test_a_diverged_run_ends_with_advice(options, tmp_path):
    with pytest.raises(InputError, match=r"lower optimizer.init_args.lr"):
        trained(options, tmp_path / "exp", "--batches.init_args.repeats", "4", "--optimizer.init_args.lr", "1e38")


def test_a_diverged_model_is_not_blamed_on_the_audio_alone(options, tmp_path):
    with pytest.raises(InputError, match=r"not finite.*or training diverged"):
        trained(options, tmp_path / "exp", "--trainer.epochs", "1", "--optimizer.init_args.lr", "1e38")


def test_mixed_precision_trains(options, tmp_path):
    AcceleratorState._reset_state(True)  # one process has one precision; this one has had another
    trained(options, tmp_path / "exp", "--trainer.epochs", "2", "--trainer.precision", "bf16")
    records = [json.loads(line) for line in (tmp_path / "exp/metrics.jsonl").read_text().splitlines()]
    losses = [r["loss"] for r in records if r["kind"] == "train"]
    AcceleratorState._reset_state(True)
    assert losses[-1] < losses[0]


def test_two_processes_train_one_model(python, options, tmp_path):
    """The run ends, says that it was two, and makes as many steps as one process does."""
    words = [*options, "--expdir", str(tmp_path / "exp"), "--trainer.epochs", "1"]
    launcher = [python, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--no_python", python]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [*launcher, "-m", "toolkit.bin.train", "sv", *words], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    info = json.loads((tmp_path / "exp/train_info.json").read_text())
    assert info["processes"] == 2
    assert load(tmp_path / "exp" / LAST)["step"] == 4
