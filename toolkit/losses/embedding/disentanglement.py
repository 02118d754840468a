"""Losses of DRL: what a speaker code must hold, and what it must not (Nam et al., Interspeech 2024).

They read codes of three utterances of each speaker side by side, (3S, E): anchor, positive in the anchor's environment,
negative in another.
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

_NO_LABELS = "loss SpeakerOfTriplet: needs speaker labels, and the training set has no utt2spk; add it"


class SpeakerOfTriplet(Loss):
    """Softmax and angular prototypical loss of two of the three utterances, one in each environment.

    Args:
        members: which two, the prototype first; the authors take the anchor and one of the others.

    Raises:
        InputError: they are not two of 0, 1 and 2.
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
        """See Loss; InputError where the training set has no labels."""
        if facts.num_speakers == 0:
            raise InputError(_NO_LABELS)
        self.losses.setup(facts)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """``embedding`` (3S, E), ``labels`` (3S,) -> loss (scalar); terms ``softmax``, ``prototype``, ``accuracy``."""
        if "labels" not in batch:
            raise InputError(_NO_LABELS)
        codes, labels = self.output_of(outputs, "embedding").float(), batch["labels"]
        return self.losses({"embedding": self._chosen(codes)}, {"labels": self._chosen(labels)})

    def _chosen(self, rows: Tensor) -> Tensor:
        return rows.unflatten(0, (-1, 3))[:, self.members].flatten(0, 1)


class EnvironmentTriplet(Loss):
    """Triplet loss by which a discriminator tells environments by a code.

    Args:
        output: of the network, which code (3S, E).
        hidden_dim: of the discriminator; None: E.
        margin: see triplet_loss.

    Raises:
        InputError: ``hidden_dim`` is below 1.
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
        """The code (3S, E) -> loss (scalar), no terms."""
        codes = self.output_of(outputs, self.output)
        with torch.autocast(codes.device.type, enabled=False):
            return triplet_loss(self.discriminator(codes.float()), self.margin), {}


class AdversarialTriplet(EnvironmentTriplet):
    """As EnvironmentTriplet with the gradient of the code reversed, so that no discriminator finds environments in it.

    The discriminator learns here, not by the trainer's optimizer: in training mode, after each loss, by ``steps`` steps
    of Adam on the codes of the batch, of which no gradient goes to the network. Its rate is the same in all epochs (the
    authors' falls along with the other). Weights and moments are parameters and buffers of this loss, so checkpoints
    hold them.

    Attributes (after ``setup``):
        moments: (2, W), Adam's means of the gradient of the discriminator's W weights, and of its square.
        updates: steps made, of each of the discriminator's tensors.

    Args:
        output, hidden_dim, margin: see EnvironmentTriplet.
        steps: of the discriminator in a batch.
        lr, weight_decay: of its Adam.

    Raises:
        InputError: ``hidden_dim`` is below 1, ``steps`` below 0, or ``lr`` not above 0.
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
                f"steps {steps}, lr {lr}, weight_decay {weight_decay}: lr must be above 0, none of them below"
            )
        self.steps, self.lr, self.weight_decay = steps, lr, weight_decay

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        super().setup(facts)
        weights = list(self.discriminator.requires_grad_(False).parameters())
        self.register_buffer("moments", torch.zeros(2, sum(weight.numel() for weight in weights)))
        self.register_buffer("updates", torch.zeros(len(weights)))

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """The code (3S, E) -> loss (scalar); term ``discriminator``, its loss before its last step, in training."""
        codes = self.output_of(outputs, self.output)
        with torch.autocast(codes.device.type, enabled=False):
            codes = codes.float()
            reversed_codes = 2 * codes.detach() - codes  # the same values, the gradient times -1
            # Clones: the steps below change the weights before this loss's gradient is computed.
            loss = self._loss({name: weight.clone() for name, weight in self._weights()}, reversed_codes)
            learns = self.training and self.steps > 0 and torch.is_grad_enabled()
            return loss, {"discriminator": self._learn(codes.detach())} if learns else {}

    def _weights(self) -> list[tuple[str, nn.Parameter]]:
        return list(self.discriminator.named_parameters())

    def _loss(self, weights: Mapping[str, Tensor], codes: Tensor) -> Tensor:
        return triplet_loss(functional_call(self.discriminator, dict(weights), (codes,)), self.margin)

    def _learn(self, codes: Tensor) -> Tensor:
        """Steps of Adam; returns the loss before the last of them. There is no step if a gradient is not finite."""
        weights = {name: weight.detach().requires_grad_() for name, weight in self._weights()}  # share their memory
        values, sizes = list(weights.values()), [weight.numel() for weight in weights.values()]
        first, second = ([m.view_as(v) for m, v in zip(row.split(sizes), values, strict=True)] for row in self.moments)
        for _ in range(self.steps):
            loss = self._loss(weights, codes)
            gradients = _mean_of_processes(torch.autograd.grad(loss, values))
            if not torch.stack([gradient.isfinite().all() for gradient in gradients]).all():
                break  # the trainer leaves such a step out, too
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
    """Mean absolute Pearson correlation between the speaker code and the environment code of an utterance (MAPC)."""

    reads = ("environment",)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss; InputError where the codes are of two sizes."""
        speaker, environment = _sizes(facts, self, "embedding", "environment")
        if speaker != environment:
            raise InputError(
                f"loss CodeCorrelation: needs codes of one size; model.init_args.speaker_dim is {speaker}, "
                f"environment_dim {environment}; make them equal, or set the weight of the correlation to 0"
            )

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """``embedding`` and ``environment`` (B, E) -> loss (scalar), no terms."""
        codes = (self.output_of(outputs, name).float() for name in ("embedding", "environment"))
        speaker, environment = (code - code.mean(1, keepdim=True) for code in codes)
        return cosine_similarity(speaker, environment).abs().mean(), {}


class DRLLoss(WeightedSum):
    """Sum of the losses of DRL; a batch holds three utterances of a speaker, as its docstring says.

    Args:
        hidden_dim: of the discriminators of environments; None: size of their codes.
        margin: of the triplets.
        steps, lr, weight_decay: of the discriminator of the speaker code, see AdversarialTriplet.
        weights: of ``speaker``, ``environment``, ``adversarial``, ``correlation`` and ``reconstruction``; without one
            it is 0.5 for ``adversarial``, 1 for the others. A loss of weight 0 is left out.

    Raises:
        InputError: a weight names no loss, or all are 0.

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
    """Mean of max(0, |a - p|^2 - |a - n|^2 + margin) over S triplets at unit length; outputs (3S, K), side by side."""
    anchor, positive, negative = normalize(outputs).unflatten(0, (-1, 3)).unbind(1)
    near, far = (anchor - positive).square().sum(1), (anchor - negative).square().sum(1)
    return (near - far + margin).clamp(min=0).mean()


def _sizes(facts: TrainingFacts, loss: Loss, *outputs: str) -> list[int]:
    """Of vectors that the network gives; InputError where it lacks one."""
    if missing := [name for name in outputs if name not in facts.dims]:
        raise InputError(f"loss {type(loss).__name__}: reads the vector `{missing[0]}`; use the model DRL")
    return [facts.dims[name] for name in outputs]


def _mean_of_processes(gradients: tuple[Tensor, ...]) -> list[Tensor]:
    """Gradients averaged over the processes of a training, so that all make the same step."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        for gradient in gradients:
            torch.distributed.all_reduce(gradient)
            gradient /= torch.distributed.get_world_size()
    return list(gradients)
