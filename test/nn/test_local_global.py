"""Local and global representation: which layer is given what, means over valid frames, what is off."""

import pytest
import torch
from helpers.plain import after_training
from torch import nn

from toolkit.io.errors import InputError
from toolkit.nn.local_global import LocalGlobal, SpeakerCues


def layers(local_in=2):
    pairs = ((local_in, 3), (3, 5))
    return [nn.Sequential(nn.Conv2d(*pair, 3, (2, 1), (0, 1)), nn.BatchNorm2d(pair[1]), nn.PReLU()) for pair in pairs]


def block(kind="lgr", local_in=2, **options) -> LocalGlobal:
    torch.manual_seed(0)
    return LocalGlobal(layers(local_in), [3, 5], 12, 4, kind, local_in, hidden=6, **options)


def sounds(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def test_every_layer_is_given_the_mean_over_frames_of_its_level():
    model = after_training(block())
    magnitude, vector = sounds(2, 11, 7), sounds(2, 4)
    heard = torch.stack([model.arn(magnitude[:, :, t, None])[:, :, 0] for t in range(7)], dim=2)  # frame by frame
    expected = [heard[:, None]]
    expected.append(model.layers[0](torch.stack((magnitude, heard), 1)))
    expected.append(model.layers[1](expected[1]))
    cues = model(magnitude, None, vector)
    for level, (channels, bins) in enumerate(((1, 11), (3, 5), (5, 2))):
        x = sounds(2, 2, bins, 9)
        out = cues.beside(level, x)
        assert out.shape == (2, 2 + channels, bins, 9)
        assert torch.equal(out[:, :2], x)
        for t in range(9):
            torch.testing.assert_close(out[:, 2:, :, t], expected[level].mean(3))
    x = sounds(2, 9, 12)
    torch.testing.assert_close(cues.fused(x), x * (vector @ model.gain.weight.T + model.gain.bias)[:, None])
    assert model.added == (1, 3, 5)


def test_with_one_channel_the_layers_are_given_the_output_of_the_arn_alone():
    model, magnitude = after_training(block(local_in=1)), sounds(1, 11, 6)
    first, second, _ = model.levels(magnitude)
    torch.testing.assert_close(second, model.layers[0](first))


@pytest.mark.parametrize("local_in", [1, 2])
def test_padding_does_not_count(local_in):
    model = after_training(block("local", local_in)).double()
    magnitude, frames = sounds(3, 11, 9).double(), torch.tensor([9, 4, 1])
    alone = [model(one[None, :, :n], None, None) for one, n in zip(magnitude, frames, strict=True)]
    for one, n in zip(magnitude, frames, strict=True):
        one[:, n:] = 50
    actual = model(magnitude, torch.arange(9) < frames[:, None], None).features
    for level in range(3):
        torch.testing.assert_close(actual[level], torch.cat([one.features[level] for one in alone]))


def test_a_long_enrolment_is_read_in_parts(monkeypatch):
    model, magnitude = after_training(block()), sounds(2, 11, 10)
    whole = model(magnitude, None, None)
    monkeypatch.setattr("toolkit.nn.local_global._FRAMES", 3)
    for one, other in zip(whole.features, model(magnitude, None, None).features, strict=True):
        torch.testing.assert_close(one, other)


def test_what_is_off_has_no_parameters_and_changes_nothing():
    x, deepest = sounds(1, 2, 11, 3), sounds(1, 3, 12)
    local, global_ = block("local"), block("global")
    assert (local.gain, global_.arn, global_.layers, global_.added) == (None, None, None, ())
    cues = global_(None, None, sounds(1, 4))
    assert cues.beside(0, x) is x
    assert local(sounds(1, 11, 5), None, sounds(1, 4)).fused(deepest) is deepest
    assert SpeakerCues().beside(0, x) is x


def test_embeddings_may_be_brought_to_unit_length():
    plain, unit, vector = block(), block(unit_embedding=True), sounds(2, 4)
    actual = unit(None, None, 7 * vector).gain
    torch.testing.assert_close(actual, unit(None, None, vector).gain)
    torch.testing.assert_close(actual, plain(None, None, vector / vector.norm(dim=1, keepdim=True)).gain)


def test_an_embedding_may_stand_beside_every_frame():
    model, vector, x = block(fusion="concatenate", unit_embedding=True), sounds(2, 4), sounds(2, 3, 12)
    assert (model.gain, model.widened, block().widened, block("local", fusion="concatenate").widened) == (None, 4, 0, 0)
    out = model(None, None, vector).fused(x)
    assert torch.equal(out[..., :12], x)
    for t in range(3):
        torch.testing.assert_close(out[:, t, 12:], vector / vector.norm(dim=1, keepdim=True))


def test_several_sequence_models_have_a_gain_each():
    model, vector, x = block("global"), sounds(2, 4), sounds(2, 3, 6)  # two of 6
    cues = model(None, None, vector)
    for part, rows in enumerate((slice(0, 6), slice(6, 12))):
        gain = vector @ model.gain.weight[rows].T + model.gain.bias[rows]
        torch.testing.assert_close(cues.fused(x, part), x * gain[:, None])


class Shift(nn.Module):
    """The frame before, of real frames; it counts the frames that it is told of."""

    def forward(self, x, mask=None):
        self.told = None if mask is None else mask.sum(1).tolist()
        return nn.functional.pad(x, (1, 0))[..., :-1]


@pytest.mark.parametrize("local_in", [1, 2])
def test_another_network_may_be_in_the_place_of_the_arn(local_in):
    model, magnitude = after_training(block("local", local_in, anchor=Shift())), sounds(2, 11, 5)
    assert model.arn is None
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    moved = nn.functional.pad(magnitude, (1, 0))[..., :-1]
    features = model(magnitude, mask, None).features
    assert model.anchor.told == [5, 2]
    torch.testing.assert_close(features[0][:, 0], torch.stack((moved[0].mean(1), moved[1, :, :2].mean(1))))
    maps = torch.stack((magnitude, moved) if local_in == 2 else (moved,), 1)[:1]
    torch.testing.assert_close(features[1][:1], model.layers[0](maps).mean(3))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((layers(), [3, 5], 12, 4, "both"), "'both': must be one of local, global, lgr"),
        ((layers(), [3, 5], 12, 4, "lgr", 3), "local_in 3: must be 1 or 2"),
        ((layers(), [3, 5], 12, None, "lgr"), "needs embedding_dim"),
        ((layers(), [3, 5], 12, 4, "lgr", 2, 6, False, 0, "add"), "fusion 'add': must be one of multiply, concat"),
        ((None, [], 12, 4, "lgr"), "needs local layers"),
    ],
)
def test_options_that_do_not_go(args, message):
    with pytest.raises(InputError, match=message):
        LocalGlobal(*args)
