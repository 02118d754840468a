"""What a training loss promises, in every task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from toolkit.io.errors import InputError, some_of


@dataclass(frozen=True)
class TrainingFacts:
    """What a loss may depend on before the first batch.

    Attributes:
        fs: rate of the audio in Hz.
        num_speakers: classes of the training set; 0 where it has no labels.
        dims: size of each vector that the network gives, by output: ``{"embedding": 192}``.
        classes: the classes of the logits of an output: ``{"noise_class": ("noise", "music")}``.
    """

    fs: int = 16000
    num_speakers: int = 0
    dims: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Loss(nn.Module, ABC):
    """A loss between the outputs of a network and a batch.

    A class of your own plugs in by its import path (``class_path``, ``init_args``), as a model does::

        class Quiet(Loss):
            def forward(self, outputs, batch):
                loss = outputs["speech"].abs().mean()
                return loss, {"level": loss.detach()}

    Attributes:
        streams: of a training item, which it compares with: ``("spk1",)``. The network names others.
        utterances_per_speaker: utterances of each speaker which a batch must hold, side by side (rows: speaker 0
            utterance 0, speaker 0 utterance 1, speaker 1 utterance 0, ...); 1 asks for nothing.
        reads: outputs of the network of which one at least must be there.
        takes_silence: is it made for references some of which are silent?
    """

    takes_silence: bool = False

    utterances_per_speaker: int = 1

    @property
    def streams(self) -> tuple[str, ...]:
        """None here."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """None here."""
        return ()

    def setup(self, facts: TrainingFacts) -> None:
        """Make parameters, read weights; the task calls it once, before the optimizer is made.

        Raises:
            InputError: the loss does not suit the task, e.g. it is made for another rate.
        """

    def compare_with(self, reference: str) -> None:
        """Name the stream that an output signal should be, before ``streams`` is read."""

    def prepare(self, data) -> None:
        """Tell a data set of the config how the loss reads it, before it is opened; after ``compare_with``."""

    def check_data(self, data) -> None:
        """Raise InputError where a data set of the config cannot give what the loss needs; after ``setup``."""

    @abstractmethod
    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a batch.

        Args:
            outputs: ``training_outputs`` of the network.
            batch: streams (B, N) or (B, M), ``lengths`` (B,)|None, ``labels`` (B,) where the set has them, ``facts``
                (toolkit.data.collate).

        Returns:
            The loss, a scalar; and terms for the log, detached scalars.
        """

    def output_of(self, outputs: Mapping[str, Tensor], name: str) -> Tensor:
        """An output of the network; InputError names those that there are."""
        if name not in outputs:
            raise InputError(
                f"loss {type(self).__name__}: reads the output `{name}`; the network gives {some_of(outputs)}"
            )
        return outputs[name]
