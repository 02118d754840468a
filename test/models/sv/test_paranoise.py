"""ParaNoise-SV against its paper: sizes, shapes, wiring, variants; and the promises of every speaker encoder."""

import plain
import pytest
import torch
from plain import after_training

from toolkit.features.centered import CenteredLogMel
from toolkit.io.errors import InputError
from toolkit.losses.margin import AAMSoftmax
from toolkit.metrics.complexity import count_macs_thop, measure_peak_memory
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.paranoise import ParaNoise

VARIANTS = [
    {},
    {"parallel": ("dec",)},
    {"parallel": ("enc", "dec")},
    {"parallel": ()},
    {"noise": "class"},
    {"noise": "snr"},
    {"noise": "class+snr"},
    {"noise": "none", "parallel": ()},
]


def small(**changes) -> ParaNoise:
    sizes = {"n_mels": 20, "channels": (8, 8, 16, 24), "blocks": (1, 2, 1, 1), "embedding_dim": 12, "base_width": 32}
    return ParaNoise(**(sizes | changes))


def count(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def on_paper(**options) -> ParaNoise:
    """A network of full size without memory, to count its parameters."""
    with torch.device("meta"):
        return ParaNoise(**options)


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
    found = {
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
    for part, (have, by_hand, thousands) in found.items():
        assert have == by_hand == pytest.approx(1000 * thousands, rel=2e-3), part
    stages = count(model.speaker.stem, model.speaker.merges, model.speaker.stages)
    assert stages == pytest.approx(576e3, rel=1e-3)
    assert count(model) == sum(have for have, _, _ in found.values()) + stages


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
        said = model.estimates(torch.randn(1, 256, 64))
    down = [(16, 32, 256), (16, 32, 256), (32, 16, 128), (64, 8, 64), (128, 8, 64)]
    up = [(64, 8, 64), (32, 16, 128), (16, 32, 256), (16, 32, 256)]
    expected = {f"{name}_E{i}": shape for name in "NS" for i, shape in enumerate(down)}
    expected |= {f"{name}_D{i}": shape for name in "NS" for i, shape in enumerate(up, 1)}
    expected |= {"N^": (1, 64, 256), "S^": (1, 64, 256), "C": (16, 32, 256), "F": (256, 8, 64)}
    expected |= {"S1": (32, 32, 256), "S2": (64, 16, 128), "S3": (128, 8, 64), "S4": (256, 8, 64)}
    expected |= {"CA4": (16, 32, 256), "CA3": (32, 32, 256), "CA2": (64, 16, 128), "CA1": (128, 8, 64)}
    expected |= {"z": (2048,), "pooled": (4096,), "initial": (192,), "final": (192,)}
    assert shapes == expected
    assert {name: tuple(value.shape) for name, value in said.items()} == {
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
            return self.model.estimates(feats)["embedding"]

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

    x, said, e, d = feats.transpose(1, 2)[:, None], {}, None, None
    if "noise_encoder.stem.0.weight" in w:
        e, d, noise = unet(w, "noise", x)
        if d:
            said["noise"] = noise[:, 0].transpose(1, 2)
        else:
            code = embedding("noise_attributes.code", pooled("noise_attributes.pooling", e[4]))
            if "noise_attributes.kind.weight" in w:
                said["noise_class"] = plain.linear(w, "noise_attributes.kind", code)
            if "noise_attributes.level.weight" in w:
                said["noise_snr"] = plain.linear(w, "noise_attributes.level", code)[:, 0]
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
    return said | {"speech": speech[:, 0].transpose(1, 2), "initial": embedding("initial", z), "embedding": final}


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_equals_the_network_written_down_in_plain_functions(variant):
    model = after_training(small(n_mels=16, **variant)).double()
    feats = torch.randn(2, 12, 16, dtype=torch.float64)
    expected = whole(model.state_dict(), feats)
    torch.testing.assert_close(model.estimates(feats), expected)
    torch.testing.assert_close(model(feats), expected["embedding"])


# --- what is connected with what -------------------------------------------------------------------------------------


def moved(model: ParaNoise, where: torch.nn.Module) -> set[str]:
    """Parts whose output changes when that of a module of NE is changed."""
    parts = {f"S_E{i}": one for i, one in enumerate(model.speech_encoder.stages, 1)}
    parts |= {"S_E0": model.speech_encoder.stem, "speech": model.speech_decoder.out, "final": model.final}
    parts |= {f"S_D{i}": one for i, one in enumerate(model.speech_decoder.stages, 1)}
    parts |= {"noise": model.noise_decoder.out} if model.noise_decoder is not None else {}
    outputs, feats = {}, torch.randn(1, 16, 20)

    def keep(name):
        def hook(module, inputs, out):
            outputs.setdefault(name, []).append(out[0] if isinstance(out, tuple) else out)

        return hook

    def change(module, inputs, out):
        return (out[0] + 1, out[1]) if isinstance(out, tuple) else out + 1

    handles = [module.register_forward_hook(keep(name)) for name, module in parts.items()]
    with torch.no_grad():
        model.estimates(feats)
        handles.append(where.register_forward_hook(change))
        model.estimates(feats)
    for handle in handles:
        handle.remove()
    return {name for name, (before, after) in outputs.items() if not torch.equal(before, after)}


BEHIND = {i: {f"S_E{j}" for j in range(i, 5)} for i in range(1, 5)}
DECODED = {"S_D1", "S_D2", "S_D3", "S_D4", "speech", "final"}


@pytest.mark.parametrize("noise", ["spectrogram", "class+snr"])
def test_encoder_connections_are_those_of_equation_5(noise):
    """S_E,i sees N_E,i-1: the first convolution of NE changes S_E,1 on, its third stage S_E,4, its fourth nothing."""
    model = after_training(small(noise=noise))
    said = {"noise"} & {noise.replace("spectrogram", "noise")}
    assert moved(model, model.noise_encoder.stem) == BEHIND[1] | DECODED | said
    for i in (1, 2, 3):
        assert moved(model, model.noise_encoder.stages[i - 1]) == BEHIND[i + 1] | DECODED | said
    assert moved(model, model.noise_encoder.stages[3]) == said


def test_decoder_connections_leave_the_encoder_alone():
    """S_D,i sees N_D,i-1; N_D,0 is N_E,4, and N_D,4 is shown to nobody."""
    model = after_training(small(parallel=("dec",)))
    assert moved(model, model.noise_encoder.stem) == DECODED | {"noise"}
    assert moved(model, model.noise_encoder.stages[3]) == DECODED | {"noise"}
    for i in (1, 2, 3):
        behind = {f"S_D{j}" for j in range(i + 1, 5)} | {"speech", "final", "noise"}
        assert moved(model, model.noise_decoder.stages[i - 1]) == behind
    assert moved(model, model.noise_decoder.stages[3]) == {"noise"}


def test_both_and_no_connections():
    both, neither = (after_training(small(parallel=parallel)) for parallel in (("enc", "dec"), ()))
    assert moved(both, both.noise_encoder.stages[0]) == BEHIND[2] | DECODED | {"noise"}
    assert moved(both, both.noise_decoder.stages[2]) == {"S_D4", "speech", "final", "noise"}
    assert moved(neither, neither.noise_encoder.stem) == {"noise"}


@pytest.mark.parametrize(("parallel", "reached"), [(("enc",), "E"), (("dec",), "ED"), (("enc", "dec"), "ED"), ((), "")])
@pytest.mark.parametrize("train", [True, False])
def test_gradients_reach_noise_extraction_through_the_connections_alone(parallel, reached, train):
    torch.manual_seed(0)
    model = small(parallel=parallel).train(train)
    said = model.estimates(torch.randn(8, 16, 20))
    (said["embedding"] * torch.randn(8, 12)).sum().backward()
    for part, letter in ((model.noise_encoder, "E"), (model.noise_decoder, "D")):
        some = [p.grad is not None and bool(p.grad.any()) for p in part.parameters()]
        assert any(some) == (letter in reached)
    for name, part in model.named_children():
        if name not in ("noise_encoder", "noise_decoder", "noise_attributes", "initial") and part is not None:
            assert any(p.grad is not None and p.grad.any() for p in part.parameters()), name


def test_deeper_stages_of_noise_extraction_learn_from_the_noise_alone():
    """(enc) is shown E0 to E3: the embedding does not reach NE's fourth stage, the noise does."""
    model = small()
    said = model.estimates(torch.randn(8, 16, 20))
    said["embedding"].square().sum().backward(retain_graph=True)
    assert all(p.grad is None or not p.grad.any() for p in model.noise_encoder.stages[3].parameters())
    said["noise"].square().sum().backward()
    assert all(p.grad is not None for p in (*model.noise_encoder.parameters(), *model.noise_decoder.parameters()))


def test_the_embedding_does_not_outshout_the_speech_at_the_beginning():
    """Of the paper's depth: L_AAM's gradient at SE's first convolution is no thousand times that of L_s."""
    torch.manual_seed(0)
    model, feats = ParaNoise(32, 16, (8, 8, 8, 8)), torch.randn(8, 40, 32)
    margin = AAMSoftmax(0.15, 32)
    margin.setup(16, 4)
    said, norms = model.estimates(feats), {}
    losses = {
        "margin": margin(said["embedding"], torch.arange(8) // 2)[0],
        "speech": (said["speech"] + 7).square().mean(),  # log-mels lie there
    }
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, [model.speech_encoder.stem[0].weight], retain_graph=True)
        norms[name] = gradient.norm().item()
    assert norms["margin"] < 30 * norms["speech"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_is_trained_by_what_the_network_says(variant):
    """No parameter is idle: many processes would wait for its gradient."""
    torch.manual_seed(0)
    model = small(**variant)
    said = model.estimates(torch.randn(8, 16, 20))
    sum((value * torch.randn_like(value)).sum() for value in said.values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize(
    ("variant", "computed"),
    [
        ({}, ["noise_encoder"]),
        ({"parallel": ("dec",)}, ["noise_encoder", "noise_decoder"]),
        ({"noise": "class+snr"}, ["noise_encoder"]),
        ({"parallel": ()}, []),
    ],
)
def test_an_embedding_costs_no_more_of_noise_extraction_than_is_shown(variant, computed):
    model, seen = small(**variant).eval(), []
    for name in ("noise_encoder", "noise_decoder", "noise_attributes"):
        if getattr(model, name) is not None:
            getattr(model, name).register_forward_hook(lambda *given, name=name: seen.append(name))
    model(torch.randn(2, 9, 20))
    assert seen == computed


@pytest.mark.parametrize(
    ("variant", "says", "streams"),
    [
        ({}, {"noise"}, ("wav", "spk1", "noise1")),
        ({"noise": "class"}, {"noise_class"}, ("wav", "spk1")),
        ({"noise": "snr"}, {"noise_snr"}, ("wav", "spk1")),
        ({"noise": "class+snr"}, {"noise_class", "noise_snr"}, ("wav", "spk1")),
        ({"noise": "none", "parallel": ()}, set(), ("wav", "spk1")),
    ],
)
def test_what_a_variant_says_and_asks_for(variant, says, streams):
    model = small(**variant).eval()
    said = model.estimates(torch.randn(3, 9, 20))
    assert said.keys() == {"embedding", "initial", "speech"} | says
    assert model.streams == streams
    shapes = {"noise": (3, 9, 20), "noise_class": (3, 3), "noise_snr": (3,)}
    assert all(said[name].shape == shapes[name] for name in says)


def test_without_noise_extraction_nothing_of_it_is_left():
    model = on_paper(noise="none", parallel=())
    assert not [name for name, _ in model.named_parameters() if "noise" in name]
    ours = {name for name, _ in on_paper(parallel=()).named_parameters() if "noise" not in name}
    assert {name for name, _ in model.named_parameters()} == ours


def test_attributes_replace_the_decoder():
    """Table 4: pooling of E4 (C F = 1024), a code of 192, and heads for 3 kinds and a level."""
    code = 2 * 1024 * 128 + 128 + 1024 + 256 + 2 * 2048 + 2048 * 192 + 192 + 2 * 192
    decoder = count(on_paper().noise_decoder)
    for noise, heads in (("class", 3 * 193), ("snr", 193), ("class+snr", 4 * 193)):
        assert count(on_paper(noise=noise)) == count(on_paper()) - decoder + code + heads
    assert small(noise="class", noise_classes=("a", "b")).eval().estimates(torch.randn(2, 9, 20))[
        "noise_class"
    ].shape == (2, 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"noise": "spectrum"}, "'spectrum': it can be spectrogram, class, snr, class.snr, none"),
        ({"parallel": ("enc", "mid")}, "'mid': it can be enc, dec"),
        ({"noise": "none"}, r"parallel enc: .*there is nothing to show"),
        ({"noise": "class", "parallel": ("enc", "dec")}, "has no decoder"),
    ],
)
def test_bad_arguments(wrong, said):
    with pytest.raises(InputError, match=said):
        small(**wrong)


# --- promises of a speaker encoder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_padded_utterance_says_what_it_says_alone(variant):
    model = after_training(small(**variant))
    feats, lengths = torch.randn(9, 51, 20), torch.tensor([51, 50, 49, 33, 5, 4, 3, 2, 1])
    alone = [model.estimates(x[None, :n]) for x, n in zip(feats, lengths, strict=True)]
    for x, n in zip(feats, lengths, strict=True):
        x[n:] = 1e3
    together = model.estimates(feats, lengths)
    for i, n in enumerate(lengths):
        for name, value in alone[i].items():
            ours = together[name][i, :n] if value.dim() == 3 else together[name][i]
            torch.testing.assert_close(ours, value[0], atol=1e-4, rtol=1e-4)
    assert not torch.cat([together["speech"][i, n:] for i, n in enumerate(lengths)]).any()
    torch.testing.assert_close(model(feats, lengths), together["embedding"])


def test_the_promise_holds_from_the_waveform_on_at_full_size():
    embedder = SpeakerEmbedder(CenteredLogMel(n_fft=1024), after_training(ParaNoise()), "mean_var").eval()
    wav, lengths = 0.1 * torch.randn(3, 9000), torch.tensor([9000, 6421, 300])
    with torch.no_grad():
        alone = torch.cat([embedder(x[None, :n]) for x, n in zip(wav, lengths, strict=True)])
        for x, n in zip(wav, lengths, strict=True):
            x[n:] = 0
        torch.testing.assert_close(embedder(wav, lengths), alone, atol=1e-3, rtol=1e-3)


def test_full_lengths_equal_no_lengths_and_order_does_not_matter():
    model, feats = after_training(small()), torch.randn(4, 23, 20)
    assert isinstance(model, SpeakerEncoder)
    assert model(feats).shape == (4, model.embedding_dim)
    torch.testing.assert_close(model(feats, torch.full((4,), 23)), model(feats))
    torch.testing.assert_close(model(feats.flip(0)), model(feats).flip(0))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 51])
def test_short_utterances_have_finite_embeddings_and_gradients(frames):
    model = small()
    said = model.estimates(torch.randn(4, frames, 20))
    sum(value.square().mean() for value in said.values()).backward()
    assert all(value.isfinite().all() for value in said.values())
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_three_minutes_take_the_memory_of_their_maps():
    """18,000 frames of 20 bins: a map of E0 has 8 x 10 x 18,000 values (5.5 MiB); some twenty of them are alive."""
    assert measure_peak_memory(small(), (torch.randn(1, 18_000, 20),)) < 200
