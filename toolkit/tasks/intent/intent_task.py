"""Intent classification: config keys, contracts and validation."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches, BucketBatches, batches_by_length, check_whole
from toolkit.data.collate import collate
from toolkit.data.datasets import MixtureDataset, TrainingDataset
from toolkit.data.intents import INTENT, Intents
from toolkit.io.audio import AudioTable
from toolkit.io.slots import TABLE
from toolkit.losses.base import Loss
from toolkit.losses.intent.slot_cross_entropy import SlotCrossEntropy
from toolkit.models.ic.intent_classifier import IntentClassifier
from toolkit.systems.recognizer import BATCH_SECONDS
from toolkit.systems.signals import read_usable
from toolkit.tasks.base import Task
from toolkit.tasks.training_statistics import FeatureStatistics, LevelStatistics, statistics_of
from toolkit.train.experiment import default
from toolkit.train.probe import call, check_loss, check_module, check_padding, check_tensor, name_of
from toolkit.train.schedule import Constant


class IntentTask(Task[IntentClassifier]):
    """Classifier and loss over orders with ``utt2intent``; validated by exact matches of held-out orders (see Task)."""

    metric = ("accuracy", "max")
    set_terms = ("accuracy",)
    valid_lists = (TABLE,)
    defaults = MappingProxyType(
        {
            "loss": default(SlotCrossEntropy),
            "data": default(MixtureDataset),
            "batches": default(BucketBatches, batch_seconds=160.0, max_size=32),
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-4}},
            "schedule": default(Constant),
        }
    )

    def __init__(
        self, network: IntentClassifier, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]
    ):
        super().__init__(network, loss, batches, train, valid)
        self.valid_sets = {Path(path).name: ValidationOrders(path, network.fs, network.model.intents) for path in valid}

    @classmethod
    def build_network(cls, built) -> IntentClassifier:
        """See Task."""
        built.data.encode_by(INTENT, built.model.intents)
        return IntentClassifier(built.frontend, built.model, built.normalize)

    @classmethod
    def check_classes(cls, network: IntentClassifier, loss: Loss) -> None:
        """See Task."""
        check_module("model", network.model)
        check_module("loss", loss)

    @classmethod
    def check_config(cls, built, network: IntentClassifier) -> None:
        """See Task."""
        check_whole(built.batches, "intents")

    @classmethod
    def item_statistics(cls, network: IntentClassifier) -> FeatureStatistics | LevelStatistics:
        """Mean and deviation of the features, or of levels."""
        return statistics_of(network.frontend)

    def check_contracts(self, batch: dict) -> nn.Module:
        """Front end, model and loss."""
        network, model, loss, wav = self.network, self.network.model, self.loss, batch["wav"]
        outputs = call("model", model, network.training_outputs, batch)
        for name, values in network.output_classes.items():
            shape = (len(wav), len(values))
            check_tensor(name_of("model", model), f"output {name}", outputs.get(name), shape, torch.float32)
        check_loss(loss, outputs, batch)
        self.eval()
        shortest = wav.shape[1] if batch["lengths"] is None else int(batch["lengths"].min())
        check_padding(("model", model), "lengths", network, wav[:, :shortest])
        return model

    def measure(self, valid: "ValidationOrders") -> dict[str, float]:
        """``loss``; ``accuracy``, orders whose slots are all right, and ``slot_accuracy`` in %."""
        device, sums, count = next(self.network.parameters()).device, np.zeros(3), 0
        for batch in valid.batches():
            batch = {name: x.to(device) if torch.is_tensor(x) else x for name, x in batch.items()}
            outputs = self.network.training_outputs(batch)
            loss, _ = self.loss(outputs, batch)
            numbers = torch.stack([outputs[name].argmax(1) for name in self.network.output_classes], 1)
            right, size = (numbers == batch[INTENT]).float(), len(numbers)
            sums += size * np.array([float(loss), 100 * float(right.prod(1).mean()), 100 * float(right.mean())])
            count += size
        return dict(zip(("loss", "accuracy", "slot_accuracy"), (sums / count).tolist(), strict=True))


class ValidationOrders:
    """Whole orders with their intents.

    Args:
        path: formatted data dir with ``wav.scp`` and ``utt2intent``.
        fs: rate in Hz that its audio must have.
        intents: encodes them.
    """

    def __init__(self, path: str, fs: int, intents: Intents):
        self._fs, self._audio = fs, AudioTable(path, fs=fs)
        self._targets = intents.targets(path, self._audio.keys())

    def batches(self):
        """Batches as toolkit.data.collate makes them, of orders of like length."""
        lengths = {key: self._audio.num_samples(key) for key in self._targets}
        for ids in batches_by_length(lengths, BATCH_SECONDS * self._fs):
            yield collate(
                [
                    {"id": key, "facts": {}, "wav": read_usable(self._audio, key, self._fs), INTENT: self._targets[key]}
                    for key in ids
                ]
            )
