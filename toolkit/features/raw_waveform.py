"""The front end of networks that read audio."""

import torch

from toolkit.features.frontend import FrontEnd


class Waveform(FrontEnd):
    """The samples, one per frame, for networks that read audio. Use it with ``normalize: none``.

    Args:
        fs: rate in Hz.

    Example::

        Waveform()(torch.zeros(2, 16000))[0].shape  # (2, 16000, 1)
    """

    dim = 1

    def __init__(self, fs: int = 16000):
        super().__init__()
        self.fs = fs

    def conf(self) -> dict:
        """Constructor arguments."""
        return {"class": type(self).__name__, "fs": self.fs}

    def num_frames(self, num_samples: int) -> int:
        """Number of frames: one per sample."""
        return num_samples

    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N), lengths (B,) samples or None -> (B, N, 1), lengths unchanged."""
        return wav.float()[:, :, None], lengths
