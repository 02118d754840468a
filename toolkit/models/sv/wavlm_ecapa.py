"""ECAPA-TDNN on the layers of a self-supervised model."""

from typing import Any

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.ssl.base import SSLModel
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.nn.mask import length_mask, masked_mean
from toolkit.nn.pretrained import reads_weights


class WavLmEcapa(SpeakerEncoder):
    """WavLM-ECAPA (Chen, Wang, Chen et al. 2022, arXiv 2110.13900, section V-B; SEED, arXiv 2505.16798, table 2).

    A softmax-weighted sum of all hidden states of a self-supervised (SSL) model on audio; instance normalisation over
    the utterance; ECAPA-TDNN with C=512. 102.3 M parameters with WavLM Base+; 104.9 M with SEED and a classifier of
    5,994 speakers (105.6 M in SEED's table).

    Use it with the front end ``Waveform`` and ``normalize: none``. Utterances are not padded for the SSL model, because
    some models read the whole waveform; crops of equal length are fastest. The weights of the SSL model are part of the
    experiment: the first batch of a training reads them from ``ssl``, later only the experiment's files are needed.

    Args:
        ssl: the SSL model.
        freeze_ssl: keep the SSL model fixed, in eval mode; False: train it too.
        channels: C of the ECAPA-TDNN.
        embedding_dim: D.
        attention_channels: bottleneck size of the pooling attention.

    Attributes:
        fs: sampling rate of the audio in Hz.

    Example::

        WavLmEcapa(Untrained())(torch.randn(2, 16000, 1)).shape  # (2, 192)
    """

    has_weights: Tensor

    def __init__(
        self,
        ssl: SSLModel,
        freeze_ssl: bool = True,
        channels: int = 512,
        embedding_dim: int = 192,
        attention_channels: int = 128,
    ):
        super().__init__()
        self.embedding_dim, self.fs, self.freeze_ssl = embedding_dim, ssl.fs, freeze_ssl
        self._model, self._must_read = ssl, True
        self.ssl = ssl.build().requires_grad_(not freeze_ssl)
        self.register_buffer("has_weights", torch.tensor(False))  # in a state dict: whether it has the weights of ssl
        self.layer_logits = nn.Parameter(torch.zeros(ssl.num_layers + 1))
        self.ecapa = EcapaTdnn(ssl.dim, channels, embedding_dim=embedding_dim, attention_channels=attention_channels)

    def train(self, mode: bool = True) -> "WavLmEcapa":
        """As in torch; a frozen SSL model stays in eval mode."""
        super().train(mode)
        if self.freeze_ssl:
            self.ssl.eval()
        return self

    def layer_weights(self) -> Tensor:
        """(L + 1,) weights of the hidden states, which sum to one."""
        return self.layer_logits.softmax(0)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N, 1) samples, lengths (B,) int64 samples or None (all N) -> (B, D) embeddings.

        Raises:
            InputError: the features are not samples, or the weights cannot be read (SSLModel.load).
        """
        if feats.shape[2] != 1:
            raise InputError("model: WavLmEcapa reads audio; set frontend.class_path: Waveform and normalize: none")
        self._read_weights()
        wav = feats[:, :, 0]
        if lengths is None:
            return self.ecapa(_normalized(self._states(wav), None))
        samples = lengths.tolist()
        utterances: dict[int, Tensor] = {}
        for count in set(samples):
            rows = [i for i, n in enumerate(samples) if n == count]
            utterances |= zip(rows, self._states(wav[rows, :count]), strict=True)
        x = nn.utils.rnn.pad_sequence([utterances[i] for i in range(len(samples))], batch_first=True)
        frames = torch.tensor([len(utterances[i]) for i in range(len(samples))], device=x.device)
        return self.ecapa(_normalized(x, length_mask(frames, x.shape[1])), frames)

    def _states(self, wav: Tensor) -> Tensor:
        """(B, N) of equal length -> weighted sum of the hidden states (B, T, F)."""
        states = self.ssl.hidden_states(wav)
        return sum(weight * state for weight, state in zip(self.layer_weights(), states, strict=True))

    def _read_weights(self) -> None:
        if self._must_read and reads_weights():
            self.ssl.load_state_dict(self._model.load().state_dict())
            self.has_weights.fill_(True)
            self._must_read = False

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Called by load_state_dict; loaded weights are not read from ``ssl`` again."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._must_read = not bool(state_dict.get(f"{prefix}has_weights", False))


def _normalized(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, F), mask (B, T) -> mean 0 and variance 1 of each feature over the frames."""
    x = x.transpose(1, 2)
    x = x - masked_mean(x, mask)[:, :, None]
    return (x * (masked_mean(x.square(), mask) + 1e-5).rsqrt()[:, :, None]).transpose(1, 2)
