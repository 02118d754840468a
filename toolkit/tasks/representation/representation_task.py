"""Self-supervised learning by masked prediction: config keys, contracts and validation."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches, CropBatches
from toolkit.data.datasets import MixtureDataset, TrainingDataset
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss
from toolkit.losses.representation.masked_prediction import MaskedPrediction
from toolkit.models.ssl.masked_predictor import MaskedPredictor
from toolkit.nn.mask import length_mask
from toolkit.systems.unit_file import read_units
from toolkit.tasks.base import Task
from toolkit.tasks.representation.held_out_speech import REFERENCE, HeldOutSpeech, perplexity
from toolkit.tasks.training_statistics import LevelStatistics
from toolkit.train.experiment import default
from toolkit.train.probe import call, check_loss, check_padding, check_tensor, name_of
from toolkit.train.schedule import WarmupCosine


class RepresentationTask(Task[MaskedPredictor]):
    """Network and loss over speech; validated by masked prediction of held-out speech (see Task).

    Args:
        valid: data dirs; of mixtures with ``spk1.scp``. Models are ranked by the mean of their losses.
    """

    metric = ("loss", "min")
    set_terms = ("loss", "accuracy")
    valid_streams = ("wav", REFERENCE)
    loss: MaskedPrediction
    defaults = MappingProxyType(
        {
            "loss": default(MaskedPrediction),
            "data": default(MixtureDataset),
            "batches": default(CropBatches, batch_size=32, crop_seconds=[4.0, 4.0]),
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 5e-4, "weight_decay": 0.01}},
            "schedule": default(WarmupCosine),
        }
    )

    def __init__(
        self, network: MaskedPredictor, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]
    ):
        super().__init__(network, loss, batches, train, valid)
        if self.loss.units is None:
            raise InputError("units: file missing; set --units to the file of toolkit.bin.cluster_frames (stage 4)")
        self.valid_sets = {Path(path).name: HeldOutSpeech(path, network.fs) for path in valid}

    @classmethod
    def add_arguments(cls, parser) -> None:
        """See Task."""
        parser.add_argument("--units", type=str | None, default=None, help="file of toolkit.bin.cluster_frames")

    @classmethod
    def build_network(cls, built) -> MaskedPredictor:
        """See Task; the loss takes the units, if their file is there."""
        if not isinstance(built.loss, MaskedPrediction):
            raise InputError(f"loss.class_path {type(built.loss).__name__}: must be MaskedPrediction or a subclass")
        if built.data.stream != "wav":
            raise InputError(f"data.class_path {type(built.data).__name__}: must read audio; use MixtureDataset")
        if built.units and Path(built.units).exists():
            units = read_units(built.units)
            if units.num_units != built.model.num_clusters:
                raise InputError(
                    f"model.init_args.num_clusters {built.model.num_clusters}: must be {units.num_units}, the number "
                    f"of units in {built.units}"
                )
            built.loss.take_units(units)
        return built.model

    @classmethod
    def item_statistics(cls, network: MaskedPredictor) -> LevelStatistics:
        """Mean and deviation of levels."""
        return LevelStatistics()

    def check_contracts(self, batch: dict) -> nn.Module:
        """Network and loss."""
        network, loss, wav = self.network, self.loss, batch["wav"]
        outputs = call("model", network, network.training_outputs, batch)
        shape = (len(wav), network.num_frames(wav.shape[1]), network.num_clusters)
        check_tensor(name_of("model", network), "the output logits", outputs["logits"], shape, torch.float32)
        check_loss(loss, outputs, batch)
        self.eval()
        shortest = wav.shape[1] if batch["lengths"] is None else int(batch["lengths"].min())
        check_padding(("model", network), "lengths", self._sums, wav[:, :shortest])
        return network

    def _sums(self, wav: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """The last hidden state of each utterance, summed over time: (B, N) -> (B, D)."""
        states, frames = self.network.states(wav, lengths)
        if frames is None:
            return states[-1].sum(1)
        return (states[-1] * length_mask(frames, states[-1].shape[1])[:, :, None]).sum(1)

    def measure(self, valid: HeldOutSpeech) -> dict[str, float]:
        """``loss``, ``accuracy`` and ``unmasked_accuracy`` in %, ``perplexity`` of the units."""
        device = next(self.network.parameters()).device
        counts = torch.zeros(self.network.num_clusters, dtype=torch.long, device=device)
        rows = []  # loss and accuracies of each batch
        frames = []  # masked and other frames of each
        for batch in valid.batches(self.network, device):
            outputs = self.network.training_outputs(batch)
            loss, terms = self.loss(outputs, batch)
            rows.append([float(x) for x in (loss, terms["accuracy"], terms["unmasked_accuracy"])])
            masked = int(outputs["mask"].sum())
            frames.append([masked, masked, int(outputs["valid"].sum()) - masked])
            counts += torch.bincount(self.loss.targets(batch)[outputs["valid"]], minlength=len(counts))
        weights = np.array(frames)
        loss, accuracy, unmasked = ((weights * rows).sum(0) / weights.sum(0).clip(1)).tolist()
        accuracies = {"accuracy": 100 * accuracy, "unmasked_accuracy": 100 * unmasked}
        return {"loss": loss, **accuracies, "perplexity": perplexity(counts)}
