"""The contract of a front end; a class of your own plugs in by ``frontend.class_path``."""

from abc import ABC, abstractmethod

import torch
from torch import nn


class FrontEnd(nn.Module, ABC):
    """Waveform -> features. The same module makes the dumped features, the training batches and the inference input.

    Attributes:
        fs: rate in Hz of the waveforms it takes.
        dim: features a frame.
    """

    fs: int
    dim: int

    @abstractmethod
    def num_frames(self, num_samples: int) -> int:
        """Frames made of ``num_samples`` samples."""

    @abstractmethod
    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples or None (all full) -> features (B, T, F), lengths (B,) frames.

        A frame depends on samples of its own utterance only, so padding does not change valid frames.
        """

    @abstractmethod
    def conf(self) -> dict:
        """All that decides the features, as plain values; two front ends agree if and only if their confs do."""
