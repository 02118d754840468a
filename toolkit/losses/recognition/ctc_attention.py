"""The hybrid CTC/attention loss."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from toolkit.data.text_units import BLANK, EOS
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss

_IGNORED = -100  # targets of padding


class CTCAttention(Loss):
    """lambda CTC + (1 - lambda) cross-entropy of the decoder (Watanabe et al. 2017, IEEE JSTSP 11(8), eq. 17).

    Both are negative log-probabilities of a text in nats, averaged over the batch. A text that needs more frames than
    its utterance has contributes 0 to CTC (term ``unalignable``: share of such texts) and still trains the decoder.

    Args:
        ctc_weight: lambda, from 0 to 1; 1 needs no decoder.
        label_smoothing: share of each target that is spread over all units (Szegedy et al. 2016, section 7).

    Raises:
        InputError: an argument is out of its range.

    Example::

        loss: {class_path: CTCAttention, init_args: {ctc_weight: 0.3, label_smoothing: 0.1}}
    """

    def __init__(self, ctc_weight: float = 0.3, label_smoothing: float = 0.1):
        super().__init__()
        if not (0 <= ctc_weight <= 1 and 0 <= label_smoothing < 1):
            raise InputError(
                f"ctc_weight {ctc_weight} must be from 0 to 1, label_smoothing {label_smoothing} from 0 to below 1"
            )
        self.ctc_weight, self.label_smoothing = ctc_weight, label_smoothing

    @property
    def streams(self) -> tuple[str, ...]:
        """The transcript."""
        return ("text",)

    @property
    def reads(self) -> tuple[str, ...]:
        """CTC log-probabilities or logits of the decoder."""
        return ("ctc", "attention")

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """See Loss.

        Args:
            outputs: ``ctc`` (B, T, U) log-probabilities, ``frames`` (B,), ``attention`` (B, 1 + L, U) logits.
            batch: ``text`` (B, L) int64, ``text_lengths`` (B,) or None.

        Returns:
            The loss; terms ``ctc``, ``unalignable``, ``attention`` and ``accuracy`` (of the decoder's units).
        """
        text, lengths = batch["text"], batch.get("text_lengths")
        if lengths is None:
            lengths = torch.full((len(text),), text.shape[1], device=text.device)
        total = torch.zeros((), device=text.device)
        terms: dict[str, Tensor] = {}
        if self.ctc_weight > 0:
            frames = self.output_of(outputs, "frames")
            log_probs = self.output_of(outputs, "ctc").transpose(0, 1)
            ctc = F.ctc_loss(log_probs, text, frames, lengths, BLANK, reduction="none", zero_infinity=True).mean()
            total = total + self.ctc_weight * ctc
            terms |= {"ctc": ctc.detach(), "unalignable": (frames_needed(text, lengths) > frames).float().mean()}
        if self.ctc_weight < 1:
            attention, accuracy = self._attention(self.output_of(outputs, "attention"), text, lengths)
            total = total + (1 - self.ctc_weight) * attention
            terms |= {"attention": attention.detach(), "accuracy": accuracy}
        return total, terms

    def _attention(self, logits: Tensor, text: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of units and end, summed over a text; accuracy of the most likely units."""
        places = torch.arange(text.shape[1] + 1, device=text.device)
        targets = F.pad(text, (0, 1)).masked_fill(places == lengths[:, None], EOS)
        targets = targets.masked_fill(places > lengths[:, None], _IGNORED)
        scores, smoothing = logits.float().flatten(0, 1), self.label_smoothing
        loss = F.cross_entropy(
            scores, targets.flatten(), ignore_index=_IGNORED, label_smoothing=smoothing, reduction="sum"
        ) / len(text)
        right = (logits.detach().argmax(2) == targets).sum() / (targets != _IGNORED).sum()
        return loss, right.float()


def frames_needed(text: Tensor, lengths: Tensor) -> Tensor:
    """Minimum number of frames for CTC, with a blank between equal neighbours: units (B, L), lengths (B,) -> (B,)."""
    places = torch.arange(1, text.shape[1], device=text.device)
    return lengths + ((text[:, 1:] == text[:, :-1]) & (places < lengths[:, None])).sum(1)
