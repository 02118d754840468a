"""Speaker verification: config keys, contracts and validation."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches, CropBatches
from toolkit.data.datasets import MixtureDataset, TrainingDataset
from toolkit.features.specaugment import SpecAugment
from toolkit.io.audio import AudioTable
from toolkit.io.enrolment import read_sides
from toolkit.io.errors import InputError
from toolkit.io.trials import check_ids, check_kinds
from toolkit.losses.base import Loss
from toolkit.losses.speaker.margin import AAMSoftmax
from toolkit.metrics.verification.error_rates import eer
from toolkit.metrics.verification.vectors import dot_scores, unit
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.verifier import Verifier
from toolkit.tasks.base import Task
from toolkit.tasks.training_statistics import FeatureStatistics, LevelStatistics, statistics_of
from toolkit.tasks.verification.trial_scoring import UnitRows, side_vectors
from toolkit.train.experiment import default
from toolkit.train.probe import call, check_loss, check_padding, check_tensor, checked_outputs, name_of
from toolkit.train.schedule import WarmupCosine

_MOST_DIMENSIONS = 1_000_000


class VerificationTask(Task[SpeakerEmbedder]):
    """Embedder and loss over utterances of speakers; validated by the EER of held-out trials (see Task)."""

    metric = ("eer", "min")
    set_terms = ("eer",)
    valid_lists = ("trials", "enroll2utt")
    defaults = MappingProxyType(
        {
            "loss": default(AAMSoftmax),
            "data": default(MixtureDataset),
            "batches": default(CropBatches),
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3, "weight_decay": 1e-4}},
            "schedule": default(WarmupCosine),
        }
    )

    def __init__(
        self, network: SpeakerEmbedder, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]
    ):
        _check_members(train, loss)
        if len(train.speakers) == 1:
            raise InputError(f"--train_dir: has one speaker, {train.speakers[0]}; training needs two or more")
        super().__init__(network, loss, batches, train, valid)
        self.valid_sets = {Path(path).name: ValidationTrials(path, network.fs) for path in valid}

    @classmethod
    def add_arguments(cls, parser) -> None:
        """See Task."""
        parser.add_argument("--specaugment", type=SpecAugment | None, default=None)

    @classmethod
    def build_network(cls, built) -> SpeakerEmbedder:
        """See Task."""
        return SpeakerEmbedder(built.frontend, built.model, built.normalize, built.specaugment)

    @classmethod
    def check_classes(cls, network: SpeakerEmbedder, loss: Loss) -> None:
        """See Task."""
        super().check_classes(network, loss)
        model = network.model
        model_name, dim, streams = name_of("model", model), getattr(model, "embedding_dim", None), model.streams
        if type(dim) is not int or not 1 <= dim <= _MOST_DIMENSIONS:
            raise InputError(
                f"{model_name}: its constructor must set embedding_dim, a whole number from 1 to {_MOST_DIMENSIONS}"
            )
        if not isinstance(streams, tuple) or streams[:1] != ("wav",) or not all(isinstance(s, str) for s in streams):
            raise InputError(f"{model_name}: streams must be a tuple: 'wav', then 'spk1', ... if training reads them")
        if type(loss.utterances_per_speaker) is not int or loss.utterances_per_speaker < 1:
            raise InputError(f"{name_of('loss', loss)}: utterances_per_speaker must be a whole number from 1")

    @classmethod
    def check_config(cls, built, network: SpeakerEmbedder) -> None:
        """See Task."""
        _check_members(built.data, built.loss)

    @classmethod
    def item_statistics(cls, network: SpeakerEmbedder) -> FeatureStatistics | LevelStatistics:
        """Mean and deviation of the features, or of levels."""
        return statistics_of(network.frontend)

    def check_contracts(self, batch: dict) -> nn.Module:
        """Front end, encoder and loss; an utterance padded in a batch must have the embedding that it has alone."""
        frontend, model = self.network.frontend, self.network.model
        wav, feats, lengths = batch.get("wav"), batch.get("feats"), batch["lengths"]
        if feats is None:
            assert wav is not None
            feats, lengths = call("frontend", frontend, frontend, wav, lengths)
            shape = (len(wav), feats.shape[1] if torch.is_tensor(feats) and feats.ndim == 3 else 1, frontend.dim)
            check_tensor(name_of("frontend", frontend), "features", feats, shape)
        outputs = checked_outputs(model, self.network, batch, "embedding")
        size = len(feats), model.embedding_dim
        check_tensor(name_of("model", model), "the embedding", outputs["embedding"], size, torch.float32)
        check_loss(self.loss, outputs, batch)
        self.eval()
        shortest = feats.shape[1] if lengths is None else int(lengths.min())
        check_padding(("model", model), "lengths", self.network.embed_features, feats[:, :shortest].detach())
        if wav is not None:
            shortest = wav.shape[1] if batch["lengths"] is None else int(batch["lengths"].min())
            check_padding(("frontend", frontend), "lengths", self.network, wav[:, :shortest])
        return model

    def measure(self, valid: "ValidationTrials") -> dict[str, float]:
        """``eer`` in %."""
        return {"eer": valid.eer(self.network)}


def _check_members(data: TrainingDataset, loss: Loss) -> None:
    """Raise InputError when no utterance of a batch is left to be mixed with noise."""
    if data.clean_members and data.clean_members >= loss.utterances_per_speaker:
        raise InputError(
            f"data.init_args.clean_members {data.clean_members}: all would be clean, the loss takes "
            f"{loss.utterances_per_speaker} utterances of a speaker"
        )


class ValidationTrials:
    """Trials over a formatted data dir.

    Args:
        path: data dir with ``wav.scp`` and ``trials``.
        fs: rate in Hz that its audio must have.
    """

    def __init__(self, path: str, fs: int):
        self.audio = AudioTable(path, fs=fs)
        self.trials, self.sides = read_sides(path)
        check_ids(self.sides.utts, self.audio.values, str(Path(path) / "wav.scp"))
        check_kinds(self.trials, f"{path}/trials")

    def eer(self, embedder: SpeakerEmbedder) -> float:
        """EER in % of cosine scores."""
        sides = self.sides
        embedded = unit(np.stack([vector for _, vector in Verifier(embedder).embed_table(self.audio, sides.utts)]))
        vectors = side_vectors(UnitRows(embedded, np.ones(len(embedded), dtype=int), None), sides, "cosine")
        scores = dot_scores(vectors, vectors, sides.enroll, sides.test)
        return 100 * eer(scores[self.trials.is_target], scores[~self.trials.is_target])[0]
