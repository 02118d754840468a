"""Speaker verification: what a training step and a validation are."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches
from toolkit.data.speakers import SpeakerData
from toolkit.features.specaugment import SpecAugment
from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.io.trials import check_ids, read_trials
from toolkit.losses.margin import SpeakerLoss
from toolkit.metrics.verification import eer
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.tasks.base import Task
from toolkit.tasks.embedding import embed_audio


class SVTask(Task):
    """Embedder and loss over labelled utterances; validated by the EER of held-out trials.

    Args:
        embedder: what is deployed.
        loss: over embeddings and speaker classes.
        specaugment: masks on the normalised features, or None.
        batches: how an epoch is cut.
        train: the training utterances, opened.
        valid: data dirs with ``wav.scp`` and ``trials``; models are ranked by the mean of their EERs.
    """

    metric = ("eer", "min")

    def __init__(
        self,
        embedder: SpeakerEmbedder,
        loss: SpeakerLoss,
        specaugment: SpecAugment | None,
        batches: Batches,
        train: SpeakerData,
        valid: list[str],
    ):
        super().__init__()
        self.embedder, self.loss, self.specaugment = embedder, loss, specaugment or nn.Identity()
        loss.setup(embedder.model.embedding_dim, len(train.speakers))
        self._batches, self._train = batches, train
        self.per_speaker = loss.utterances_per_speaker
        self._valid = {Path(path).name: ValidationSet(path, embedder.frontend.fs) for path in valid}

    @property
    def dataset(self) -> SpeakerData:
        """The training utterances."""
        return self._train

    def batches(self, seed: int, epoch: int):
        """See Batches.epoch."""
        return self._batches.epoch(self._train.labels, self._train.seconds, self.per_speaker, seed, epoch)

    def deployed(self) -> SpeakerEmbedder:
        """Front end and encoder."""
        return self.embedder

    def forward(self, batch: dict) -> tuple[torch.Tensor, dict[str, float]]:
        """``feats`` (B, T, F) or ``wav`` (B, N), ``lengths`` (B,)|None, ``labels`` (B,) -> loss, {accuracy, ...}."""
        feats, lengths = batch.get("feats"), batch["lengths"]
        if feats is None:
            feats, lengths = self.embedder.frontend(batch["wav"], lengths)
        feats = self.specaugment(self.embedder.normalized(feats, lengths))
        loss, logits = self.loss(self.embedder.model(feats, lengths), batch["labels"])
        stats = {name: float(part) for name, part in getattr(self.loss, "parts", {}).items()}
        if logits is not None:
            stats["accuracy"] = float((logits.argmax(1) == batch["labels"]).float().mean())
        return loss, stats

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """EER in % of every validation set, and their mean ``eer``."""
        values = {name: valid.eer(self.embedder) for name, valid in self._valid.items()}
        mean = float(np.mean(list(values.values())))
        return {"eer": mean, **({f"eer_{k}": v for k, v in values.items()} if len(values) > 1 else {})}


class ValidationSet:
    """Trials over a formatted data dir.

    Args:
        path: data dir with ``wav.scp`` and ``trials``.
        fs: rate in Hz that its audio must have.
    """

    def __init__(self, path: str, fs: int):
        self.audio = AudioTable(path, fs=fs)
        self.trials = read_trials(Path(path) / "trials")
        check_ids(self.trials, self.audio.values, str(Path(path) / "wav.scp"))
        if self.trials.is_target.all() or not self.trials.is_target.any():
            raise InputError(f"{path}/trials: needs target and nontarget trials, so two speakers at least")

    def eer(self, embedder: SpeakerEmbedder) -> float:
        """EER in % of cosine scores."""
        ids = self.trials.ids
        vectors = np.stack([vector for _, vector in embed_audio(embedder, self.audio, ids)])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12
        scores = np.einsum("nd,nd->n", vectors[self.trials.enroll], vectors[self.trials.test])
        return 100 * eer(scores[self.trials.is_target], scores[~self.trials.is_target])[0]
