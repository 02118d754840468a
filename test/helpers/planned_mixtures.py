"""Mixtures of two talkers, planned and rendered."""

import numpy as np

from toolkit.bin import simulate_plan, simulate_render
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir
from toolkit.io.jobs import merge
from toolkit.simulate.planner import Interferer, MixturePlanner

STREAMS = ("wav", "spk1", "spk2", "enroll_spk1")


def planner(corpus) -> MixturePlanner:
    return MixturePlanner(interferer=Interferer([str(corpus / "raw/train")], sir=(-5, 5), length="min"))


def source_of(samples: np.ndarray, audio: AudioTable) -> str:
    """The utterance that holds exactly these samples."""
    (actual,) = [key for key in audio.keys() if _holds(audio.read(key), samples)]
    return actual


def _holds(whole: np.ndarray, part: np.ndarray) -> bool:
    starts = np.flatnonzero(whole[: len(whole) - len(part) + 1] == part[0])
    return any(np.array_equal(whole[s : s + len(part)], part) for s in starts)


def planned(corpus, root, name: str, *options: str):
    """Stage 3: plan and render ``name`` of raw/train; returns the formatted set."""
    config = root / "interferer.yaml"
    config.write_text(f"planner:\n  interferer: {{data: [{corpus / 'raw/train'}], sir: [0, 0]}}\n")
    words = ["--config", config, "--data", corpus / "raw/train", "--out_root", root / "data", "--name", name, *options]
    simulate_plan.main([str(word) for word in words])
    keys = DataDir(root / "data" / name).keys()
    (root / "work").write_text("".join(f"{name} {key}\n" for key in keys))
    words = ["--in_root", root / "data", "--out_root", root / "raw", "--work", root / "work", "--job", "1"]
    simulate_render.main([str(word) for word in (*words, "--streams", "all")])
    merge(root / "data", root / "raw", name, 1, ["wav"])
    return root / "raw" / name
