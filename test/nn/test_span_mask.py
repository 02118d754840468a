"""Masked spans: by hand, by their expected share, at the ends of utterances."""

from math import comb

import pytest
import torch

from toolkit.nn.span_mask import span_mask


def shown(mask) -> list[str]:
    return ["".join("x" if cell else "." for cell in row) for row in mask.tolist()]


def test_spans_by_hand():
    """Two starts of ten frames, at the two highest scores; a span ends with its utterance."""
    scores = torch.tensor([[0.1, 0.9, 0.0, 0.2, 0.3, 0.2, 0.1, 0.0, 0.8, 0.1]] * 2)
    assert shown(span_mask(scores, None, 0.2, 3)) == [".xxx....xx"] * 2
    assert shown(span_mask(scores, torch.tensor([10, 6]), 0.2, 3)) == [".xxx....xx", ".xxx......"]  # 1.2 starts: one


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_utterances_have_a_masked_frame(frames):
    mask = span_mask(torch.rand(5, 4), torch.full((5,), frames), 0.08, 10)
    assert mask.any(1).all()
    assert not mask[:, frames:].any()


@pytest.mark.parametrize(("prob", "length"), [(0.08, 10), (0.065, 10), (0.3, 1), (1.0, 4)])
def test_each_frame_is_masked_as_often_as_draws_without_replacement_say(prob, length):
    """Frame t is free if none of the n starts is among the last ``length`` places: C(T - m, n) / C(T, n)."""
    torch.manual_seed(0)
    total, draws = 60, 4000
    shares = span_mask(torch.rand(draws, total), None, prob, length).float().mean(0)
    starts = round(prob * total)
    expected = [1 - comb(total - min(length, t + 1), starts) / comb(total, starts) for t in range(total)]
    assert (shares - torch.tensor(expected)).abs().max() < 4 * 0.5 / draws**0.5


def test_an_utterance_does_not_depend_on_its_batch():
    scores, lengths = torch.rand(4, 80), torch.tensor([80, 61, 7, 33])
    together = span_mask(scores, lengths, 0.08, 10)
    for row, mask, count in zip(scores, together, lengths.tolist(), strict=True):
        assert torch.equal(mask[:count], span_mask(row[None, :count], None, 0.08, 10)[0])
