"""The joint loss of ParaNoise-SV, and the targets of its estimates."""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from toolkit.io.errors import InputError, some_of
from toolkit.losses.speaker.margin import AAMSoftmax, AngularPrototypical, SoftmaxCE, SpeakerLoss

TERMS = ("noise", "speech", "initial", "prototype", "margin")


def targets(
    spectra: Mapping[str, tuple[Tensor, Tensor | None]],
    facts: Sequence[Mapping[str, str]],
    classes: Sequence[str],
    device: torch.device,
) -> dict[str, Tensor]:
    """What the estimates of a batch should be.

    Args:
        spectra: ``spk1`` and ``noise1`` -> their log-mel (B, T, F) and lengths (B,) frames or None.
        facts: of each mixture: ``noise``, its kind (``clean`` is none), and ``snr`` in dB.
        classes: kinds of noise, in the order of the classifier; none where there is no classifier.
        device: of the result.

    Returns:
        ``speech`` and ``noise`` (B, T, F) where their streams are there; ``frames`` (B,) where lengths differ;
        ``noisy`` (B,) bool; ``noise_class`` (B,) int64, -1 where it is none; ``snr`` (B,) dB, NaN without noise.

    Raises:
        InputError: a kind of noise is none of the classes.
    """
    names = {"spk1": "speech", "noise1": "noise"}
    wanted = {names[stream]: feats for stream, (feats, _) in spectra.items()}
    lengths = next(iter(spectra.values()))[1]
    if lengths is not None:
        wanted["frames"] = lengths
    kinds = [fact.get("noise", "clean") for fact in facts]
    check_classes(kinds, classes)
    snrs = [
        float(fact.get("snr", "nan")) if kind != "clean" else math.nan for fact, kind in zip(facts, kinds, strict=True)
    ]
    return wanted | {
        "noisy": torch.tensor([kind != "clean" for kind in kinds], device=device),
        "noise_class": torch.tensor([classes.index(k) if k in classes else -1 for k in kinds], device=device),
        "snr": torch.tensor(snrs, device=device),
    }


def check_classes(kinds: Iterable[str], classes: Sequence[str]) -> None:
    """Raise InputError when there are classes and a kind of noise is none of them."""
    if classes and (unknown := sorted({*kinds} - {*classes, "clean"})):
        raise InputError(
            f"model.init_args.noise_classes are {', '.join(classes)}; the mixtures have {some_of(unknown)}: add it"
        )


def masked_mse(estimate: Tensor, wanted: Tensor, frames: Tensor | None, chosen: Tensor | None = None) -> Tensor:
    """Mean squared error over the real frames of the chosen items.

    Args:
        estimate, wanted: (B, T, F).
        frames: (B,) real frames, None for all T.
        chosen: (B,) bool, None for all; where none is chosen the loss is 0.
    """
    weight = torch.ones(estimate.shape[:2], device=estimate.device)
    if frames is not None:
        weight = (torch.arange(estimate.shape[1], device=estimate.device) < frames[:, None]).float()
    if chosen is not None:
        weight = weight * chosen[:, None]
    error = (estimate.float() - wanted.float()).square().mean(-1)
    return (error * weight).sum() / weight.sum().clamp(min=1)


class ParaNoiseLoss(SpeakerLoss):
    """L = L_n + L_s + L_C + L_AP + L_AAM (ParaNoise-SV, eq. 9).

    L_n, L_s: mean squared error of the estimated log-mel of noise and of speech; L_n counts the noisy utterances alone,
    since the log-mel of no noise is a constant floor. In place of L_n the counterparts of table 4 have a cross-entropy
    of the kind of noise, a Huber loss (delta 1 dB) of its SNR, or both. L_C: cross-entropy of a linear layer over the
    speakers on the initial embedding. L_AP, L_AAM: angular prototypical and additive angular margin losses of the final
    embedding. A batch holds each speaker's clean utterance beside a noisy one (``clean_members: 1`` of the data), so
    that L_AP draws the noisy towards the clean.

    Args:
        margin, scale: of L_AAM, radians and factor.
        weights: by term: ``noise``, ``speech``, ``initial``, ``prototype``, ``margin``; 1 where none is given.

    Attributes:
        parts: unweighted terms of the last batch by name, for the log.

    Raises:
        InputError: a weight names no term.
    """

    utterances_per_speaker = 2

    def __init__(self, margin: float = 0.15, scale: float = 32.0, weights: dict[str, float] | None = None):
        super().__init__()
        if unknown := sorted(set(weights or {}) - set(TERMS)):
            raise InputError(f"weights: {unknown[0]}: no such term; there are {', '.join(TERMS)}")
        self.weights = {term: (weights or {}).get(term, 1.0) for term in TERMS}
        self.initial, self.prototype, self.margin = SoftmaxCE(), AngularPrototypical(), AAMSoftmax(margin, scale)
        self.parts: dict[str, Tensor] = {}

    def setup(self, embedding_dim: int, num_speakers: int) -> None:
        """See SpeakerLoss."""
        for loss in (self.initial, self.prototype, self.margin):
            loss.setup(embedding_dim, num_speakers)

    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), (B,) -> L_AP + L_AAM of final embeddings alone, (B, N) logits."""
        return self.joint({"embedding": embeddings}, labels, {})

    def joint(self, said: dict[str, Tensor], labels: Tensor, wanted: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """See SpeakerLoss; a term whose estimate a network does not give is left out."""
        margin, logits = self.margin(said["embedding"], labels)
        terms = {"margin": margin, "prototype": self.prototype(said["embedding"], labels)[0]}
        if "initial" in said:
            terms["initial"] = self.initial(said["initial"], labels)[0]
        if "speech" in said:
            terms["speech"] = masked_mse(said["speech"], wanted["speech"], wanted.get("frames"))
        noise = _noise_terms(said, wanted)
        if noise:
            terms["noise"] = sum(noise)
        self.parts = {name: term.detach() for name, term in terms.items()}
        return sum(self.weights[name] * term for name, term in terms.items()), logits


def _noise_terms(said: dict[str, Tensor], wanted: dict[str, Tensor]) -> list[Tensor]:
    """What the noise extraction is trained by, on the noisy utterances of the batch."""
    terms = []
    if "noise" in said:
        terms.append(masked_mse(said["noise"], wanted["noise"], wanted.get("frames"), wanted["noisy"]))
    if "noise_class" in said:
        known = wanted["noise_class"] >= 0
        loss = F.cross_entropy(said["noise_class"].float(), wanted["noise_class"].clamp(min=0), reduction="none")
        terms.append((loss * known).sum() / known.sum().clamp(min=1))
    if "noise_snr" in said:
        snr = torch.where(wanted["noisy"], wanted["snr"], 0.0)
        loss = F.huber_loss(said["noise_snr"].float(), snr.float(), reduction="none", delta=1.0)
        terms.append((loss * wanted["noisy"]).sum() / wanted["noisy"].sum().clamp(min=1))
    return terms
