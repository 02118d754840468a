"""What a recogniser promises, so that the task, the searches and the systems work with it."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.transformer_decoder import TransformerDecoder

_FEWEST_UNITS = 4  # the special ones, and something to say


class SpeechRecognizer(nn.Module, ABC):
    """From features to units of text: an encoder, a CTC layer, and an attention decoder (or None).

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults. It makes its encoder after ``super().__init__(num_units, dim, decoder)``, and writes
    ``encode`` and ``num_frames``. The promise which training and decoding rely on: with ``lengths``, in eval mode, a
    padded utterance is encoded as it is alone.

    Args:
        num_units: U, those of the text units, the special ones included.
        dim: D, of the encoder's output.
        decoder: reads the encoder's output; None: CTC alone.

    Raises:
        InputError: ``num_units`` is too small.
    """

    def __init__(self, num_units: int, dim: int, decoder: TransformerDecoder | None):
        super().__init__()
        if num_units < _FEWEST_UNITS:
            raise InputError(
                f"model.init_args.num_units {num_units}: must be {_FEWEST_UNITS} or more, those of --units"
            )
        self.num_units, self.dim = num_units, dim
        self.ctc, self.decoder = nn.Linear(dim, num_units), decoder

    @abstractmethod
    def num_frames(self, frames: int) -> int:
        """Frames of the encoder's output for ``frames`` of features, 1 or more."""

    @abstractmethod
    def encode(self, feats: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Encode a batch.

        Args:
            feats: (B, T, F) features; padding is zero.
            lengths: (B,) int64 frames of each utterance; None: all have T.

        Returns:
            (B, T', D), and (B,) frames of each or None.
        """

    def ctc_log_probs(self, encoded: Tensor) -> Tensor:
        """(B, T', D) -> (B, T', U) float32."""
        return self.ctc(encoded).float().log_softmax(2)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features -> CTC log-probabilities (B, T', U)."""
        return self.ctc_log_probs(self.encode(feats, lengths)[0])


def decoder_input(text: Tensor, lengths: Tensor | None, end: int) -> Tensor:
    """Units (B, L) -> (B, 1 + L): ``end`` first, and in the place of padding."""
    if lengths is not None:
        text = text.masked_fill(torch.arange(text.shape[1], device=text.device) >= lengths[:, None], end)
    return nn.functional.pad(text, (1, 0), value=end)
