"""Base classes of self-supervised (SSL) models, whose layers losses and speaker encoders use."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class LayerwiseNetwork(nn.Module, ABC):
    """Waveform -> outputs of the transformer layers."""

    @abstractmethod
    def forward(self, wav: Tensor, num_layers: int) -> list[Tensor]:
        """wav (B, N) -> outputs (B, T, D) of layers 1 to ``num_layers``; T frames at the frame rate of the model.

        Any N >= 1 is accepted. The output for a waveform does not depend on the batch.
        """

    def hidden_states(self, wav: Tensor) -> list[Tensor]:
        """wav (B, N) -> num_layers + 1 times (B, T, D): the input of the transformer, and the outputs of its layers.

        The last one is the output of the transformer, after its final layer normalisation, if it has one. Networks on
        all states need this method (toolkit.models.ssl.WeightedLayers); losses do not.
        """
        raise NotImplementedError(f"{type(self).__name__} has no hidden_states")

    def padded_states(self, wav: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor] | None:
        """:meth:`hidden_states` of a padded batch, and frames (B,); None: the network looks at padding.

        A network without it reads utterances of different lengths one by one.

        Args:
            wav: (B, N), padded at the end with anything finite.
            lengths: (B,) samples.
        """
        return None

    def num_frames(self, num_samples: int) -> int:
        """T of a waveform of ``num_samples``, 1 or more; what reads features (SSLFeatures) needs it."""
        raise NotImplementedError(f"{type(self).__name__} has no num_frames")


class SSLModel(ABC):
    """Name and weights of a self-supervised model; ``load`` reads the weights.

    To use your own class, give its ``class_path``. Set the attributes in the constructor and implement ``load``.

    Attributes:
        fs: sampling rate in Hz.
        num_layers: number of transformer layers.
        dim: D, size of their outputs; needed by networks on all states.
    """

    fs: int = 16000
    num_layers: int
    dim: int

    @abstractmethod
    def load(self) -> LayerwiseNetwork:
        """The network with its weights; always the same, independent of torch's random generator."""

    def build(self) -> LayerwiseNetwork:
        """The network without weights, to load weights into it; reads no file."""
        return self.load()
