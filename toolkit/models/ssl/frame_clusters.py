"""k-means of frames, of which a sample of bounded size is kept."""

import warnings

import numpy as np

from toolkit.io.errors import InputError, counted


class FrameSample:
    """A uniform sample of frames that arrive utterance by utterance; its memory does not grow with their number.

    Args:
        most: number of frames to keep.
        rng: draws them.
    """

    def __init__(self, most: int, rng: np.random.Generator):
        self._most, self._rng, self.seen = most, rng, 0
        self._frames: list[np.ndarray] = []
        self._keys: list[np.ndarray] = []
        self._held = 0

    def add(self, frames: np.ndarray) -> None:
        """Add the frames (T, F) of an utterance."""
        self._frames.append(np.asarray(frames, np.float32))
        self._keys.append(self._rng.random(len(frames)))
        self._held, self.seen = self._held + len(frames), self.seen + len(frames)
        if self._held > 2 * self._most:
            self._shrink()

    def _shrink(self) -> None:
        """Keep the frames with the smallest keys."""
        frames, keys = np.concatenate(self._frames), np.concatenate(self._keys)
        if len(keys) > self._most:
            kept = np.sort(np.argpartition(keys, self._most - 1)[: self._most])
            frames, keys = frames[kept], keys[kept]
        self._frames, self._keys, self._held = [frames], [keys], len(keys)

    def frames(self) -> np.ndarray:
        """The sample (M, F), at most ``most`` frames, in the order of their arrival."""
        if not self._frames:
            return np.zeros((0, 0), np.float32)
        self._shrink()
        return self._frames[0]


def cluster(frames: np.ndarray, count: int, seed: int, restarts: int = 5, iterations: int = 50) -> np.ndarray:
    """Centroids (C, F) float32 of the best of several runs of k-means, each from a k-means++ start.

    Args:
        frames: (M, F).
        count: C.
        seed: of the starts.
        restarts: number of runs.
        iterations: of a run.

    Raises:
        InputError: there are fewer different frames than clusters, or a frame is not finite.
    """
    from scipy.cluster.vq import kmeans2, vq

    if len(frames) < count:
        raise InputError(f"{counted(len(frames), 'frame')} for {count} clusters; use fewer clusters or more speech")
    if not np.isfinite(frames).all():
        raise InputError("features are not finite; check the model that makes them")
    runs = []
    for restart in range(restarts):
        rng = np.random.default_rng([seed, restart])
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):  # empty clusters are refused below
            warnings.simplefilter("ignore", UserWarning)
            centroids, _ = kmeans2(frames, _distant(frames, count, rng), iterations, minit="matrix")
        labels, distances = vq(frames, centroids)
        runs.append((len(np.unique(labels)), -float(np.square(distances, dtype=np.float64).mean()), centroids))
    used, _, best = max(runs, key=lambda run: run[:2])
    if used < count:
        raise InputError(
            f"only {used} of {count} clusters have frames in {counted(len(frames), 'frame')}; use fewer clusters or "
            "more speech"
        )
    return best.astype(np.float32)


def _distant(frames: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """A k-means++ start (Arthur & Vassilvitskii 2007): frames drawn by their squared distance to those drawn before.

    scipy's ``minit="++"`` measures the distance to all of them again for each new one, minutes for 100 of 200,000.
    """
    squares = np.einsum("ij,ij->i", frames, frames)
    chosen = [int(rng.integers(len(frames)))]
    nearest = np.full(len(frames), np.inf, np.float32)
    for _ in range(count - 1):
        last = frames[chosen[-1]]
        np.minimum(nearest, squares - 2 * (frames @ last) + last @ last, out=nearest)
        nearest[chosen[-1]] = 0
        sums = np.cumsum(nearest.clip(0), dtype=np.float64)
        chosen.append(min(int(np.searchsorted(sums, rng.random() * sums[-1], "right")), len(frames) - 1))
    return frames[chosen]
