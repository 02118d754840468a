"""What SSL-MSE costs a training step, in time and in memory.

A step of the paper's Conv-TasNet (17.3 M parameters) forward and back on one crop of 3 s by SSL-MSE in a model of WavLM
Base+'s size, with random weights, which cost as much as the published ones. Beside it stand the same step by SNR alone;
by SSL-MSE as its formula reads, with both sides in one gradient; and with the clean side's features made before, what
is all that a store of such features could save. All losses by SSL-MSE must be the same.
"""

from collections.abc import Callable

import torch
import torchaudio
from benchmark.harness import Peer, Record, compare, peak_mib, row
from torch import Tensor

from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.losses.enhancement.waveform import SNR, EnhancementLoss
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.ssl.base import SSLModel
from toolkit.models.ssl.wav2vec2 import Layers

FS, SECONDS = 16000, 3


class WavLMBase(SSLModel):
    """WavLM Base+ without its weights."""

    fs, num_layers = FS, 12

    def load(self) -> Layers:
        """See SSLModel."""
        torch.manual_seed(0)
        return Layers(torchaudio.models.wavlm_base(), normalized=False)


class BothSides(SSLMSE):
    """As eq. 14 reads."""

    def _distances(self, estimate: Tensor, reference: Tensor) -> Tensor:
        reference = reference.clone().requires_grad_()  # as much is kept of it as of the estimate
        return (self.features(estimate) - self.features(reference)).square().mean((1, 2))


class MadeBefore(SSLMSE):
    """The clean side's features are there already."""

    clean = None

    def _distances(self, estimate: Tensor, reference: Tensor) -> Tensor:
        if self.clean is None:
            with torch.no_grad():
                self.clean = self.features(reference)
        return (self.features(estimate) - self.clean).square().mean((1, 2))


def step_by(loss: EnhancementLoss):
    """A callable that goes forward and back; returns the loss."""
    loss.setup(FS)
    torch.manual_seed(1)
    network = ConvTasNet()
    mixture, speech = torch.randn(1, FS * SECONDS), torch.randn(1, FS * SECONDS)

    def step():
        network.zero_grad(set_to_none=True)
        value = loss(network(mixture), speech)
        value.backward()
        return float(value.detach())

    return step


def same(ours: float, theirs: float) -> None:
    """Equal losses."""
    assert abs(ours - theirs) <= 1e-5 * abs(theirs), f"{ours} and {theirs}"


def others() -> dict[str, Callable[[], EnhancementLoss]]:
    """Steps to compare with."""
    return {
        "by SNR alone": SNR,
        "gradient of both sides": lambda: BothSides(WavLMBase()),
        "clean features made before": lambda: MadeBefore(WavLMBase()),
    }


@row("memory of a training step of Conv-TasNet by SSL-MSE, WavLM Base+, 3 s")
def memory():
    """What a first step takes beyond weights. This row comes first: what a step has freed stays with the process."""
    actual = {}
    for name, make in {"": lambda: SSLMSE(WavLMBase()), **others()}.items():
        actual[name] = peak_mib(step_by(make()))
    ours = actual.pop("")
    records = []
    for name, theirs in actual.items():
        ratio = dict.fromkeys(("ratio", "low", "high"), theirs / ours)
        records.append(Record(ours=f"{ours:.0f} MiB", theirs=f"{theirs:.0f} MiB", peer=name, **ratio))
    return records


@row("training step of Conv-TasNet by SSL-MSE, WavLM Base+, 3 s")
def step():
    """Time."""
    peers = [
        Peer(name, lambda make=make: step_by(make()), agree=None if make is not SNR else lambda *_: None)
        for name, make in others().items()
    ]
    return compare(step_by(SSLMSE(WavLMBase())), peers, agree=same, rounds=3, unit="s a step")
