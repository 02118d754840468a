"""Whatever a system is given: a result, or an InputError. One recording has one result by any door."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.errors import InputError
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.mean_fbank import MeanFbank
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.base import System
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.verifier import Verifier

FS = 16000
WAV = np.random.default_rng(0).standard_normal(4000) / 10
SIZES = {"dense_channels": (4,) * 3, "conv_channels": (4, 4, 4), "dense_depth": 1}
NETWORKS = {
    Verifier: SpeakerEmbedder(KaldiFbank(), MeanFbank(), "none"),
    Enhancer: ConvTasNet(filters=8, bottleneck=4, hidden=4, blocks=1, repeats=1),
    Extractor: SEFPNet(fs=FS, stem_channels=4, integration_channels=4, mix_channels=4, **SIZES),
}
VERIFIER, ENHANCER, EXTRACTOR = (kind(network) for kind, network in NETWORKS.items())
DOORS = {
    "embed": VERIFIER.embed,
    "enhance": ENHANCER.enhance,
    "mixture": lambda x, fs=None: EXTRACTOR.extract(x, WAV if fs else "a.wav", fs),
    "enrolment": lambda x, fs=None: EXTRACTOR.extract(WAV if fs else "a.wav", x, fs),
}


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", WAV, FS, subtype="FLOAT")


@pytest.fixture(params=DOORS)
def door(request):
    return DOORS[request.param]


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("network", [*NETWORKS.values(), None, "packed.zip", torch.nn.Linear(1, 1)], ids=type)
def test_another_network_is_refused(kind, network):
    if network is NETWORKS[kind]:
        assert kind(network).fs == FS
    else:
        with pytest.raises(InputError, match=f"use {kind.__name__}.load"):
            kind(network)


@pytest.mark.parametrize(
    "wav",
    [
        None,
        3,
        [[1.0, 2.0], [3.0]],
        {},
        WAV * 1j,
        WAV > 0,
        [None] * 3,
        np.zeros((2, 3)),
        WAV[:, None],
        np.zeros(0),
        np.array(1.0),
        np.arange(4000),
        np.ma.masked_less(WAV, 0),
        b"a.wav",
        torch.empty(9, device="meta"),
        torch.from_numpy(WAV).to_sparse(),
    ],
    ids=str,
)
def test_what_is_no_signal(door, wav):
    with pytest.raises(InputError):
        door(wav, FS)


@pytest.mark.parametrize(
    "wav",
    [
        WAV.tolist(),
        torch.from_numpy(WAV).requires_grad_(),
        WAV.astype(np.float32),
        WAV.astype(">f8"),
        WAV.astype(np.longdouble),
        WAV[None],
        torch.from_numpy(WAV)[None],
        np.lib.stride_tricks.as_strided(WAV, writeable=False),
        WAV[::-1].copy()[::-1],
        "a.wav",
        Path("a.wav"),
    ],
    ids=lambda wav: f"{type(wav).__name__} {getattr(wav, 'dtype', '')} {getattr(wav, 'shape', '')}",
)
def test_one_recording_has_one_result_by_any_door(door, wav):
    is_file = isinstance(wav, (str, Path))
    np.testing.assert_allclose(door(wav, None if is_file else FS), door(WAV, FS), atol=1e-6)


@pytest.mark.parametrize(("kind", "near"), [(np.float16, 1e-2), (torch.bfloat16, 1e-1)])
def test_half_precision_is_near(kind, near):
    wav = torch.from_numpy(WAV).to(kind) if isinstance(kind, torch.dtype) else WAV.astype(kind)
    assert VERIFIER.embed(wav, FS) @ VERIFIER.embed(WAV, FS) > 1 - near


@pytest.mark.parametrize(("kind", "scale"), [(np.int16, 2**15), (np.int32, 2**31), (">i2", 2**15)])
def test_whole_numbers_are_scaled(door, kind, scale):
    whole = np.round(WAV * scale).astype(kind)
    np.testing.assert_array_equal(door(whole, FS), door((whole / scale).astype(np.float32), FS))


def test_samples_need_their_rate(door):
    with pytest.raises(InputError, match="fs=16000"):
        DOORS["embed"](WAV)
    for call in (ENHANCER.enhance, lambda x: EXTRACTOR.extract(x, x)):
        with pytest.raises(InputError, match="give its rate"):
            call(WAV)


@pytest.mark.parametrize("fs", [0, -16000, 999, 2e6, "16000", 16000.5, np.nan, np.inf, True, [16000], 1j])
def test_rates_that_are_none(door, fs):
    with pytest.raises(InputError, match="fs="):
        door(WAV, fs)


@pytest.mark.parametrize("fs", [16000.0, np.int32(16000), np.float32(16000)])
def test_rates_of_any_type(fs):
    np.testing.assert_array_equal(VERIFIER.embed(WAV, fs), VERIFIER.embed(WAV, FS))


def test_a_file_has_its_own_rate():
    assert VERIFIER.embed("a.wav", FS).any()
    for call in (VERIFIER.embed, ENHANCER.enhance, lambda x, fs: EXTRACTOR.extract(x, x, fs)):
        with pytest.raises(InputError, match="is at 16000 Hz, fs=8000"):
            call("a.wav", 8000)
    soundfile.write("b.wav", WAV, 8000)
    assert len(EXTRACTOR.extract("b.wav", WAV, FS)) == len(WAV)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_are_resampled_in_and_out(rate):
    there = soxr.resample(WAV.astype(np.float32), FS, rate)
    here = soxr.resample(np.pad(there, (0, -(-rate // FS))), rate, FS)[: -(-len(there) * FS // rate)]
    np.testing.assert_allclose(VERIFIER.embed(there, rate), VERIFIER.embed(here, FS), atol=1e-5)
    made = ENHANCER.enhance(there, rate)
    assert (len(made), made.dtype) == (len(there), np.float32)
    back = soxr.resample(np.pad(ENHANCER.enhance(here, FS), (0, 1000)), FS, rate)[: len(there)]
    middle = slice(200, -200)  # the end is followed by zeros in the one, and cut in the other
    np.testing.assert_allclose(made[middle], back[middle], atol=1e-4)


@pytest.mark.parametrize("share", [None, "0.5", [0.5], np.nan, -0.1, 2])
def test_a_share_that_is_none(share):
    with pytest.raises(InputError, match="observation"):
        ENHANCER.enhance(WAV, FS, share)


@pytest.mark.parametrize("path", ["", "\0", "x" * 5000, "."], ids=lambda path: repr(path)[:9])
def test_paths_that_are_no_file(door, path):
    with pytest.raises(InputError):
        door(path)


def test_an_output_that_is_not_finite_is_refused():
    class Broken(ConvTasNet):
        def forward(self, wav):
            return wav / 0

    with pytest.raises(InputError, match="not finite"):
        Enhancer(Broken(filters=8, bottleneck=4, hidden=4, blocks=1, repeats=1)).enhance(WAV, FS)


def test_inference_leaves_the_mode_of_a_network_alone():
    network = ConvTasNet(filters=8, bottleneck=4, hidden=4, blocks=1, repeats=1).train()
    Enhancer(network).enhance(WAV, FS)
    assert network.training
    assert Enhancer(network.eval()).enhance(WAV, FS).any()
    assert not network.training


@pytest.mark.parametrize("device", ["meta", "cuda:77", "gpu", "", None, 3.5])
def test_devices_that_are_none(device):
    with pytest.raises(InputError, match="use 'cpu'"):
        System(torch.nn.Linear(1, 1)).to(device)


def test_a_move_to_a_device_keeps_results(door):
    expected = door(WAV, FS)
    for system in (VERIFIER, ENHANCER, EXTRACTOR):
        assert system.to(torch.device("cpu")).device.type == "cpu"
    np.testing.assert_array_equal(door(WAV, FS), expected)
