"""The Python API: whatever it is given, a result or an InputError."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.errors import InputError
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.mean_fbank import MeanFbank
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.embedding import embed_file
from toolkit.systems.inference import enhance, extract

WAV = np.random.default_rng(0).standard_normal(4000) / 10
SIZES = {"dense_channels": (4,) * 3, "conv_channels": (4, 4, 4), "dense_depth": 1}
SYSTEMS = {
    "embedder": SpeakerEmbedder(KaldiFbank(), MeanFbank(), "none").eval(),
    "enhancer": ConvTasNet(filters=8, bottleneck=4, hidden=4, blocks=1, repeats=1).eval(),
    "extractor": SEFPNet(stem_channels=4, integration_channels=4, mix_channels=4, **SIZES).eval(),
}
CALLS = {
    "embedder": lambda system, wav=WAV: embed_file(system, "a.wav"),
    "enhancer": enhance,
    "extractor": lambda system, wav=WAV: extract(system, wav, WAV),
}


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", WAV, 16000)


@pytest.mark.parametrize("task", CALLS)
@pytest.mark.parametrize("system", [*SYSTEMS, None, "packed.zip", torch.nn.Linear(1, 1)], ids=lambda one: str(one)[:9])
def test_another_system_is_an_input_error_that_names_the_loader(task, system):
    if system == task:
        assert CALLS[task](SYSTEMS[task], WAV).ndim == 1
    else:
        with pytest.raises(InputError, match=f"use load_{task}"):
            CALLS[task](SYSTEMS.get(system, system) if isinstance(system, str) else system, WAV)


@pytest.mark.parametrize("task", ["enhancer", "extractor"])
@pytest.mark.parametrize(
    "wav",
    [
        None,
        "a.wav",
        Path("a.wav"),
        [[1.0, 2.0], [3.0]],
        {},
        WAV * 1j,
        [None] * 3,
        np.zeros((2, 3)),
        torch.empty(9, device="meta"),
    ],
    ids=str,
)
def test_what_is_no_signal(task, wav):
    with pytest.raises(InputError):
        CALLS[task](SYSTEMS[task], wav)
    if task == "extractor":
        with pytest.raises(InputError, match="enrolment"):
            extract(SYSTEMS[task], WAV, wav)


@pytest.mark.parametrize(
    "wav", [WAV.tolist(), torch.from_numpy(WAV).requires_grad_(), WAV.astype(np.float32)], ids=type
)
def test_lists_and_tensors_are_signals(wav):
    expected = enhance(SYSTEMS["enhancer"], WAV)
    assert np.allclose(enhance(SYSTEMS["enhancer"], wav), expected, atol=1e-6)


@pytest.mark.parametrize("share", [None, "0.5", [0.5], np.nan, -0.1, 2])
def test_a_share_that_is_none(share):
    with pytest.raises(InputError, match="observation"):
        enhance(SYSTEMS["enhancer"], WAV, share)


@pytest.mark.parametrize(
    "path", [None, 3, ["x"], "", "\0", "x" * 5000, ".", np.array(1)], ids=lambda path: repr(path)[:9]
)
def test_paths_that_are_no_file(path):
    with pytest.raises(InputError):
        embed_file(SYSTEMS["embedder"], path)
