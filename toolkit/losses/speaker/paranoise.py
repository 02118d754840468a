"""The joint loss of ParaNoise-SV: targets of its spectrograms and of its noise attributes, and five terms."""

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
    """(B,) bool of the facts of B mixtures: their ``noise`` is a kind, and not ``clean``."""
    return torch.tensor([fact.get("noise", "clean") != "clean" for fact in facts], device=device)


def snr_targets(facts: Sequence[Mapping[str, str]], device: torch.device) -> Tensor:
    """(B,) dB of the facts of B mixtures; 0 without noise, where it does not count."""
    values = [float(fact.get("snr", 0)) if fact.get("noise", "clean") != "clean" else 0.0 for fact in facts]
    return torch.tensor(values, device=device)


def class_targets(facts: Sequence[Mapping[str, str]], classes: Sequence[str], device: torch.device) -> Tensor:
    """(B,) int64 of the facts of B mixtures: place of their kind of noise among ``classes``, -1 where it is none.

    Raises:
        InputError: a kind of noise is none of the classes.
    """
    kinds = [fact.get("noise", "clean") for fact in facts]
    check_classes(kinds, classes)
    return torch.tensor([classes.index(kind) if kind in classes else -1 for kind in kinds], device=device)


def check_classes(kinds: Iterable[str], classes: Sequence[str]) -> None:
    """Raise InputError when there are classes and a kind of noise is none of them."""
    if classes and (unknown := sorted({*kinds} - {*classes, "clean"})):
        raise InputError(
            f"model.init_args.noise_classes are {', '.join(classes)}; the mixtures have {some_of(unknown)}: add it"
        )


def masked_mse(output: Tensor, target: Tensor, frames: Tensor | None, chosen: Tensor | None = None) -> Tensor:
    """Mean squared error over the real frames of the chosen items.

    Args:
        output, target: (B, T, F).
        frames: (B,) real frames, None for all T.
        chosen: (B,) bool, None for all; where none is chosen the loss is 0.
    """
    weight = torch.ones(output.shape[:2], device=output.device)
    if frames is not None:
        weight = (torch.arange(output.shape[1], device=output.device) < frames[:, None]).float()
    if chosen is not None:
        weight = weight * chosen[:, None]
    error = (output.float() - target.float()).square().mean(-1)
    return (error * weight).sum() / weight.sum().clamp(min=1)


class SpeechSpectrogram(Loss):
    """L_s: mean squared error of the log-mel of the speech, output ``speech`` against ``spk1_feats``, (B, T, F)."""

    reads = ("speech",)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """``speech`` and ``spk1_feats`` (B, T, F), ``frames`` (B,) where lengths differ -> loss (scalar), no terms."""
        return masked_mse(outputs["speech"], outputs["spk1_feats"], outputs.get("frames")), {}


class NoiseExtraction(Loss):
    """L_n: what noise extraction is trained by, on the noisy utterances of the batch; the sum of what there is.

    ``noise`` (B, T, F): mean squared error against ``noise1_feats``; ``noise_class`` (B, classes): cross-entropy;
    ``noise_snr`` (B,): Huber loss, delta 1 dB.
    """

    reads = ("noise", "noise_class", "noise_snr")
    classes: tuple[str, ...] = ()

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.classes = facts.classes.get("noise_class", ())

    def check_data(self, data) -> None:
        """See Loss; the planner's noises must be classes of the network."""
        if planner := getattr(data, "planner", None):
            check_classes(planner.noises, self.classes)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, T, F), (B, classes), (B,); ``facts`` of B mixtures tell kind and SNR -> loss (scalar)."""
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

    L_n, L_s: mean squared error of the log-mel of noise and of speech; L_n counts the noisy utterances alone, since the
    log-mel of no noise is a constant floor. In place of L_n the counterparts of table 4 have a cross-entropy of the
    kind of noise, a Huber loss (delta 1 dB) of its SNR, or both. L_C: cross-entropy of a linear layer over the speakers
    on the initial embedding. L_AP, L_AAM: angular prototypical and additive angular margin losses of the final
    embedding. A batch holds each speaker's clean utterance beside a noisy one (``clean_members: 1`` of the data), so
    that L_AP draws the noisy towards the clean. A term whose output a network does not give is left out.

    Args:
        margin, scale: of L_AAM, radians and factor.
        weights: by term: ``noise``, ``speech``, ``initial``, ``prototype``, ``margin``; 1 where none is given.

    Raises:
        InputError: a weight names no term.
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
        """Those whose outputs the network gives, the losses of the final embedding first."""
        members = reversed(super().members(outputs).items())
        return {name: loss for name, loss in members if any(output in outputs for output in loss.reads)}
