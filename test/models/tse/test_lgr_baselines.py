"""The four baselines of LGR-TSE: sizes, what goes where, promises, options."""

from itertools import pairwise

import pytest
import torch
from helpers.plain import after_training

from toolkit.io.errors import InputError
from toolkit.models.tse.gated_crn import GatedCRN
from toolkit.models.tse.speakerfilter import Speakerfilter
from toolkit.models.tse.spectral import Enrolment
from toolkit.models.tse.tea_pse import TEAPSE
from toolkit.models.tse.voicefilter import VoiceFilter
from toolkit.testing import check_extractor

from .baselines import SMALL, small
from .extractors import count, maps_of, sounds

FORMS = [
    *((cls, kind) for cls in (VoiceFilter, GatedCRN, TEAPSE) for kind in ("global", "lgr")),
    (Speakerfilter, "local"),
    (Speakerfilter, "lgr"),
]
every_form = pytest.mark.parametrize(("cls", "kind"), FORMS)


def full(cls, kind: str, **options):
    with torch.device("meta"):
        return cls(embedding_dim=256, representation=kind, **options).eval()


# --- sizes -----------------------------------------------------------------------------------------------------------


ARN = 10_209  # of 32 channels; test_arn.py
WIDTHS = (16, 32, 64, 128, 256)


def blstm(numbers, hidden):
    """One layer, of ``numbers`` to 2 ``hidden``."""
    return 2 * 4 * hidden * (numbers + hidden + 2)


def conv(before, after, kernel, norm=2):
    """With bias; batch normalisation has two numbers for each channel, a PReLU one in all."""
    return before * after * kernel + after + norm * after


def test_voicefilter_is_of_its_size():
    """1x7, 7x1, five times 5x5, 1x1 to 8; 8 x 161 + 256 numbers of a frame."""
    kernels = (7, 7, 25, 25, 25, 25, 25)
    plain = sum(conv(before, 64, k) for before, k in zip((1, *[64] * 6), kernels, strict=True)) + conv(64, 8, 1)
    rest = blstm(8 * 161 + 256, 400) + 801 * 600 + 601 * 161
    assert count(full(VoiceFilter, "global")) == plain + rest == 7_347_561
    added = 1 * 64 * 7 + 64 * 64 * (7 + 5 * 25) + 64 * 8  # one feature map, then 64 beside the input of seven
    local = ARN + sum(conv(before, 64, k) for before, k in zip((2, *[64] * 6), kernels, strict=True))
    assert count(full(VoiceFilter, "lgr")) == plain + rest + added + local == 8_442_314


def test_speakerfilter_is_of_its_size():
    """Every layer twice, but the last, which gives 2 x 15 taps and as many gates."""
    down = sum(2 * conv(2 * before, after, 9) for before, after in pairwise((1, *WIDTHS)))
    up = sum(2 * conv(2 * before, after, 9) for before, after in pairwise(WIDTHS[::-1])) + conv(32, 60, 9, 0)
    anchor = 2 * 3 * 256 * (161 + 256 + 2) + 513 * 161
    local = anchor + sum(2 * conv(before, after, 9) for before, after in pairwise((2, *WIDTHS[:-1])))
    assert count(full(Speakerfilter, "local")) == down + 2 * blstm(1024, 512) + up + local == 16_676_797
    assert count(full(Speakerfilter, "lgr")) == 16_676_797 + 257 * 1024


def test_gated_crn_is_of_its_size():
    """Convolutions over three bins twice, one batch normalisation; two decoders with a linear layer each."""
    down = sum(2 * conv(before, after, 3, 1) for before, after in pairwise((2, *WIDTHS)))
    up = sum(2 * conv(2 * before, after, 3, 1) for before, after in pairwise((*WIDTHS[::-1], 1))) + 162 * 161
    lstm = 2 * (2 * blstm(512, 256) + 2 * 1024)
    assert count(full(GatedCRN, "global")) == down + 257 * 1024 + lstm + 2 * up == 7_937_356
    added = 2 * 3 * sum(before * after for before, after in pairwise((1, *WIDTHS)))
    local = ARN + sum(2 * conv(before, after, 3, 1) for before, after in pairwise((2, *WIDTHS[:-1])))
    assert count(full(GatedCRN, "lgr")) == 7_937_356 + added + local == 8_274_445


def tea_net(inputs, outputs, local=False):
    """80 channels; gated 3 x 3 convolutions, cLN, PReLU; 4 squeezed TCNs of 4 blocks on 80 x 4, squeezed to 76."""

    def layer(before):
        return 2 * conv(before, 80, 9, 0) + 2 * 80 + 1

    down = layer(inputs + 1) + 4 * layer(160) if local else layer(inputs) + 4 * layer(80)
    up = 4 * layer(160) + 2 * conv(160, 1, 9, 0)
    gated = 2 * (1 + 2 * 76 + 5 * 76 * 76 + 76)
    block = (320 * 76 + 76) + gated + (1 + 2 * 76 + 76 * 320 + 320)
    anchor = ARN + layer(2) + 3 * layer(80) if local else 0
    return anchor + down + outputs * up + 16 * block + 4 * 257 * 320


def test_tea_pse_is_of_its_size():
    stages = [tea_net(1, 1), tea_net(4, 2)]
    assert count(full(TEAPSE, "global")) == sum(stages) == 7_804_252
    assert count(full(TEAPSE, "global", stages=1)) == stages[0]
    assert count(full(TEAPSE, "lgr")) == tea_net(1, 1, True) + tea_net(4, 2, True) == 9_448_678


@pytest.mark.parametrize("cls", SMALL)
def test_every_map_of_the_full_size(cls):
    """Of the LGR form. T1 = 12 and T2 = 22 frames; the way down of all but VoiceFilter is that of LGR-TSE's table 1."""
    model = full(cls, "lgr")
    stages = [model.mag_net, model.com_net] if cls is TEAPSE else [model]
    inputs = {VoiceFilter: (1,), Speakerfilter: (1,), GatedCRN: (2,), TEAPSE: (1, 4)}[cls]
    modules, expected = {}, {}
    widths = {VoiceFilter: (*[64] * 7, 8), TEAPSE: (80,) * 5}.get(cls, WIDTHS)
    sizes = [161] * 9 if cls is VoiceFilter else [161, 80, 39, 19, 9, 4]
    outputs = 60 if cls is Speakerfilter else 1
    for number, (stage, channels) in enumerate(zip(stages, inputs, strict=True)):
        for level, (before, after) in enumerate(pairwise((channels, *widths))):
            more = before if level else 1
            name = f"{number} encoder {level}"
            modules[name] = stage.encoder[level]
            expected[name] = ((before + more, 12, sizes[level]), (after, 12, sizes[level + 1]))
            if level < len(widths) - 1:
                name = f"{number} local {level}"
                modules[name] = stage.speaker.layers[level]
                expected[name] = ((before if level else 2, 22, sizes[level]), (after, 22, sizes[level + 1]))
        decoders = [stage.decoder] if cls is Speakerfilter else getattr(stage, "decoders", [])
        assert len(decoders) == {VoiceFilter: 0, Speakerfilter: 1, GatedCRN: 2, TEAPSE: number + 1}[cls]
        for side, layers in enumerate(decoders):
            for level, (after, before) in enumerate(pairwise((outputs, *widths))):
                name = f"{number} decoder {side} {level}"
                modules[name] = layers[len(widths) - 1 - level]
                expected[name] = ((2 * before, 12, sizes[level + 1]), (after, 12, sizes[level]))
    with torch.device("meta"):
        enrolment = Enrolment(torch.zeros(1, 161, 22), None, torch.zeros(1, 256))
        assert maps_of(model.estimate, modules, torch.zeros(1, 2, 161, 12), enrolment) == expected


# --- promises --------------------------------------------------------------------------------------------------------


@every_form
def test_promises(cls, kind):
    """Local features alone: test_own_classes.py."""
    if (cls, kind) != (Speakerfilter, "local"):
        check_extractor(small(cls, kind, unit_embedding=True, level=0.1 if kind == "lgr" else None))


def down(layers, x, features):
    """Maps of all levels, local features of each beside its input, the same in all frames."""
    maps = []
    for level, layer in enumerate(layers):
        if features:
            mean = features[level].mean(3, keepdim=True)
            x = torch.cat((x, mean.expand(-1, -1, -1, x.shape[3])), 1)
        x = layer(x)
        maps.append(x)
    return maps


def up(layers, x, maps):
    for layer, skip in zip(layers, maps[::-1], strict=True):
        x = layer(torch.cat((x, skip), 1))
    return x


def frames_of(x):
    return x.permute(0, 3, 1, 2).reshape(len(x), x.shape[3], -1)


def map_of(frames, like):
    return frames.reshape(len(frames), frames.shape[1], *like.shape[1:3]).permute(0, 2, 3, 1)


def planes(spectrum):
    return torch.stack((spectrum.real, spectrum.imag), 1)


def gains(net, vector, count=1):
    """One for each sequence model."""
    return [1.0] * count if vector is None else net.speaker.gain(vector)[:, None].chunk(count, 2)


def voicefilter(model, y, e, vector):
    x = frames_of(down(model.encoder, y.abs()[:, None], model.speaker.levels(e.abs()))[-1])
    if vector is not None:
        x = torch.cat((x, vector[:, None].repeat(1, x.shape[1], 1)), 2)
    return y * torch.sigmoid(model.out[2](model.out[0](model.rnn(x)[0]).relu())).transpose(1, 2)


def speakerfilter(model, y, e, vector):
    maps = down(model.encoder, y.abs()[:, None], model.speaker.levels(e.abs()))
    x = map_of(model.rnn(frames_of(maps[-1]) * gains(model, vector)[0])[0], maps[-1])
    return torch.complex(*model.filter(up(model.decoder, x, maps), planes(y)).unbind(1))


def gated_crn(model, y, e, vector):
    maps = down(model.encoder, planes(y), model.speaker.levels(e.abs()))
    x = map_of(model.rnn(frames_of(maps[-1]) * gains(model, vector)[0]), maps[-1])
    sides = zip(model.decoders, model.out, strict=True)
    return torch.complex(*(out.weight @ up(layers, x, maps)[:, 0] + out.bias[:, None] for layers, out in sides))


def tea_pse(model, y, e, vector):
    def stage(net, x):
        maps = down(net.encoder, x, net.speaker.levels(e.abs().sqrt()))
        x = frames_of(maps[-1])
        for gain, tcn in zip(gains(net, vector, len(net.tcns)), net.tcns, strict=True):
            x = tcn((x * gain).transpose(1, 2)).transpose(1, 2)
        return torch.cat([up(layers, map_of(x, maps[-1]), maps) for layers in net.decoders], 1)

    root = torch.polar(y.abs().sqrt(), y.angle())
    result = stage(model.mag_net, root.abs()[:, None])[:, 0].sigmoid() * root
    if model.com_net is not None:
        residual = stage(model.com_net, torch.cat((planes(root), planes(result)), 1))
        result = result + torch.complex(*residual.unbind(1))
    return torch.polar(result.abs() ** 2, result.angle())


PLAIN = {VoiceFilter: voicefilter, Speakerfilter: speakerfilter, GatedCRN: gated_crn, TEAPSE: tea_pse}


@pytest.mark.parametrize(("cls", "kind"), [*FORMS, (TEAPSE, "local")])
def test_the_system_is_its_parts_in_their_order(cls, kind):
    """Written down with the parts of the model, whose sums are tested elsewhere: what goes where."""
    model = after_training(small(cls, kind)).double()
    mixture, enrolment = sounds(2, 400, 0, torch.float64), sounds(2, 300, 1, torch.float64)
    y, e = (torch.complex(*model.stft(x)[0].unbind(1)) for x in (mixture, enrolment))
    vector = None if kind == "local" else model.trained_embedder(enrolment)
    expected = model.stft.inverse(planes(PLAIN[cls](model, y, e, vector)), 400)
    torch.testing.assert_close(model(mixture, enrolment), expected)


# --- the speaker -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", SMALL)
def test_a_form_is_given_what_it_reads_and_the_encoder_stays(cls):
    wav, enrolment, vector = sounds(2, 400), sounds(2, 300, 1), torch.randn(2, 6)
    batch = {"wav": wav, "enroll_spk1": enrolment, "embedding": vector}
    for kind, streams in (("local", ["enroll_spk1"]), ("global", ["embedding"]), ("lgr", ["enroll_spk1", "embedding"])):
        if (cls, kind) != (Speakerfilter, "global"):
            model = small(cls, kind, embedding_dim=6)
            assert model.streams == ("wav", *streams)
            assert model.training_outputs({name: batch[name] for name in model.streams})["speech"].shape == (2, 400)
    model = small(cls).train()
    before = [parameter.clone() for parameter in model.trained_embedder.parameters()]
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0)
    model(wav, enrolment).square().sum().backward()
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, model.trained_embedder.parameters(), strict=True))
    assert not model.trained_embedder.training


# --- what does not go ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "changes", "message"),
    [
        *((cls, {"kind": "both"}, "representation 'both': must be one of local, global, lgr") for cls in SMALL),
        *((cls, {"speaker_encoder": None}, "init_args.speaker_encoder: is missing") for cls in SMALL),
        *((cls, {"level": 0.0}, "level 0: must be above 0") for cls in SMALL),
        *((cls, {"local_in": 3}, "local_in 3: must be 1 or 2") for cls in SMALL),
        (VoiceFilter, {"dilations": (1, 0)}, r"dilations \(1, 0\)"),
        (Speakerfilter, {"kind": "global"}, "representation 'global': .*set local or lgr"),
        (Speakerfilter, {"lstm_layers": 0}, "lstm_layers 0"),
        (Speakerfilter, {"channels": (2, 3, 5)}, "BLSTM input has 15 dim"),
        (Speakerfilter, {"taps": "relu"}, "taps 'relu'"),
        (Speakerfilter, {"channels": (3, 4, 6, 8, 8)}, "halve 33 bins"),
        (GatedCRN, {"channels": (2, 3, 5)}, "grouped LSTM of 15 channels"),
        (TEAPSE, {"stages": 3}, "stages 3: must be 1 or 2"),
        (TEAPSE, {"stages": 1, "freeze_stage1": True}, "freeze_stage1: .*set stages to 2"),
        (TEAPSE, {"power": 0.0}, "power 0: must be above 0"),
        (TEAPSE, {"groups": 0}, "groups 0"),
        (TEAPSE, {"kernel": 4}, "kernel 4"),
        (TEAPSE, {"levels": 5}, "halve 33 bins"),
    ],
)
def test_arguments_that_do_not_go(cls, changes, message):
    with pytest.raises(InputError, match=message) as error:
        small(cls, **changes)
    assert "\n" not in str(error.value)
