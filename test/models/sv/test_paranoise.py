"""ParaNoise-SV against its paper: sizes, shapes, and the whole network written down once more."""

import pytest
import torch
from helpers import plain
from helpers.plain import after_training

from toolkit.metrics.cost.complexity import count_macs_thop
from toolkit.models.sv.paranoise import ParaNoise

from .paranoises import VARIANTS, count, on_paper, small

# --- sizes -----------------------------------------------------------------------------------------------------------


def test_parameters_are_the_published_number():
    """Table 5: 7.75 M, with neither classifier."""
    assert count(on_paper()) == pytest.approx(7.75e6, rel=0.02)
    assert count(on_paper(noise="none", parallel=())) == pytest.approx(5.882e6, rel=1e-4)


def block(cin, cout, stride=1):
    """Parameters of an SE-ResNet block with reduction 8, layer by layer."""
    shortcut = cin * cout + 2 * cout if cin != cout or stride != 1 else 0
    return 9 * cin * cout + 9 * cout**2 + 4 * cout + (2 * cout * (cout // 8) + cout // 8 + cout) + shortcut


def test_parameters_of_the_parts_are_those_of_the_papers_layers():
    """Table 1 counted by hand; the numbers at the right are those that a count of another implementation gave."""
    model = on_paper()
    encoder = 49 * 16 + 32 + 3 * block(16, 16) + block(16, 32, 2) + 3 * block(32, 32)
    encoder += block(32, 64, 2) + 5 * block(64, 64) + block(64, 128) + 2 * block(128, 128)
    merges = 9 * (32 * 16 + 32 * 16 + 64 * 32 + 128 * 64)
    decoder = 192 * 64 + 3 * block(64, 64) + 4 * 64 * 32 + block(64, 32) + 5 * block(32, 32)
    decoder += 4 * 32 * 16 + block(32, 16) + 3 * block(16, 16) + 32 * 16 + 3 * block(16, 16) + 2 * 32
    widths = ((16, 16), (16, 32), (32, 64), (64, 128))
    adaptations = sum(9 * (a * b + b * b) + 4 * b for a, b in widths)
    attention = [d * (d // 8) + d // 8 + 2 * (d // 8) + (d // 8) * d + d for d in (1024, 2048)]
    fusion = 9 * 128 * 256 + 512 * 64 + 64 + 128 + 64 * 256 + 256 + 512
    actual = {
        "NE encoder": (count(model.noise_encoder), encoder, 1354.4),
        "SE encoder": (count(model.speech_encoder), encoder + merges, 1455.8),
        "NE decoder": (count(model.noise_decoder), decoder, 409),
        "SE decoder": (count(model.speech_decoder), decoder, 409),
        "adaptations": (count(model.speaker.adaptations), adaptations, 296),
        "fusion": (count(model.speaker.down, model.speaker.fusion), fusion, 345),
        "initial pooling": (count(model.initial_pooling), attention[0] + 4096, 263.6 + 4.1),
        "initial": (count(model.initial), 2048 * 192 + 192 + 384, 393.4 + 0.4),
        "final pooling": (count(model.final_pooling), attention[1] + 8192, 1051.4 + 8.2),
        "final": (count(model.final), 6144 * 192 + 192 + 384, 1179.8 + 0.4),
    }
    for part, (have, by_hand, thousands) in actual.items():
        assert have == by_hand == pytest.approx(1000 * thousands, rel=2e-3), part
    stages = count(model.speaker.stem, model.speaker.merges, model.speaker.stages)
    assert stages == pytest.approx(576e3, rel=1e-3)
    assert count(model) == sum(have for have, _, _ in actual.values()) + stages


@pytest.mark.parametrize(
    ("options", "part", "thousands"),
    [
        ({"parallel_kernel": 1}, "speech_encoder", 1365.7),
        ({"adaptation_kernel": 1}, "speaker.adaptations", 33.7),
        ({"adaptation_kernel": 1, "adaptation_depth": 1}, "speaker.adaptations", 11.5),
        ({"adaptation_depth": 1}, "speaker.adaptations", 99.6),
        ({"adaptation_depth": 0}, "speaker.adaptations", 0),
        ({"parallel_kernel": 1, "speaker_kernel": 3, "adaptation_kernel": 1}, "", 7742.4),
    ],
)
def test_other_readings_of_the_kernels_have_their_sizes(options, part, thousands):
    assert count(on_paper(**options).get_submodule(part)) == pytest.approx(1000 * thousands, abs=60)


# --- shapes and formula ----------------------------------------------------------------------------------------------


def test_every_point_of_table_1_has_its_shape():
    """(C, F, T) for an input of 1 x 64 x 256."""
    model, shapes = ParaNoise().eval(), {}
    stage, speaker = {}, model.speaker
    for name, encoder, decoder in (
        ("N", model.noise_encoder, model.noise_decoder),
        ("S", model.speech_encoder, model.speech_decoder),
    ):
        stage |= {f"{name}_E0": encoder.stem, f"{name}^": decoder.out}
        stage |= {f"{name}_E{i}": one for i, one in enumerate(encoder.stages, 1)}
        stage |= {f"{name}_D{i}": one for i, one in enumerate(decoder.stages, 1)}
    stage |= {f"S{i}": one for i, one in enumerate(speaker.stages, 1)} | {"C": speaker.stem, "F": speaker.fusion}
    stage |= {f"CA{4 - i}": one[-1] for i, one in enumerate(speaker.adaptations)}
    stage |= {"z": model.initial_pooling, "pooled": model.final_pooling, "initial": model.initial, "final": model.final}
    for name, module in stage.items():
        module.register_forward_hook(
            lambda module, inputs, out, name=name: shapes.update(
                {name: tuple((out[0] if isinstance(out, tuple) else out).shape[1:])}
            )
        )
    with torch.no_grad():
        outputs = model.outputs(torch.randn(1, 256, 64))
    down = [(16, 32, 256), (16, 32, 256), (32, 16, 128), (64, 8, 64), (128, 8, 64)]
    up = [(64, 8, 64), (32, 16, 128), (16, 32, 256), (16, 32, 256)]
    expected = {f"{name}_E{i}": shape for name in "NS" for i, shape in enumerate(down)}
    expected |= {f"{name}_D{i}": shape for name in "NS" for i, shape in enumerate(up, 1)}
    expected |= {"N^": (1, 64, 256), "S^": (1, 64, 256), "C": (16, 32, 256), "F": (256, 8, 64)}
    expected |= {"S1": (32, 32, 256), "S2": (64, 16, 128), "S3": (128, 8, 64), "S4": (256, 8, 64)}
    expected |= {"CA4": (16, 32, 256), "CA3": (32, 32, 256), "CA2": (64, 16, 128), "CA1": (128, 8, 64)}
    expected |= {"z": (2048,), "pooled": (4096,), "initial": (192,), "final": (192,)}
    assert shapes == expected
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "noise": (1, 256, 64),
        "speech": (1, 256, 64),
        "initial": (1, 192),
        "embedding": (1, 192),
    }
    assert [len(one) for one in model.speech_encoder.stages] == [3, 4, 6, 3]
    assert [len(one) for one in model.speech_decoder.stages] == [3, 6, 4, 3]
    assert [len(one) for one in speaker.stages] == [3, 4, 6, 3]


def test_cost_of_training():
    """4.45 G multiply-accumulates as thop counts them, by a count of another implementation."""

    class All(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = ParaNoise()

        def forward(self, feats):
            return self.model.outputs(feats)["embedding"]

    assert round(count_macs_thop(All(), (torch.randn(1, 256, 64),)) / 1e9, 2) == 4.45


def unet(w, name, x, guests=None, guest_steps=None):
    """Maps E0 .. E4, steps D0 .. D4 and spectrogram of an even-sized input (equations 1 to 8)."""

    def shown(part, x, i, guests):
        at = f"{name}_{part}.merges.{i}.conv"
        return plain.conv(w, at, torch.cat((x, guests[i]), 1)) if f"{at}.weight" in w else x

    e = [plain.stem(w, f"{name}_encoder.stem", x)]
    for i, stride in enumerate((1, 2, 2, 1)):
        e.append(plain.se_stage(w, f"{name}_encoder.stages.{i}", shown("encoder", e[i], i, guests), stride))
    if f"{name}_decoder.out.weight" not in w:
        return e, None, None
    d = [e[4]]
    for i in range(4):
        x = shown("decoder", d[i], i, guest_steps)
        if i in (0, 3):
            conv = f"{name}_decoder.{'first' if i == 0 else 'last'}.conv"
            x = plain.conv(w, conv, torch.cat((x, e[3 - i]), 1))
        else:
            x = torch.cat((plain.doubled(w, f"{name}_decoder.up.{i - 1}", x), e[3 - i]), 1)
        d.append(plain.se_stage(w, f"{name}_decoder.stages.{i}", x))
    out = torch.einsum("bcft,coi->bofit", torch.cat((d[4], e[0]), 1), w[f"{name}_decoder.out.weight"][..., 0])
    return e, d, out.flatten(2, 3)


def whole(w, feats):
    """The network written down once more: (B, T, F), T a multiple of 4 and F of 8 -> what it says."""

    def pooled(name, x):
        return plain.norm(w, f"{name}.norm", plain.attentive_statistics(w, f"{name}.attentive", x.flatten(1, 2)))

    def embedding(name, x):
        return plain.norm(w, f"{name}.1", plain.linear(w, f"{name}.0", x))

    x, result, e, d = feats.transpose(1, 2)[:, None], {}, None, None
    if "noise_encoder.stem.0.weight" in w:
        e, d, noise = unet(w, "noise", x)
        if d:
            result["noise"] = noise[:, 0].transpose(1, 2)
        else:
            code = embedding("noise_attributes.code", pooled("noise_attributes.pooling", e[4]))
            if "noise_attributes.kind.weight" in w:
                result["noise_class"] = plain.linear(w, "noise_attributes.kind", code)
            if "noise_attributes.level.weight" in w:
                result["noise_snr"] = plain.linear(w, "noise_attributes.level", code)[:, 0]
    e, d, speech = unet(w, "speech", x, e, d)
    z = pooled("initial_pooling", e[4])
    s = [plain.stem(w, "speaker.stem", speech)]
    for i, stride in enumerate((1, 2, 2, 1)):
        adapted = d[4 - i]
        for layer in range(2):
            at = f"speaker.adaptations.{i}.{layer}"
            adapted = plain.norm(w, f"{at}.1", plain.conv(w, f"{at}.0", adapted)).relu()
        merged = plain.conv(w, f"speaker.merges.{i}.conv", torch.cat((s[i], adapted), 1))
        s.append(plain.res2net_stage(w, f"speaker.stages.{i}", merged, stride))
    last = plain.fused(w, "speaker.fusion", s[4], plain.conv(w, "speaker.down", s[3]))
    final = embedding("final", torch.cat((z, pooled("final_pooling", last)), 1))
    return result | {"speech": speech[:, 0].transpose(1, 2), "initial": embedding("initial", z), "embedding": final}


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_equals_the_network_written_down_in_plain_functions(variant):
    model = after_training(small(n_mels=16, **variant)).double()
    feats = torch.randn(2, 12, 16, dtype=torch.float64)
    expected = whole(model.state_dict(), feats)
    torch.testing.assert_close(model.outputs(feats), expected)
    torch.testing.assert_close(model(feats), expected["embedding"])
