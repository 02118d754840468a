"""Losses over speaker embeddings: softmax, additive angular margin, angular prototypical, and sums of them."""

import math
from abc import ABC, abstractmethod
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.io.errors import InputError, some_of


class SpeakerLoss(nn.Module, ABC):
    """A training loss over a batch of speaker embeddings.

    A class of your own plugs in by its import path (``class_path``, ``init_args``), as an encoder does.

    Attributes:
        utterances_per_speaker: utterances of each speaker which a batch must hold, side by side (rows: speaker 0
            utterance 0, speaker 0 utterance 1, speaker 1 utterance 0, ...); 1 asks for nothing.
    """

    utterances_per_speaker: int = 1

    @abstractmethod
    def setup(self, embedding_dim: int, num_speakers: int) -> None:
        """Create the parameters; the task calls it once, before the optimizer is made.

        Args:
            embedding_dim: D of the encoder.
            num_speakers: N of the training set.
        """

    @abstractmethod
    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Loss of a batch.

        Args:
            embeddings: (B, D).
            labels: (B,) int64, 0 to N - 1.

        Returns:
            the loss, a scalar, and the (B, N) logits of the speakers without margin (for the accuracy); None from a
            loss which classifies no speakers.
        """

    def joint(self, said: dict[str, Tensor], labels: Tensor, wanted: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Loss of all that a network says of a batch; a loss over embeddings alone looks at nothing else.

        Args:
            said: see SpeakerEncoder.estimates; holds ``embedding`` (B, D).
            labels: (B,) int64.
            wanted: see toolkit.losses.speaker.paranoise.targets; empty where the network asks for no other streams.

        Returns:
            as forward.
        """
        return self(said["embedding"], labels)


class SoftmaxCE(SpeakerLoss):
    """Cross-entropy of a linear layer with bias over the speakers."""

    def setup(self, embedding_dim: int, num_speakers: int) -> None:
        """See SpeakerLoss."""
        self.classifier = nn.Linear(embedding_dim, num_speakers)

    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), (B,) -> loss, (B, N) logits."""
        logits = self.classifier(embeddings)
        return F.cross_entropy(logits, labels), logits


class AAMSoftmax(SpeakerLoss):
    """Additive angular margin softmax, ArcFace (Deng et al. 2019, arXiv 1801.07698, eq. 3).

    The target's logit is s cos(theta + m), the others' s cos(theta), theta being the angle between embedding and
    speaker weight. Where theta + m passes pi the cosine would rise again; there the target's is cos(theta) - m sin(m).
    Computed in float32 also under autocast.

    Args:
        margin: m, radians. The attribute may change between steps (margin warm-up).
        scale: s.
        easy_margin: margin only where cos(theta) > 0, plain cos(theta) elsewhere.
    """

    def __init__(self, margin: float = 0.2, scale: float = 30.0, easy_margin: bool = False):
        super().__init__()
        self.margin = margin
        self.scale = scale
        self.easy_margin = easy_margin

    def setup(self, embedding_dim: int, num_speakers: int) -> None:
        """See SpeakerLoss."""
        self.weight = nn.Parameter(torch.empty(num_speakers, embedding_dim))
        nn.init.xavier_normal_(self.weight)

    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), (B,) -> loss, (B, N) logits s cos(theta), without the margin."""
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine = F.linear(F.normalize(embeddings.float()), F.normalize(self.weight.float()))
            target = labels[:, None]
            with_margin = cosine.scatter(1, target, self._add_margin(cosine.gather(1, target)))
            return F.cross_entropy(self.scale * with_margin, labels), self.scale * cosine

    def _add_margin(self, cosine: Tensor) -> Tensor:
        # The floor keeps the root's gradient finite at cosine = +-1 (there it is zero).
        sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()
        shifted = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        if self.easy_margin:
            return torch.where(cosine > 0, shifted, cosine)
        beyond = cosine - self.margin * math.sin(self.margin)
        return torch.where(cosine > -math.cos(self.margin), shifted, beyond)


class AngularPrototypical(SpeakerLoss):
    """Angular prototypical loss (Chung et al. 2020, In defence of metric learning, arXiv 2003.11982, section 2.2).

    The last utterance of each speaker in the batch is the query, the mean of the others the speaker's prototype;
    cross-entropy of w cos(query, prototype) + b over the batch's speakers. Where a speaker is in the batch twice, the
    prototype of one group is no negative of the other's query. Computed in float32 also under autocast.

    Args:
        init_scale: w to start from; it is kept positive.
        init_bias: b to start from.
        utterances_per_speaker: U, 2 or more.

    Raises:
        InputError: ``utterances_per_speaker`` is below 2.
    """

    def __init__(self, init_scale: float = 10.0, init_bias: float = -5.0, utterances_per_speaker: int = 2):
        super().__init__()
        if utterances_per_speaker < 2:
            raise InputError(f"utterances_per_speaker {utterances_per_speaker}: the prototypical loss needs 2 or more")
        self.utterances_per_speaker = utterances_per_speaker
        self.init_scale = init_scale
        self.init_bias = init_bias

    def setup(self, embedding_dim: int, num_speakers: int) -> None:
        """See SpeakerLoss."""
        self.scale = nn.Parameter(torch.tensor(float(self.init_scale)))
        self.bias = nn.Parameter(torch.tensor(float(self.init_bias)))
        self._order_checked = False

    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, None]:
        """(B, D), (B,) with B a multiple of U -> loss, None.

        Raises:
            ValueError: the batch does not hold U utterances of each speaker side by side (all of it is checked in the
                first batch, later only B: reading labels would hold up the device).
        """
        per_speaker = self.utterances_per_speaker
        if len(labels) % per_speaker or not (self._order_checked or self._in_order(labels)):
            raise ValueError(f"a batch must hold {per_speaker} utterances of each speaker side by side")
        self._order_checked = True
        with torch.autocast(embeddings.device.type, enabled=False):
            grouped = embeddings.float().unflatten(0, (-1, per_speaker))
            prototypes = F.normalize(grouped[:, :-1].mean(1), dim=-1)
            similarity = F.normalize(grouped[:, -1], dim=-1) @ prototypes.T
            logits = self.scale.clamp(min=1e-6) * similarity + self.bias
            speaker = labels[::per_speaker]
            own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
            logits = logits.masked_fill((speaker[:, None] == speaker) & ~own, -math.inf)
            return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device)), None

    def _in_order(self, labels: Tensor) -> bool:
        grouped = labels.unflatten(0, (-1, self.utterances_per_speaker))
        return bool((grouped == grouped[:, :1]).all())


class SumLoss(SpeakerLoss):
    """Weighted sum of losses, e.g. AAM-softmax and angular prototypical.

    Args:
        losses: the members by name.
        weights: by name; a member without one has weight 1.

    Attributes:
        parts: unweighted losses of the last batch by name, detached scalars, for the log.

    Raises:
        InputError: no members; a weight names no member; members ask for different numbers of utterances per speaker.
    """

    def __init__(self, losses: dict[str, SpeakerLoss], weights: dict[str, float] | None = None):
        super().__init__()
        weights = weights or {}
        if not losses:
            raise InputError("losses: the sum has no members; give at least one")
        if unknown := weights.keys() - losses.keys():
            raise InputError(f"weights: {some_of(sorted(unknown))}: no such loss; there are {some_of(losses)}")
        demands = {loss.utterances_per_speaker for loss in losses.values()} - {1}
        if len(demands) > 1:
            raise InputError(f"losses: utterances_per_speaker {some_of(sorted(demands))} differ; make them one number")
        self.utterances_per_speaker = max(demands, default=1)
        self.losses = nn.ModuleDict(losses)
        self.weights = {name: weights.get(name, 1.0) for name in losses}
        self.parts: dict[str, Tensor] = {}

    def setup(self, embedding_dim: int, num_speakers: int) -> None:
        """See SpeakerLoss."""
        for loss in self.losses.values():
            cast(SpeakerLoss, loss).setup(embedding_dim, num_speakers)

    def forward(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, D), (B,) -> weighted sum, (B, N) logits of the first member which has them."""
        results = {name: loss(embeddings, labels) for name, loss in self.losses.items()}
        self.parts = {name: loss.detach() for name, (loss, _) in results.items()}
        total = sum(self.weights[name] * loss for name, (loss, _) in results.items())
        return total, next((logits for _, logits in results.values() if logits is not None), None)
