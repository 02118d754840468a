"""Search over the outputs of CTC: greedy, prefix beam, and the prefix scores that joint decoding needs."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.data.text_units import BLANK
from toolkit.nn.mask import length_mask

_PRIME = 6364136223846793005  # odd: multiplication modulo 2^64 loses nothing


class Hypothesis(NamedTuple):
    """Units of a text, and its score (a log-probability, or a weighted sum of some)."""

    units: list[int]
    score: float


def with_silent_padding(log_probs: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, U) whose frames beyond ``lengths`` (B,) are certain blanks, which change no probability of a text."""
    log_probs = log_probs.float()
    if lengths is None:
        return log_probs
    padding = ~length_mask(lengths, log_probs.shape[1])
    log_probs = log_probs.masked_fill(padding[:, :, None], -math.inf)
    log_probs[:, :, BLANK] = log_probs[:, :, BLANK].masked_fill(padding, 0.0)
    return log_probs


def ctc_greedy(log_probs: Tensor, lengths: Tensor | None = None) -> list[list[int]]:
    """The likeliest unit of each frame, repetitions and blanks removed: log_probs (B, T, U) -> units of each."""
    best = with_silent_padding(log_probs, lengths).argmax(2)
    starts = torch.ones_like(best, dtype=torch.bool)
    starts[:, 1:] = best[:, 1:] != best[:, :-1]
    return [row[keep].tolist() for row, keep in zip(best, starts & (best != BLANK), strict=True)]


class _Beam:
    """Prefixes of B utterances, K each: their units, and log-probabilities that end in a blank or in a unit."""

    def __init__(self, batch: int, frames: int, device: torch.device):
        self.units = torch.zeros(batch, 1, frames, dtype=torch.long, device=device)
        self.lengths = torch.zeros(batch, 1, dtype=torch.long, device=device)
        self.hashes = torch.zeros_like(self.lengths)  # equal where prefixes are (with 64 bits: as good as)
        self.blank = torch.zeros(batch, 1, device=device)
        self.unit = torch.full_like(self.blank, -math.inf)

    @property
    def last(self) -> Tensor:
        """(B, K) last units; BLANK of an empty prefix."""
        place = (self.lengths - 1).clamp(min=0)[:, :, None]
        return self.units.gather(2, place)[:, :, 0].masked_fill(self.lengths == 0, BLANK)

    def advance(self, frame: Tensor, beam: int) -> None:
        """Take in a frame, (B, U) log-probabilities, and keep the ``beam`` likeliest prefixes."""
        last, total = self.last, torch.logaddexp(self.blank, self.unit)
        (batch, count), size = last.shape, frame.shape[1]
        stay_blank = total + frame[:, BLANK, None]
        stay_unit = self.unit + frame.gather(1, last)
        longer = total[:, :, None].repeat(1, 1, size)
        longer.scatter_(2, last[:, :, None], self.blank[:, :, None])  # the same unit again needs a blank between
        longer = longer + frame[:, None]
        longer[:, :, BLANK] = -math.inf
        # Prefix i with the last unit of prefix j may be prefix j: the two are one.
        place = last[:, None].expand(batch, count, count)
        same = self.hashes[:, :, None] * _PRIME + place + 1 == self.hashes[:, None]
        same &= ((self.lengths > 0) & (total > -math.inf))[:, None]  # impossible ones fill a beam that is too wide
        merged = longer.gather(2, place).masked_fill(~same, -math.inf)
        stay_unit = torch.logaddexp(stay_unit, merged.logsumexp(1))
        taken = torch.zeros_like(longer).scatter_add_(2, place, same.float()) > 0
        longer = longer.masked_fill(taken, -math.inf)
        candidates = torch.cat((torch.logaddexp(stay_blank, stay_unit), longer.flatten(1)), 1)
        chosen = candidates.topk(min(beam, candidates.shape[1]), 1).indices
        self._take(chosen, stay_blank, stay_unit, longer)

    def _take(self, chosen: Tensor, stay_blank: Tensor, stay_unit: Tensor, longer: Tensor) -> None:
        """Go on with the candidates ``chosen``, (B, K'): prefixes as they are, then those with a unit more."""
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
    """CTC prefix beam search (Hannun et al. 2014, arXiv 1408.2873, algorithm 1), of all utterances at once.

    Args:
        log_probs: (B, T, U).
        lengths: (B,) frames; None: all have T.
        beam: prefixes that are kept a frame.

    Returns:
        Of each utterance up to ``beam`` texts with their log-probabilities, the likeliest first. These are exact where
        the beam holds all prefixes, else lower bounds.
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
    """Log-probabilities of all texts that begin with a prefix (Watanabe et al. 2017, IEEE JSTSP 11(8), algorithm 2).

    States are (B, K, T, 2): of each frame, the log-probability that the prefix has come out by then, and that the frame
    is its last unit or a blank.

    Args:
        log_probs: (B, T, U).
        lengths: (B,) frames; None: all have T.
    """

    def __init__(self, log_probs: Tensor, lengths: Tensor | None = None):
        self._frames = with_silent_padding(log_probs, lengths)

    def start(self) -> Tensor:
        """State of the empty prefix, (B, 1, T, 2)."""
        blanks = self._frames[:, None, :, BLANK].cumsum(2)
        return torch.stack((torch.full_like(blanks, -math.inf), blanks), 3)

    def ended(self, state: Tensor) -> Tensor:
        """Log-probability (B, K) of the prefixes as whole texts."""
        return state[:, :, -1].logsumexp(2)

    def extended(self, state: Tensor, last: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Prefixes with one unit more.

        Args:
            state: (B, K, T, 2).
            last: (B, K) last units; BLANK of an empty prefix.
            candidates: (B, K, C) next units.

        Returns:
            (B, K, C) log-probabilities of all texts that begin so, and states (B, K, C, T, 2).
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
