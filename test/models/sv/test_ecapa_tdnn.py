import pytest
import torch
from helpers.plain import after_training

from toolkit.io.errors import InputError
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.testing import check_encoder

PLAIN = {"se_norm": False, "mfa_norm": True, "embedding_norm": False, "residual_sum": False}


def small(**changes) -> EcapaTdnn:
    return EcapaTdnn(**({"n_mels": 20, "channels": 32, "mfa_channels": 48, "embedding_dim": 16} | changes))


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({}, 6_192_128),  # the paper's table 1: 6.2 M
        ({"channels": 1024}, 14_658_496),  # and 14.7 M
        ({"channels": 1024, "embedding_dim": 256}, 14_855_296),
        # SEED's backbone, 14.8553 M, without its unused last normalisation
        ({"channels": 1024, "embedding_dim": 256, "pooling": "l2", "embedding_norm": False}, 14_855_296 - 512),
        # SpeechBrain's, whose model card says 20.8 M
        ({"channels": 1024, "mfa_channels": 3072} | PLAIN | {"padding": "reflect"}, 20_767_552),
        # LGR-TSE's global encoder, 78.99 M
        ({"channels": 2048, "mfa_channels": 6144, "embedding_dim": 256, "attention_channels": 256} | PLAIN, 78_988_416),
    ],
)
def test_parameters_are_the_published_number(arguments, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in EcapaTdnn(**arguments).parameters()) == parameters


def test_full_size_keeps_the_promise_of_padding():
    model = EcapaTdnn().eval()
    feats = torch.randn(1, 90, 80)
    padded = torch.nn.functional.pad(feats, (0, 0, 0, 110), value=9.0)
    torch.testing.assert_close(model(padded, torch.tensor([90])), model(feats), atol=1e-5, rtol=0)


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
    model, feats = after_training(small()), torch.randn(3, 30, 20)
    torch.testing.assert_close(model(feats.flip(0)), model(feats).flip(0))
    assert not torch.allclose(model(feats.flip(1)), model(feats), atol=1e-3)


def test_layers_of_unequal_number_are_refused():
    with pytest.raises(InputError, match="dilations"):
        EcapaTdnn(kernel_sizes=(5, 3, 3, 1))


@pytest.mark.parametrize(
    "options",
    [
        PLAIN,
        {"padding": "reflect", "attention_tanh": True},
        {"pooling": "l2"},
        {"kernel_sizes": (3, 5, 3, 3), "dilations": (2, 1, 3, 1)},
    ],
)
def test_variants_keep_the_promises(options):
    check_encoder(small(**options), features=20)
