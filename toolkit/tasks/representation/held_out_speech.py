"""Speech on which masked prediction is measured: whole utterances, with masks that stay the same."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from toolkit.data.batches import batches_by_length
from toolkit.data.collate import collate, pad
from toolkit.io.audio import AudioTable
from toolkit.models.ssl.masked_predictor import MASK_SCORES, MaskedPredictor
from toolkit.simulate.plan import generator
from toolkit.systems.recognizer import BATCH_SECONDS
from toolkit.systems.signals import read_usable

REFERENCE = "spk1"


class HeldOutSpeech:
    """Utterances of a data dir, and the clean speech in them.

    Args:
        path: formatted data dir with ``wav.scp``; of mixtures also with ``spk1.scp``, the clean speech.
        fs: rate in Hz that its audio must have.
        only: ids to read; None: all.
    """

    def __init__(self, path, fs: int, only: Iterable[str] | None = None):
        ids = None if only is None else set(only)
        self._fs, self._audio = fs, AudioTable(path, fs=fs, only=ids)
        has_reference = (Path(path) / f"{REFERENCE}.scp").is_file()
        self._clean = AudioTable(path, fs=fs, stream=REFERENCE, only=ids) if has_reference else self._audio

    def batches(self, network: MaskedPredictor, device) -> Iterator[dict]:
        """Padded batches of similar length: ``ids``, ``wav`` and ``spk1`` (B, N), ``lengths``, ``mask_scores`` (B, T).

        The mask of an utterance depends on its id alone.
        """
        lengths = {key: self._audio.num_samples(key) for key in self._audio.keys()}
        for ids in batches_by_length(lengths, BATCH_SECONDS * self._fs):
            batch = collate([self._item(key) for key in ids])
            frames = (network.num_frames(lengths[key]) for key in ids)
            scores = (generator("mask", key).random(count) for key, count in zip(ids, frames, strict=True))
            assert isinstance(batch, dict)  # an item here is not a fault
            batch[MASK_SCORES] = pad(list(scores))[0].float()
            yield {name: x.to(device) if torch.is_tensor(x) else x for name, x in batch.items()}

    def _item(self, key: str) -> dict:
        clean = self._clean.read(key) if self._clean is not self._audio else None
        noisy = read_usable(self._audio, key, self._fs)
        return {"id": key, "facts": {}, "wav": noisy, REFERENCE: noisy if clean is None else clean}


def perplexity(counts: Tensor) -> float:
    """Exponential of the entropy of units with these counts (C,): the number of equally frequent units."""
    shares = counts[counts > 0].double() / counts.sum()
    return float((-(shares * shares.log()).sum()).exp())
