"""The base class of training losses of all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from toolkit.io.errors import InputError, some_of


@dataclass(frozen=True)
class TrainingFacts:
    """Facts of a training that a loss may need before the first batch.

    Attributes:
        fs: sampling rate of the audio in Hz.
        num_speakers: number of speakers in the training set; 0 without labels.
        dims: output name -> size of the vector, ``{"embedding": 192}``.
        classes: output name -> classes of its logits, ``{"noise_class": ("noise", "music")}``.
    """

    fs: int = 16000
    num_speakers: int = 0
    dims: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Loss(nn.Module, ABC):
    """A loss between the outputs of a network and a batch.

    To use another class, give its import path in the config (``class_path``, ``init_args``), as for a model::

        class Quiet(Loss):
            def forward(self, outputs, batch):
                loss = outputs["speech"].abs().mean()
                return loss, {"level": loss.detach()}

    Attributes:
        streams: streams of a training item that the loss reads: ``("spk1",)``. The network adds others.
        utterances_per_speaker: number of adjacent utterances of each speaker in a batch (rows: speaker 0 utterance 0,
            speaker 0 utterance 1, speaker 1 utterance 0, ...); 1: no condition.
        reads: outputs of the network; at least one of them must exist.
        takes_silence: whether references may be silent.
    """

    takes_silence: bool = False

    utterances_per_speaker: int = 1

    @property
    def streams(self) -> tuple[str, ...]:
        """Empty in the base class."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Empty in the base class."""
        return ()

    def setup(self, facts: TrainingFacts) -> None:
        """Create parameters and read weights. The task calls it once, before it creates the optimizer.

        Raises:
            InputError: the loss does not fit the training, e.g. it is for another sampling rate.
        """

    def compare_with(self, reference: str) -> None:
        """Set the reference stream of the output signal. Called before ``streams`` is read."""

    def prepare(self, data) -> None:
        """Tell a data set of the config how the loss reads it, before it is opened; after ``compare_with``."""

    def check_data(self, data) -> None:
        """Raise InputError if a dataset of the config lacks what the loss needs. Called after ``setup``."""

    @abstractmethod
    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch.

        Args:
            outputs: ``training_outputs`` of the network.
            batch: streams (B, N) or (B, M), ``lengths`` (B,)|None, ``labels`` (B,) if the set has them, ``facts``
                (toolkit.data.collate).

        Returns:
            The loss, a scalar, and the loss terms for the log, name -> detached scalar.
        """

    def output_of(self, outputs: Mapping[str, Tensor], name: str) -> Tensor:
        """An output of the network. Raises InputError if it does not exist."""
        if name not in outputs:
            raise InputError(
                f"loss {type(self).__name__}: reads the output `{name}`; the network gives {some_of(outputs)}"
            )
        return outputs[name]
