"""Checkpoints of others: recognised by their names, equal to their authors' networks, refused in one line otherwise."""

from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from helpers import published as facts

from test.conftest import voice
from toolkit.cli.main import main
from toolkit.io.errors import InputError
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.published import FAMILIES
from toolkit.systems.verifier import Verifier

ECAPA = {"mels": 16, "c": 24, "mfa": 20, "dim": 8, "se": 5, "attention": 7, "scale": 4}
RESNET = {"mels": 16, "channels": (8, 8, 16, 24), "dim": 8, "blocks": (1, 2, 1, 1), "attention": 7}


class Published(NamedTuple):
    """Names and shapes, small sizes, the network in plain functions, parameters at full size."""

    shapes: object
    sizes: dict
    network: object
    parameters: int
    prefix: str = ""

    def weights(self) -> dict:
        """Random ones, by the names in the file."""
        return {self.prefix + name: value for name, value in facts.drawn(self.shapes(**self.sizes)).items()}


ALL = {
    "ECAPA-TDNN of SpeechBrain": Published(facts.speechbrain_shapes, ECAPA, facts.speechbrain_ecapa, 20_767_552),
    "ECAPA-TDNN of SEED": Published(facts.seed_ecapa_shapes, ECAPA, facts.seed_ecapa, 14_855_296),
    "ResNetSE34V2 of SEED": Published(facts.resnet_shapes, RESNET, lambda w, x: facts.resnet(w, x, 1e-4), 8_028_492),
    "ResNetSE34V2 of voxceleb_trainer": Published(
        facts.resnet_shapes, RESNET, lambda w, x: facts.resnet(w, x, 1e-5), 8_028_492, "__S__."
    ),
}
every = pytest.mark.parametrize("family", ALL)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.model"


def load(path, content) -> Verifier:
    torch.save(content, path)
    return Verifier.load(path)


@every
def test_it_is_their_network(family, path):
    """Features of theirs through the network written down by their names, in float64."""
    weights = ALL[family].weights()
    model = load(path, weights).network.model.double()
    feats = torch.randn(1, 43, 16, dtype=torch.float64)
    theirs = {name.removeprefix("__S__."): value.double() for name, value in weights.items()}
    torch.testing.assert_close(model(feats), ALL[family].network(theirs, feats.transpose(1, 2)), rtol=1e-7, atol=1e-9)


@every
def test_names_are_those_of_the_published_size(family):
    """Their counts; SEED's has a normalisation that nothing uses."""
    other = ("running_mean", "running_var", "num_batches_tracked", "torchfb", "torchmfcc")
    shapes = ALL[family].shapes()
    count = sum(torch.Size(shape).numel() for name, shape in shapes.items() if not any(one in name for one in other))
    assert count == ALL[family].parameters


@every
def test_from_audio_on(family, path, tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", voice(0, 0, 0.8, 22050), 22050)
    verifier = load(path, ALL[family].weights())
    assert np.linalg.norm(verifier.embed(tmp_path / "a.wav")) == pytest.approx(1)
    assert main(["info", str(path)]) == 0
    assert family in capsys.readouterr().out
    lengths, wav = torch.tensor([9000, 5000]), 0.1 * torch.randn(2, 9000)
    np.testing.assert_allclose(verifier.vectors(wav, lengths)[1:], verifier.vectors(wav[1:, :5000]), atol=1e-4)


def test_all_families_are_tried():
    assert ALL.keys() == {family.name for family in FAMILIES}


@pytest.mark.parametrize("wrap", ["model", "model_state_dict", "module."])
def test_what_lies_around_the_weights(path, wrap):
    """voxceleb_trainer's former and present files; those of several GPUs. Its loss is left out."""
    plain = facts.drawn(facts.resnet_shapes(**RESNET))
    names = {f"__S__.{name}": value for name, value in plain.items()} | {"__L__.w": torch.zeros(3)}
    contents = {"model": {"model": plain}, "model_state_dict": {"model_state_dict": names, "epoch": 3}}
    content = contents.get(wrap) or {f"module.{name}": value for name, value in names.items()}
    assert "voxceleb_trainer" in load(path, content).origin.weights


@every
@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (lambda w, last: w.pop(last), "missing or unexpected: embedding.bias"),
        (lambda w, last: w.update(more=w[last]), "missing or unexpected: more"),
        (lambda w, last: w.update({last: torch.zeros(9)}), "of other sizes: embedding.bias"),
        (lambda w, last: w.update({last: torch.zeros(1).expand(2**40)}), "larger than the file"),
        (lambda w, last: w.update({last: 3}), "must be a tensor"),
    ],
)
def test_weights_that_do_not_fit(family, path, fault, named):
    weights = ALL[family].weights()
    fault(weights, next(name for name in weights if name.endswith(("fc.bias", "fc6.bias", "fc.conv.bias"))))
    with pytest.raises(InputError, match=rf"w.model: .*{family}.*{named}"):
        load(path, weights)


@every
def test_a_mark_of_another_shape(family, path):
    """Whatever the constructors make of it, it is one line."""
    for mark in next(one.marks for one in FAMILIES if one.name == family):
        for shape in ((), (0,), (3,), (0, 0, 0), (3, 1, 1, 1)):
            with pytest.raises(InputError, match=r"^[^\n]*w.model: [^\n]*$"):
                load(path, ALL[family].weights() | {ALL[family].prefix + mark: torch.zeros(shape)})


class Code:
    """A pickle that would run something."""

    def __reduce__(self):
        return (print, ("it ran",))


@pytest.mark.parametrize("content", [{}, [], None, {"conv1.weight": torch.zeros(3)}, {3: 4}, Code()])
def test_anything_else_is_refused_with_what_is_recognised(path, content, capsys):
    with pytest.raises(InputError, match=rf"w.model: .*{', '.join(ALL)}"):
        load(path, content)
    assert "it ran" not in capsys.readouterr().out


def test_a_damaged_file(path):
    torch.save(ALL["ECAPA-TDNN of SpeechBrain"].weights(), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"w.model: not a packed system"):
        Verifier.load(path)


def test_of_another_task(path):
    torch.save(ALL["ECAPA-TDNN of SEED"].weights(), path)
    with pytest.raises(InputError, match=r"w.model: is for task sv, must be for se"):
        Enhancer.load(path)


def test_speechbrain_itself(path):
    """Its own modules with random weights, from audio on."""
    pytest.importorskip("speechbrain")
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    network = ECAPA_TDNN(80, channels=[1024] * 4 + [3072], lin_neurons=192).eval()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes == facts.speechbrain_shapes()
    network.load_state_dict(facts.drawn(shapes))
    normalisation = InputNormalization(norm_type="sentence", std_norm=False)
    wav, ones = 0.1 * torch.randn(2, 32000), torch.ones(2)
    with torch.no_grad():
        expected = network(normalisation(Fbank(n_mels=80)(wav), ones), ones)[:, 0]
    actual = torch.from_numpy(load(path, network.state_dict()).vectors(wav))
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-4)
