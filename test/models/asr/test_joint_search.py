"""Joint decoding against the score of every text."""

import math

import pytest
import torch
from helpers.label_sequences import ctc_texts, decoder_log_prob
from helpers.tiny_recogniser import recogniser

from toolkit.models.asr.joint_search import joint_beam
from toolkit.nn.transformer_decoder import TransformerDecoder

FRAMES, UNITS = 4, 5


@pytest.fixture(params=range(3))
def parts(request):
    """Decoder, memory (2, 4, 8), CTC log-probabilities (2, 4, 5)."""
    torch.manual_seed(request.param)
    decoder = TransformerDecoder(UNITS, dim=8, heads=2, hidden=8, blocks=2).eval()
    torch.nn.init.normal_(decoder.out.weight, std=0.7)
    return decoder, torch.randn(2, FRAMES, 8), (2 * torch.randn(2, FRAMES, UNITS)).log_softmax(2)


def truth(decoder, memory, ctc, weight: float) -> list[tuple[float, list[int]]]:
    """Score of every text that CTC can align and that holds no end, the best first."""
    texts = {text: p for text, p in ctc_texts(ctc).items() if 2 not in text}
    scored = [
        (weight * math.log(p) + (1 - weight) * decoder_log_prob(decoder, memory, text), list(text))
        for text, p in texts.items()
    ]
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("weight", [0.3, 0.7, 1.0])
@torch.no_grad()
def test_a_wide_beam_finds_the_best_texts(parts, weight):
    decoder, memory, ctc = parts
    actual = joint_beam(decoder, memory, ctc, beam=200, ctc_weight=weight)
    for row in range(2):
        expected = truth(decoder, memory[row : row + 1], ctc[row], weight)
        assert [h.units for h in actual[row][:10]] == [units for _, units in expected[:10]]
        assert [h.score for h in actual[row][:10]] == pytest.approx([score for score, _ in expected[:10]], abs=1e-4)


@torch.no_grad()
def test_a_narrow_beam_stops_early_with_true_scores(parts):
    decoder, memory, ctc = parts
    for row, actual in enumerate(joint_beam(decoder, memory, ctc, beam=2)):
        expected = {tuple(units): score for score, units in truth(decoder, memory[row : row + 1], ctc[row], 0.3)}
        assert all(h.score == pytest.approx(expected[tuple(h.units)], abs=1e-4) for h in actual)
        assert len(actual) == 2


@torch.no_grad()
def test_the_decoder_alone(parts):
    """Texts that CTC cannot align count, too: all of up to two units are tried, in an utterance of two frames."""
    decoder, memory, ctc = parts
    (actual,) = joint_beam(decoder, memory[:1, :2], ctc[:1, :2], beam=50, ctc_weight=0)
    texts = [(), *((a,) for a in (1, 3, 4)), *((a, b) for a in (1, 3, 4) for b in (1, 3, 4))]
    expected = {text: decoder_log_prob(decoder, memory[:1, :2], text) for text in texts}
    assert {tuple(h.units): h.score for h in actual} == pytest.approx(expected, abs=1e-4)


@torch.no_grad()
def test_a_padded_utterance_is_decoded_as_alone(parts):
    decoder, memory, ctc = parts
    padded = joint_beam(decoder, memory, ctc, torch.tensor([FRAMES, 3]), beam=3)[1]
    (alone,) = joint_beam(decoder, memory[1:, :3], ctc[1:, :3], beam=3)
    assert [h.units for h in padded] == [h.units for h in alone]
    assert [h.score for h in padded] == pytest.approx([h.score for h in alone], abs=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("decoder_blocks", "method"), [(0, "ctc_greedy"), (1, "joint")])
def test_the_method_by_default_is_one_that_the_model_has(decoder_blocks, method):
    network = recogniser(decoder_blocks=decoder_blocks).eval()
    wav = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    chosen, named = ([[h.units for h in texts] for texts in network.search(wav, method=m)] for m in (None, method))
    assert chosen == named
