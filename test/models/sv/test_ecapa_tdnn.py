import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn

PLAIN = {"se_norm": False, "mfa_norm": True, "embedding_norm": False, "residual_sum": False}


def small(**changes) -> EcapaTdnn:
    return EcapaTdnn(**({"n_mels": 20, "channels": 32, "mfa_channels": 48, "embedding_dim": 16} | changes))


def with_random_norms(model: EcapaTdnn) -> EcapaTdnn:
    """As after training: padding which is not masked would show."""
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        torch.nn.init.normal_(norm.bias)
        torch.nn.init.normal_(norm.running_mean)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    return model.eval()


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({}, 6_192_128),  # the paper's table 1: 6.2 M
        ({"channels": 1024}, 14_658_496),  # and 14.7 M
        ({"channels": 1024, "embedding_dim": 256}, 14_855_296),
        # SEED's backbone, 14.8553 M, without its unused last normalisation
        ({"channels": 1024, "embedding_dim": 256, "pooling": "l2", "embedding_norm": False}, 14_855_296 - 512),
        # LGR-TSE's global encoder, 78.99 M
        ({"channels": 2048, "mfa_channels": 6144, "embedding_dim": 256, "attention_channels": 256} | PLAIN, 78_988_416),
    ],
)
def test_parameters_are_the_published_number(arguments, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in EcapaTdnn(**arguments).parameters()) == parameters


@pytest.mark.parametrize(
    "options", [{}, PLAIN, {"pooling": "l2"}, {"kernel_sizes": (3, 5, 3, 3), "dilations": (2, 1, 3, 1)}]
)
def test_padded_utterance_has_the_embedding_of_the_utterance_alone(options):
    model = with_random_norms(small(**options))
    feats, lengths = torch.randn(4, 50, 20), torch.tensor([50, 33, 7, 1])
    alone = torch.cat([model(x[None, :n]) for x, n in zip(feats, lengths, strict=True)])
    for x, n in zip(feats, lengths, strict=True):
        x[n:] = 1e3
    torch.testing.assert_close(model(feats, lengths), alone, atol=1e-5, rtol=0)


def test_full_size_keeps_the_promise_of_padding():
    model = EcapaTdnn().eval()
    feats = torch.randn(1, 90, 80)
    padded = torch.nn.functional.pad(feats, (0, 0, 0, 110), value=9.0)
    torch.testing.assert_close(model(padded, torch.tensor([90])), model(feats), atol=1e-5, rtol=0)


def test_full_lengths_equal_no_lengths():
    model, feats = with_random_norms(small()), torch.randn(2, 30, 20)
    torch.testing.assert_close(model(feats, torch.tensor([30, 30])), model(feats), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("frames", "lengths"), [(1, None), (9, torch.tensor([9, 1, 1]))])
def test_one_frame_trains_with_finite_gradients(frames, lengths):
    model = small().train()
    embeddings = model(torch.randn(3, frames, 20), lengths)
    (embeddings * torch.randn(3, 16)).sum().backward()
    assert embeddings.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_every_parameter_has_a_gradient():
    model = small()
    (model(torch.randn(4, 30, 20)) * torch.randn(4, 16)).sum().backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]


@pytest.mark.parametrize("summed", [True, False])
def test_input_of_a_block_is_the_sum_of_the_outputs_before_or_the_last(summed):
    model, inputs, outputs = small(residual_sum=summed), [], []

    def keep(module, args, output):
        inputs.append(args[0].clone())
        outputs.append(output.clone())

    for module in (model.stem, *model.blocks):
        module.register_forward_hook(keep)
    model(torch.randn(2, 12, 20))
    for i in (1, 2, 3):
        torch.testing.assert_close(inputs[i], sum(outputs[:i]) if summed else outputs[i - 1])


def test_batch_order_does_not_matter_and_frame_order_does():
    model, feats = with_random_norms(small()), torch.randn(3, 30, 20)
    torch.testing.assert_close(model(feats.flip(0)), model(feats).flip(0))
    assert not torch.allclose(model(feats.flip(1)), model(feats), atol=1e-3)


def test_it_is_a_speaker_encoder():
    model = small()
    assert isinstance(model, SpeakerEncoder)
    assert model(torch.randn(2, 12, 20)).shape == (2, model.embedding_dim) == (2, 16)


def test_layers_of_unequal_number_are_refused():
    with pytest.raises(InputError, match="dilations"):
        EcapaTdnn(kernel_sizes=(5, 3, 3, 1))
