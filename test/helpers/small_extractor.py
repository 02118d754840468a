"""A small extractor, its output, and files that enrol a speaker."""

import numpy as np
import soundfile
import torch
from helpers.plain_tse import TINY_SEFPNET

from test.conftest import voice
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.extractor import Extractor


def small_extractor() -> SEFPNet:
    """With random weights, for 8 kHz."""
    torch.manual_seed(0)
    return SEFPNet(**TINY_SEFPNET, fs=8000).eval()


def write(path, samples, fs) -> str:
    soundfile.write(path, samples, fs, subtype="PCM_16" if path.suffix != ".ogg" else None)
    return str(path)


def extract(model, mixture, enrolment) -> np.ndarray:
    return Extractor(model).extract(mixture, enrolment, 8000)


def write_several(folder) -> list[str]:
    """Files of speaker 0: of 8 kHz, but for the last."""
    files = [write(folder / f"e{i}.wav", voice(0, i, 0.3 + 0.1 * i, 8000), 8000) for i in (1, 2)]
    return [*files, write(folder / "e3.wav", voice(0, 3, 0.5, 16000), 16000)]
