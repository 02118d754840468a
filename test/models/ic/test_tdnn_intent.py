"""Time-delay classifier of intents: its size by hand, padding, and the frames that it sees."""

import torch

from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.ic.tdnn_intent import TdnnIntent

SLOTS = {"action": ["on", "off"], "object": ["lights", "music", "none"]}


def test_size_is_that_of_its_layers():
    layers = sum(8 * (size * kernel + 1) + 2 * 8 for size, kernel in ((7, 5), (8, 3), (8, 3), (8, 3), (8, 1)))
    assert count_parameters(TdnnIntent(SLOTS, n_mels=7, channels=8)) == layers + (2 + 3) * (2 * 8 + 1)


@torch.no_grad()
def test_padding_changes_nothing():
    torch.manual_seed(0)
    model, feats = TdnnIntent(SLOTS, 5, 8).eval(), torch.randn(2, 40, 5)
    padded = model(feats, torch.tensor([40, 17]))
    alone = model(feats[1:, :17])
    for slot, values in SLOTS.items():
        assert padded[slot].shape == (2, len(values))
        torch.testing.assert_close(padded[slot][1:], alone[slot])


def test_a_frame_sees_eleven_on_either_side():
    model = TdnnIntent(SLOTS, 5, 8).eval()
    feats = torch.randn(1, 61, 5, requires_grad=True)
    x = feats.transpose(1, 2)
    for block in model.blocks:
        x = block(x)
    x[0, :, 30].sum().backward()
    seen = feats.grad[0].abs().sum(1).nonzero()[:, 0]
    assert (int(seen.min()), int(seen.max())) == (30 - 11, 30 + 11)
