"""k-means against brute force; the sample of frames is uniform, bounded and repeatable."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy.cluster.vq import vq

from toolkit.io.errors import InputError
from toolkit.models.ssl.frame_clusters import FrameSample, _distant, cluster
from toolkit.models.ssl.speech_units import SpeechUnits


def distortion(frames, centroids) -> float:
    return float(np.square(frames[:, None] - centroids[None]).sum(2).min(1).sum())


def test_the_best_of_all_partitions():
    """All 3^9 assignments of nine points to three clusters."""
    rng = np.random.default_rng(3)
    points = (np.repeat([[0, 0], [6, 0], [0, 7]], 3, 0) + rng.normal(0, 0.5, (9, 2))).astype(np.float32)
    best = min(
        sum(float(np.square(part - part.mean(0)).sum()) for part in (points[list(np.equal(word, c))] for c in range(3)))
        for word in map(np.array, product(range(3), repeat=9))
        if len(set(word.tolist())) == 3
    )
    assert distortion(points, cluster(points, 3, seed=0)) == pytest.approx(best, rel=1e-4)


def test_separate_clusters_are_each_met():
    rng = np.random.default_rng(0)
    centres = 20 * rng.standard_normal((12, 5))
    assert min(np.linalg.norm(a - b) for a, b in combinations(centres, 2)) > 10
    frames = (np.repeat(centres, 50, 0) + 0.1 * rng.standard_normal((600, 5))).astype(np.float32)
    found = cluster(frames, 12, seed=1)
    assert np.abs(found[:, None] - centres[None]).max(2).min(0).max() < 0.1


def test_starts_are_drawn_by_their_squared_distances():
    """Points 0, 1, 3: the first of two is any; the second has the odds of its squared distance to the first."""
    points, rng, counts = np.array([[0.0], [1.0], [3.0]], np.float32), np.random.default_rng(0), {}
    for _ in range(6000):
        pair = tuple(_distant(points, 2, rng).ravel().tolist())
        counts[pair] = counts.get(pair, 0) + 1
    odds = {(0, 1): 1 / 10, (0, 3): 9 / 10, (1, 0): 1 / 5, (1, 3): 4 / 5, (3, 0): 9 / 13, (3, 1): 4 / 13}
    assert counts.keys() == odds.keys()
    assert all(abs(counts[pair] / 6000 - share / 3) < 0.02 for pair, share in odds.items())


def test_the_same_seed_gives_the_same_centroids():
    frames = np.random.default_rng(0).standard_normal((400, 3)).astype(np.float32)
    assert np.array_equal(cluster(frames, 20, seed=4), cluster(frames, 20, seed=4))


@pytest.mark.parametrize(
    "frames", [np.zeros((3, 2)), np.zeros((50, 2)), np.full((50, 2), np.nan), np.repeat(np.eye(3), 20, 0)]
)
def test_frames_that_give_no_clusters_are_refused(frames):
    with pytest.raises(InputError, match=r"cluster|finite"):
        cluster(frames.astype(np.float32), 4, seed=0)


def test_the_sample_is_uniform_and_bounded():
    """Of 40 utterances of 50 frames, 100 frames: each frame has the same chance, early and late ones."""
    counts = np.zeros(2000)
    for seed in range(200):
        sample = FrameSample(100, np.random.default_rng(seed))
        for n in range(40):
            sample.add(np.arange(50 * n, 50 * (n + 1))[:, None])
            assert sum(map(len, sample._frames)) <= 2 * 100 + 50
        kept = sample.frames()[:, 0].astype(int)
        assert len(set(kept.tolist())) == 100
        assert (np.diff(kept) > 0).all()
        counts[kept] += 1
    assert sample.seen == 2000
    tenths = counts.reshape(10, -1).sum(1)  # 2000 each, deviation below 45
    assert np.abs(tenths - 2000).max() < 5 * 45


def test_fewer_frames_are_all_kept():
    sample = FrameSample(100, np.random.default_rng(0))
    sample.add(np.ones((3, 2)))
    sample.add(np.zeros((4, 2)))
    assert sample.frames().tolist() == [[1, 1]] * 3 + [[0, 0]] * 4
    assert len(FrameSample(5, np.random.default_rng(0)).frames()) == 0


def test_units_are_the_nearest_centroids_as_scipy_finds_them():
    class Frames(torch.nn.Module):
        fs, dim = 16000, 4

        def forward(self, wav, lengths=None):
            return wav.unflatten(1, (-1, 4)), lengths

    wav, centroids = torch.randn(3, 400), torch.randn(9, 4)
    units, _ = SpeechUnits(Frames(), centroids)(wav)
    for row, frames in zip(units, wav.unflatten(1, (-1, 4)), strict=True):
        assert row.tolist() == vq(frames.numpy(), centroids.numpy())[0].tolist()
