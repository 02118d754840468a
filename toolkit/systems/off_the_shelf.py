"""Recognisers that others trained, to score what a front end makes of speech: Whisper and pocketsphinx.

Both are optional (``tools/install.sh --extras "whisper pocketsphinx"``), read audio at 16 kHz, and are deterministic.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError, brief
from toolkit.io.libraries import find_library

WHISPER, POCKETSPHINX = "whisper", "pocketsphinx"
STAND_IN = "a stand-in with the English model of its package, which was not trained here: good for trends only"


class OffTheShelf:
    """A recogniser: samples -> text.

    Args:
        name: ``whisper:medium``, a model's name, or ``whisper:/my/medium.pt``, its file; or ``pocketsphinx``.
        device: of Whisper, e.g. ``cuda``.

    Raises:
        InputError: the name is unknown, its library is not installed, the model has no such file, or it cannot be
            downloaded.

    Example::

        OffTheShelf("pocketsphinx").transcribe_table(AudioTable("dump/raw/test"), ["utt1"])  # {'utt1': 'turn on ...'}
    """

    fs = 16000

    def __init__(self, name: str, device: str = "cpu"):
        check_name(name)
        kind, _, model = name.partition(":")
        self.name = name
        self.transcribe: Callable[[np.ndarray], str] = (
            _whisper(name, model, device) if kind == WHISPER else _pocketsphinx()
        )

    def transcribe_table(self, audio: AudioTable, ids: list[str], bar=None) -> dict[str, str]:
        """The texts of utterances of a table, one by one; updates the progress ``bar``.

        Raises:
            InputError: audio is malformed, see AudioTable.read; names the id.
        """
        texts = {}
        for key in ids:
            texts[key] = " ".join(self.transcribe(audio.read(key)).split())
            if bar is not None:
                bar.update()
        return texts


def is_off_the_shelf(name: str) -> bool:
    """Is it the name of one of these recognisers?"""
    return name.partition(":")[0] in (WHISPER, POCKETSPHINX)


def check_name(name: str) -> None:
    """Raise InputError unless it names a recogniser whose library is installed; reads no model."""
    kind, colon, model = name.partition(":")
    if kind == POCKETSPHINX and not colon:
        find_library(POCKETSPHINX, POCKETSPHINX)
        return
    if kind != WHISPER or not model:
        raise InputError(f"{name}: must be pocketsphinx, whisper:<model> (whisper:medium), or whisper:<file>")
    find_library(WHISPER, WHISPER)
    known = import_module(WHISPER).available_models()
    if model not in known and not Path(model).is_file():
        raise InputError(f"{name}: file not found, nor is it one of {', '.join(known)}")


def _whisper(name: str, model: str, device: str) -> Callable[[np.ndarray], str]:
    """English; without a fallback to higher temperatures, so that a text does not depend on chance."""
    try:
        network = import_module(WHISPER).load_model(model, device)
    except Exception as error:  # a damaged file and a broken download raise any type
        remedy = "download it on a machine with internet access, and name the file: whisper:<file>"
        raise InputError(f"{name}: cannot be loaded ({brief(error)}); {remedy}") from None
    options = {"language": "en", "temperature": 0.0, "condition_on_previous_text": False, "fp16": device != "cpu"}
    return lambda samples: network.transcribe(samples.astype(np.float32), **options)["text"]


def _pocketsphinx() -> Callable[[np.ndarray], str]:
    """With features normalised by utterance, so that a text does not depend on those before."""
    decoder = import_module(POCKETSPHINX).Decoder(samprate=OffTheShelf.fs, loglevel="FATAL", cmn="batch")

    def transcribe(samples: np.ndarray) -> str:
        decoder.start_utt()
        decoder.process_raw((32767 * samples.clip(-1, 1)).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        return best.hypstr if best else ""

    return transcribe
