"""The base class of networks of all tasks, for training, loading and export."""

from abc import ABC
from collections.abc import Mapping

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """A network that a task trains and a system runs, e.g. SpeakerEmbedder, SpeechEnhancer, SpeakerExtractor.

    Attributes:
        fs: sampling rate of the audio in Hz.
    """

    fs: int

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams of a training item that the network needs."""
        return ("wav",)

    @property
    def output_dims(self) -> Mapping[str, int]:
        """Size of each vector among the training outputs."""
        return {}

    @property
    def output_classes(self) -> Mapping[str, tuple[str, ...]]:
        """The classes of the logits among the training outputs."""
        return {}

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Outputs for the loss from a batch (toolkit.data.collate)."""
        raise NotImplementedError(type(self).__name__)

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Start training from the weights of a state dict (``--init_from``); a subclass may accept partial weights.

        Raises:
            RuntimeError: the weights are of another network.
        """
        self.load_state_dict(weights)
