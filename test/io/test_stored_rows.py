"""Rows in a file are those of an array, and take no memory."""

import errno
import os
import tracemalloc

import numpy as np
import pytest

from toolkit.io import stored_rows
from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table
from toolkit.io.enrolment import Sides
from toolkit.io.stored_rows import StoredRows, room_for_rows
from toolkit.tasks.verification.trial_scoring import load_unit_rows, scores_of_rows

pytestmark = pytest.mark.fast


def test_any_rows_are_those_of_an_array():
    rng, expected, actual = np.random.default_rng(0), np.zeros((20, 3), np.float32), StoredRows(20, 3)
    for index in (rng.permutation(20), slice(4, 9), np.array([7, 8, 2]), slice(15, None), np.array([], int)):
        rows = rng.normal(size=expected[index].shape).astype(np.float32)
        expected[index] = actual[index] = rows
    for index in (slice(None), slice(18, 40), slice(5, 5), np.array([3, 3, 19, 0, 1, 2]), rng.integers(20, size=50)):
        assert np.array_equal(actual[index], expected[index])


def test_many_rows_are_in_a_file_unless_the_disk_is_full(monkeypatch):
    monkeypatch.setattr(stored_rows, "_MOST_BYTES", 400)
    assert isinstance(room_for_rows(10, 10), np.ndarray)
    assert isinstance(room_for_rows(11, 10), StoredRows)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert isinstance(room_for_rows(11, 10), np.ndarray)


@pytest.mark.parametrize("per_model", [1, 4])
def test_scores_of_many_utterances_take_no_memory_for_their_embeddings(tmp_path, monkeypatch, per_model):
    size, utts = 128, [f"u{i:05d}" for i in range(20_000)]
    vectors = np.random.default_rng(0).normal(size=(len(utts), size)).astype(np.float32)  # 10 MB
    with ArkWriter(tmp_path / "embedding.ark") as ark:
        for utt, vector in zip(utts, vectors, strict=True):
            ark.write(utt, vector)
    write_table(tmp_path / "embedding.scp", ark.scp)
    monkeypatch.setattr(stored_rows, "_MOST_BYTES", 1 << 20)
    monkeypatch.setattr("toolkit.io.embeddings._GATHER_BYTES", 1 << 18)
    monkeypatch.setattr("toolkit.metrics.verification.vectors._BLOCK_BYTES", 1 << 18)
    monkeypatch.setattr("toolkit.tasks.verification.trial_scoring._SIDES", 64)
    members = np.random.default_rng(1).permutation(len(utts)) if per_model > 1 else np.arange(len(utts))
    counts = np.full(len(utts) // per_model, per_model)
    enroll, test = np.random.default_rng(2).integers(len(counts), size=(2, 5000))
    sides = Sides([f"m{i}" for i in range(len(counts))], utts, members, counts, enroll, test)
    tracemalloc.start()
    try:
        scores = scores_of_rows(load_unit_rows(tmp_path / "embedding.scp", utts, "cosine"), sides, "cosine")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    models = unit[members].reshape(-1, per_model, size).mean(1)
    models /= np.linalg.norm(models, axis=1, keepdims=True)
    assert np.allclose(scores, (models[enroll] * models[test]).sum(1), atol=1e-6)
    assert peak < vectors.nbytes * 0.8  # the table of places takes half of it
