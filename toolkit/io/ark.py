"""Kaldi arks: matrices, vectors, and encoded audio, written aside and renamed (kaldiio does the bytes)."""

import re
from pathlib import Path

import kaldiio
import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError

_FLAC = {"format": "FLAC", "subtype": "PCM_16"}


class ArkWriter:
    """Write one ark; on a clean exit it takes its final place, on an error nothing is left.

    Args:
        path: the ark's final place, e.g. ``dump/fbank/train/data/feats.1.ark``.
        compression: of matrices, Kaldi's method: None float32; 3 int16 over a matrix's range, half the size; 2 (by
            column) and 5 (by matrix) one byte, a quarter of the size.

    Attributes:
        scp: key -> ``path:offset`` of what was written, for the data dir's table.
    """

    def __init__(self, path, compression: int | None = None):
        self.path = Path(path)
        self.compression = compression
        self.scp: dict[str, str] = {}

    def __enter__(self):
        self._aside = replacing(self.path, "wb")
        self._handle = self._aside.__enter__()
        return self

    def __exit__(self, *error):
        return self._aside.__exit__(*error)

    def _note(self, key: str) -> None:
        self.scp[key] = f"{self.path}:{self._handle.tell() + len(key.encode()) + 1}"

    def write(self, key: str, array: np.ndarray) -> None:
        """Append a float32 matrix (T, F) or vector (D,)."""
        self._note(key)
        kaldiio.save_ark(self._handle, {key: np.asarray(array, np.float32)}, compression_method=self.compression)

    def write_audio(self, key: str, samples: np.ndarray, rate: int) -> None:
        """Append audio (N,) as 16-bit FLAC; samples in [-1, 1) on the 16-bit grid come back bit for bit."""
        self._note(key)
        pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
        kaldiio.save_ark(self._handle, {key: (rate, pcm)}, write_function="soundfile", write_kwargs=dict(_FLAC))


def read_array(value: str, name: str) -> np.ndarray:
    """The matrix (T, F) or vector (D,) at ``file.ark:offset``; ``name`` is the id that an error will name.

    Raises:
        InputError: the file is missing, the offset holds no array, or a value is not finite.
    """
    try:
        array = kaldiio.load_mat(value)
    except FileNotFoundError:
        raise InputError(f"{name}: {value}: no such file; run the stage that writes it") from None
    except Exception as error:  # kaldiio raises whatever its parser met
        raise InputError(f"{name}: {value}: holds no array ({type(error).__name__}); write it again") from None
    if not isinstance(array, np.ndarray) or array.size == 0:
        raise InputError(f"{name}: {value}: holds no array; write it again")
    if not np.isfinite(array).all():
        raise InputError(f"{name}: {value}: holds NaN or infinite values; write it again")
    return array


def read_vectors(table: dict[str, str], ids: list[str]) -> np.ndarray:
    """Vectors of ``ids`` from a scp table -> (N, D) float32."""
    return np.stack([read_array(table[i], i) for i in ids]).astype(np.float32, copy=False)


def read_audio_bytes(path: str, offset: int) -> bytes | None:
    """The encoded audio file stored at an offset of an ark, or None where another kind of entry stands.

    The layout is kaldiio's: ``AUDIO``, one byte that counts the length's bytes, the length, the file.
    """
    with open(path, "rb") as handle:
        handle.seek(offset)
        head = handle.read(6)
        if head[:5] != b"AUDIO" or len(head) < 6:
            return None
        length = int.from_bytes(handle.read(head[5]), "little")
        data = handle.read(length)
    return data if len(data) == length else b""


def remove_stale(folder, stem: str, num_jobs: int) -> None:
    """Remove ``<stem>.<job>.ark`` of jobs beyond ``num_jobs`` (an earlier split) and what killed writers left aside."""
    name = re.compile(rf"{re.escape(stem)}\.(\d+)\.ark|(\.){re.escape(stem)}\.\d+\.\d+\.tmp\.ark")
    for path in Path(folder).glob("*.ark"):
        if (found := name.fullmatch(path.name)) and (found[2] or int(found[1]) > num_jobs):
            path.unlink()
