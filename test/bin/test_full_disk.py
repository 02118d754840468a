"""Every program of a stage when the disk is full: one line that names the file, exit 1, nothing half-written.

A limit on the size of files stands for the full disk; the system reports both through the same calls.
"""

import os
import resource
import subprocess
from pathlib import Path

import pytest
import yaml

from toolkit.bin import embed_utterances, score_trials, simulate_plan, train
from toolkit.io.datadir import DataDir
from toolkit.io.jobs import merge

ROOT = Path(__file__).parents[2]
NETWORK = {"channels": 16, "mfa_channels": 24, "embedding_dim": 8, "se_channels": 4, "attention_channels": 4}


def work_list(root: Path, name: str, keys: list[str]) -> list[str]:
    """A work list of one set, as words of a program's command line."""
    path = root / f"work.{name}"
    path.write_text("".join(f"{name} {key}\n" for key in keys))
    return ["--work", str(path), "--job", "1"]


def words(*values) -> list[str]:
    return [str(value) for value in values]


@pytest.fixture(scope="module")
def house(corpus, tmp_path_factory):
    """A trained system over the shared corpus with embeddings and scores of dev, and a planned set of mixtures."""
    root = tmp_path_factory.mktemp("house")
    config = root / "config.yaml"
    planner = {"noises": {"noise": {"data": ["noise"], "snr": [0, 20]}}, "noise_prob": 1.0}
    (root / "planner.yaml").write_text(yaml.safe_dump({"planner": planner}))
    model = {"class_path": "toolkit.models.sv.ecapa_tdnn.EcapaTdnn", "init_args": NETWORK}
    batches = {"init_args": {"batch_size": 4, "crop_seconds": [0.5, 0.5]}}
    trainer = {"epochs": 1, "workers": 0, "threads": 1}
    config.write_text(yaml.safe_dump({"model": model, "batches": batches, "trainer": trainer}))
    raw = corpus / "raw"
    train.main(
        words(
            "sv",
            "--config",
            config,
            "--train_dir",
            raw / "train",
            "--valid_dirs",
            f"[{raw / 'dev'}]",
            "--expdir",
            root / "exp",
        )
    )
    keys = DataDir(raw / "dev").keys()
    roots = ["--in_root", str(raw), "--out_root", str(root / "exp/embeddings")]
    embed_utterances.main([*roots, *work_list(root, "dev", keys), "--model", str(root / "exp")])
    merge(raw, root / "exp/embeddings", "dev", 1, ["embedding"])
    score_trials.main(score_words(corpus, root, root / "exp/scores/dev"))
    plan = words(
        "--config", root / "planner.yaml", "--data", raw / "train", "--out_root", root / "data", "--name", "mixed"
    )
    simulate_plan.main(plan)
    return root


def score_words(corpus: Path, root: Path, output: Path) -> list[str]:
    dev = corpus / "raw/dev"
    given = ["--trials", dev / "trials", "--utt2spk", dev / "utt2spk", "--resamples", "20", "--output", output]
    return words("--embeddings", root / "exp/embeddings/dev/embedding.scp", *given)


def command(program: str, corpus: Path, house: Path, out: Path) -> list[str]:
    """Words of a program that writes below ``out``."""
    raw, config = corpus / "raw", house / "config.yaml"
    train = ["--config", config, "--train_dir", raw / "train"]
    keys = DataDir(raw / "train").keys()
    jobs = words("--out_root", out, *work_list(house, "train", keys))
    planned = ["--config", house / "planner.yaml", "--data", raw / "train", "--out_root", out, "--name", "mixed"]
    small = [
        "--train_speakers",
        1,
        "--dev_speakers",
        1,
        "--test_speakers",
        1,
        "--babble_speakers",
        1,
        "--utterances",
        1,
    ]
    return words(
        *{
            "format_audio": ["--in_root", corpus / "data", *jobs],
            "make_minicorpus": ["--outdir", out, *small, "--noises", 1, "--pieces", 1, "--rooms", 1],
            "make_trials": ["--data", corpus / "raw/train"],
            "simulate_plan": planned,
            "simulate_render": [
                "--in_root",
                house / "data",
                "--out_root",
                out,
                *work_list(house, "mixed", mixed(house)),
            ],
            "dump_features": ["--in_root", raw, *jobs, "--config", config],
            "statistics": ["sv", *train, "--output", out],
            "train": ["sv", *train, "--valid_dirs", f"[{raw / 'dev'}]", "--expdir", out],
            "embed_utterances": ["--in_root", raw, *jobs, "--model", house / "exp"],
            "score_trials": score_words(corpus, house, out),
            "report": ["--expdir", house / "exp", "--output", out / "RESULTS.md"],
            "pack": ["--expdir", house / "exp", "--output", out / "packed.zip"],
        }[program]
    )


def mixed(house: Path) -> list[str]:
    return DataDir(house / "data/mixed").keys()


def visible(folder: Path) -> set[str]:
    """Files that a reader would take for results."""
    files = (path for path in folder.rglob("*") if path.is_file() and "tensorboard" not in path.parts)
    return {str(path.relative_to(folder)) for path in files if not path.name.startswith(".")}


@pytest.mark.parametrize(
    ("program", "limit", "complete"),
    [
        ("format_audio", 20_000, set()),
        ("make_minicorpus", 5_000, set()),
        ("simulate_plan", 1_500, None),
        ("simulate_render", 20_000, set()),
        ("dump_features", 20_000, set()),
        ("statistics", 60, set()),
        ("train", 20_000, None),
        ("embed_utterances", 300, set()),
        ("score_trials", 100, set()),
        ("report", 3_000, set()),
        ("pack", 3_000, set()),
    ],
)
def test_a_full_disk_is_said_and_nothing_half_written_is_kept(
    python, corpus, house, tmp_path, program, limit, complete
):
    out = tmp_path / "out"
    out.mkdir()
    done = subprocess.run(
        [python, "-m", f"toolkit.bin.{program}", *command(program, corpus, house, out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        # Python itself would keep half of a compiled module.
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1, done.stderr
    assert "File too large; nothing half-written was kept" in done.stderr
    assert str(out) in done.stderr or program == "report"
    assert "Traceback" not in done.stderr
    assert all((out / name).stat().st_size < limit for name in visible(out))
    if complete is not None:
        assert visible(out) == complete
    assert not [path for path in out.rglob(".*.tmp*") if path.is_file()]
