"""The base class of speech recognisers."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.transformer_decoder import TransformerDecoder

_FEWEST_UNITS = 4  # the three special units and one more


class SpeechRecognizer(nn.Module, ABC):
    """Features -> text units: an encoder, a CTC layer, and an attention decoder (or None).

    To use your own class, give its import path in the config; the constructor arguments are the keys of ``init_args``,
    so they need types and defaults. The constructor calls ``super().__init__(num_units, dim, decoder)`` and then
    creates the encoder. Implement ``encode`` and ``num_frames``. Training and decoding require: with ``lengths``, in
    eval mode, padding does not change the encoding of an utterance.

    Args:
        num_units: U, number of text units, with the special ones.
        dim: D, size of the encoder output.
        decoder: attention decoder on the encoder output; None: CTC only.

    Raises:
        InputError: ``num_units`` is too small.
    """

    def __init__(self, num_units: int, dim: int, decoder: TransformerDecoder | None):
        super().__init__()
        if num_units < _FEWEST_UNITS:
            raise InputError(
                f"model.init_args.num_units {num_units}: must be {_FEWEST_UNITS} or more, the number of --units"
            )
        self.num_units, self.dim = num_units, dim
        self.ctc, self.decoder = nn.Linear(dim, num_units), decoder

    @abstractmethod
    def num_frames(self, frames: int) -> int:
        """Number of encoder frames for ``frames`` (1 or more) feature frames."""

    @abstractmethod
    def encode(self, feats: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Encode a batch.

        Args:
            feats: (B, T, F) features; padding is zero.
            lengths: (B,) int64 number of frames of each utterance; None: all have T.

        Returns:
            (B, T', D), and (B,) number of frames of each or None.
        """

    def ctc_log_probs(self, encoded: Tensor) -> Tensor:
        """(B, T', D) -> (B, T', U) float32."""
        return self.ctc(encoded).float().log_softmax(2)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features -> CTC log-probabilities (B, T', U)."""
        return self.ctc_log_probs(self.encode(feats, lengths)[0])


def decoder_input(text: Tensor, lengths: Tensor | None, end: int) -> Tensor:
    """Units (B, L) -> (B, 1 + L): ``end`` first, and instead of padding."""
    if lengths is not None:
        text = text.masked_fill(torch.arange(text.shape[1], device=text.device) >= lengths[:, None], end)
    return nn.functional.pad(text, (1, 0), value=end)
