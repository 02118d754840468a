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

    A softmax-weighted sum of all hidden states of a self-supervised model, which reads audio; instance normalisation
    over the utterance; ECAPA-TDNN of C=512. On WavLM Base+ these are 102.3 M parameters; with SEED and a classifier of
    5,994 speakers 104.9 M, of the 105.6 M that SEED's table counts.

    The front end is ``Waveform``, with ``normalize: none``. Utterances of different lengths are not padded for the
    self-supervised model, since some look at a whole waveform; crops of one length are quickest. Its weights are part
    of the experiment's; they are read from where ``ssl`` has them at the first batch that finds none, so an experiment
    needs nothing but its own files once it is trained.

    Args:
        ssl: the self-supervised model.
        freeze_ssl: it stays as it is, in eval mode; False trains it too.
        channels: C of the ECAPA-TDNN.
        embedding_dim: D.
        attention_channels: bottleneck of the pooling's attention.

    Attributes:
        fs: rate in Hz of the audio.

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
        self.register_buffer("has_weights", torch.tensor(False))  # of a state dict: whether those of ssl were read
        self.layer_logits = nn.Parameter(torch.zeros(ssl.num_layers + 1))
        self.ecapa = EcapaTdnn(ssl.dim, channels, embedding_dim=embedding_dim, attention_channels=attention_channels)

    def train(self, mode: bool = True) -> "WavLmEcapa":
        """As in torch; a frozen model stays in eval mode."""
        super().train(mode)
        if self.freeze_ssl:
            self.ssl.eval()
        return self

    def layer_weights(self) -> Tensor:
        """(L + 1,) weights of the hidden states, which sum to one."""
        return self.layer_logits.softmax(0)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N, 1) samples, lengths (B,) int64 samples or None for all N -> (B, D) embeddings.

        Raises:
            InputError: the features are not samples; or the weights cannot be read (SSLModel.load).
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
        """(B, N) of one length -> weighted sum of the hidden states (B, T, F)."""
        states = self.ssl.hidden_states(wav)
        return sum(weight * state for weight, state in zip(self.layer_weights(), states, strict=True))

    def _read_weights(self) -> None:
        if self._must_read and reads_weights():
            self.ssl.load_state_dict(self._model.load().state_dict())
            self.has_weights.fill_(True)
            self._must_read = False

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """What load_state_dict goes through: weights that were read once are not read again."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._must_read = not bool(state_dict.get(f"{prefix}has_weights", False))


def _normalized(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, F), mask (B, T) -> mean 0 and variance 1 of each feature over the frames."""
    x = x.transpose(1, 2)
    x = x - masked_mean(x, mask)[:, :, None]
    return (x * (masked_mean(x.square(), mask) + 1e-5).rsqrt()[:, :, None]).transpose(1, 2)
