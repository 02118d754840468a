"""LGR-TSE: table 1 of the paper, promises, options, and the speaker encoder as a part of it."""

from itertools import pairwise

import pytest
import torch
from helpers.plain import after_training

from toolkit.features.mel_power import MelPower
from toolkit.io.errors import InputError
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.ge2e import GE2E
from toolkit.models.tse.lgr_tse import LGRTSE
from toolkit.testing import check_extractor

from .extractors import Pieces, Tiny, count, encoder, maps_of, sounds

KINDS = ("local", "global", "lgr")
SEPARATION = 785_429 + 13_660_160 + 792_754  # encoder, ARN, decoder; by layer
LOCAL, GAIN = 97_780 + 10_209, 257 * 1024


def small(kind: str = "lgr", **changes) -> LGRTSE:
    """33 bins: 16, 7, 3."""
    torch.manual_seed(1)
    sizes = {"window": 64, "hop": 32, "channels": (3, 4, 6), "local_hidden": 4, "representation": kind}
    given = {} if kind == "local" or "embedding_dim" in changes else {"speaker_encoder": encoder()}
    return LGRTSE(**sizes | given | changes)


# --- the paper's sizes -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full():
    return LGRTSE(embedding_dim=256).eval()


def test_every_map_of_table_1(full):
    """T1 = 12 and T2 = 22 frames. In the row of the local conv2d_1 the table repeats the 4 channels of the mixture."""
    parts = {f"conv2d_{i}": layer for i, layer in enumerate(full.encoder, 1)}
    parts |= {f"deconv2d_{i}": layer for i, layer in zip((5, 4, 3, 2, 1), full.decoder, strict=True)}
    parts |= {f"local_{i}": layer for i, layer in enumerate(full.speaker.layers, 1)}
    parts |= {"ARN": full.arn, "ARN_frame": full.speaker.arn, "filter": full.filter}
    actual = maps_of(full, parts, sounds(1, 1600), sounds(1, 3200), None, torch.randn(1, 256))
    down = [(16, 80), (32, 39), (64, 19), (128, 9), (256, 4)]
    given = [(4, 161), (32, 80), (64, 39), (128, 19), (256, 9)]
    expected = {
        f"conv2d_{i}": ((a, 12, b), (c, 12, d)) for i, ((a, b), (c, d)) in enumerate(zip(given, down, strict=True), 1)
    }
    up = {5: (512, 4, 128, 9), 4: (256, 9, 64, 19), 3: (128, 19, 32, 39), 2: (64, 39, 16, 80), 1: (32, 80, 30, 161)}
    expected |= {f"deconv2d_{i}": ((a, 12, b), (c, 12, d)) for i, (a, b, c, d) in up.items()}
    local = [(2, 161), *down[:4]]
    expected |= {f"local_{i}": ((a, 22, b), (c, 22, d)) for i, ((a, b), (c, d)) in enumerate(pairwise(local), 1)}
    expected |= {"ARN": ((12, 1024), (12, 1024)), "ARN_frame": ((161, 1), (161, 1))}
    assert actual == expected | {"filter": ((30, 12, 161), (2, 12, 161))}
    assert full.filter.taps == 15


def test_every_layer_of_the_global_network_of_table_1():
    """Weights (out, in, frames). All layers keep the number of frames; of 8 groups in a block 7 have a convolution."""
    options = {"channels": 2048, "mfa_channels": 6144, "embedding_dim": 256, "attention_channels": 256}
    options |= {"se_norm": False, "mfa_norm": True, "embedding_norm": False, "residual_sum": False}
    with torch.device("meta"):
        model = EcapaTdnn(**options)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes["stem.conv.weight"] == (2048, 80, 5)
    for i, dilation in enumerate((2, 3, 4)):
        groups = [f"blocks.{i}.res2.blocks.{group}.conv" for group in range(7)]
        assert {shapes[f"{name}.weight"] for name in groups} == {(256, 256, 3)}
        assert {model.get_submodule(name).dilation for name in groups} == {(dilation,)}
        assert shapes[f"blocks.{i}.se.squeeze.weight"] == (128, 2048)
    assert shapes["mfa.conv.weight"] == (6144, 3 * 2048, 1)
    assert shapes["pooling.frame_projection.weight"] == (256, 6144, 1)
    assert shapes["embedding.weight"] == (256, 12288)
    assert count(model) == 78_988_416


def test_sizes(full):
    assert [count(full.encoder), count(full.arn), count(full.decoder)] == [785_429, 13_660_160, 792_754]
    assert count(full) == SEPARATION + LOCAL + GAIN == 15_609_500
    with torch.device("meta"):
        one, both = LGRTSE(representation="local", local_in=1), LGRTSE(representation="local")
        plain = LGRTSE(representation="global", embedding_dim=256)
        gated = LGRTSE(embedding_dim=256, taps="gated")
    assert [count(model.speaker.layers) for model in (one, both)] == [97_636, 97_780]
    assert count(both) == count(full) - GAIN
    # Without local features the convolutions are given 3, 16, 32, 64, 128 channels.
    added = sum(9 * a * b for a, b in ((1, 16), (16, 32), (32, 64), (64, 128), (128, 256)))
    assert count(plain) == count(full) - LOCAL - added
    assert count(gated) == count(full) + 9 * 32 * 30 + 30


# --- promises --------------------------------------------------------------------------------------------------------


def ge2e() -> SpeakerEmbedder:
    """As published, with a smaller network and windows of 8 frames."""
    torch.manual_seed(1)  # its last layer ends with a ReLU: of so few numbers all can be 0
    windows = {"window_frames": 8, "step_frames": 4, "min_frames": 6}
    return SpeakerEmbedder(MelPower(), GE2E(hidden=4, num_layers=1, embedding_dim=6, **windows), "none")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("local", {}),
        ("global", {"speaker_encoder": ge2e()}),
        ("lgr", {"local_in": 1, "taps": "gated", "unit_embedding": True, "level": 0.1}),
    ],
)
def test_promises(kind, options):
    check_extractor(small(kind, **options))


@pytest.mark.parametrize("kind", KINDS)
def test_the_system_is_its_parts_in_the_order_of_figure_1(kind):
    """Written down with the parts of the model, whose sums are tested elsewhere: what goes where."""
    model = after_training(small(kind)).double()
    mixture, enrolment = sounds(2, 400, 0, torch.float64), sounds(2, 300, 1, torch.float64)
    y, e = (torch.complex(*model.stft(x)[0].unbind(1)) for x in (mixture, enrolment))
    x, skips = torch.stack((y.abs(), y.real, y.imag), 1), []
    local = [one.mean(3) for one in model.speaker.levels(e.abs())]
    for i, layer in enumerate(model.encoder):
        if local:
            x = torch.cat((x, local[i][..., None].repeat(1, 1, 1, x.shape[3])), 1)
        x = layer(x)
        skips.append(x)
    sequence = x.permute(0, 3, 1, 2).reshape(2, x.shape[3], -1)
    if kind != "local":
        sequence = sequence * model.speaker.gain(model.trained_embedder(enrolment))[:, None]
    x = model.arn(sequence).reshape(2, x.shape[3], *x.shape[1:3]).permute(0, 2, 3, 1)
    for layer, skip in zip(model.decoder, reversed(skips), strict=True):
        x = layer(torch.cat((x, skip), 1))
    expected = model.stft.inverse(model.filter(x, torch.stack((y.real, y.imag), 1)), 400)
    torch.testing.assert_close(model(mixture, enrolment), expected)


def test_taps_of_one_give_the_mixture_back():
    model, mixture = small("local").eval(), sounds(2, 333)
    for parameter in model.decoder[-1][0].parameters():
        torch.nn.init.zeros_(parameter)
    model.decoder[-1][0].bias.data[2 * 7] = 1  # the real part of the middle one of 15
    torch.testing.assert_close(model(mixture, sounds(2, 200, 1)), mixture)


def test_levels_are_brought_to_one_where_asked_for():
    model = after_training(small("local", level=0.1)).double()
    mixture, enrolment = sounds(1, 300, 0, torch.float64), sounds(1, 200, 1, torch.float64)
    out = model(mixture, enrolment)
    torch.testing.assert_close(model(10 * mixture, enrolment), 10 * out)
    torch.testing.assert_close(model(mixture, 0.1 * enrolment), out)


@pytest.mark.parametrize("window", [66, 90])
def test_other_windows_go(window):
    assert small(window=window, hop=window // 3)(sounds(2, 501), sounds(2, 300, 1)).shape == (2, 501)


def test_mixed_precision_keeps_the_spectrogram_out_of_it():
    model, mixture, enrolment = small().eval(), sounds(2, 400), sounds(2, 300, 1)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(mixture, enrolment)
    assert out.dtype == torch.float32
    exact = model(mixture, enrolment)
    assert (out - exact).norm() < 0.1 * exact.norm()


# --- the speaker encoder ---------------------------------------------------------------------------------------------


def test_an_embedding_that_is_given_spares_the_encoder():
    model, mixture, enrolment = small().eval(), sounds(2, 400), sounds(2, 300, 1)
    vector = model.trained_embedder(enrolment)
    expected = model(mixture, enrolment)
    batch = {"wav": mixture, "enroll_spk1": enrolment, "embedding": vector}
    calls = []
    model.trained_embedder.register_forward_hook(lambda *_: calls.append(1))
    torch.testing.assert_close(model.training_outputs(batch)["speech"], expected)
    assert not calls
    del batch["embedding"]
    torch.testing.assert_close(model.training_outputs(batch)["speech"], expected)
    assert calls == [1]
    assert not torch.allclose(model(mixture, enrolment, embedding=vector + 1), expected)


def test_the_encoder_stays_as_it_is_and_travels_with_the_weights():
    model, wav = small().train(), sounds(2, 400)
    before = [p.clone() for p in model.trained_embedder.parameters()]
    assert not model.trained_embedder.model.training
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0)
    model(wav, sounds(2, 300, 1)).square().sum().backward()
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, model.trained_embedder.parameters(), strict=True))
    other = small(speaker_encoder=SpeakerEmbedder(Pieces(), Tiny(), "none"))  # of other weights
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other.eval()(wav, wav), model.eval()(wav, wav))


@pytest.mark.parametrize(
    ("kind", "changes", "conditioning"),
    [
        ("local", {}, ("enrolment",)),
        ("global", {}, ("enrolment",)),
        ("lgr", {}, ("enrolment",)),
        ("global", {"embedding_dim": 6}, ("embedding",)),
        ("lgr", {"embedding_dim": 6}, ("enrolment", "embedding")),
    ],
)
def test_what_it_is_conditioned_on(kind, changes, conditioning):
    model = small(kind, **changes)
    assert model.conditioning == conditioning
    batch = {"wav": sounds(2, 400), "enroll_spk1": sounds(2, 300, 1), "embedding": torch.randn(2, 6)}
    assert model.training_outputs({name: batch[name] for name in model.streams})["speech"].shape == (2, 400)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speaker_encoder": encoder(8000)}, "init_args.speaker_encoder: Tiny is for 8000 Hz, the extractor for 16000"),
        ({"speaker_encoder": encoder(), "embedding_dim": 7}, "init_args.embedding_dim 7: must be 6, .*Tiny"),
        ({"speaker_encoder": None}, "init_args.speaker_encoder: is missing"),
        ({"kind": "both"}, "representation 'both': must be one of local, global, lgr"),
        ({"local_in": 3}, "local_in 3"),
        ({"taps": "relu"}, "taps 'relu'"),
        ({"filter_frames": -1}, "-1 frames"),
        ({"level": 0.0}, "level 0: must be above 0"),
        ({"channels": (3, 4, 6, 8, 8)}, "halve 33 bins"),
        ({"channels": (3, 4, 5)}, "15 channels.*must be even"),
    ],
)
def test_arguments_that_do_not_go(changes, message):
    with pytest.raises(InputError, match=message) as error:
        small(**changes)
    assert "\n" not in str(error.value)


def test_embeddings_that_do_not_go():
    model, wav = small(), sounds(1, 300)
    with pytest.raises(InputError, match=r"data.init_args.embeddings: .* 7 numbers, the model takes 6"):
        model(wav, wav, embedding=torch.zeros(1, 7))
    with pytest.raises(InputError, match=r"needs an embedding.*model.init_args.speaker_encoder"):
        small(embedding_dim=6)(wav, wav)
    with pytest.raises(InputError, match="give enrolment"):
        model(wav, embedding=torch.zeros(1, 6))


@pytest.mark.parametrize(
    "shapes",
    [
        ((300,), (1, 300), (1, 6)),
        ((2, 300), (1, 300), (2, 6)),
        ((2, 300), (2, 300), (1, 6)),  # would be taken for both
        ((2, 300), (2, 300), (6,)),
    ],
)
def test_shapes_that_do_not_go(shapes):
    mixture, enrolment, embedding = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(InputError, match=r"LGRTSE: .*\(B, .\): got the shape \("):
        small()(mixture, enrolment, embedding=embedding)
