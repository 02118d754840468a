"""A learned weighted sum over all layers of a self-supervised model: what downstream networks read."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.features.frontend import FrontEnd
from toolkit.io.errors import InputError
from toolkit.models.ssl.base import SSLModel
from toolkit.nn.mask import length_mask
from toolkit.nn.pretrained import reads_weights


class WeightedLayers(nn.Module):
    """Softmax-weighted sum of all hidden states of a self-supervised model (SUPERB, Yang et al. 2021, section 3.2).

    Utterances of different lengths are padded only for a model that does not look at padding (``padded_states``);
    others read them one by one. The model's weights are part of the experiment's; they are read from where ``ssl`` has
    them at the first batch that finds none, so an experiment needs nothing but its own files once it is trained.

    Args:
        ssl: the self-supervised model.
        freeze_ssl: it stays as it is, in eval mode; False trains it too.
    """

    has_weights: Tensor

    def __init__(self, ssl: SSLModel, freeze_ssl: bool = True):
        super().__init__()
        self.fs, self.freeze_ssl = ssl.fs, freeze_ssl
        self._model, self._must_read = ssl, True
        self.ssl = ssl.build().requires_grad_(not freeze_ssl)
        self.register_buffer("has_weights", torch.tensor(False))  # of a state dict: whether those of ssl were read
        self.layer_logits = nn.Parameter(torch.zeros(ssl.num_layers + 1))

    def train(self, mode: bool = True):
        """As in torch; a frozen model stays in eval mode."""
        super().train(mode)
        if self.freeze_ssl:
            self.ssl.eval()
        return self

    def layer_weights(self) -> Tensor:
        """(L + 1,) weights of the hidden states, which sum to one."""
        return self.layer_logits.softmax(0)

    def summed(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, N) samples, lengths (B,) int64 or None for all N -> (B, T, D) whose padding is zero, (B,) frames or None.

        Raises:
            InputError: the weights cannot be read (SSLModel.load).
        """
        self._read_weights()
        if lengths is None:
            return self._sum(self.ssl.hidden_states(wav)), None
        if padded := self.ssl.padded_states(wav, lengths):
            x, frames = self._sum(padded[0]), padded[1]
            return x.masked_fill(~length_mask(frames, x.shape[1])[:, :, None], 0.0), frames
        samples = lengths.tolist()
        utterances: dict[int, Tensor] = {}
        for count in set(samples):
            rows = [i for i, n in enumerate(samples) if n == count]
            utterances |= zip(rows, self._sum(self.ssl.hidden_states(wav[rows, :count])), strict=True)
        x = nn.utils.rnn.pad_sequence([utterances[i] for i in range(len(samples))], batch_first=True)
        return x, torch.tensor([len(utterances[i]) for i in range(len(samples))], device=x.device)

    def _sum(self, states: list[Tensor]) -> Tensor:
        """Hidden states (B, T, D) -> their weighted sum (B, T, D)."""
        return sum(weight * state for weight, state in zip(self.layer_weights(), states, strict=True))

    def _read_weights(self) -> None:
        if self._must_read and reads_weights():
            self.ssl.load_state_dict(self._model.load().state_dict())
            self.has_weights.fill_(True)
            self._must_read = False

    def _load_from_state_dict(self, state_dict: Mapping, prefix: str, *args: Any) -> None:
        """What load_state_dict goes through: weights that were read once are not read again."""
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._must_read = not bool(state_dict.get(f"{prefix}has_weights", False))


class SSLFeatures(WeightedLayers, FrontEnd):
    """Hidden states of a self-supervised model as features, in a learned weighted sum (see WeightedLayers).

    The front end of probes: set ``normalize: none`` beside it, and train on audio (MixtureDataset), since the weights
    of the sum are learned and features cannot be stored.

    Args:
        ssl: the self-supervised model.
        freeze_ssl: it stays as it is; False trains it too.
        fs: rate in Hz, that of the model.

    Raises:
        InputError: the model is for another rate.

    Example::

        SSLFeatures(Untrained())(torch.randn(2, 16000))[0].shape  # (2, 49, 16)
    """

    def __init__(self, ssl: SSLModel, freeze_ssl: bool = True, fs: int = 16000):
        super().__init__(ssl, freeze_ssl)
        if fs != ssl.fs:
            raise InputError(
                f"frontend.init_args.fs {fs}: the self-supervised model is for {ssl.fs} Hz; set it to that"
            )
        self.dim = ssl.dim

    def conf(self) -> dict:
        """The model, by its plain attributes."""
        plain = {k: v for k, v in vars(self._model).items() if isinstance(v, str | int | float | bool)}
        return {"class": type(self).__name__, "ssl": type(self._model).__name__, **plain}

    def num_frames(self, num_samples: int) -> int:
        """Frames made of ``num_samples`` samples."""
        return self.ssl.num_frames(num_samples)

    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """wav (B, N), lengths (B,) samples or None -> (B, T, D), (B,) frames or None."""
        return self.summed(wav.float(), lengths)
