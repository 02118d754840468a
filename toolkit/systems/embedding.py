"""Embeddings of audio by a trained embedder: the one path that validation, the recipes and the Python API take."""

from collections.abc import Iterator

import numpy as np
import torch

from toolkit.data.collate import pad
from toolkit.io.audio import AudioTable, check_usable, read_file, resample
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder

BATCH_SECONDS = 60.0  # padded audio in a batch: bounds memory, whatever the lengths


def batches_by_length(lengths: dict[str, int], most: float) -> Iterator[list[str]]:
    """Ids grouped by similar length; a group's padded total stays below ``most`` samples (or it is a single id)."""
    batch: list[str] = []
    for key in sorted(lengths, key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[key] > most:
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch


@torch.inference_mode()
def vectors_of(embedder: SpeakerEmbedder, wav: torch.Tensor, lengths: torch.Tensor | None) -> np.ndarray:
    """wav (B, N), lengths (B,) samples or None -> (B, D) float32 on the CPU; the embedder's device is used."""
    device = next(iter(embedder.buffers())).device
    return embedder(wav.to(device), None if lengths is None else lengths.to(device)).float().cpu().numpy()


def read_usable(audio: AudioTable, key: str, fs: int) -> np.ndarray:
    """Samples (N,) of an id; InputError names an id whose recording is unusable (toolkit.io.audio.unusable)."""
    samples = audio.read(key)
    check_usable(samples, fs, f"{key}: {audio.values[key]}:", "replace it or drop the utterance")
    return samples


def embed_audio(embedder: SpeakerEmbedder, audio: AudioTable, ids: list[str], bar=None) -> list[tuple[str, np.ndarray]]:
    """Embeddings (D,) float32 of ``ids``, in their order. The embedder is in eval mode; its device is used.

    Raises:
        InputError: audio is bad (see AudioTable.read) or unusable, or an embedding is not finite; names the id.
    """
    was_training = embedder.training
    embedder.eval()
    found: dict[str, np.ndarray] = {}
    lengths = {key: audio.num_samples(key) for key in ids}
    for batch in batches_by_length(lengths, BATCH_SECONDS * embedder.frontend.fs):
        wav, sizes = pad([read_usable(audio, key, embedder.frontend.fs) for key in batch])
        vectors = vectors_of(embedder, wav, sizes)
        for key, vector in zip(batch, vectors, strict=True):
            if not np.isfinite(vector).all():
                raise InputError(
                    f"{key}: its embedding is not finite; the audio ({audio.values[key]}) is bad, or training diverged "
                    "(see loss and grad_norm in metrics.jsonl)"
                )
            found[key] = vector
        if bar is not None:
            bar.update(len(batch))
    embedder.train(was_training)
    return [(key, found[key]) for key in ids]


def embed_file(embedder: SpeakerEmbedder, path, channel: int | str | None = None) -> np.ndarray:
    """The embedding of one audio file of any rate and length, at unit length: two files' dot product is their cosine.

    Args:
        path: a file of audio that soundfile reads, whatever it is called.
        channel: which of several channels (from 0), or ``"mean"``.

    Returns:
        (D,) float32.

    Raises:
        InputError: ``embedder`` is none, the file is missing, bad (see toolkit.io.audio.read_file) or unusable
            (silence, a constant, less than 0.1 s, far beyond full scale), or its embedding has no direction.
    """
    if not isinstance(embedder, SpeakerEmbedder):
        raise InputError(f"{type(embedder).__name__} is not an embedder; use load_embedder")
    samples, rate = read_file(path, channel=channel)
    check_usable(samples, rate, f"{path}:")
    samples = resample(samples, rate, embedder.frontend.fs)
    check_usable(samples, embedder.frontend.fs, f"{path}: at {embedder.frontend.fs} Hz it")
    vector = vectors_of(embedder.eval(), torch.from_numpy(samples)[None], None)[0]
    length = np.linalg.norm(vector)
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"{path}: its embedding is zero or not finite; the audio is bad, or training diverged")
    return vector / length
