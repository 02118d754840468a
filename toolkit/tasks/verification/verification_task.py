"""Speaker verification: what a training step and a validation are."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches
from toolkit.data.datasets import TrainingDataset
from toolkit.features.specaugment import SpecAugment
from toolkit.io.audio import AudioTable
from toolkit.io.enrolment import read_sides
from toolkit.io.errors import InputError
from toolkit.io.trials import check_ids
from toolkit.losses.speaker.margin import SpeakerLoss
from toolkit.losses.speaker.paranoise import targets
from toolkit.metrics.cost.complexity import noise
from toolkit.metrics.verification.error_rates import eer
from toolkit.metrics.verification.vectors import dot_scores, unit
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.verifier import Verifier
from toolkit.tasks.base import Task
from toolkit.tasks.verification.trial_scoring import UnitRows, side_vectors
from toolkit.train.probe import call, check_loss, check_module, check_padding, check_tensor, name_of

_MOST_DIMENSIONS = 1_000_000


def check_members(data: TrainingDataset, loss: SpeakerLoss) -> None:
    """Raise InputError when no utterance of a batch is left to be mixed with noise."""
    if data.clean_members and data.clean_members >= loss.utterances_per_speaker:
        raise InputError(
            f"data.init_args.clean_members {data.clean_members}: all would be clean, the loss takes "
            f"{loss.utterances_per_speaker} utterances of a speaker"
        )


def check_classes_of(model: SpeakerEncoder, loss: SpeakerLoss) -> None:
    """Raise InputError where classes of a user's own are not made as their base classes ask."""
    check_module("model", model)
    check_module("loss", loss)
    who, dim, streams = name_of("model", model), getattr(model, "embedding_dim", None), model.streams
    if type(dim) is not int or not 1 <= dim <= _MOST_DIMENSIONS:
        raise InputError(f"{who}: its constructor must set embedding_dim, a whole number from 1 to {_MOST_DIMENSIONS}")
    if not isinstance(streams, tuple) or streams[:1] != ("wav",) or not {*streams[1:]} <= {"spk1", "noise1"}:
        raise InputError(f"{who}: streams must be a tuple: 'wav', and 'spk1', 'noise1' where it is trained on them")
    if type(loss.utterances_per_speaker) is not int or loss.utterances_per_speaker < 1:
        raise InputError(f"{name_of('loss', loss)}: utterances_per_speaker must be a whole number from 1")


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
    valid_lists = ("trials", "enroll2utt")

    def __init__(
        self,
        embedder: SpeakerEmbedder,
        loss: SpeakerLoss,
        specaugment: SpecAugment | None,
        batches: Batches,
        train: TrainingDataset,
        valid: list[str],
    ):
        super().__init__()
        self.embedder, self.loss, self.specaugment = embedder, loss, specaugment or nn.Identity()
        check_classes_of(embedder.model, loss)
        check_members(train, loss)
        call("loss", loss, loss.setup, embedder.model.embedding_dim, len(train.speakers))
        self._batches, self._train, self.classes = batches, train, train.speakers
        self.per_speaker = loss.utterances_per_speaker
        self._valid = {Path(path).name: ValidationSet(path, embedder.frontend.fs) for path in valid}

    @property
    def dataset(self) -> TrainingDataset:
        """The training utterances."""
        return self._train

    def batches(self, seed: int, epoch: int):
        """See Batches.epoch."""
        return self._batches.epoch(self._train.labels, self._train.seconds, self.per_speaker, seed, epoch)

    def deployed(self) -> SpeakerEmbedder:
        """Front end and encoder."""
        return self.embedder

    def one_second(self) -> tuple[nn.Module, tuple]:
        """The encoder, as in published counts, and features."""
        return self.embedder.model, self.embedder.frontend(noise(1.0, self.embedder.frontend.fs))

    def check_contracts(self, batch: dict) -> nn.Module:
        """Front end, encoder and loss; an utterance padded in a batch must have the embedding that it has alone."""
        frontend, model, loss = self.embedder.frontend, self.embedder.model, self.loss
        wav, feats, lengths = batch.get("wav"), batch.get("feats"), batch["lengths"]
        if feats is None:
            feats, lengths = call("frontend", frontend, frontend, wav, lengths)
            shape = (len(wav), feats.shape[1] if torch.is_tensor(feats) and feats.ndim == 3 else 1, frontend.dim)
            check_tensor(name_of("frontend", frontend), "features", feats, shape)
        who = name_of("model", model)
        said = call("model", model, model.estimates, self.embedder.normalized(feats, lengths), lengths)
        if not isinstance(said, dict) or "embedding" not in said:
            raise InputError(f"{who}: estimates must return a dict with `embedding`; it returns {type(said).__name__}")
        check_tensor(who, "the embedding", said["embedding"], (len(feats), model.embedding_dim), torch.float32)
        found = call("loss", loss, loss.joint, said, batch["labels"], self._wanted(batch))
        who_lost = name_of("loss", loss)
        if not isinstance(found, tuple) or len(found) != 2:
            raise InputError(
                f"{who_lost}: forward must return two values, the loss and (B, N) logits or None; it returns "
                f"{type(found).__name__}"
            )
        check_loss(who_lost, found[0])
        if found[1] is not None:
            check_tensor(who_lost, "the logits", found[1], (len(feats), len(self._train.speakers)))
        parts = getattr(self.loss, "parts", {})
        if not isinstance(parts, dict):
            raise InputError(f"{who_lost}: parts must be a dict of scalars; it is {type(parts).__name__}")
        for name, part in parts.items():
            check_tensor(who_lost, f"parts[{name!r}]", torch.as_tensor(part) if isinstance(part, float) else part, ())
        self.eval()
        shortest = feats.shape[1] if lengths is None else int(lengths.min())
        check_padding(("model", model), "lengths", self.embedder.embed_features, feats[:, :shortest].detach())
        if wav is not None:
            shortest = wav.shape[1] if batch["lengths"] is None else int(batch["lengths"].min())
            check_padding(("frontend", frontend), "lengths", self.embedder, wav[:, :shortest])
        return model

    def forward(self, batch: dict) -> tuple[torch.Tensor, dict[str, float]]:
        """``feats`` (B, T, F) or ``wav`` (B, N), ``lengths`` (B,)|None, ``labels`` (B,) -> loss, {accuracy, ...}."""
        feats, lengths = batch.get("feats"), batch["lengths"]
        if feats is None:
            feats, lengths = self.embedder.frontend(batch["wav"], lengths)
        feats = self.specaugment(self.embedder.normalized(feats, lengths))
        said = self.embedder.model.estimates(feats, lengths)
        loss, logits = self.loss.joint(said, batch["labels"], self._wanted(batch))
        stats = {name: float(part) for name, part in getattr(self.loss, "parts", {}).items()}
        if logits is not None:
            stats["accuracy"] = float((logits.argmax(1) == batch["labels"]).float().mean())
        return loss, stats

    def _wanted(self, batch: dict) -> dict[str, torch.Tensor]:
        """What a network that estimates more than an embedding should say; see toolkit.losses.speaker.paranoise."""
        model = self.embedder.model
        if model.streams == ("wav",):
            return {}
        with torch.no_grad():
            spectra = {name: self.embedder.frontend(batch[name], batch["lengths"]) for name in model.streams[1:]}
        classes = getattr(model, "noise_classes", ())
        return targets(spectra, batch["facts"], classes, batch["labels"].device)

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
        self.trials, self.sides = read_sides(path)
        check_ids(self.sides.utts, self.audio.values, str(Path(path) / "wav.scp"))
        if self.trials.is_target.all() or not self.trials.is_target.any():
            raise InputError(f"{path}/trials: needs target and nontarget trials, so two speakers at least")

    def eer(self, embedder: SpeakerEmbedder) -> float:
        """EER in % of cosine scores."""
        sides = self.sides
        vectors = unit(np.stack([vector for _, vector in Verifier(embedder).embed_table(self.audio, sides.utts)]))
        vectors = side_vectors(UnitRows(vectors, np.ones(len(vectors), dtype=int), None), sides, "cosine")
        scores = dot_scores(vectors, vectors, sides.enroll, sides.test)
        return 100 * eer(scores[self.trials.is_target], scores[~self.trials.is_target])[0]
