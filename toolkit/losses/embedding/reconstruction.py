"""Distance of predicted embeddings from the clean embedding, or from the input embedding."""

from collections.abc import Mapping

from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.losses.base import Loss

DISTANCES = ("l1", "norm")


class EmbeddingReconstruction(Loss):
    """Distance of the predictions of an utterance and its variants from the embedding of the clean utterance.

    Args:
        distance: ``l1``: absolute difference, mean over dimensions, variants and utterances, as in the code of SEED's
            authors. ``norm``: Euclidean distance, summed over an utterance and its variants, mean over utterances, as
            in their paper (arXiv 2505.16798, eq. 9).

    Raises:
        InputError: ``distance`` is unknown.

    Example::

        loss, terms = EmbeddingReconstruction()({"embedding": predicted, "target": clean}, {})
    """

    def __init__(self, distance: str = "l1"):
        super().__init__()
        if distance not in DISTANCES:
            raise InputError(f"distance {distance!r:.40}: must be {' or '.join(DISTANCES)}")
        self.distance = distance

    @property
    def reads(self) -> tuple[str, ...]:
        """The predictions."""
        return ("embedding",)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of the outputs ``embedding`` (B, 1 + V, D) and ``target`` (B, D).

        Returns:
            The loss; terms ``clean`` and ``noisy``: the parts of the clean utterances and, on average, of a variant.
        """
        difference = (self.output_of(outputs, "embedding") - self.output_of(outputs, "target")[:, None]).float()
        if self.distance == "l1":
            rows = difference.abs().mean(-1)
            loss = rows.mean()
        else:
            rows = difference.norm(dim=-1)
            loss = rows.sum(1).mean()
        terms = {"clean": rows[:, 0].mean().detach()}
        if rows.shape[1] > 1:
            terms["noisy"] = rows[:, 1:].mean().detach()
        return loss, terms


class InputReconstruction(Loss):
    """Absolute difference of ``reconstruction`` and ``original``, mean over dimensions and utterances.

    Example::

        loss: {class_path: InputReconstruction}
    """

    reads = ("reconstruction",)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Both (B, D) -> loss (scalar), no terms; ``original`` gets no gradient."""
        original = self.output_of(outputs, "original").detach()
        return (self.output_of(outputs, "reconstruction") - original).float().abs().mean(), {}
