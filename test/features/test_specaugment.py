"""SpecAugment: what it masks, how wide, and when."""

import pytest
import torch

from toolkit.features.specaugment import SpecAugment


def masked(batch=64, frames=40, bins=20, **options):
    """Which bins (B, F) and which frames (B, T) are masked in a batch of features, none of which is zero."""
    feats = 1 + torch.rand(batch, frames, bins)
    out = SpecAugment(**options).train()(feats)
    bands, spans = (out == 0).all(1), (out == 0).all(2)
    assert torch.equal(out, feats.masked_fill(bands[:, None, :] | spans[:, :, None], 0))
    return bands, spans


def runs(row):
    """Lengths of the runs of True."""
    return [len(run) for run in "".join("x" if on else " " for on in row).split()]


def test_nothing_happens_in_inference():
    feats = torch.randn(2, 30, 20)
    assert SpecAugment(2, 8, 2, 10).eval()(feats) is feats


def test_one_mask_is_one_run_of_every_width_up_to_the_largest():
    torch.manual_seed(0)
    for rows, width in zip(masked(600, freq_width=5, time_width=7), (5, 7), strict=True):
        lengths = [runs(row) for row in rows.tolist()]
        assert max(map(len, lengths)) == 1
        widths = [sum(length) for length in lengths]
        for value in range(width + 1):
            assert abs(widths.count(value) - 600 / (width + 1)) < 5 * (600 / (width + 1)) ** 0.5


def test_masks_may_lie_anywhere():
    torch.manual_seed(0)
    for rows in masked(600, freq_width=5, time_width=7):
        assert rows.any(0).all()


def test_several_masks_add_up():
    torch.manual_seed(0)
    bands, spans = masked(300, freq_masks=3, freq_width=2, time_masks=2, time_width=4)
    for rows, masks, width in ((bands, 3, 2), (spans, 2, 4)):
        lengths = [runs(row) for row in rows.tolist()]
        assert max(map(len, lengths)) == masks
        assert max(map(sum, lengths)) == masks * width


def test_every_utterance_has_its_own_masks():
    torch.manual_seed(0)
    bands, spans = masked()
    assert len({tuple(row) for row in torch.cat([bands, spans], 1).tolist()}) > 60


def test_the_seed_of_torch_decides():
    feats, augment = torch.randn(8, 40, 20), SpecAugment()
    outs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outs.append(augment(feats))
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


def test_features_smaller_than_a_mask():
    torch.manual_seed(0)
    bands, _ = masked(600, frames=3, bins=2, freq_width=50, time_masks=0)
    _, spans = masked(600, frames=3, bins=2, freq_masks=0, time_width=50)
    for rows, size in ((bands, 2), (spans, 3)):
        widths = rows.sum(1).tolist()
        for width in range(size + 1):  # all of it may be masked, and is as often as any part
            assert abs(widths.count(width) - 600 / (size + 1)) < 5 * (600 / (size + 1)) ** 0.5


@pytest.mark.parametrize("options", [{"freq_masks": 0, "time_masks": 0}, {"freq_width": 0, "time_width": 0}])
def test_no_masks(options):
    bands, spans = masked(**options)
    assert not bands.any()
    assert not spans.any()


def test_features_are_not_changed_in_place():
    feats = torch.ones(4, 40, 20)
    SpecAugment()(feats)
    assert (feats == 1).all()
