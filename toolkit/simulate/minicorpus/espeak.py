"""The speech synthesiser espeak-ng, called in-process through the shared library that ``espeakng-loader`` ships.

The library keeps oscillator phases and a random generator between calls, so its output depends on earlier calls. We
load it again for every call (a few milliseconds), so that the same arguments always give the same samples.
"""

import _ctypes
import ctypes

import numpy as np

from toolkit.io.errors import InputError

RATE = 22050  # Hz, of espeak-ng's formant voices
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 1 << 15, 1  # espeak_AUDIO_OUTPUT, initialise option, text flag: speak_lib.h
_SPEED, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def speak(
    text: str, voice: str, words_per_minute=175, pitch=50, pitch_range=50, volume=100, seed: int = 1
) -> np.ndarray:
    """Synthesise a text.

    Args:
        text: plain text. Words in capitals are spelled out by espeak-ng, so write it in lower case.
        voice: language, optionally with a variant: ``en-us``, ``en-gb-scotland+f3``.
        words_per_minute: 80..450.
        pitch: 0..99; 50 is the default of the voice.
        pitch_range: 0..99; 0 is a monotone.
        volume: 0..200; 100 is the default of the voice, at which some voices clip.
        seed: seed of the synthesiser's randomness (breath, flutter).

    Returns:
        (T,) float32 in [-1, 1) at ``RATE`` Hz.

    Raises:
        InputError: espeakng-loader is missing or broken, or it has no such language.
    """
    lib, data = _load()
    chunks: list[np.ndarray] = []

    def keep(samples, count, _events):
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32))
        return 0

    callback = _CALLBACK(keep)  # keep a reference: the library stores only the address
    try:
        if lib.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DONT_EXIT) != RATE:
            raise InputError(f"{data}: espeak-ng cannot use its data; reinstall espeakng-loader (tools/install.sh)")
        lib.espeak_SetSynthCallback(callback)
        lib.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        if lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"voice {voice}: espeak-ng has no such language; use one of {data}/lang")
        settings = {_SPEED: words_per_minute, _PITCH: pitch, _RANGE: pitch_range, _VOLUME: volume}
        for parameter, value in settings.items():
            lib.espeak_SetParameter(parameter, round(value), 0)
        raw = text.encode()
        lib.espeak_Synth(raw, ctypes.c_size_t(len(raw) + 1), 0, 0, 0, _UTF8, None, None)
        lib.espeak_Terminate()
    finally:
        _ctypes.dlclose(lib._handle)
    return np.concatenate(chunks) / 32768 if chunks else np.zeros(0, np.float32)


def version() -> str:
    """The release of espeak-ng, e.g. ``1.52.0``."""
    lib, _ = _load()
    lib.espeak_Info.restype = ctypes.c_char_p
    text = lib.espeak_Info(None)
    release = text.decode()
    _ctypes.dlclose(lib._handle)
    return release


def _load() -> tuple[ctypes.CDLL, str]:
    """The library with fresh state, and the folder of its data."""
    try:
        import espeakng_loader
    except ImportError:
        raise InputError("the speech synthesiser espeakng-loader is missing; run tools/install.sh") from None
    try:
        return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path()
    except (OSError, RuntimeError) as error:
        raise InputError(f"espeakng-loader cannot be used: {error}; reinstall it (tools/install.sh)") from None
