"""What a speech enhancer promises, so that every recipe, loss and metric works with it."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from toolkit.models.network import Network
from toolkit.models.se.chunked import overlapped


class SpeechEnhancer(Network):
    """From a noisy waveform to the speech in it.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults::

        model:
          class_path: my_package.my_module.MyEnhancer
          init_args: {channels: 64}

    It sets ``fs`` in its constructor and writes ``forward``. The promises which training and inference rely on: any
    length from one sample on is taken, and as many samples come back, in their places; of silence output and gradient
    are finite; in eval mode an utterance is enhanced in a batch of its equals as it is alone. An utterance padded to
    the length of a longer one need not be: whatever looks at a whole waveform (its level, a normalisation over time)
    sees the padding.

    Attributes:
        fs: rate in Hz of the audio.
        streams: of a mixture, those that the network needs in training.
        output_dims: size of each vector among the training outputs.
        output_classes: the classes of the logits among them.
    """

    fs: int
    streams: tuple[str, ...] = ("wav",)
    output_dims: Mapping[str, int] = MappingProxyType({})
    output_classes: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """The outputs for the loss of a batch with ``wav`` (B, N): ``speech`` (B, N), and further ones of a model."""
        return {"speech": self(batch["wav"])}

    @abstractmethod
    def forward(self, wav: Tensor) -> Tensor:
        """Enhance a batch.

        Args:
            wav: (B, N) noisy samples.

        Returns:
            (B, N) enhanced samples.
        """

    @torch.inference_mode()
    def enhance(self, wav: Tensor, chunk_seconds: float = 10.0) -> Tensor:
        """Enhance a recording of any length, in memory that does not grow with it (but for input and output).

        Here, for any model: chunks of ``chunk_seconds`` which overlap by a quarter and are cross-faded. They equal
        ``forward`` on the whole if the model's receptive field is at most a chunk. A better method overrides this.

        Args:
            wav: (N,) samples; may lie on the CPU while the model is on a device.
            chunk_seconds: length of a chunk; a shorter recording goes through ``forward``.

        Returns:
            (N,) enhanced samples, where ``wav`` lies.
        """
        chunk = max(4, round(chunk_seconds * self.fs))
        return overlapped(self, wav, chunk, chunk // 4)
