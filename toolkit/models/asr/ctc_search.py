"""CTC decoding: greedy search, prefix beam search, and the prefix scores for joint decoding."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.data.text_units import BLANK
from toolkit.nn.mask import length_mask

_PRIME = 6364136223846793005  # odd, so multiplication modulo 2^64 is injective


class Hypothesis(NamedTuple):
    """Units of a text, and its score (a log-probability or a weighted sum of them)."""

    units: list[int]
    score: float


def with_silent_padding(log_probs: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, U) with blanks of probability 1 beyond ``lengths`` (B,), which do not change text probabilities."""
    log_probs = log_probs.float()
    if lengths is None:
        return log_probs
    padding = ~length_mask(lengths, log_probs.shape[1])
    log_probs = log_probs.masked_fill(padding[:, :, None], -math.inf)
    log_probs[:, :, BLANK] = log_probs[:, :, BLANK].masked_fill(padding, 0.0)
    return log_probs


def ctc_greedy(log_probs: Tensor, lengths: Tensor | None = None) -> list[list[int]]:
    """The most likely unit of each frame, without repetitions and blanks: log_probs (B, T, U) -> units of each."""
    best = with_silent_padding(log_probs, lengths).argmax(2)
    starts = torch.ones_like(best, dtype=torch.bool)
    starts[:, 1:] = best[:, 1:] != best[:, :-1]
    return [row[keep].tolist() for row, keep in zip(best, starts & (best != BLANK), strict=True)]


class _Beam:
    """K prefixes for each of B utterances: units, and log-probabilities of ending in a blank or in a unit."""

    def __init__(self, batch: int, frames: int, device: torch.device):
        self.units = torch.zeros(batch, 1, frames, dtype=torch.long, device=device)
        self.lengths = torch.zeros(batch, 1, dtype=torch.long, device=device)
        self.hashes = torch.zeros_like(self.lengths)  # equal for equal prefixes; 64 bits make collisions negligible
        self.blank = torch.zeros(batch, 1, device=device)
        self.unit = torch.full_like(self.blank, -math.inf)

    @property
    def last(self) -> Tensor:
        """(B, K) last units; BLANK for an empty prefix."""
        place = (self.lengths - 1).clamp(min=0)[:, :, None]
        return self.units.gather(2, place)[:, :, 0].masked_fill(self.lengths == 0, BLANK)

    def advance(self, frame: Tensor, beam: int) -> None:
        """Process a frame, (B, U) log-probabilities, and keep the ``beam`` most likely prefixes."""
        last, total = self.last, torch.logaddexp(self.blank, self.unit)
        (batch, count), size = last.shape, frame.shape[1]
        stay_blank = total + frame[:, BLANK, None]
        stay_unit = self.unit + frame.gather(1, last)
        longer = total[:, :, None].repeat(1, 1, size)
        longer.scatter_(2, last[:, :, None], self.blank[:, :, None])  # a repeated unit needs a blank in between
        longer = longer + frame[:, None]
        longer[:, :, BLANK] = -math.inf
        # Prefix i plus the last unit of prefix j may equal prefix j: merge them.
        place = last[:, None].expand(batch, count, count)
        same = self.hashes[:, :, None] * _PRIME + place + 1 == self.hashes[:, None]
        same &= ((self.lengths > 0) & (total > -math.inf))[
            :, None
        ]  # not the impossible ones, which fill a beam that is too wide
        merged = longer.gather(2, place).masked_fill(~same, -math.inf)
        stay_unit = torch.logaddexp(stay_unit, merged.logsumexp(1))
        taken = torch.zeros_like(longer).scatter_add_(2, place, same.float()) > 0
        longer = longer.masked_fill(taken, -math.inf)
        candidates = torch.cat((torch.logaddexp(stay_blank, stay_unit), longer.flatten(1)), 1)
        chosen = candidates.topk(min(beam, candidates.shape[1]), 1).indices
        self._take(chosen, stay_blank, stay_unit, longer)

    def _take(self, chosen: Tensor, stay_blank: Tensor, stay_unit: Tensor, longer: Tensor) -> None:
        """Continue with the candidates ``chosen``, (B, K'): unchanged prefixes, then extended ones."""
        count, size = longer.shape[1:]
        extends = chosen >= count
        parent = torch.where(extends, (chosen - count) // size, chosen)
        added = torch.where(extends, (chosen - count) % size, BLANK)
        self.units = self.units.gather(1, parent[:, :, None].expand(-1, -1, self.units.shape[2]))
        lengths = self.lengths.gather(1, parent)
        place = lengths.clamp(max=self.units.shape[2] - 1)[:, :, None]
        self.units.scatter_(2, place, torch.where(extends[:, :, None], added[:, :, None], self.units.gather(2, place)))
        hashes = self.hashes.gather(1, parent)
        self.hashes = torch.where(extends, hashes * _PRIME + added + 1, hashes)
        self.lengths = lengths + extends
        self.blank = stay_blank.gather(1, parent).masked_fill(extends, -math.inf)
        grown = longer.flatten(1).gather(1, (chosen - count).clamp(min=0))
        self.unit = torch.where(extends, grown, stay_unit.gather(1, parent))


def ctc_prefix_beam(log_probs: Tensor, lengths: Tensor | None = None, beam: int = 10) -> list[list[Hypothesis]]:
    """CTC prefix beam search (Hannun et al. 2014, arXiv 1408.2873, algorithm 1) for a batch.

    Args:
        log_probs: (B, T, U).
        lengths: (B,) number of frames; None: all have T.
        beam: number of prefixes to keep per frame.

    Returns:
        For each utterance up to ``beam`` texts with log-probabilities, the most likely first. These are exact if the
        beam holds all prefixes, else lower bounds.
    """
    frames = with_silent_padding(log_probs, lengths)
    beams = _Beam(len(frames), frames.shape[1], frames.device)
    for frame in frames.unbind(1):
        beams.advance(frame, beam)
    scores = torch.logaddexp(beams.blank, beams.unit)
    rows = zip(scores.tolist(), beams.units.tolist(), beams.lengths.tolist(), strict=True)
    return [
        [Hypothesis(text[:size], score) for score, text, size in zip(*row, strict=True) if score > -math.inf]
        for row in rows
    ]


class CtcPrefixScorer:
    """Total log-probability of the texts with a given prefix (Watanabe et al. 2017, IEEE JSTSP 11(8), algorithm 2).

    States are (B, K, T, 2): for each frame, the log-probability that the output up to it is the prefix and that the
    frame is the last unit, or a blank.

    Args:
        log_probs: (B, T, U).
        lengths: (B,) number of frames; None: all have T.
    """

    def __init__(self, log_probs: Tensor, lengths: Tensor | None = None):
        self._frames = with_silent_padding(log_probs, lengths)

    def start(self) -> Tensor:
        """State of the empty prefix, (B, 1, T, 2)."""
        blanks = self._frames[:, None, :, BLANK].cumsum(2)
        return torch.stack((torch.full_like(blanks, -math.inf), blanks), 3)

    def ended(self, state: Tensor) -> Tensor:
        """Log-probability (B, K) of the prefixes as complete texts."""
        return state[:, :, -1].logsumexp(2)

    def extended(self, state: Tensor, last: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Extend prefixes by one unit.

        Args:
            state: (B, K, T, 2).
            last: (B, K) last units; BLANK for an empty prefix.
            candidates: (B, K, C) next units.

        Returns:
            Log-probabilities of all texts with each new prefix (B, K, C), and states (B, K, C, T, 2).
        """
        batch, _, frames, _ = state.shape
        place = candidates.flatten(1)[:, None].expand(batch, frames, -1)
        emitted = self._frames.gather(2, place).view(batch, frames, *candidates.shape[1:]).permute(1, 0, 2, 3)
        blank = self._frames[:, :, BLANK].T[:, :, None, None]
        repeated = (candidates == last[:, :, None])[None]
        before = state.permute(2, 0, 1, 3)[:, :, :, None]  # (T, B, K, 1, 2)
        reached = torch.where(repeated, before[..., 1], before.logsumexp(4))  # the prefix may end here
        first = torch.where((last == BLANK)[:, :, None], 0.0, -math.inf)
        reached = torch.cat((first.expand_as(emitted[0])[None], reached[:-1]))
        score = (reached + emitted).logsumexp(0)
        unit = silent = torch.full_like(score, -math.inf)
        states = []
        for t in range(frames):
            silent, unit = (
                torch.logaddexp(silent, unit) + blank[t],
                torch.logaddexp(unit, reached[t]) + emitted[t],
            )
            states.append(torch.stack((unit, silent), -1))
        return score, torch.stack(states, 3)
