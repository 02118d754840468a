import pytest
import torch
from helpers import plain
from helpers.plain import after_training

from toolkit.metrics.cost.complexity import count_macs_thop
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.eres2netv2 import ERes2NetV2


def small(**changes) -> ERes2NetV2:
    return ERes2NetV2(**({"n_mels": 20, "channels": 8, "blocks": (1, 2, 1, 1), "embedding_dim": 12} | changes))


def test_size_and_cost_are_the_published_ones():
    """Its repository: 17.86 M parameters; 12.69 G multiply-accumulates, as thop counts them, for 300 frames."""
    model = ERes2NetV2()
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == 17.86
    assert round(count_macs_thop(model, (torch.randn(1, 300, 80),)) / 1e9, 2) == 12.69


@pytest.mark.parametrize(("bins", "frames"), [(20, 23), (13, 16)])
def test_it_equals_the_network_written_down_in_plain_functions(bins, frames):
    model = after_training(small(n_mels=bins)).double()
    w, feats = model.state_dict(), torch.randn(2, frames, bins, dtype=torch.float64)
    x = plain.norm(w, "stem.1", plain.conv(w, "stem.0", feats.transpose(1, 2)[:, None])).relu()
    for stage, stride in enumerate((1, 2, 2, 2)):
        third, x = x, plain.res2net_stage(w, f"stages.{stage}", x, stride)
    x = plain.fused(w, "fusion", x, plain.conv(w, "down", third, 2)).flatten(1, 2)
    statistics = torch.cat((x.mean(2), x.var(2, correction=0).clamp(min=1e-5).sqrt()), 1)
    torch.testing.assert_close(model(feats), plain.linear(w, "embedding", statistics))


def test_shapes_of_the_stages_and_where_the_fusions_are():
    model, seen = ERes2NetV2().eval(), []
    for stage in model.stages:
        stage.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output[0].shape[1:])))
    with torch.no_grad():
        assert model(torch.randn(1, 99, 80)).shape == (1, 192)
    assert seen == [(128, 80, 99), (256, 40, 50), (512, 20, 25), (1024, 10, 13)]
    assert [[block.fusions is not None for block in stage] for stage in model.stages] == [
        [fused] * depth for fused, depth in zip((False, False, True, True), (3, 4, 6, 3), strict=True)
    ]


@pytest.mark.parametrize("options", [{}, {"scale": 4, "base_width": 40}, {"expansion": 1, "n_mels": 13}])
def test_padded_utterance_has_the_embedding_of_the_utterance_alone(options):
    model = after_training(small(**options))
    feats, lengths = torch.randn(7, 50, options.get("n_mels", 20)), torch.tensor([50, 49, 33, 7, 3, 2, 1])
    alone = torch.cat([model(x[None, :n]) for x, n in zip(feats, lengths, strict=True)])
    for x, n in zip(feats, lengths, strict=True):
        x[n:] = 1e3
    torch.testing.assert_close(model(feats, lengths), alone, atol=1e-5, rtol=1e-4)


def test_every_parameter_has_a_gradient_and_it_is_a_speaker_encoder():
    torch.manual_seed(0)
    model = small()
    assert isinstance(model, SpeakerEncoder)
    assert model.streams == ("wav",)
    said = model.estimates(torch.randn(8, 30, 20))
    assert said.keys() == {"embedding"}
    (said["embedding"] * torch.randn(8, model.embedding_dim)).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
