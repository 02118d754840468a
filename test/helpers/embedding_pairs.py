"""Embeddings of clean speech and its variants, as stage 4 keeps them."""

import numpy as np

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table


def write_pairs(path, rows, names=("clean", "music", "noise"), ids=None):
    """Write (U, K, V, D) or (U, V, D) embeddings as ``<name>.scp`` and arks; returns the folder."""
    ids = ids or [f"u{i}" for i in range(len(rows))]
    for v, name in enumerate(names):
        with ArkWriter(path / f"{name}.ark") as ark:
            for key, row in zip(ids, rows, strict=True):
                ark.write(key, np.ascontiguousarray(row[..., v, :], np.float32))
        write_table(path / f"{name}.scp", ark.scp)
    return path
