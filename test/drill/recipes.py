"""The mini recipes at a tiny size, each in a tree of its own, and what must be equal however they were made."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from helpers import killed_runs

ROOT = Path(__file__).parents[2]
FEW = "--train_speakers 4 --dev_speakers 2 --test_speakers 2 --babble_speakers 1"
ROOMS = "--noises 1 --pieces 1 --rooms 1 --workers 2"
HURRY = "--trainer.epochs 2 --trainer.workers 1"
JOBS = ["--resamples", "20", "--nj", "2", "--inference_nj", "2", "--skip_packing", "false"]
_LGR = "--model.init_args.{} 4"
RECIPES: dict[str, list[str]] = {
    "ic": [
        *("--local_data_opts", f"{FEW} --utterances 1 --commands 4 --noises 1 --workers 2", "--snrs", "5"),
        *("--ic_args", f"--model.init_args.channels 16 {HURRY}"),
    ],
    "asr": [
        *("--local_data_opts", f"{FEW} --utterances 2 --commands 2 --noises 1 --workers 2", "--snrs", "5"),
        *("--nbpe", "40", "--inference_args", "--beam 2", "--asr_args"),
        f"--model.init_args.dim 16 --model.init_args.heads 2 --model.init_args.hidden 16 --model.init_args.blocks 1 "
        f"--model.init_args.kernel_size 3 --model.init_args.decoder_hidden 16 {HURRY}",
    ],
    "ssl": [
        *("--local_data_opts", f"{FEW} --utterances 3 {ROOMS}", "--snrs", "5", "--clusters", "10", "--ssl_args"),
        "--model.init_args.dim 16 --model.init_args.heads 2 --model.init_args.hidden 16 --model.init_args.num_layers 2 "
        f"--model.init_args.position_kernel 9 {HURRY}",
    ],
    "se": [
        *("--local_data_opts", f"{FEW} --utterances 2 --commands 2 {ROOMS}", "--snrs", "5", "--ood_noises", ""),
        *("--test_sets", "test4", "--se_args"),
        f"--model.init_args.filters 16 --model.init_args.bottleneck 8 --model.init_args.hidden 8 "
        f"--model.init_args.blocks 2 {HURRY}",
    ],
    "sv": [
        "--local_data_opts",
        f"--train_speakers 8 --dev_speakers 3 --test_speakers 4 --babble_speakers 6 --utterances 4 {ROOMS}",
        *("--snrs", "0 20", "--sv_args", HURRY),
    ],
    "tse": [
        "--local_data_opts",
        f"--train_speakers 8 --dev_speakers 3 --test_speakers 4 --babble_speakers 6 --utterances 2 {ROOMS}",
        "--tse_args",
        " ".join(_LGR.format(width) for width in ("stem_channels", "mix_channels", "integration_channels"))
        + " --model.init_args.dense_channels [4,4,4] --model.init_args.conv_channels [8,8,8] "
        f"--model.init_args.dense_depth 1 --model.init_args.tcn_blocks 2 {HURRY}",
    ],
}
# Products that differ from run to run: times, logs, pages, what is kept to resume.
_OTHER = {"logs", "log", "checkpoint", "tensorboard"}
_KINDS = {".ark", ".scp", ".txt", ".tsv", ".pth", ".jsonl", ""}
_TIMED = {"metrics.jsonl"}


def new_tree(root: Path, recipe: str) -> Path:
    """Make a tree with a recipe; returns the recipe's folder."""
    (root / "egs").mkdir(parents=True)
    for shared in ("TEMPLATE", "conf"):
        (root / "egs" / shared).symlink_to(ROOT / "egs" / shared)
    (root / "utils").symlink_to(ROOT / "utils")
    made = shutil.ignore_patterns("data", "dump", "exp", "downloads", "RESULTS.md")
    shutil.copytree(ROOT / "egs/mini", root / "egs/mini", symlinks=True, ignore=made)
    return root / "egs/mini" / recipe


def start(folder: Path, *more: str) -> subprocess.Popen:
    """Start a recipe in a session."""
    return killed_runs.start(folder, [*RECIPES[folder.name], *JOBS, *more])


def run(folder: Path, *more: str) -> tuple[int, str]:
    """Run a recipe to its end: exit code and output."""
    with start(folder, *more) as job:
        text = job.communicate()[0]
    return job.returncode, text


def outcome(folder: Path) -> dict[str, str]:
    """Hash of every table, ark, per-utterance value and model that a recipe has made."""
    hashes = {}
    for path in sorted([*folder.glob("data/**/*"), *folder.glob("dump/**/*"), *folder.glob("exp/**/*")]):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts) or _OTHER & set(parts)
        if path.is_file() and not hidden and path.suffix in _KINDS and path.name not in _TIMED:
            hashes[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def difference(expected: dict[str, str], actual: dict[str, str]) -> str:
    """The first files that differ; empty if none does."""
    other = [key for key in sorted(expected | actual) if expected.get(key) != actual.get(key)]
    return f"{len(other)} of {len(expected)} files differ: {', '.join(other[:4])}" if other else ""
