"""The bash blocks of the pages run: recipes as dry runs, programs on tiny data, in a tree beside the checkout."""

import os
import re
import shutil
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from conftest import voice, write_noise, write_speech  # the shared voices of test/conftest.py
from helpers.published import drawn, resnet_shapes, seed_ecapa_shapes

from toolkit import Enhancer
from toolkit.io.datadir import invert, write_table

from .conftest import ROOT, Tree

FOLDERS = ("egs", "egs/TEMPLATE", "utils", "toolkit/models", "toolkit/simulate", "toolkit/systems")
PAGES = ["README.md", "CONTRIBUTING.md", *(f"{folder}/README.md" for folder in FOLDERS)]
EXPERIMENTS = {
    "mini/sv/exp/sv_train_ecapa_fbank": "sv_ecapa",
    "mini/se/exp/se_train_convtasnet_snr": "se_convtasnet",
    "mini/tse/exp/tse_train_sefpnet": "tse_sefpnet",
    "voxceleb1/sv/exp/sv_train_ecapa2048": "sv_ecapa",
}
FULL_SIZE = "librispeech_dns/se/exp/se_train_convtasnet_snr"  # whose weights another config begins with
CHECKPOINTS = {"/my/official_resnetse34V2.model": resnet_shapes, "/my/official_ecapatdnn.model": seed_ecapa_shapes}
RECIPES = ("mini", "speechocean762", "voxceleb1", "librispeech_dns", "libri2mix", "libri2talker")
# Programs that install, lint and test have tests in test/tools.
STUBS = [
    *("tools/install.sh", "tools/venv/bin/python", "tools/venv/bin/pre-commit"),
    *("ci/test.sh", "ci/lint.sh", "ci/benchmark.sh", "ci/integration_slurm.sh", "ci/fault_drill.sh"),
    *("ci/write_pages.py", "ci/write_comparisons.py"),
]
# Other blocks of CONTRIBUTING.md: test/test_contributing.py, test/tasks/test_registry.py.


def bash_blocks() -> list:
    """(block, recipe of the blocks before it); those that reproduce papers, at full size, are marked slow."""
    actual = []
    for page in PAGES:
        heading, recipe = "", "egs/mini/sv"
        pattern = r"^#+ (.+?)$|^```bash\n(.*?)^```"
        for title, block in re.findall(pattern, (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
            heading = title or heading
            if not block or (page == "CONTRIBUTING.md" and heading != "Contributing"):
                continue
            marks = [pytest.mark.slow] if re.search(r"arXiv|10\.\d+/", heading) else []
            actual.append(pytest.param(block, recipe, marks=marks, id=f"{Path(page).parent}-{len(actual)}-{heading}"))
            recipe = [recipe, *re.findall(r"cd (egs/\w+/\w+)", block)][-1]
    return actual


@pytest.fixture(scope="module")
def place(tmp_path_factory, python) -> Tree:
    """A tree with all recipes, tiny systems in the places of trained ones, recordings in my/, and a GPU by name."""
    root = tmp_path_factory.mktemp("pages")
    tree = Tree(root, python)
    for name in RECIPES:
        first, *others = sorted(path.parent.name for path in (ROOT / "egs" / name).glob("*/run.sh"))
        tree.copy(f"{name}/{first}")
        for task in others:
            tree.use_python(root / "egs" / name / task)
    for name in ("toolkit", "test"):
        (root / name).symlink_to(ROOT / name)
    for stub in (*STUBS, "bin/voxsift", "bin/nvidia-smi"):
        (root / stub).parent.mkdir(parents=True, exist_ok=True)
        (root / stub).write_text("#!/bin/sh\nexit\n")  # for Python too
        (root / stub).chmod(0o755)
    (root / "bin/nvidia-smi").write_text("#!/bin/sh\nfor i in 0 1 2 3 4 5 6 7; do echo GPU $i; done\n")
    (root / "tools/activate.sh").write_text("")
    write_recordings(root)
    write_vectors(root)
    for task in ("sv", "tse", "se"):
        tree.setup(f"mine/{task}")
        for name in ("valid", "test"):
            write_speech(root / f"egs/mine/{task}/data/{name}")
        for name in ("noise_train", "noise_test"):
            write_noise(root / f"egs/mine/{task}/data/{name}")
    utt2spk = {f"s{n // 100:02d}-{n % 100:02d}": f"s{n // 100:02d}" for n in range(1200)}
    (root / "data/train").mkdir(parents=True)
    write_table(root / "data/train/wav.scp", dict.fromkeys(utt2spk, str(root / "a.wav")))
    write_table(root / "data/train/utt2spk", utt2spk)
    write_table(root / "data/train/spk2utt", {spk: " ".join(ids) for spk, ids in invert(utt2spk).items()})
    shutil.copy(ROOT / "egs/mini/ee/results.json", root / "egs/mini/ee")
    return tree


def write_recordings(root: Path) -> None:
    """The files that blocks name."""
    for i, name in enumerate(("a", "b", "noisy", "crowd", "speaker_alone", "my/meeting", "my/ann")):
        (root / name).parent.mkdir(exist_ok=True)
        soundfile.write(root / f"{name}.wav", voice(i, 0, 1.0, 16000), 16000)
    for i in range(10):
        for take in range(2):
            file = root / f"my/speech/s{i}/{take}.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, voice(i, take, 1.0), 16000)
    for i in range(3):
        for file in (root / f"my/noise/{i}.wav", root / f"my/music/{i}.wav", root / f"my/rooms/hall/{i}.wav"):
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, 0.1 * np.random.default_rng(i).standard_normal(16000), 16000)


def write_vectors(root: Path) -> None:
    """Embeddings of clean and noisy speech, of another toolkit."""
    rng = np.random.default_rng(0)
    for name in ("train_pairs", "dev_pairs"):
        (root / name).mkdir()
        for version in ("clean", "noise", "music"):
            vectors = {f"a-{n:02d}": rng.standard_normal(192).astype(np.float32) for n in range(40)}
            kaldiio.save_ark(str(root / name / f"{version}.ark"), vectors, scp=str(root / name / f"{version}.scp"))
    shutil.copy(root / "train_pairs/noise.scp", root / "xvectors.scp")


@pytest.fixture
def systems(place, block):
    """What the block reads and other blocks make: experiments, checkpoints of others."""
    links = [place.path / "egs" / path for path in EXPERIMENTS if "/".join(Path(path).parts[2:]) in block]
    for link in links:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT / "test/fixtures/v0.1" / EXPERIMENTS[str(link.relative_to(place.path / "egs"))])
    start = place.path / "egs" / FULL_SIZE / "valid.loss.ave.pth"
    if "finetune_" in block:
        start.parent.mkdir(parents=True)
        config = ROOT / "egs/librispeech_dns/se/conf/train_convtasnet_snr.yaml"
        torch.save(Enhancer.untrained(config).network.state_dict(), start)
    for name, shapes in CHECKPOINTS.items():
        if name in block:
            torch.save(drawn(shapes()), place.path / name.lstrip("/"))
    yield
    for link in links:
        link.unlink()
    shutil.rmtree(start.parent, ignore_errors=True)


@pytest.mark.parametrize(("block", "recipe"), bash_blocks())
def test_a_block_runs(place, systems, block, recipe):
    root = place.path
    begins_in_recipe = re.match(r"(\w+=\w+ )?(\./|\. \./|mkdir )", block)
    script = re.sub(r"/(my|path/to/corpora)\b", lambda match: str(root / "my"), block)
    script = re.sub(r"((?:\./|egs/\S+/)run\.sh)", r"\1 --dry_run true", script).replace("rm -r ", "rm -rf ")
    script = re.sub(r"(--valid_dirs .* --expdir exp/ee_mine)", r"\1 --trainer.epochs 1 --trainer.workers 0", script)
    # Published weights of self-supervised models need not be here.
    untrained = '--se_args "--loss.init_args.loss.init_args.ssl Untrained"'
    script = script.replace("_sslmse_${model}.yaml", f"_sslmse_${{model}}.yaml {untrained}")
    path = f"{root / 'bin'}:{place.python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {"PATH": path, "PYTHONPATH": str(ROOT), "CORPORA": str(root / "my")}
    done = place.run(root / recipe if begins_in_recipe else root, "bash", "-euo", "pipefail", "-c", script, **variables)
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_stubs_stand_for_programs_of_the_checkout():
    for stub in (one for one in STUBS if "venv" not in one):
        assert (ROOT / stub).is_file()
        assert stub.endswith(".py") or os.access(ROOT / stub, os.X_OK)
