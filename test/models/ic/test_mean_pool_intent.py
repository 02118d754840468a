"""Downstream network of SUPERB's intent classification: size by hand, values by hand, padding."""

import pytest
import torch

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.ic.intent_classifier import IntentClassifier
from toolkit.models.ic.mean_pool_intent import MeanPoolIntent
from toolkit.nn.feature_norm import utterance_norm

SLOTS = {"action": ["on", "off"], "object": ["lights", "music", "none"]}


def test_size_is_that_of_the_benchmark():
    """Fluent Speech Commands: 6 actions, 14 objects, 4 locations."""
    slots = {name: [f"v{i}" for i in range(n)] for name, n in {"action": 6, "object": 14, "location": 4}.items()}
    for features in (768, 1024):
        with torch.device("meta"):
            model = MeanPoolIntent(slots, features)
        assert count_parameters(model) == 256 * (features + 1) + (6 + 14 + 4) * (256 + 1)


@torch.no_grad()
def test_logits_are_linear_in_the_mean_over_frames():
    torch.manual_seed(0)
    model, feats, lengths = MeanPoolIntent(SLOTS, 5, 4), torch.randn(2, 9, 5), torch.tensor([9, 3])
    logits = model(feats, lengths)
    for row, n in enumerate(lengths):
        mean = feats[row, :n].mean(0)
        hidden = model.projection.weight @ mean + model.projection.bias
        for (slot, values), head in zip(logits.items(), model.heads, strict=True):
            torch.testing.assert_close(values[row], head.weight @ hidden + head.bias)
            assert values.shape == (2, len(SLOTS[slot]))


def test_normalised_features_tell_it_nothing_and_are_refused():
    model = MeanPoolIntent(SLOTS, 5, 4)
    logits = [model(utterance_norm(torch.randn(1, 9, 5)))["action"] for _ in range(2)]
    torch.testing.assert_close(*logits, atol=1e-5, rtol=0)
    for kind in ("mean", "mean_var"):
        with pytest.raises(InputError, match="normalize: none"):
            IntentClassifier(LogMelSpectrogram(n_mels=5), model, kind)
