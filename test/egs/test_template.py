"""A recipe of one's own from egs/TEMPLATE/setup.sh: from two folders of audio to a table."""

import soundfile
from conftest import FS, voice  # the shared voices of test/conftest.py

CONFIG = """\
model:
  class_path: toolkit.models.sv.ecapa_tdnn.EcapaTdnn
  init_args: {channels: 16, mfa_channels: 24, embedding_dim: 8}
batches:
  class_path: toolkit.data.batches.CropBatches
  init_args: {batch_size: 4, crop_seconds: [0.5, 0.5]}
trainer: {epochs: 1, workers: 0}
"""


def test_own_corpus(tree, tmp_path):
    for speaker in range(7):
        folder = tmp_path / f"speech/talker {speaker}/session"
        folder.mkdir(parents=True)
        for utt in range(3):
            soundfile.write(folder / f"{utt}.wav", voice(speaker, utt, 1.0), FS)
    done = tree.run(tree.path, "egs/TEMPLATE/setup.sh", "egs/mine/sv")
    assert done.returncode == 0, done.stderr
    recipe = tree.path / "egs/mine/sv"
    (recipe / "conf/train_ecapa.yaml").write_text(CONFIG)
    done = tree.run(recipe, "./run.sh", "--local_data_opts", f"--speech {tmp_path}/speech", "--resamples", "20")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "mean_fbank" in (recipe / "RESULTS.md").read_text()


def test_setup_says_what_it_wants(tree):
    assert "Usage:" in tree.run(tree.path, "egs/TEMPLATE/setup.sh").stderr
    done = tree.run(tree.path, "egs/TEMPLATE/setup.sh", "egs/mine/nothing")
    assert done.returncode == 1
    assert "nothing is no task" in done.stderr


def test_setup_keeps_what_a_recipe_owns(tree):
    tree.run(tree.path, "egs/TEMPLATE/setup.sh", "egs/kept/sv")
    run = tree.path / "egs/kept/sv/run.sh"
    run.write_text("mine")
    tree.run(tree.path, "egs/TEMPLATE/setup.sh", "egs/kept/sv")
    assert run.read_text() == "mine"
