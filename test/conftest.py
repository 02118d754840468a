"""Marks of tests by their folders; a python3 that starts fast; tiny data that many tests share, made once."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import soundfile
from helpers import warm
from helpers.once import controller, once

from toolkit.bin import format_audio
from toolkit.io.datadir import DataDir, invert, write_table
from toolkit.io.jobs import merge
from toolkit.io.trials import make_trials, write_trials

FS = 16000
# What starts no recipe:
FAST = {"data", "features", "io", "losses", "metrics", "models", "nn", "recipes", "report", "simulate"}
LONG = {"test_corpus", "test_paranoise_connections", "test_wavlm_ecapa"}  # but for these, of 8 to 15 s each


def pytest_ignore_collect(collection_path, config):
    """With ``-m fast...`` the other folders are not even imported."""
    slow = (
        collection_path.parent == Path(__file__).parent
        and collection_path.is_dir()
        and collection_path.name not in FAST
    )
    return True if slow and config.option.markexpr.startswith("fast") else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests; what takes longest comes first, what takes least last, for the sake of several workers.

    What another worker is making (``mini``) is not waited for while there is something else to do.
    """
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in FAST and item.path.stem not in LONG:
            item.add_marker("fast")
        if folder == "egs":
            item.add_marker("recipe")
        if "slurm" in item.path.stem:
            item.add_marker("slurm")
    uses_mini = {item.path for item in items if "mini" in item.fixturenames}

    def place(item) -> tuple[bool, ...]:
        recipe, fast = (item.get_closest_marker(mark) is not None for mark in ("recipe", "fast"))
        return item.path.stem != "test_survival", not recipe, item.path in uses_mini, fast

    items.sort(key=place)


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """A python3 that starts programs of the toolkit fast; with TEST_COLD=1 as always."""
    if os.environ.get("TEST_COLD"):
        return Path(sys.executable)
    return once(tmp_path_factory, "warm", lambda folder: warm.start(folder, controller())) / "python3"


def voice(speaker: int, utt: int, seconds: float, fs: int = FS) -> np.ndarray:
    """A harmonic sound whose pitch and spectral slope belong to a speaker; the words differ."""
    rng = np.random.default_rng([speaker, utt])
    t = np.arange(round(seconds * fs)) / fs
    f0 = 90 + 25 * speaker + rng.normal(0, 2)
    sound = sum(np.sin(2 * np.pi * f0 * k * t + rng.uniform(0, 6)) / k ** (0.5 + 0.2 * speaker) for k in range(1, 12))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * rng.uniform(2, 5) * t + rng.uniform(0, 6))
    return (0.05 * sound * syllables + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


def write_speech(path, speakers: int = 4, utts: int = 4, seconds: float = 1.2, first: int = 0):
    """An unformatted data dir of voices; lengths differ a little."""
    wav, utt2spk = {}, {}
    for s in range(first, first + speakers):
        for u in range(utts):
            key = f"s{s:02d}-u{u}"
            file = path / "audio" / f"{key}.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, voice(s, u, seconds + 0.1 * u), FS, subtype="PCM_16")
            wav[key], utt2spk[key] = str(file), f"s{s:02d}"
    write_table(path / "wav.scp", wav)
    write_table(path / "utt2spk", utt2spk)
    write_table(path / "spk2utt", {spk: " ".join(ids) for spk, ids in invert(utt2spk).items()})
    return path


def write_noise(path, count: int = 3, seconds: float = 2.0, seed: int = 9):
    """An unformatted data dir of noises."""
    rng, wav = np.random.default_rng(seed), {}
    for n in range(count):
        file = path / "audio" / f"noise{n}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, (0.1 * rng.standard_normal(round(seconds * FS))).astype(np.float32), FS)
        wav[f"noise{n}"] = str(file)
    write_table(path / "wav.scp", wav)
    write_table(path / "utt2spk", {key: key for key in wav})
    return path


def format_sets(root, *names: str, jobs: int = 1) -> None:
    """Stage 2 on ``root/data/<name>`` -> ``root/raw/<name>``."""
    for name in names:
        keys = DataDir(root / "data" / name).keys()
        for job, part in enumerate(np.array_split(keys, jobs), 1):
            work = root / f"work.{name}.{job}"
            work.write_text("".join(f"{name} {key}\n" for key in part))
            roots = ["--in_root", str(root / "data"), "--out_root", str(root / "raw")]
            format_audio.main([*roots, "--work", str(work), "--job", str(job)])
        merge(root / "data", root / "raw", name, jobs, ["wav"])


def add_trials(path) -> None:
    """Write ``trials`` over all speakers of a data dir."""
    data = DataDir(path)
    write_trials(path / "trials", make_trials(data.table("utt2spk"), 24, targets_per_speaker=4, seed=1))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """``data/`` and formatted ``raw/`` with train (4 speakers), dev (3 others, with trials), noise."""
    root = tmp_path_factory.mktemp("corpus")
    write_speech(root / "data/train", 4)
    write_speech(root / "data/dev", 3, first=4)
    write_noise(root / "data/noise")
    format_sets(root, "train", "dev", "noise")
    add_trials(root / "raw/dev")
    return root
