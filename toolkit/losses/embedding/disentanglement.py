"""Losses of DRL, disentangled representation learning (Nam et al., Interspeech 2024).

They keep the speaker in one code of the network, ``embedding``, and the environment in another, ``environment``. Rows
of the codes, (3S, E), are three adjacent utterances per speaker: anchor, positive (in the environment of the anchor),
negative (in another environment).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cosine_similarity, normalize
from torch.optim.adam import adam

from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.embedding.reconstruction import InputReconstruction
from toolkit.losses.speaker.margin import AngularPrototypical, SoftmaxCE
from toolkit.losses.weighted_sum import WeightedSum

_NO_LABELS = "loss SpeakerOfTriplet: needs speaker labels, but the training set has no utt2spk; add it"


class SpeakerOfTriplet(Loss):
    """Softmax and angular prototypical loss on two of the three utterances, one per environment.

    Args:
        members: indices of the two utterances, the prototype first. The authors use the anchor and one of the others.

    Raises:
        InputError: ``members`` is not two of 0, 1 and 2.

    Example::

        loss: {class_path: SpeakerOfTriplet, init_args: {members: [0, 2]}}
    """

    utterances_per_speaker = 3
    reads = ("embedding",)

    def __init__(self, members: tuple[int, int] = (0, 2)):
        super().__init__()
        if len({*members} & {0, 1, 2}) != 2:
            raise InputError(f"members {list(members)}: must be two of 0, 1 and 2")
        self.members = list(members)
        self.losses = WeightedSum({"softmax": SoftmaxCE(), "prototype": AngularPrototypical()})

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss. Raises InputError if the training set has no labels."""
        if facts.num_speakers == 0:
            raise InputError(_NO_LABELS)
        self.losses.setup(facts)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs with ``embedding`` (3S, E), batch with ``labels`` (3S,) -> loss (scalar), terms.

        Terms: ``softmax``, ``prototype``, ``accuracy``. Raises InputError if the output or the labels are missing.
        """
        if "labels" not in batch:
            raise InputError(_NO_LABELS)
        codes, labels = self.output_of(outputs, "embedding").float(), batch["labels"]
        return self.losses({"embedding": self._chosen(codes)}, {"labels": self._chosen(labels)})

    def _chosen(self, rows: Tensor) -> Tensor:
        return rows.unflatten(0, (-1, 3))[:, self.members].flatten(0, 1)


class EnvironmentTriplet(Loss):
    """Triplet loss of a discriminator that separates environments by a code.

    Args:
        output: name of the code (3S, E) among the outputs of the network.
        hidden_dim: hidden size of the discriminator; None: E.
        margin: margin on the squared distances, see triplet_loss.

    Raises:
        InputError: ``hidden_dim`` is below 1.

    Example::

        loss: {class_path: EnvironmentTriplet, init_args: {output: environment}}
    """

    utterances_per_speaker = 3

    def __init__(self, output: str = "environment", hidden_dim: int | None = None, margin: float = 0.3):
        super().__init__()
        if hidden_dim is not None and hidden_dim < 1:
            raise InputError(f"hidden_dim {hidden_dim}: must be 1 or more")
        self.output, self.hidden_dim, self.margin = output, hidden_dim, margin

    @property
    def reads(self) -> tuple[str, ...]:
        """The code."""
        return (self.output,)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        dim = _sizes(facts, self, self.output)[0]
        hidden = self.hidden_dim or dim
        self.discriminator = nn.Sequential(
            *(nn.BatchNorm1d(dim, track_running_stats=False), nn.ELU(), nn.Linear(dim, hidden)),
            *(nn.BatchNorm1d(hidden, track_running_stats=False), nn.ELU(), nn.Linear(hidden, hidden)),
        )

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs with the code (3S, E) -> loss (scalar), no terms; InputError without the code."""
        codes = self.output_of(outputs, self.output)
        with torch.autocast(codes.device.type, enabled=False):
            return triplet_loss(self.discriminator(codes.float()), self.margin), {}


class AdversarialTriplet(EnvironmentTriplet):
    """EnvironmentTriplet with gradient reversal: the code becomes useless to separate environments.

    This loss trains the discriminator itself, not the trainer's optimizer: in training mode it makes ``steps`` steps of
    Adam per batch on the detached codes. The learning rate is constant (the authors' decays with that of the network).
    Weights and moments are parameters and buffers of this loss, so checkpoints hold them.

    Attributes (after ``setup``):
        moments: (2, W), Adam's first and second moments of the W weights of the discriminator.
        updates: number of steps, for each tensor of the discriminator.

    Args:
        output, hidden_dim, margin: see EnvironmentTriplet.
        steps: number of discriminator steps per batch.
        lr, weight_decay: learning rate and weight decay of its Adam.

    Raises:
        InputError: ``hidden_dim`` is below 1, ``steps`` or ``weight_decay`` below 0, or ``lr`` not above 0.

    Example::

        loss: {class_path: AdversarialTriplet, init_args: {steps: 5}}
    """

    moments: Tensor
    updates: Tensor

    def __init__(
        self,
        output: str = "embedding",
        hidden_dim: int | None = None,
        margin: float = 0.3,
        steps: int = 5,
        lr: float = 1e-3,
        weight_decay: float = 5e-5,
    ):
        super().__init__(output, hidden_dim, margin)
        if steps < 0 or not lr > 0 or weight_decay < 0:
            raise InputError(
                f"steps {steps}, lr {lr}, weight_decay {weight_decay}: lr must be above 0, the others 0 or more"
            )
        self.steps, self.lr, self.weight_decay = steps, lr, weight_decay

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        super().setup(facts)
        weights = list(self.discriminator.requires_grad_(False).parameters())
        self.register_buffer("moments", torch.zeros(2, sum(weight.numel() for weight in weights)))
        self.register_buffer("updates", torch.zeros(len(weights)))

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs with the code (3S, E) -> loss (scalar), term ``discriminator``; InputError without the code.

        In training it also updates the discriminator; the term is its loss before the last step.
        """
        codes = self.output_of(outputs, self.output)
        with torch.autocast(codes.device.type, enabled=False):
            codes = codes.float()
            reversed_codes = 2 * codes.detach() - codes  # same values, reversed gradient
            # Clone: the steps below change the weights before the backward pass of this loss.
            loss = self._loss({name: weight.clone() for name, weight in self._weights()}, reversed_codes)
            learns = self.training and self.steps > 0 and torch.is_grad_enabled()
            return loss, {"discriminator": self._learn(codes.detach())} if learns else {}

    def _weights(self) -> list[tuple[str, nn.Parameter]]:
        return list(self.discriminator.named_parameters())

    def _loss(self, weights: Mapping[str, Tensor], codes: Tensor) -> Tensor:
        return triplet_loss(functional_call(self.discriminator, dict(weights), (codes,)), self.margin)

    def _learn(self, codes: Tensor) -> Tensor:
        """Train the discriminator; returns the loss before the last step. Stops if a gradient is not finite."""
        weights = {name: weight.detach().requires_grad_() for name, weight in self._weights()}  # shares the memory
        values, sizes = list(weights.values()), [weight.numel() for weight in weights.values()]
        first, second = ([m.view_as(v) for m, v in zip(row.split(sizes), values, strict=True)] for row in self.moments)
        for _ in range(self.steps):
            loss = self._loss(weights, codes)
            gradients = _mean_of_processes(torch.autograd.grad(loss, values))
            if not torch.stack([gradient.isfinite().all() for gradient in gradients]).all():
                break  # as the trainer skips such a step
            with torch.no_grad():
                adam(
                    *(values, gradients, first, second, [], list(self.updates.unbind())),
                    amsgrad=False,
                    beta1=0.9,
                    beta2=0.999,
                    lr=self.lr,
                    weight_decay=self.weight_decay,
                    eps=1e-8,
                    maximize=False,
                )
        return loss.detach()


class CodeCorrelation(Loss):
    """Mean absolute Pearson correlation between speaker code and environment code of an utterance (MAPC).

    Example::

        loss: {class_path: CodeCorrelation}
    """

    reads = ("environment",)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss. Raises InputError if the sizes of the two codes differ."""
        speaker, environment = _sizes(facts, self, "embedding", "environment")
        if speaker != environment:
            raise InputError(
                f"loss CodeCorrelation: needs codes of one size; model.init_args.speaker_dim is {speaker}, "
                f"environment_dim {environment}; make them equal, or set the weight of the correlation to 0"
            )

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs with ``embedding`` and ``environment`` (B, E) -> loss (scalar), no terms; InputError without them."""
        codes = (self.output_of(outputs, name).float() for name in ("embedding", "environment"))
        speaker, environment = (code - code.mean(1, keepdim=True) for code in codes)
        return cosine_similarity(speaker, environment).abs().mean(), {}


class DRLLoss(WeightedSum):
    """Weighted sum of the losses of DRL. A batch holds three utterances per speaker (see the module).

    Args:
        hidden_dim: hidden size of the environment discriminators; None: size of their codes.
        margin: margin of the triplet losses.
        steps, lr, weight_decay: training of the discriminator on the speaker code, see AdversarialTriplet.
        weights: weights of ``speaker``, ``environment``, ``adversarial``, ``correlation`` and ``reconstruction``.
            Default: 0.5 for ``adversarial``, 1 for the others. A loss with weight 0 is not computed.

    Raises:
        InputError: a weight has an unknown name, or all weights are 0.

    Example::

        model: {class_path: DRL, init_args: {dim: 512}}
        loss: {class_path: DRLLoss, init_args: {weights: {adversarial: 0}}}
    """

    def __init__(
        self,
        hidden_dim: int | None = None,
        margin: float = 0.3,
        steps: int = 5,
        lr: float = 1e-3,
        weight_decay: float = 5e-5,
        weights: dict[str, float] | None = None,
    ):
        weights = {"adversarial": 0.5} | (weights or {})
        members = {
            "speaker": SpeakerOfTriplet(),
            "environment": EnvironmentTriplet("environment", hidden_dim, margin),
            "adversarial": AdversarialTriplet("embedding", hidden_dim, margin, steps, lr, weight_decay),
            "correlation": CodeCorrelation(),
            "reconstruction": InputReconstruction(),
        }
        super().__init__(
            {name: loss for name, loss in members.items() if weights.get(name, 1) != 0},
            {name: weight for name, weight in weights.items() if weight != 0 or name not in members},
        )
        self.utterances_per_speaker = 3


def triplet_loss(outputs: Tensor, margin: float) -> Tensor:
    """Mean of max(0, |a - p|^2 - |a - n|^2 + margin) over S triplets of unit vectors; outputs (3S, K), adjacent."""
    anchor, positive, negative = normalize(outputs).unflatten(0, (-1, 3)).unbind(1)
    near, far = (anchor - positive).square().sum(1), (anchor - negative).square().sum(1)
    return (near - far + margin).clamp(min=0).mean()


def _sizes(facts: TrainingFacts, loss: Loss, *outputs: str) -> list[int]:
    """Sizes of the vectors ``outputs`` of the network. Raises InputError if one is missing."""
    if missing := [name for name in outputs if name not in facts.dims]:
        raise InputError(f"loss {type(loss).__name__}: reads the vector `{missing[0]}`; use the model DRL")
    return [facts.dims[name] for name in outputs]


def _mean_of_processes(gradients: tuple[Tensor, ...]) -> list[Tensor]:
    """Gradients averaged over all processes, so that all make the same step."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        for gradient in gradients:
            torch.distributed.all_reduce(gradient)
            gradient /= torch.distributed.get_world_size()
    return list(gradients)
