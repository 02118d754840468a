"""SSL-MSE: distance of enhanced and clean speech in the layers of a self-supervised model."""

import torch
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.enhancement.waveform import EnhancementLoss
from toolkit.models.ssl.base import SSLModel
from toolkit.nn.frozen import FrozenModule


class SSLMSE(EnhancementLoss):
    """Mean square difference of weighted sums of layers (Sato et al. 2025, 10.3389/frsip.2025.1587969, eqs. 14-20).

    With ``Multitask`` around it this is eq. 21. Equations 19 and 20 print floor(2 / N); by the text the upper half is
    meant: weight 1 / (N - floor(N / 2)) on the layers above floor(N / 2), 0 below.

    The model is neither trained nor part of the experiment's checkpoints; the gradient goes through it to the output.
    Of the reference no gradient is kept.

    Utterances of different lengths are not padded for the model: those of one length go through it together, since some
    models look at a whole waveform (WavLM of torchaudio knows no mask). Crops of one length are quickest.

    Args:
        ssl: the model; its weights are read at ``setup``, or at the first batch.
        layer_weights: of layers 1 to N; None is the paper's.

    Raises:
        InputError: the number of ``layer_weights`` is not that of the layers, or all are zero.
    """

    fs: int
    term = "ssl_loss"

    def __init__(self, ssl: SSLModel, layer_weights: list[float] | None = None):
        super().__init__()
        count = ssl.num_layers
        weights = layer_weights or [0.0] * (count // 2) + [1 / (count - count // 2)] * (count - count // 2)
        if len(weights) != count or not any(weights):
            raise InputError(f"layer_weights {weights}: the model has {count} layers, and one at least must count")
        self.fs, self._model = ssl.fs, ssl
        self.top = max(i for i, weight in enumerate(weights, 1) if weight)  # layers above count for nothing
        self.layer_weights = weights[: self.top]
        self.ssl: FrozenModule | None = None

    def setup(self, facts: TrainingFacts) -> None:
        """See EnhancementLoss; reads the model's weights."""
        super().setup(facts)
        if self.ssl is None:
            self.ssl = FrozenModule(self._model.load())

    def features(self, wav: Tensor) -> Tensor:
        """Weighted sum of layers, eqs. 15 and 16: (B, N) -> (B, T', D)."""
        assert self.ssl is not None  # since setup
        layers = self.ssl(wav, self.top)
        return sum(weight * layer for weight, layer in zip(self.layer_weights, layers, strict=True) if weight)

    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) output and reference, lengths (B,) samples or None for all N -> scalar."""
        if self.ssl is None:
            self.setup(TrainingFacts(self.fs))
            self.to(output.device)
        if lengths is None:
            return self._distances(output, reference).mean()
        samples = lengths.tolist()
        rows = {count: [i for i, n in enumerate(samples) if n == count] for count in set(samples)}
        return torch.cat([self._distances(output[i, :n], reference[i, :n]) for n, i in rows.items()]).mean()

    def _distances(self, output: Tensor, reference: Tensor) -> Tensor:
        """Eq. 14 of utterances of one length: (B, N), (B, N) -> (B,)."""
        with torch.no_grad():
            clean = self.features(reference)
        return (self.features(output) - clean).float().square().mean((1, 2))
