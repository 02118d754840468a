"""The base class of speech enhancement networks."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.models.network import Network
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se.chunked import overlapped

CHUNK_SECONDS = 10.0  # of the default inference of a long recording


class SpeechEnhancer(Network):
    """Noisy waveform -> speech.

    To use your own class, give its import path in the config; the constructor arguments are the keys of ``init_args``,
    so they need types and defaults::

        model:
          class_path: my_package.my_module.MyEnhancer
          init_args: {channels: 64}

    Set ``fs`` in the constructor and implement ``forward``. Training and inference require: any length from one sample
    on, output aligned with the input and of equal length; finite output and gradient for silence; in eval mode, the
    output for an utterance does not depend on other utterances of the same length in the batch. Padding may change the
    output, because normalisation by level or over time includes it.

    Attributes:
        fs: sampling rate of the audio in Hz.
        streams: streams of a mixture that training needs.
        output_dims: size of each vector among the training outputs.
        output_classes: classes of each logits among the training outputs.
    """

    fs: int
    streams: tuple[str, ...] = ("wav",)
    output_dims: Mapping[str, int] = MappingProxyType({})
    output_classes: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Outputs for the loss from a batch with ``wav`` (B, N): ``speech`` (B, N), and further ones of a subclass."""
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
    def enhance(self, wav: Tensor, chunk_seconds: float = CHUNK_SECONDS) -> Tensor:
        """Enhance a recording of any length; memory grows only by input and output.

        Default for any model: chunks of ``chunk_seconds`` that overlap by a quarter and are cross-faded. A subclass can
        override this with an exact method.

        Args:
            wav: (N,) samples, on the CPU or on the model's device.
            chunk_seconds: length of a chunk in seconds; shorter recordings use ``forward``.

        Returns:
            (N,) enhanced samples, on the device of ``wav``.
        """
        chunk = max(4, round(chunk_seconds * self.fs))
        return overlapped(self, wav, chunk, chunk // 4)

    def open_stream(self) -> NetworkStream:
        """The state for audio that arrives piece by piece; a causal subclass overrides this.

        Raises:
            InputError: the network is not causal.
        """
        raise InputError(
            f"{type(self).__name__}: cannot stream: its output depends on the whole recording; use a causal network: "
            "GTCRN, or Demucs with a fixed level"
        )
