"""The interface of networks of all tasks, for training, loading and export."""

from abc import ABC
from collections.abc import Mapping

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """A network that a task trains and a system holds: see SpeakerEmbedder, SpeechEnhancer, SpeakerExtractor.

    Attributes:
        fs: rate in Hz of the audio.
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
        """What the loss reads of a batch (toolkit.data.collate)."""
        raise NotImplementedError(type(self).__name__)

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Start training from weights of a state dict (``--init_from``); a class may take those of a part of it.

        Raises:
            RuntimeError: they are of another network.
        """
        self.load_state_dict(weights)
