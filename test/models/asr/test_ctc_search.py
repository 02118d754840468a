"""Searches over CTC outputs against the enumeration of all paths."""

import math

import pytest
import torch
from helpers.label_sequences import ctc_texts

from toolkit.data.text_units import BLANK
from toolkit.models.asr.ctc_search import CtcPrefixScorer, ctc_greedy, ctc_prefix_beam

FRAMES = 5


@pytest.fixture(params=range(3))
def log_probs(request):
    """Two utterances (2, 5, 4)."""
    torch.manual_seed(request.param)
    return (2 * torch.randn(2, FRAMES, 4)).log_softmax(2)


def test_a_beam_that_holds_all_prefixes_is_exact(log_probs):
    for row, actual in zip(log_probs, ctc_prefix_beam(log_probs, beam=2000), strict=True):
        truth = ctc_texts(row)
        assert [tuple(h.units) for h in actual[:20]] == sorted(truth, key=truth.__getitem__, reverse=True)[:20]
        assert all(h.score == pytest.approx(math.log(truth[tuple(h.units)]), abs=1e-4) for h in actual)
        assert len(actual) == len(truth)


def test_a_small_beam_gives_lower_bounds(log_probs):
    for row, actual in zip(log_probs, ctc_prefix_beam(log_probs, beam=3), strict=True):
        truth = ctc_texts(row)
        assert all(h.score <= math.log(truth[tuple(h.units)]) + 1e-5 for h in actual)
        assert len({tuple(h.units) for h in actual}) == len(actual) == 3


def test_greedy_is_the_best_path(log_probs):
    for row, units in zip(log_probs, ctc_greedy(log_probs), strict=True):
        path = row.argmax(1).tolist()
        assert units == [u for i, u in enumerate(path) if u != BLANK and (i == 0 or path[i - 1] != u)]


@pytest.mark.parametrize("search", [lambda x, n: ctc_prefix_beam(x, n, 4), ctc_greedy])
def test_a_padded_utterance_is_searched_as_alone(log_probs, search):
    lengths = torch.tensor([FRAMES, 3])
    (alone,) = search(log_probs[1:, :3], None)
    assert search(log_probs, lengths)[1] == alone


def test_prefix_scores_are_sums_over_texts(log_probs):
    """Of every prefix of up to three units, in a padded batch: the state is followed unit by unit."""
    lengths = torch.tensor([FRAMES, 4])
    scorer = CtcPrefixScorer(log_probs, lengths)
    truths = [ctc_texts(row[:size]) for row, size in zip(log_probs, lengths, strict=True)]
    prefixes, state = [()], scorer.start()
    for _ in range(3):
        for row, truth in enumerate(truths):
            for k, prefix in enumerate(prefixes):
                assert scorer.ended(state)[row, k].exp() == pytest.approx(truth.get(prefix, 0.0), abs=1e-6)
        last = torch.tensor([[prefix[-1] if prefix else BLANK for prefix in prefixes]] * 2)
        candidates = torch.tensor([1, 2, 3]).expand(2, len(prefixes), 3)
        scores, states = scorer.extended(state, last, candidates)
        prefixes = [(*prefix, unit) for prefix in prefixes for unit in (1, 2, 3)]
        state = states.flatten(1, 2)
        for row, truth in enumerate(truths):
            for score, prefix in zip(scores[row].flatten(), prefixes, strict=True):
                expected = sum(p for text, p in truth.items() if text[: len(prefix)] == prefix)
                assert score.exp() == pytest.approx(expected, abs=1e-6)
