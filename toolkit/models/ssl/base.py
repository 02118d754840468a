"""What a self-supervised model promises, so that losses (and features) can be made of its layers."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class LayerwiseNetwork(nn.Module, ABC):
    """From waveforms to the outputs of the transformer's layers."""

    @abstractmethod
    def forward(self, wav: Tensor, num_layers: int) -> list[Tensor]:
        """wav (B, N) -> outputs (B, T, D) of layers 1 to ``num_layers``, T frames at the model's own rate.

        Every N from 1 on is taken; what a waveform gives does not depend on the others of the batch.
        """

    def hidden_states(self, wav: Tensor) -> list[Tensor]:
        """wav (B, N) -> (B, T, D), num_layers + 1 of them: the transformer's input, and the outputs of its layers.

        The last is what the transformer gives: where it ends with a layer normalisation, behind that. Networks that
        are made of all states need it (toolkit.models.ssl.WeightedLayers), losses do not.
        """
        raise NotImplementedError(f"{type(self).__name__} has no hidden_states")

    def num_frames(self, num_samples: int) -> int:
        """T of a waveform of ``num_samples``, 1 or more; what reads features (SSLFeatures) needs it."""
        raise NotImplementedError(f"{type(self).__name__} has no num_frames")


class SSLModel(ABC):
    """Which self-supervised model, and where its weights come from; they are read when ``load`` is called.

    A class of your own plugs in by ``class_path``; it sets the attributes in its constructor and writes ``load``.

    Attributes:
        fs: rate in Hz.
        num_layers: layers of the transformer.
        dim: D of their outputs; networks that are made of all states need it.
    """

    fs: int = 16000
    num_layers: int
    dim: int

    @abstractmethod
    def load(self) -> LayerwiseNetwork:
        """The network with its weights; the same each time, for any state of torch's random generator."""

    def build(self) -> LayerwiseNetwork:
        """The network for weights from elsewhere; nothing need be read for it."""
        return self.load()
