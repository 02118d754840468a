"""Embeddings of six speakers, and trials over them."""

import numpy as np

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table

UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(6) for u in range(4)}
UTTS = list(UTT2SPK)
PAIRS = [(a, b) for i, a in enumerate(UTTS) for b in UTTS[i + 1 :]]


def embeddings():
    rng = np.random.default_rng(0)
    centre = {spk: rng.normal(size=16) for spk in sorted(set(UTT2SPK.values()))}
    return {utt: 3 * centre[spk] + 3 * rng.normal(size=16) for utt, spk in UTT2SPK.items()}


def write_embeddings(path, vectors):
    with ArkWriter(path / "embedding.ark") as ark:
        for utt, vector in vectors.items():
            ark.write(utt, vector)
    write_table(path / "embedding.scp", ark.scp)


def write_trials(path, pairs):
    label = {True: "target", False: "nontarget"}
    path.write_text("".join(f"{a} {b} {label[UTT2SPK[a] == UTT2SPK[b]]}\n" for a, b in pairs))


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)
