"""SSL-MSE: distance of enhanced and clean speech in the layers of a self-supervised (SSL) model."""

import torch
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.enhancement.waveform import EnhancementLoss
from toolkit.models.ssl.base import SSLModel
from toolkit.nn.frozen import FrozenModule


class SSLMSE(EnhancementLoss):
    """Mean squared difference of weighted sums of layers (Sato et al. 2025, 10.3389/frsip.2025.1587969, eqs. 14-20).

    Inside ``Multitask`` it gives eq. 21. Equations 19 and 20 print floor(2 / N); according to the text the upper half
    is meant: weight 1 / (N - floor(N / 2)) for layers above floor(N / 2), 0 for the others.

    The SSL model is not trained and not part of checkpoints. Gradients pass through it to the output, not to the
    reference.

    Utterances are not padded: those of equal length share a forward pass, because some models read the whole waveform
    (torchaudio's WavLM has no mask). Crops of equal length are fastest.

    Args:
        ssl: the SSL model; ``setup`` or the first batch reads its weights.
        layer_weights: weights of layers 1 to N; None: those of the paper.

    Raises:
        InputError: the number of ``layer_weights`` differs from the number of layers, or all are zero.

    Example::

        loss: {class_path: SSLMSE, init_args: {ssl: {class_path: Pretrained, init_args: {name: hubert_base}}}}
    """

    fs: int
    term = "ssl_loss"

    def __init__(self, ssl: SSLModel, layer_weights: list[float] | None = None):
        super().__init__()
        count = ssl.num_layers
        weights = layer_weights or [0.0] * (count // 2) + [1 / (count - count // 2)] * (count - count // 2)
        if len(weights) != count or not any(weights):
            raise InputError(f"layer_weights {weights}: must be {count} numbers, one per layer, not all zero")
        self.fs, self._model = ssl.fs, ssl
        self.top = max(i for i, weight in enumerate(weights, 1) if weight)  # the highest layer with a weight
        self.layer_weights = weights[: self.top]
        self.ssl: FrozenModule | None = None

    def setup(self, facts: TrainingFacts) -> None:
        """See EnhancementLoss; reads the model's weights."""
        super().setup(facts)
        if self.ssl is None:
            self.ssl = FrozenModule(self._model.load())

    def features(self, wav: Tensor) -> Tensor:
        """Weighted sum of layers, eqs. 15 and 16: (B, N) -> (B, T', D)."""
        assert self.ssl is not None  # set by setup
        layers = self.ssl(wav, self.top)
        return sum(weight * layer for weight, layer in zip(self.layer_weights, layers, strict=True) if weight)

    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) output and reference, lengths (B,) samples or None (all N) -> scalar."""
        if self.ssl is None:
            self.setup(TrainingFacts(self.fs))
            self.to(output.device)
        if lengths is None:
            return self._distances(output, reference).mean()
        samples = lengths.tolist()
        rows = {count: [i for i, n in enumerate(samples) if n == count] for count in set(samples)}
        return torch.cat([self._distances(output[i, :n], reference[i, :n]) for n, i in rows.items()]).mean()

    def _distances(self, output: Tensor, reference: Tensor) -> Tensor:
        """Eq. 14 for utterances of equal length: (B, N), (B, N) -> (B,)."""
        with torch.no_grad():
            clean = self.features(reference)
        return (self.features(output) - clean).float().square().mean((1, 2))
