"""GE2E, the LSTM speaker encoder, and its published weights."""

import hashlib
import importlib.util
import io
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.io.errors import InputError, brief
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask
from toolkit.nn.pretrained import reads_weights

_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"  # of pretrained.pt, Resemblyzer 0.1.4
_FILE = "pretrained.pt"
_REMEDY = "run tools/install.sh --extras pretrained (or pip install --no-deps Resemblyzer==0.1.4)"
_LEAST = 1e-6  # of a variance over frames
_SCALE = 1e-3  # of what is pooled
_WINDOWS = 256  # windows per forward pass, to limit the memory of long recordings


class GE2E(SpeakerEncoder):
    """GE2E (Wan, Wang, Papir, Lopez Moreno 2018, arXiv 1710.10467, sections 2 and 3.2).

    LSTM layers over a window of 1.6 s; a linear layer on the output of the last frame, ReLU, unit length. The embedding
    of an utterance is the mean over overlapping windows, scaled to unit length. The default sizes (1,423,616
    parameters), the ReLU and the windows are those of ``embed_utterance`` in Resemblyzer 0.1.4: 1.3 windows per second,
    ``min_coverage`` 0.75. (The paper has 768 cells with projection and no ReLU.)

    ``weights="resemblyzer"`` reads the published weights from the installed package Resemblyzer (Resemble AI, Apache
    License 2.0) without importing it. Its author names VoxCeleb1, VoxCeleb2 and LibriSpeech-other as training data. Use
    the weights with ``MelPower`` features at 16 kHz and ``normalize: none``. Resemblyzer's ``preprocess_wav`` also
    removes long silences with a voice activity detector; this class does not.

    Args:
        n_mels: F, number of features per frame.
        hidden: number of cells of an LSTM layer.
        num_layers: number of LSTM layers.
        embedding_dim: D.
        window_frames: window length in frames; a shorter utterance is padded with zeros.
        step_frames: window shift in frames.
        min_frames: minimum number of utterance frames in a window, except in the first. 123 frames of ``MelPower`` are
            120 hops, 0.75 of a window (``MelPower`` gives 3 frames more than hops).
        weights: ``resemblyzer``; or the path of a file like its ``pretrained.pt``, read by torch.load with
            ``weights_only``; or empty: random initialisation.
        pooled: append the mean and the standard deviation of the last LSTM layer over the frames of a window, which
            GE2E discards: D = ``embedding_dim`` + 2 ``hidden``. For networks that are trained on such vectors
            (SpeakerProjection); the published weights fit. They are scaled by 0.001, so that the cosine of two
            vectors remains that of the embeddings.

    Raises:
        InputError: windows would skip frames, Resemblyzer is not installed or its file is not that of version 0.1.4, or
            a file is missing, damaged or of another network.

    Example::

        GE2E()(torch.rand(2, 300, 40)).shape  # (2, 256)
    """

    def __init__(
        self,
        n_mels: int = 40,
        hidden: int = 256,
        num_layers: int = 3,
        embedding_dim: int = 256,
        window_frames: int = 160,
        step_frames: int = 77,
        min_frames: int = 123,
        weights: str = "",
        pooled: bool = False,
    ):
        super().__init__()
        if not 1 <= step_frames <= window_frames:
            raise InputError(f"step_frames {step_frames}: must be from 1 to {window_frames}, the length of a window")
        self.embedding_dim, self.pooled = embedding_dim + 2 * hidden * pooled, pooled
        self.window_frames, self.step_frames, self.min_frames = window_frames, step_frames, min_frames
        self.lstm = nn.LSTM(n_mels, hidden, num_layers, batch_first=True)
        self.linear = nn.Linear(hidden, embedding_dim)
        if weights and reads_weights():
            self._read(weights)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, D) embeddings of unit length."""
        frames = feats.shape[1]
        count = 1 + max(0, (frames - self.min_frames) // self.step_frames)
        if lengths is not None:
            feats = feats.masked_fill(~length_mask(lengths, frames)[:, :, None], 0)
        behind = (count - 1) * self.step_frames + self.window_frames - frames
        windows = F.pad(feats, (0, 0, 0, max(0, behind))).unfold(1, self.window_frames, self.step_frames)[:, :count]
        parts = windows.transpose(2, 3).flatten(0, 1).split(_WINDOWS)
        vectors = torch.cat([self._embedded(part) for part in parts]).unflatten(0, (-1, count))
        if lengths is not None:  # use only the windows of each utterance
            counts = 1 + (lengths - self.min_frames).div(self.step_frames, rounding_mode="floor").clamp(min=0)
            vectors = vectors * length_mask(counts, count)[:, :, None]
        return F.normalize(vectors.sum(1), dim=1)

    def _embedded(self, windows: Tensor) -> Tensor:
        """Windows (W, window_frames, F) -> embeddings (W, D), of unit length before what is pooled."""
        frames, (hidden, _) = self.lstm(windows)
        vectors = F.normalize(self.linear(hidden[-1]).relu(), dim=1)
        if not self.pooled:
            return vectors
        deviations = frames.var(1, unbiased=False).clamp(min=_LEAST).sqrt()
        return torch.cat([vectors, _SCALE * frames.mean(1), _SCALE * deviations], 1)

    def _read(self, weights: str) -> None:
        """Load weights; see the class."""
        published = weights == "resemblyzer"
        path = _installed() if published else Path(weights)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"weights {weights}: {path} cannot be read ({error.strerror})") from None
        if published and hashlib.sha256(content).hexdigest() != _SHA256:
            raise InputError(f"{path}: is not that of Resemblyzer 0.1.4 (sha256 {_SHA256[:8]}...); {_REMEDY}")
        try:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["model_state"]
            # Skip scale and offset of the training loss.
            self.load_state_dict({name: value for name, value in state.items() if not name.startswith("similarity_")})
        except Exception as error:  # a damaged file makes torch raise any type
            raise InputError(
                f"{path}: holds no weights of this network ({brief(error)}); give a file like {_FILE}"
            ) from None


def _installed() -> Path:
    """The weights file in the installed package, found without importing it."""
    spec = importlib.util.find_spec("resemblyzer")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"weights resemblyzer: Resemblyzer is not installed; {_REMEDY}")
    return Path(spec.submodule_search_locations[0]) / _FILE
