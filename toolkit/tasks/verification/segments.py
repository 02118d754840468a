"""Embeddings of segments: several for each utterance, as the VoxCeleb trainer lineage scores them."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch

from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.systems.signals import read_usable
from toolkit.systems.verifier import BATCH_SECONDS, Verifier


def segment_starts(length: int, size: int, number: int) -> np.ndarray:
    """First samples of the segments of an utterance.

    Args:
        length: of the utterance in samples; one shorter than ``size`` must be repeated to that length before it is cut.
        size: of a segment in samples.
        number: of segments, evenly spread from the first to the last possible start (they may overlap). 0: consecutive
            segments, and the last ``size`` samples where these do not end with the utterance.
    """
    last = max(length - size, 0)
    if number:
        return np.linspace(0, last, number).astype(int)
    starts = np.arange(0, last + 1, size)
    return starts if starts[-1] == last else np.append(starts, last)


def crops_of(samples: np.ndarray, size: int, number: int) -> np.ndarray:
    """(N,) samples -> (S, size) segments; see :func:`segment_starts`."""
    repeated = np.resize(samples, size) if len(samples) < size else samples
    starts = segment_starts(len(samples), size, number)
    return np.lib.stride_tricks.sliding_window_view(repeated, size)[starts]


def embed_segments(
    verifier: Verifier, audio: AudioTable, ids: list[str], number: int, seconds: float, bar=None
) -> Iterator[tuple[str, np.ndarray]]:
    """Embeddings (S, D) float32 of the segments of each utterance, in the order of ``ids``.

    All segments are of one length, so batches need no padding; they run across utterances. The segments of a short
    utterance, all of them equal, are embedded once.

    Args:
        verifier: its device is used.
        number: of segments, see :func:`segment_starts`.
        seconds: length of a segment.

    Raises:
        InputError: audio is malformed, or an embedding is not finite; names the id.
    """
    size = round(seconds * verifier.fs)
    most = max(1, int(BATCH_SECONDS / seconds))
    pieces = _pieces(audio, ids, size, number, verifier.fs)
    done: list[np.ndarray] = []
    while batch := list(islice(pieces, most)):
        wav = torch.from_numpy(np.stack([crop for _, crop, _ in batch]))
        vectors = verifier.vectors(wav)
        for (key, _, copies), vector in zip(batch, vectors, strict=True):
            if not np.isfinite(vector).all():
                raise InputError(
                    f"{key}: the embedding of a segment is not finite; the audio ({audio.values[key]}) is bad, or "
                    "training diverged (see loss and grad_norm in metrics.jsonl)"
                )
            done.append(vector)
            if copies:  # of the utterance's last segment
                yield key, np.stack(done) if len(done) > 1 else np.repeat(done, copies, axis=0)
                done = []
                if bar is not None:
                    bar.update()


def _pieces(
    audio: AudioTable, ids: list[str], size: int, number: int, fs: int
) -> Iterator[tuple[str, np.ndarray, int]]:
    """``(id, segment (size,), copies)`` in turn; copies is 0 for all but the last segment of an utterance."""
    for key in ids:
        samples = read_usable(audio, key, fs)
        if len(samples) <= size:
            yield key, crops_of(samples, size, 1)[0], max(number, 1)
            continue
        crops = crops_of(samples, size, number)
        for i, crop in enumerate(crops, 1):
            yield key, crop, int(i == len(crops))
