"""What is connected with what in ParaNoise-SV and its variants, and the promises of every speaker encoder."""

import pytest
import torch
from helpers.plain import after_training

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.speaker.margin import AAMSoftmax
from toolkit.metrics.cost.complexity import measure_peak_memory
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.paranoise import ParaNoise

from .paranoises import VARIANTS, count, on_paper, small


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
        model.outputs(feats)
        handles.append(where.register_forward_hook(change))
        model.outputs(feats)
    for handle in handles:
        handle.remove()
    return {name for name, (before, after) in outputs.items() if not torch.equal(before, after)}


BEHIND = {i: {f"S_E{j}" for j in range(i, 5)} for i in range(1, 5)}
DECODED = {"S_D1", "S_D2", "S_D3", "S_D4", "speech", "final"}


@pytest.mark.parametrize("noise", ["spectrogram", "class+snr"])
def test_encoder_connections_are_those_of_equation_5(noise):
    """S_E,i sees N_E,i-1: the first convolution of NE changes S_E,1 on, its third stage S_E,4, its fourth nothing."""
    model = after_training(small(noise=noise))
    message = {"noise"} & {noise.replace("spectrogram", "noise")}
    assert moved(model, model.noise_encoder.stem) == BEHIND[1] | DECODED | message
    for i in (1, 2, 3):
        assert moved(model, model.noise_encoder.stages[i - 1]) == BEHIND[i + 1] | DECODED | message
    assert moved(model, model.noise_encoder.stages[3]) == message


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
    outputs = model.outputs(torch.randn(8, 16, 20))
    (outputs["embedding"] * torch.randn(8, 12)).sum().backward()
    for part, letter in ((model.noise_encoder, "E"), (model.noise_decoder, "D")):
        some = [p.grad is not None and bool(p.grad.any()) for p in part.parameters()]
        assert any(some) == (letter in reached)
    for name, part in model.named_children():
        if name not in ("noise_encoder", "noise_decoder", "noise_attributes", "initial") and part is not None:
            assert any(p.grad is not None and p.grad.any() for p in part.parameters()), name


def test_deeper_stages_of_noise_extraction_learn_from_the_noise_alone():
    """(enc) is shown E0 to E3: the embedding does not reach NE's fourth stage, the noise does."""
    model = small()
    outputs = model.outputs(torch.randn(8, 16, 20))
    outputs["embedding"].square().sum().backward(retain_graph=True)
    assert all(p.grad is None or not p.grad.any() for p in model.noise_encoder.stages[3].parameters())
    outputs["noise"].square().sum().backward()
    assert all(p.grad is not None for p in (*model.noise_encoder.parameters(), *model.noise_decoder.parameters()))


def test_the_embedding_does_not_outshout_the_speech_at_the_beginning():
    """Of the paper's depth: L_AAM's gradient at SE's first convolution is no thousand times that of L_s."""
    torch.manual_seed(0)
    model, feats = ParaNoise(32, 16, (8, 8, 8, 8)), torch.randn(8, 40, 32)
    margin = AAMSoftmax(0.15, 32)
    margin.setup(TrainingFacts(num_speakers=4, dims={"embedding": 16}))
    outputs, norms = model.outputs(feats), {}
    losses = {
        "margin": margin.compare(outputs["embedding"], torch.arange(8) // 2)[0],
        "speech": (outputs["speech"] + 7).square().mean(),  # log-mels lie there
    }
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, [model.speech_encoder.stem[0].weight], retain_graph=True)
        norms[name] = gradient.norm().item()
    assert norms["margin"] < 1000 * norms["speech"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_is_trained_by_what_the_network_says(variant):
    """No parameter is idle: many processes would wait for its gradient."""
    torch.manual_seed(0)
    model = small(**variant)
    outputs = model.outputs(torch.randn(8, 16, 20))
    sum((value * torch.randn_like(value)).sum() for value in outputs.values()).backward()
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
    outputs = model.outputs(torch.randn(3, 9, 20))
    assert outputs.keys() == {"embedding", "initial", "speech"} | says
    assert model.streams == streams
    shapes = {"noise": (3, 9, 20), "noise_class": (3, 3), "noise_snr": (3,)}
    assert all(outputs[name].shape == shapes[name] for name in says)


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
    assert small(noise="class", noise_classes=("a", "b")).eval().outputs(torch.randn(2, 9, 20))[
        "noise_class"
    ].shape == (2, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"noise": "spectrum"}, "'spectrum': must be one of spectrogram, class, snr, class.snr, none"),
        ({"parallel": ("enc", "mid")}, "'mid': must be one of enc, dec"),
        ({"noise": "none"}, r"parallel enc: must be empty"),
        ({"noise": "class", "parallel": ("enc", "dec")}, "has no decoder"),
    ],
)
def test_bad_arguments(wrong, message):
    with pytest.raises(InputError, match=message):
        small(**wrong)


# --- promises of a speaker encoder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_padded_utterance_says_what_it_says_alone(variant):
    model = after_training(small(**variant))
    feats, lengths = torch.randn(9, 51, 20), torch.tensor([51, 50, 49, 33, 5, 4, 3, 2, 1])
    alone = [model.outputs(x[None, :n]) for x, n in zip(feats, lengths, strict=True)]
    for x, n in zip(feats, lengths, strict=True):
        x[n:] = 1e3
    together = model.outputs(feats, lengths)
    for i, n in enumerate(lengths):
        for name, value in alone[i].items():
            ours = together[name][i, :n] if value.dim() == 3 else together[name][i]
            torch.testing.assert_close(ours, value[0], atol=1e-4, rtol=1e-4)
    assert not torch.cat([together["speech"][i, n:] for i, n in enumerate(lengths)]).any()
    torch.testing.assert_close(model(feats, lengths), together["embedding"])


def test_the_promise_holds_from_the_waveform_on_at_full_size():
    embedder = SpeakerEmbedder(LogMelSpectrogram(n_fft=1024), after_training(ParaNoise()), "mean_var").eval()
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
    outputs = model.outputs(torch.randn(4, frames, 20))
    sum(value.square().mean() for value in outputs.values()).backward()
    assert all(value.isfinite().all() for value in outputs.values())
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_three_minutes_take_the_memory_of_their_maps():
    """18,000 frames of 20 bins: a map of E0 has 8 x 10 x 18,000 values (5.5 MiB); some twenty of them are alive."""
    assert measure_peak_memory(small(), (torch.randn(1, 18_000, 20),)) < 200
