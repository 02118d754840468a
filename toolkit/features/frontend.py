"""The base class of front ends. To use another class, set ``frontend.class_path`` in the config."""

from abc import ABC, abstractmethod

import torch
from torch import nn


class FrontEnd(nn.Module, ABC):
    """Waveform -> features. The same module makes stored features, training batches and the input of inference.

    Attributes:
        fs: sampling rate of the input in Hz.
        dim: number of features per frame.
    """

    fs: int
    dim: int

    @abstractmethod
    def num_frames(self, num_samples: int) -> int:
        """Number of frames of ``num_samples`` samples."""

    @abstractmethod
    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples or None (all full) -> features (B, T, F), lengths (B,) frames.

        A frame depends only on samples of its own utterance, so padding does not change valid frames.
        """

    @abstractmethod
    def conf(self) -> dict:
        """All settings of the features as plain values. Two front ends are equal if and only if their confs are."""
