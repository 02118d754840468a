"""The interface between trainer and task: one training step for all tasks, and the methods that a kind of task adds."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches
from toolkit.data.datasets import TrainingDataset
from toolkit.data.item import ItemSpec
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.models.network import Network
from toolkit.tasks.training_statistics import ItemStatistics
from toolkit.train.probe import call, check_module

# Where the weights of checkpoints of version 0.1 are now.
_FORMER = ((r"(embedder|model)\.", "network."), (r"loss\.(?!losses\.)(\w+)\.", r"loss.losses.\1."))


_Network = TypeVar("_Network", bound=Network)


class Task(nn.Module, ABC, Generic[_Network]):
    """A network and its loss over a training set: the step, the validation, the weights to deploy.

    Args:
        network: the deployed part (see toolkit.models.network).
        loss: between its outputs and a batch; ``setup`` is called here.
        batches: how an epoch is cut.
        train: the training set, opened with the streams of :meth:`streams`.
        valid: data dirs of the validation sets.

    Attributes:
        metric: (name, ``min`` | ``max``) by which validation ranks models.
        defaults: of the config's keys loss, data, batches, optimizer, schedule: class and arguments.
        valid_streams, valid_lists: recordings and files that are read from a validation set.
        valid_sets: name of a validation set -> what :meth:`measure` takes.
        set_terms: numbers that validation gives of each set, too, where there are several.
    """

    metric: tuple[str, str]
    defaults: ClassVar[Mapping[str, dict]]
    valid_streams: tuple[str, ...] = ("wav",)
    valid_lists: tuple[str, ...] = ()
    valid_sets: Mapping[str, Any]
    set_terms: tuple[str, ...] = ()
    network: _Network
    loss: Loss

    def __init__(self, network: _Network, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]):
        super().__init__()
        self.check_classes(network, loss)
        self.network, self.loss = network, loss
        call("loss", loss, loss.setup, self.facts(network, len(train.speakers)))
        loss.check_data(train)
        self.per_speaker, self.classes = loss.utterances_per_speaker, train.speakers or None
        self._batches, self._train = batches, train

    @classmethod
    def add_arguments(cls, parser) -> None:
        """Config keys of training that only this task has; those of the network are its system's."""

    @classmethod
    @abstractmethod
    def build_network(cls, built) -> _Network:
        """The network, untrained, of the classes that a config names."""

    @classmethod
    def check_classes(cls, network: _Network, loss: Loss) -> None:
        """Raise InputError where a user's classes break the contract of their base classes."""
        check_module("model", getattr(network, "model", network))
        check_module("loss", loss)

    @classmethod
    def check_config(cls, built, network: _Network) -> None:
        """Raise InputError where classes of a config do not fit each other; warn of odd values. Reads no data."""

    @classmethod
    def streams(cls, network: _Network, loss: Loss) -> tuple[str, ...]:
        """The streams of a training item, by network and loss, in the order that inputs.json keeps."""
        first, *others = network.streams
        return tuple(dict.fromkeys([first, *loss.streams, *others]))

    @staticmethod
    def facts(network: _Network, num_speakers: int) -> TrainingFacts:
        """The facts that the loss may depend on."""
        return TrainingFacts(network.fs, num_speakers, network.output_dims, network.output_classes)

    @property
    def dataset(self) -> TrainingDataset:
        """The training set, which items of batches index."""
        return self._train

    def batches(self, seed: int, epoch: int) -> Sequence[list[ItemSpec]]:
        """The training batches of an epoch (from 1)."""
        return self._batches.epoch(self._train.labels, self._train.seconds, self.per_speaker, seed, epoch)

    def forward(self, batch: dict) -> tuple[torch.Tensor, dict[str, float]]:
        """A batch (toolkit.data.collate) of ``wav`` (B, N) or ``feats`` (B, T, F) -> loss (scalar), terms."""
        loss, terms = self.loss(self.network.training_outputs(batch), batch)
        return loss, {name: float(value) for name, value in terms.items()}

    def training_facts(self) -> dict:
        """Entries of train_info.json that only this task has."""
        return {}

    def judge(self, validation: Mapping[str, float]) -> None:
        """Warn, after training, if the last validation shows that the network is useless."""

    def deployed(self) -> nn.Module:
        """The part whose weights inference needs."""
        return self.network

    @abstractmethod
    def check_contracts(self, batch: dict) -> nn.Module:
        """Raise InputError where a class of the config breaks its contract on a batch; returns the config's model."""

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Numbers of the present weights, means over the validation sets; holds ``metric``'s."""
        by_set = {name: self.measure(valid) for name, valid in self.valid_sets.items()}
        means = {
            term: float(np.mean([values[term] for values in by_set.values()])) for term in next(iter(by_set.values()))
        }
        if len(by_set) > 1:
            means |= {f"{term}_{name}": values[term] for name, values in by_set.items() for term in self.set_terms}
        return means

    def measure(self, valid) -> dict[str, float]:
        """Numbers on one of ``valid_sets``; a task that overrides :meth:`validate` needs none."""
        raise NotImplementedError

    @classmethod
    @abstractmethod
    def item_statistics(cls, network: _Network) -> ItemStatistics:
        """The measurements of stage 5 on training items; see toolkit.tasks.training_statistics."""

    def load_state_dict(self, state_dict: Mapping, *args, **kwargs):
        """As in the base class; takes checkpoints of version 0.1, too."""
        own = self.state_dict().keys()
        return super().load_state_dict({_present(key, own): v for key, v in state_dict.items()}, *args, **kwargs)


def _present(key: str, own) -> str:
    for pattern, name in _FORMER:
        renamed = re.sub(f"^{pattern}", name, key)
        if key not in own and renamed in own:
            return renamed
    return key
