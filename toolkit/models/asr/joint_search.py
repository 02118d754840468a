"""Joint CTC/attention decoding."""

import heapq
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from toolkit.data.text_units import BLANK, EOS
from toolkit.models.asr.ctc_search import CtcPrefixScorer, Hypothesis
from toolkit.nn.mask import length_mask
from toolkit.nn.transformer_decoder import TransformerDecoder

_CANDIDATES = 1.5  # number of units that the decoder proposes to CTC, as a multiple of the beam


@torch.no_grad()
def joint_beam(
    decoder: TransformerDecoder,
    memory: Tensor,
    ctc: Tensor,
    lengths: Tensor | None = None,
    beam: int = 10,
    ctc_weight: float = 0.3,
) -> list[list[Hypothesis]]:
    """One-pass joint decoding of a batch (Watanabe et al. 2017, IEEE JSTSP 11(8), section IV-C).

    The score of a text is ``ctc_weight`` times its CTC log-probability, plus ``1 - ctc_weight`` times that of the
    decoder. The CTC score of a prefix is that of all texts with this prefix. Both only decrease as a prefix grows, so
    the search of an utterance can stop when no prefix scores above the worst text to return.

    Args:
        decoder: in eval mode.
        memory: (B, T, D).
        ctc: (B, T, U) log-probabilities.
        lengths: (B,) number of frames; None: all have T.
        beam: number of prefixes to keep at each length; complete texts do not count.
        ctc_weight: from 0 to 1; at 0, CTC is not computed.

    Returns:
        For each utterance up to ``beam`` texts, the best first, with at most as many units as frames.
    """
    search = _Prefixes(decoder, memory, ctc, lengths, beam, ctc_weight)
    limits = [memory.shape[1]] * len(memory) if lengths is None else lengths.tolist()
    ended: list[list[tuple[float, list[int]]]] = [[] for _ in limits]
    for step in range(max(limits) + 1):
        for row, score, units in search.endings():
            if step <= limits[row]:
                (heapq.heappush if len(ended[row]) < beam else heapq.heappushpop)(ended[row], (score, units))
        best = search.grow()
        running = zip(best, ended, limits, strict=True)
        if all(
            top == -math.inf or step >= limit or (len(own) == beam and top <= own[0][0]) for top, own, limit in running
        ):
            break
    return [[Hypothesis(units, score) for score, units in sorted(heap, reverse=True)] for heap in ended]


class _Prefixes:
    """The K active prefixes of each utterance; arguments as of :func:`joint_beam`."""

    def __init__(self, decoder, memory: Tensor, ctc: Tensor, lengths: Tensor | None, beam: int, ctc_weight: float):
        self._decoder, self._beam, self._ctc_weight = decoder, beam, ctc_weight
        self._state = decoder.start(memory, None if lengths is None else length_mask(lengths, memory.shape[1]))
        self._scorer = CtcPrefixScorer(ctc, lengths) if ctc_weight else None
        self._ctc_state = self._scorer.start() if self._scorer else torch.empty(0)
        self._units = torch.full((len(memory), 1, 1), EOS, device=memory.device)  # (B, K, 1 + L)
        self._attended = torch.zeros(len(memory), 1, device=memory.device)  # (B, K) log-probabilities by the decoder
        self._running = torch.ones_like(self._attended, dtype=torch.bool)  # the others only fill the beam

    def endings(self) -> Iterator[tuple[int, float, list[int]]]:
        """Utterance, score and units of each prefix as a complete text."""
        logits, self._state = self._decoder.step(self._units[:, :, -1], self._state)
        self._following = logits.float().log_softmax(2)
        scores = (1 - self._ctc_weight) * (self._attended + self._following[:, :, EOS])
        if self._scorer:
            scores = scores + self._ctc_weight * self._scorer.ended(self._ctc_state)
        scores = scores.masked_fill(~self._running, -math.inf)
        for row, (values, texts) in enumerate(zip(scores.tolist(), self._units.tolist(), strict=True)):
            yield from (
                (row, value, units[1:]) for value, units in zip(values, texts, strict=True) if value > -math.inf
            )

    def grow(self) -> list[float]:
        """Extend each prefix by a unit and keep the best; returns the best score of each utterance."""
        following = self._following.clone()
        following[:, :, [BLANK, EOS]] = -math.inf
        count = following.shape[2]
        if self._ctc_weight < 1:  # otherwise the decoder has no weight
            count = min(count, math.ceil(_CANDIDATES * self._beam))
        candidates = following.topk(count, 2).indices
        attended = self._attended[:, :, None] + following.gather(2, candidates)
        scores = (1 - self._ctc_weight) * attended if self._ctc_weight < 1 else torch.zeros_like(attended)
        if self._scorer:
            first = self._units.shape[2] == 1
            last = torch.full_like(self._units[:, :, -1], BLANK) if first else self._units[:, :, -1]
            by_ctc, states = self._scorer.extended(self._ctc_state, last, candidates)
            scores = scores + self._ctc_weight * by_ctc
        allowed = self._running[:, :, None] & (candidates != BLANK) & (candidates != EOS)
        scores = scores.masked_fill(~allowed, -math.inf)
        best, chosen = scores.flatten(1).topk(min(self._beam, scores[0].numel()), 1)
        parent, unit = chosen // count, candidates.flatten(1).gather(1, chosen)
        kept = self._units.gather(1, parent[:, :, None].expand(-1, -1, self._units.shape[2]))
        self._units = torch.cat((kept, unit[:, :, None]), 2)
        self._attended, self._running = attended.flatten(1).gather(1, chosen), best > -math.inf
        self._state = self._state.select(parent)
        if self._scorer:
            self._ctc_state = states.flatten(1, 2)[torch.arange(len(chosen), device=chosen.device)[:, None], chosen]
        return best[:, 0].tolist()
