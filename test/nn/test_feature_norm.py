"""Normalisation over an utterance."""

import torch

from toolkit.nn.feature_norm import utterance_norm


def test_mean_and_variance_of_each_utterance():
    feats = 3 + 2 * torch.randn(2, 50, 4)
    lengths = torch.tensor([50, 20])
    normed = utterance_norm(feats, lengths)
    alone = utterance_norm(feats[1:, :20])
    torch.testing.assert_close(normed[1:, :20], alone, atol=1e-5, rtol=1e-5)
    assert not normed[1, 20:].any()
    assert alone.mean(1).abs().max() < 1e-5
    torch.testing.assert_close(alone.std(1, correction=0), torch.ones(1, 4), atol=1e-4, rtol=0)
