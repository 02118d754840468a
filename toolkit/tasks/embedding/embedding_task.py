"""Enhancement of speaker embeddings: config keys, contracts and validation."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from torch import nn

from toolkit.data.batches import Batches, CropBatches
from toolkit.data.datasets import TrainingDataset
from toolkit.data.pairs import CLEAN, EmbeddingPairs, PairRows, read_pairs
from toolkit.io.errors import InputError
from toolkit.io.extractors import read_extractor
from toolkit.losses.base import Loss
from toolkit.losses.embedding.reconstruction import EmbeddingReconstruction
from toolkit.metrics.verification.vectors import unit
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer
from toolkit.systems.verifier import Verifier
from toolkit.tasks.base import Task
from toolkit.train.experiment import default
from toolkit.train.probe import call, check_loss, checked_outputs, name_of
from toolkit.train.schedule import Constant

_TERMS = ("distance", "clean", "before")  # of validation


class EmbeddingTask(Task):
    """A network from embedding to embedding and its loss; validated by the distance to clean embeddings (see Task).

    Speaker labels are read only if the loss needs several utterances of a speaker.

    Args:
        valid: folders of embeddings of clean speech and its variants (toolkit.data.pairs.EmbeddingPairs).
    """

    metric = ("distance", "min")
    set_terms = ("distance",)
    defaults = MappingProxyType(
        {
            "loss": default(EmbeddingReconstruction),
            "data": default(EmbeddingPairs),
            "batches": default(CropBatches, batch_size=300, crop_seconds=[2.015, 2.015]),
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 5e-4, "weight_decay": 5e-5}},
            "schedule": default(Constant),
        }
    )
    network: EmbeddingRestorer

    def __init__(
        self, network: EmbeddingRestorer, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]
    ):
        super().__init__(network, loss, batches, train, valid)
        self.valid_sets = {Path(path).name: read_pairs(path) for path in valid}
        sizes = {name: rows.rows.shape[2] for name, rows in self.valid_sets.items()}
        if isinstance(train, EmbeddingPairs):
            sizes["the training set"] = train.dim
        for name, size in sizes.items():
            if size != network.dim:
                raise InputError(
                    f"model.init_args.dim {network.dim}: the embeddings of {name} have {size} numbers; set dim to that "
                    f'(--ee_args "--model.init_args.dim {size}")'
                )
        self._extractor = self._checked_extractor(train, valid)
        streams = (name for rows in self.valid_sets.values() for name in (CLEAN, *rows.variants))
        self.valid_streams = tuple(dict.fromkeys(streams))

    def _checked_extractor(self, train: TrainingDataset, valid: list[str]) -> dict | None:
        """The extractor of the training embeddings; InputError where validation has embeddings of another."""
        extractor = self.network.extractor
        expected = None if extractor is None else Verifier(extractor).identity
        if isinstance(train, EmbeddingPairs):
            expected = train.extractor
        for path in valid:
            identity = read_extractor(path)
            if expected and identity and expected["digest"] != identity["digest"]:
                raise InputError(
                    f"{path}: embeddings of {identity['extractor']}, those of training are of {expected['extractor']}; "
                    "embed both with one"
                )
        return expected

    def judge(self, validation: Mapping[str, float]) -> None:
        """See Task."""
        if validation["distance"] >= validation["before"]:
            logging.warning(
                "enhanced embeddings are no nearer to those of clean speech than before (distance %.2f %%, before %.2f "
                "%%); train on more speech, longer (--trainer.epochs) or in smaller batches "
                "(--batches.init_args.batch_size)",
                *(validation["distance"], validation["before"]),
            )

    def training_facts(self) -> dict:
        """``extractor``: identity of the extractor (toolkit.systems.verifier.Verifier.identity), None if unknown."""
        return {"extractor": self._extractor}

    @classmethod
    def add_arguments(cls, parser) -> None:
        """See Task."""
        parser.add_argument(
            "--extractor",
            type=SpeakerEmbedder | None,
            default=None,
            help="makes embeddings of audio while training (data: AudioPairs); none where the data holds embeddings",
        )

    @classmethod
    def build_network(cls, built) -> EmbeddingRestorer:
        """See Task."""
        built.model.extract_by(built.extractor)
        return built.model

    @classmethod
    def check_classes(cls, network: EmbeddingRestorer, loss: Loss) -> None:
        """See Task."""
        super().check_classes(network, loss)
        if type(getattr(network, "dim", None)) is not int or network.dim < 1:
            raise InputError(f"{name_of('model', network)}: its constructor must set dim, a whole number from 1")

    @classmethod
    def check_config(cls, built, network: EmbeddingRestorer) -> None:
        """See Task."""
        reads_audio = not isinstance(built.data, EmbeddingPairs)
        if reads_audio != (built.extractor is not None):
            raise InputError(
                "extractor: goes with data of audio (AudioPairs), whose embeddings it makes; give both or neither"
            )

    @classmethod
    def item_statistics(cls, network: EmbeddingRestorer) -> "PairStatistics":
        """Lengths of embeddings, and how near the variants are to the clean speech."""
        return PairStatistics(network)

    def check_contracts(self, batch: dict) -> nn.Module:
        """Network and loss."""
        network, model_name = self.network, name_of("model", self.network)
        check_loss(self.loss, checked_outputs(network, network, batch, "embedding"), batch)
        self.eval()
        rows = network.pairs(batch)[:, 0]
        system = EmbeddingEnhancer(network)
        enhanced = call("model", network, system.enhance, rows)
        single = np.concatenate([call("model", network, system.enhance, row[None]) for row in rows])
        if enhanced.shape != (len(rows), network.output_dim):
            raise InputError(
                f"{model_name}: forward must give {(len(rows), network.output_dim)}; it gives {enhanced.shape}"
            )
        if not np.allclose(enhanced, single, rtol=1e-3, atol=1e-3 * np.abs(single).max()):
            raise InputError(f"{model_name}: in eval mode, an embedding must have the same result in a batch as alone")
        return network

    def measure(self, valid: PairRows) -> dict[str, float]:
        """``distance``: cosine distance in % of the enhanced embeddings of variants to the unchanged clean embedding.

        Besides ``clean``, the same of the enhanced clean one; ``before``, of variants before enhancement. Where
        enhanced embeddings are in another space (``keeps_space``), those of variants are compared with the enhanced
        clean one, and all are in % of the mean distance between different clean items.
        """
        rows, keys, counts = valid.rows, valid.keys, valid.counts
        count = rows.shape[1]
        names = [f"{key}-{k}-{v}" for key, n in zip(keys, counts, strict=True) for k in range(n) for v in range(count)]
        enhanced = EmbeddingEnhancer(self.network).enhance_rows(rows.reshape(-1, rows.shape[2]), names)
        before, after = unit(rows), unit(enhanced).reshape(*rows.shape[:2], -1)
        keeps = self.network.keeps_space
        target = before[:, 0] if keeps else after[:, 0]
        scales = (1.0, 1.0) if keeps else (mean_distance(target), mean_distance(before[:, 0]))
        distance = 100 * (1 - np.einsum("md,mvd->mv", target, after)) / scales[0]
        unchanged = 100 * (1 - np.einsum("md,mvd->mv", before[:, 0], before[:, 1:])) / scales[1]
        values = (distance[:, 1:], distance[:, 0], unchanged)
        return {term: float(value.mean()) for term, value in zip(_TERMS, values, strict=True)}


def mean_distance(rows: np.ndarray) -> float:
    """Cosine distance of two different rows of (M, E) at unit length, on average; 1e-9 where there is none."""
    count, total = len(rows), rows.sum(0, dtype=np.float64)
    cosine = (total @ total - count) / max(count * (count - 1), 1)
    return max(1 - float(cosine), 1e-9)


class PairStatistics:
    """Of embeddings: lengths of the clean ones, and cosines between them and their variants.

    Args:
        network: its ``pairs`` are measured.
    """

    def __init__(self, network: EmbeddingRestorer):
        self._network = network
        self._lengths: list[float] = []
        self._cosines: list[float] = []

    def add(self, batch: Mapping) -> list[str]:
        """``variants,numbers`` of each item of a batch."""
        rows = self._network.pairs(batch).double().numpy()
        self._lengths.append(np.linalg.norm(rows[:, 0], axis=-1))
        self._cosines.append(np.einsum("bd,bvd->bv", unit(rows[:, 0]), unit(rows[:, 1:])))
        return [f"{rows.shape[1] - 1},{rows.shape[2]}"] * len(rows)

    def result(self) -> dict:
        """Entries of stats.json."""
        lengths, cosines = np.concatenate(self._lengths), np.concatenate(self._cosines)
        return {
            "embedding_length": {"mean": round(float(lengths.mean()), 4), "deviation": round(float(lengths.std()), 4)},
            "cosine_to_variants": cosines.mean(0).round(4).tolist(),
        }
