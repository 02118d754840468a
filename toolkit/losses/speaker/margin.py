"""Losses on speaker embeddings: softmax, additive (angular) margin, angular prototypical."""

import math
from abc import abstractmethod
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.io.errors import InputError, some_of
from toolkit.losses.base import Loss, TrainingFacts


class SpeakerLoss(Loss):
    """A loss on speaker embeddings and speaker labels.

    A subclass implements ``setup`` and ``compare``; its constructor sets ``output`` if that is not ``embedding``.

    Attributes:
        output: name of the vector (B, D) among the outputs of the network.
    """

    output: str = "embedding"

    @property
    def reads(self) -> tuple[str, ...]:
        """The output that the loss reads."""
        return (self.output,)

    @abstractmethod
    def compare(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor | None]:
        """Loss of a batch.

        Args:
            embeddings: (B, D).
            labels: (B,) int64, 0 to N - 1.

        Returns:
            the loss, a scalar, and the logits of the speakers without margin (B, N), for the accuracy; None if the
            loss has no classifier.
        """

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """See Loss; reads ``output`` (B, D) and ``labels`` (B,). Term: ``accuracy``, if the loss has logits."""
        if "labels" not in batch:
            raise InputError(f"loss {type(self).__name__}: needs speaker labels; add utt2spk to the training set")
        loss, logits = self.compare(self.output_of(outputs, self.output), batch["labels"])
        if logits is None:
            return loss, {}
        name = "accuracy" if self.output == "embedding" else f"accuracy_{self.output}"
        return loss, {name: (logits.detach().argmax(1) == batch["labels"]).float().mean()}

    def size_of(self, facts: TrainingFacts) -> int:
        """D of the vectors. Raises InputError if the network has no such output."""
        if self.output not in facts.dims:
            raise InputError(
                f"loss {type(self).__name__}: reads the vector `{self.output}`; the network has {some_of(facts.dims)}"
            )
        return facts.dims[self.output]


class SoftmaxCE(SpeakerLoss):
    """Cross-entropy of a linear layer with bias over the speakers.

    Args:
        output: see SpeakerLoss.

    Example::

        loss: {class_path: SoftmaxCE}
    """

    def __init__(self, output: str = "embedding"):
        super().__init__()
        self.output = output

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.classifier = nn.Linear(self.size_of(facts), facts.num_speakers)

    def compare(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), (B,) -> loss, (B, N) logits."""
        logits = self.classifier(embeddings)
        return F.cross_entropy(logits, labels), logits


class AAMSoftmax(SpeakerLoss):
    """Additive angular margin softmax, ArcFace (Deng et al. 2019, arXiv 1801.07698, eq. 3).

    The target's logit is s cos(theta + m), the others' s cos(theta); theta is the angle between the embedding and the
    weight vector of the speaker. For theta + m > pi, where the cosine would rise again, the target's logit is
    s (cos(theta) - m sin(m)). Computed in float32, also under autocast.

    Args:
        margin: m in radians. The attribute may change between steps (margin warm-up).
        scale: s.
        easy_margin: apply the margin only for cos(theta) > 0.
        output: see SpeakerLoss.

    Example::

        loss: {class_path: AAMSoftmax, init_args: {margin: 0.2, scale: 30}}
    """

    def __init__(self, margin: float = 0.2, scale: float = 30.0, easy_margin: bool = False, output: str = "embedding"):
        super().__init__()
        self.output = output
        self.margin = margin
        self.scale = scale
        self.easy_margin = easy_margin

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.weight = nn.Parameter(torch.empty(facts.num_speakers, self.size_of(facts)))
        nn.init.xavier_normal_(self.weight)

    def compare(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), (B,) -> loss, (B, N) logits s cos(theta), without the margin."""
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine = F.linear(F.normalize(embeddings.float()), F.normalize(self.weight.float()))
            target = labels[:, None]
            with_margin = cosine.scatter(1, target, self._add_margin(cosine.gather(1, target)))
            return F.cross_entropy(self.scale * with_margin, labels), self.scale * cosine

    def _add_margin(self, cosine: Tensor) -> Tensor:
        # The floor keeps the gradient of the root finite (zero) at cosine = +-1.
        sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()
        shifted = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        if self.easy_margin:
            return torch.where(cosine > 0, shifted, cosine)
        beyond = cosine - self.margin * math.sin(self.margin)
        return torch.where(cosine > -math.cos(self.margin), shifted, beyond)


class AMSoftmax(AAMSoftmax):
    """Additive margin softmax, CosFace (Wang et al. 2018, arXiv 1801.05599, eq. 6).

    The target's logit is s (cos(theta) - m), the others' s cos(theta); else as :class:`AAMSoftmax`.

    Args:
        margin: m, of the cosine.
        scale: s.
        output: see SpeakerLoss.
    """

    def __init__(self, margin: float = 0.4, scale: float = 30.0, output: str = "embedding"):
        super().__init__(margin, scale, output=output)

    def _add_margin(self, cosine: Tensor) -> Tensor:
        return cosine - self.margin


class AngularPrototypical(SpeakerLoss):
    """Angular prototypical loss (Chung et al. 2020, In defence of metric learning, arXiv 2003.11982, section 2.2).

    The last utterance of each speaker in the batch is the query, the mean of the others is the prototype. The loss is
    the cross-entropy of w cos(query, prototype) + b over the speakers of the batch. If a speaker has two groups in the
    batch, the prototype of one is not a negative for the query of the other. Computed in float32, also under autocast.

    Args:
        init_scale: initial w; w stays positive.
        init_bias: initial b.
        utterances_per_speaker: U, 2 or more.
        output: see SpeakerLoss.

    Raises:
        InputError: ``utterances_per_speaker`` is below 2.

    Example::

        loss: {class_path: AngularPrototypical, init_args: {utterances_per_speaker: 2}}
    """

    def __init__(
        self,
        init_scale: float = 10.0,
        init_bias: float = -5.0,
        utterances_per_speaker: int = 2,
        output: str = "embedding",
    ):
        super().__init__()
        self.output = output
        if utterances_per_speaker < 2:
            raise InputError(f"utterances_per_speaker {utterances_per_speaker}: must be 2 or more")
        self.utterances_per_speaker = utterances_per_speaker
        self.init_scale = init_scale
        self.init_bias = init_bias

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.scale = nn.Parameter(torch.tensor(float(self.init_scale)))
        self.bias = nn.Parameter(torch.tensor(float(self.init_bias)))
        self._order_checked = False

    def compare(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, None]:
        """(B, D), (B,) with B a multiple of U -> loss, None.

        Raises:
            ValueError: the batch does not hold U adjacent utterances of each speaker. (Labels are checked only in the
                first batch, because reading them makes the CPU wait for the GPU; later only B is checked.)
        """
        per_speaker = self.utterances_per_speaker
        if len(labels) % per_speaker or not (self._order_checked or self._in_order(labels)):
            raise ValueError(f"a batch must hold {per_speaker} adjacent utterances of each speaker")
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
