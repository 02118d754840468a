"""SEF-PNet and its steps at full size: the numbers of tables I and IV, and the shape of every map."""

import pytest
import torch

from toolkit.metrics.cost.complexity import count_macs, count_macs_thop, count_parameters

from .extractors import NAMES, model_config, published, sounds

ENCODER_WIDTHS = (16, 32, 32, 32, 64, 128, 384)


@pytest.fixture(scope="module")
def models():
    return {name: published(name).eval() for name in NAMES}


@pytest.mark.parametrize(
    ("name", "millions", "thop", "exact"),
    [
        ("sdpccn", 6.63, 8.49, 6_300_402 + 333_186),
        ("dpccn_ci", 5.89, 8.37, 5_894_770),
        ("dpccn_ci_ifi", 5.89, 8.43, 5_899_402),
        ("sefpnet", 6.08, 8.50, 6_080_402),
    ],
)
def test_size_and_cost_of_table_1(models, name, millions, thop, exact):
    """One second at 8 kHz; the paper's multiply-accumulates are those of the thop package. Sizes counted by layer."""
    inputs = sounds(1, 8000), sounds(1, 8000, 1)
    assert count_parameters(models[name]) == exact == pytest.approx(1e6 * millions, rel=0.01)
    assert count_macs_thop(models[name], inputs) == pytest.approx(1e9 * thop, rel=0.002)


def test_thop_says_the_same(models):
    thop = pytest.importorskip("thop", exc_type=ImportError)
    inputs = sounds(1, 8000), sounds(1, 8000, 1)
    assert count_macs_thop(models["sefpnet"], inputs) == thop.profile(models["sefpnet"], inputs, verbose=False)[0]


def test_true_multiply_accumulates(models):
    """Convolutions 7.930 G, by an earlier count; CI's two products of 128 x 128 x 129 in two planes are 8.5 M."""
    inputs = sounds(1, 8000), sounds(1, 8000, 1)
    assert count_macs(models["sefpnet"], inputs) == pytest.approx(7.930e9 + 4 * 128 * 128 * 129, rel=1e-3)


def test_sizes_of_table_2(models):
    """What each block adds to DPCCN + CI: K = 4, reduction 4, and reduction 16 with a 7x7 convolution."""
    base = count_parameters(models["dpccn_ci"])

    def lca(c):
        h = c // 4
        return 2 * (c * h + h + 2 * h + h * c + c + 2 * c)

    def se(c):
        return 2 * c * (c // 4) + c // 4 + c

    def cbam(c):
        return 2 * c * (c // 16) + c // 16 + c + 2 * 49

    for name, block in (("lca", lca), ("se", se), ("cbam", cbam)):
        added = count_parameters(models[f"dpccn_ci_{name}"]) - base
        assert added == sum(block(width) for width in ENCODER_WIDTHS), name
    assert count_parameters(models["sefpnet"]) - count_parameters(models["dpccn_ci_ifi"]) == lca(64) + sum(
        lca(width) for width in ENCODER_WIDTHS
    )


def shapes_of(model, samples):
    """(C, F, T) behind every stage of the U-Net."""
    shapes, network = {}, model.network
    parts = {"stem": network.stem, "tcn": network.tcn, "dec_last": network.last}
    parts |= {"pyramid": network.pyramid, "out": network.out}
    parts |= {f"enc{i}": stage for i, stage in enumerate(network.encoder, 1)}
    parts |= {f"dec{i}": stage for i, stage in enumerate(network.decoder, 1)}
    for name, part in parts.items():
        part.register_forward_hook(
            lambda module, inputs, out, name=name: shapes.update({name: tuple(out.shape[1:])}), always_call=True
        )
    with torch.no_grad():
        model(sounds(1, samples), sounds(1, samples, 1))
    return shapes


def test_every_map_of_sef_pnet_has_its_shape():
    """For one second, 128 frames: section 5.3 of the specification, frequency before time."""
    down = [(16, 127), (32, 63), (32, 31), (32, 15), (64, 7), (128, 3), (384, 1)]
    up = [(128, 3), (64, 7), (32, 15), (32, 31), (32, 63), (16, 127)]
    expected = {f"enc{i}": (*shape, 128) for i, shape in enumerate(down, 1)}
    expected |= {f"dec{i}": (*shape, 128) for i, shape in enumerate(up, 1)}
    expected |= {"stem": (16, 127, 128), "tcn": (384, 128), "dec_last": (32, 127, 128)}
    assert shapes_of(published("sefpnet"), 8000) == expected | {"pyramid": (32, 127, 128), "out": (2, 129, 128)}


def test_every_map_of_sdpccn_has_its_shape():
    down = [(16, 255), (32, 127), (32, 63), (32, 31), (32, 15), (64, 7), (128, 3), (384, 1)]
    up = [(128, 3), (64, 7), (32, 15), (32, 31), (32, 63), (32, 127), (16, 255)]
    expected = {f"enc{i}": (*shape, 65) for i, shape in enumerate(down, 1)}
    expected |= {f"dec{i}": (*shape, 65) for i, shape in enumerate(up, 1)}
    expected |= {"stem": (16, 255, 65), "tcn": (384, 65), "dec_last": (32, 255, 65)}
    assert shapes_of(published("sdpccn"), 8000) == expected | {"pyramid": (32, 255, 65), "out": (2, 257, 65)}


def test_configs_differ_in_what_their_names_say():
    """One class, one path of code: every step of SEF-PNet is an argument."""
    base = model_config("dpccn_ci")
    assert base["init_args"] == {"fs": 8000, "window": 256, "hop": 64, "fusion": "none", "attention": "none"}
    steps = {"dpccn_ci_ifi": {"fusion": "ifi"}, "sefpnet": {"fusion": "ifi", "attention": "lca"}}
    steps |= {f"dpccn_ci_{kind}": {"attention": kind} for kind in ("lca", "se", "cbam")}
    for name, changes in steps.items():
        assert model_config(name) == {**base, "init_args": base["init_args"] | changes}
