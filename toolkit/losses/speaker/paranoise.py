"""The training loss of ParaNoise-SV: its five terms, and the targets of spectrograms and noise attributes."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add

import torch
import torch.nn.functional as F
from torch import Tensor

from toolkit.io.errors import InputError, some_of
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE, SpeakerLoss
from toolkit.losses.weighted_sum import WeightedSum

TERMS = ("noise", "speech", "initial", "prototype", "margin")


def is_noisy(facts: Sequence[Mapping[str, str]], device: torch.device) -> Tensor:
    """Facts of B mixtures -> (B,) bool: whether they have a noise (``noise`` is not ``clean``)."""
    return torch.tensor([fact.get("noise", "clean") != "clean" for fact in facts], device=device)


def snr_targets(facts: Sequence[Mapping[str, str]], device: torch.device) -> Tensor:
    """Facts of B mixtures -> (B,) SNR in dB; 0 (ignored) without noise."""
    values = [float(fact.get("snr", 0)) if fact.get("noise", "clean") != "clean" else 0.0 for fact in facts]
    return torch.tensor(values, device=device)


def class_targets(facts: Sequence[Mapping[str, str]], classes: Sequence[str], device: torch.device) -> Tensor:
    """Facts of B mixtures -> (B,) int64: index of their noise type in ``classes``, -1 without noise.

    Raises:
        InputError: a noise type is not in ``classes``.
    """
    kinds = [fact.get("noise", "clean") for fact in facts]
    check_classes(kinds, classes)
    return torch.tensor([classes.index(kind) if kind in classes else -1 for kind in kinds], device=device)


def check_classes(kinds: Iterable[str], classes: Sequence[str]) -> None:
    """Raise InputError if ``classes`` is not empty and lacks a noise type."""
    if classes and (unknown := sorted({*kinds} - {*classes, "clean"})):
        raise InputError(
            f"model.init_args.noise_classes are {', '.join(classes)}; the mixtures have {some_of(unknown)}: add it"
        )


def masked_mse(output: Tensor, target: Tensor, frames: Tensor | None, chosen: Tensor | None = None) -> Tensor:
    """Mean squared error over the valid frames of the chosen items.

    Args:
        output, target: (B, T, F).
        frames: (B,) number of valid frames; None: all T.
        chosen: (B,) bool; None: all. The loss is 0 if no item is chosen.
    """
    weight = torch.ones(output.shape[:2], device=output.device)
    if frames is not None:
        weight = (torch.arange(output.shape[1], device=output.device) < frames[:, None]).float()
    if chosen is not None:
        weight = weight * chosen[:, None]
    error = (output.float() - target.float()).square().mean(-1)
    return (error * weight).sum() / weight.sum().clamp(min=1)


class SpeechSpectrogram(Loss):
    """L_s: mean squared error of the log-mel of the speech: ``speech`` against ``spk1_feats``, (B, T, F)."""

    reads = ("speech",)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """``speech`` and ``spk1_feats`` (B, T, F), ``frames`` (B,) if lengths differ -> loss (scalar), no terms."""
        return masked_mse(outputs["speech"], outputs["spk1_feats"], outputs.get("frames")), {}


class NoiseExtraction(Loss):
    """L_n: loss of noise extraction on the noisy utterances of the batch; the sum over the existing outputs.

    ``noise`` (B, T, F): mean squared error against ``noise1_feats``; ``noise_class`` (B, classes): cross-entropy;
    ``noise_snr`` (B,): Huber loss, delta 1 dB.
    """

    reads = ("noise", "noise_class", "noise_snr")
    classes: tuple[str, ...] = ()

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.classes = facts.classes.get("noise_class", ())

    def check_data(self, data) -> None:
        """See Loss. Raises InputError if a noise type of the planner is not a class of the network."""
        if planner := getattr(data, "planner", None):
            check_classes(planner.noises, self.classes)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, T, F), (B, classes), (B,); ``facts`` of B mixtures give noise type and SNR -> loss (scalar)."""
        terms, facts = [], batch["facts"]
        device = next(outputs[name] for name in self.reads if name in outputs).device
        noisy = is_noisy(facts, device)
        if "noise" in outputs:
            terms.append(masked_mse(outputs["noise"], outputs["noise1_feats"], outputs.get("frames"), noisy))
        if "noise_class" in outputs:
            target = class_targets(facts, self.classes, device)
            loss = F.cross_entropy(outputs["noise_class"].float(), target.clamp(min=0), reduction="none")
            terms.append((loss * (target >= 0)).sum() / (target >= 0).sum().clamp(min=1))
        if "noise_snr" in outputs:
            target = snr_targets(facts, device)
            loss = F.huber_loss(outputs["noise_snr"].float(), target, reduction="none", delta=1.0)
            terms.append((loss * noisy).sum() / noisy.sum().clamp(min=1))
        return reduce(add, terms), {}


class ParaNoiseLoss(WeightedSum):
    """L = L_n + L_s + L_C + L_AP + L_AAM (ParaNoise-SV, eq. 9).

    L_n, L_s: mean squared error of the log-mel of noise and of speech. L_n uses only noisy utterances, because the
    log-mel without noise is a constant floor. The variants of table 4 replace L_n by a cross-entropy of the noise type,
    a Huber loss (delta 1 dB) of the SNR, or both. L_C: cross-entropy of a linear layer over the speakers on the initial
    embedding. L_AP, L_AAM: angular prototypical and additive angular margin losses of the final embedding. A batch has
    a clean and a noisy utterance per speaker (``clean_members: 1`` of the data), so that L_AP moves noisy embeddings
    towards clean ones. Terms without an output of the network are skipped.

    Args:
        margin, scale: m (radians) and s of L_AAM.
        weights: weights of ``noise``, ``speech``, ``initial``, ``prototype`` and ``margin``; default 1.

    Raises:
        InputError: a weight has an unknown name.

    Example::

        loss: {class_path: ParaNoiseLoss, init_args: {weights: {noise: 0.5}}}
    """

    def __init__(self, margin: float = 0.15, scale: float = 32.0, weights: dict[str, float] | None = None):
        members = (
            NoiseExtraction(),
            SpeechSpectrogram(),
            SoftmaxCE(output="initial"),
            AngularPrototypical(),
            AAMSoftmax(margin, scale),
        )
        super().__init__(dict(zip(TERMS, members, strict=True)), weights)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        for name, loss in list(self.losses.items()):
            if isinstance(loss, SpeakerLoss) and loss.output not in facts.dims:
                del self.losses[name]
        super().setup(facts)

    def members(self, outputs: Mapping[str, Tensor]) -> dict[str, Loss]:
        """The losses whose outputs the network has, those of the final embedding first."""
        members = reversed(super().members(outputs).items())
        return {name: loss for name, loss in members if any(output in outputs for output in loss.reads)}
