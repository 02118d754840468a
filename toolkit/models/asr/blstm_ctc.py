"""Bidirectional LSTM with CTC: the downstream network of SUPERB's speech recognition."""

from torch import Tensor, nn

from toolkit.models.asr.base import SpeechRecognizer


class BlstmCtc(SpeechRecognizer):
    """Linear projection, bidirectional LSTM layers, CTC (SUPERB, Yang et al. 2021, arXiv 2105.01051, section 3.1).

    The defaults are those of the benchmark's code (s3prl): 42.8 M parameters on 768 features and 28 units. Features are
    the hidden states of a self-supervised model (SSLFeatures), with ``normalize: none``.

    Args:
        num_units: U, those of the file of units.
        n_mels: F, features of a frame.
        projection: numbers of a frame that the first layer reads.
        hidden: of a layer, in each direction.
        layers: of the LSTM.
        dropout: behind each layer.

    Example::

        BlstmCtc(num_units=30)(torch.randn(1, 49, 768)).shape  # (1, 49, 30)
    """

    def __init__(
        self,
        num_units: int = 32,
        n_mels: int = 768,
        projection: int = 1024,
        hidden: int = 1024,
        layers: int = 2,
        dropout: float = 0.2,
    ):
        super().__init__(num_units, 2 * hidden, None)
        self.projection, self.dropout = nn.Linear(n_mels, projection), nn.Dropout(dropout)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(projection, hidden, layers, batch_first=True, dropout=between, bidirectional=True)

    def num_frames(self, frames: int) -> int:
        """See SpeechRecognizer."""
        return frames

    def encode(self, feats: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, T, F), (B,) frames|None -> (B, T, 2 hidden), (B,) frames|None."""
        x = self.projection(feats)
        if lengths is None:
            return self.dropout(self.lstm(x)[0]), None
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=feats.shape[1])
        return self.dropout(x), lengths
