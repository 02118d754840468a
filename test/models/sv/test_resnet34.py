import pytest
import torch
from torch.nn import functional

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.resnet34 import ResNet34
from toolkit.testing import check_encoder


def small(**changes) -> ResNet34:
    sizes = {"n_mels": 20, "channels": (8, 8, 16), "blocks": (1, 2, 1), "strides": (1, 2, 2), "embedding_dim": 12}
    return ResNet34(**(sizes | {"reduction": 4, "attention_channels": 6} | changes))


def after_training(model: torch.nn.Module) -> torch.nn.Module:
    """Random statistics and shifts: padding which is not masked would show."""
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)):
        torch.nn.init.normal_(norm.bias)
        torch.nn.init.normal_(norm.running_mean)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    return model.eval()


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_parameters_are_the_published_number():
    with torch.device("meta"):
        assert count(ResNet34()) == 8_028_492
        # SEED's table: + a classifier of 5,994 speakers and the diffusion network = 20.8 M
        assert round((8_028_492 + count(torch.nn.Linear(512, 5994)) + 9_725_440) / 1e6, 1) == 20.8


def test_shapes_of_the_stages_at_full_size():
    """64 mel, 203 frames: frequency 64, 32, 16, 8; time halved three times, rounded up; 2048 x 26 is pooled."""
    model, seen = ResNet34().eval(), []
    for stage in model.stages:
        stage.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output[0].shape)))
    model.pooling.register_forward_hook(lambda module, inputs, output: seen.extend([inputs[0].shape, output.shape]))
    with torch.no_grad():
        assert model(torch.randn(1, 203, 64)).shape == (1, 512)
    assert seen[:4] == [(1, 32, 64, 203), (1, 64, 32, 102), (1, 128, 16, 51), (1, 256, 8, 26)]
    assert seen[4:] == [(1, 2048, 26), (1, 4096)]
    assert [len(stage) for stage in model.stages] == [3, 4, 6, 3]


def oracle(weights: dict, feats: torch.Tensor, blocks, strides) -> torch.Tensor:
    """The published network on one utterance (1, T, F), written down once more in plain functions."""

    def norm(x, name):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        mean, variance, scale, shift = (
            weights[f"{name}.{part}"].view(shape) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return scale * (x - mean) / torch.sqrt(variance + 1e-5) + shift

    x = functional.conv2d(feats.transpose(1, 2)[:, None], weights["stem.weight"], weights["stem.bias"], padding=1)
    x = norm(torch.relu(x), "stem_norm")
    for stage, (depth, stride) in enumerate(zip(blocks, strides, strict=True)):
        for number in range(depth):
            name, step = f"stages.{stage}.{number}", stride if number == 0 else 1
            y = norm(torch.relu(functional.conv2d(x, weights[f"{name}.conv1.weight"], None, step, 1)), f"{name}.norm1")
            y = norm(functional.conv2d(y, weights[f"{name}.conv2.weight"], None, 1, 1), f"{name}.norm2")
            gate = functional.adaptive_avg_pool2d(y, 1).flatten(1)
            for layer, function in (("squeeze", torch.relu), ("excite", torch.sigmoid)):
                gate = function(
                    functional.linear(gate, weights[f"{name}.se.{layer}.weight"], weights[f"{name}.se.{layer}.bias"])
                )
            if f"{name}.shortcut.0.weight" in weights:
                x = norm(functional.conv2d(x, weights[f"{name}.shortcut.0.weight"], None, step), f"{name}.shortcut.1")
            x = torch.relu(y * gate[:, :, None, None] + x)
    x = x.reshape(1, -1, x.shape[-1])
    hidden = functional.conv1d(x, weights["pooling.frame_projection.weight"], weights["pooling.frame_projection.bias"])
    logits = functional.conv1d(
        norm(hidden.relu(), "pooling.norm"), weights["pooling.logits.weight"], weights["pooling.logits.bias"]
    )
    attention = torch.softmax(logits, dim=2)
    mean = (x * attention).sum(2)
    deviation = torch.sqrt(((x**2 * attention).sum(2) - mean**2).clamp(min=1e-5))
    return functional.linear(torch.cat((mean, deviation), 1), weights["embedding.weight"], weights["embedding.bias"])


def test_it_equals_the_network_written_down_in_plain_functions():
    model = after_training(ResNet34()).double()
    feats = torch.randn(1, 61, 64, dtype=torch.float64)
    expected = oracle(model.state_dict(), feats, (3, 4, 6, 3), (1, 2, 2, 2))
    torch.testing.assert_close(model(feats), expected, rtol=1e-9, atol=1e-9)


def test_the_promise_holds_from_the_waveform_on_at_full_size():
    embedder = SpeakerEmbedder(LogMelSpectrogram(), after_training(ResNet34()), "mean_var").eval()
    wav, lengths = 0.1 * torch.randn(3, 9000), torch.tensor([9000, 6421, 300])
    with torch.no_grad():
        alone = torch.cat([embedder(x[None, :n]) for x, n in zip(wav, lengths, strict=True)])
        for x, n in zip(wav, lengths, strict=True):
            x[n:] = 0
        torch.testing.assert_close(embedder(wav, lengths), alone, atol=1e-4, rtol=1e-3)


def test_it_is_a_speaker_encoder_whose_batch_order_does_not_matter():
    model, feats = after_training(small()), torch.randn(3, 17, 20)
    assert isinstance(model, SpeakerEncoder)
    assert model(feats).shape == (3, model.embedding_dim)
    torch.testing.assert_close(model(feats.flip(0)), model(feats).flip(0))
    assert not torch.allclose(model(feats.flip(2)), model(feats), atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"strides": (1, 2)}, "strides"), ({"pooling": "max"}, "asp, sap, l2"), ({"reduction": 9}, "reduction 9")],
)
def test_bad_arguments(wrong, message):
    with pytest.raises(InputError, match=message):
        small(**wrong)


@pytest.mark.parametrize("options", [{"pooling": "sap"}, {"reduction": 0}, {"strides": (2, 1, 3)}])
def test_variants_keep_the_promises(options):
    check_encoder(small(**options), features=20)
