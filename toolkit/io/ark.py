"""Kaldi arks: matrices, vectors, and encoded audio, written aside and renamed (kaldiio does the bytes)."""

import os
import re
import struct
from pathlib import Path

import kaldiio
import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError

# The least compression: three percent larger, a sixth quicker to decode, and its short blocks suit crops.
_FLAC = {"format": "FLAC", "compression_level": 0.0}


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

    def write_audio(self, key: str, samples: np.ndarray, rate: int, bits: int = 16) -> None:
        """Append audio (N,) as FLAC of 16 or 24 bits; samples in [-1, 1) on that grid come back bit for bit."""
        self._note(key)
        full = 2.0 ** (bits - 1)
        pcm = np.clip(np.rint(samples * full), -full, full - 1).astype(np.int16 if bits == 16 else np.int32)
        if bits == 24:
            pcm <<= 8  # soundfile takes the upper bits
        how = {**_FLAC, "subtype": f"PCM_{bits}"}
        kaldiio.save_ark(self._handle, {key: (rate, pcm)}, write_function="soundfile", write_kwargs=how)


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
    return _finite(array, value, name)


def _finite(array: np.ndarray, value: str, name: str) -> np.ndarray:
    if not np.isfinite(array).all():
        raise InputError(f"{name}: {value}: holds NaN or infinite values; write it again")
    return array


class MatrixEntry:
    """The matrix at ``file.ark:offset``, of which a range of rows can be had: float32 by seeking to them, others whole.

    The layout is Kaldi's: ``\\0B``, ``FM ``, rows and columns as int32 with a byte 4 before each, the rows.

    Attributes:
        rows: how many there are.

    Raises:
        InputError: as :func:`read_array`; of values that are not finite, in the rows that are read.
    """

    _HEAD = struct.Struct("<5sBiBi")

    def __init__(self, value: str, name: str):
        self._value, self._name, self._ark, self._whole = value, name, None, None
        path, _, offset = value.rpartition(":")
        if offset.isdecimal() and os.path.isfile(path):
            self._ark, self._start = os.open(path, os.O_RDONLY), int(offset) + self._HEAD.size
        if not self._is_float():
            self.close()
            self._whole = read_array(value, name)
            self.rows = len(self._whole)

    def _is_float(self) -> bool:
        """Is the entry an uncompressed float32 matrix, all of it? Notes its size."""
        if self._ark is None:
            return False
        head = os.pread(self._ark, self._HEAD.size, self._start - self._HEAD.size)
        kind, *sizes = self._HEAD.unpack(head.ljust(self._HEAD.size))
        self.rows, self._row_bytes = sizes[1], 4 * sizes[3]
        room = os.fstat(self._ark).st_size - self._start
        plain = kind == b"\0BFM " and sizes[::2] == [4, 4] and min(self.rows, self._row_bytes) > 0
        return plain and self.rows * self._row_bytes <= room

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start .. stop``, (stop - start, F) float32."""
        if self._whole is not None:
            return self._whole[start:stop]
        data = os.pread(self._ark, (stop - start) * self._row_bytes, self._start + start * self._row_bytes)
        return _finite(np.frombuffer(data, "<f4").reshape(stop - start, -1), self._value, self._name)

    def close(self) -> None:
        """Close the ark."""
        if self._ark is not None:
            os.close(self._ark)
            self._ark = None


class AudioEntry:
    """The encoded audio file at an offset of an ark, as a file object: a decoder that seeks reads what it needs only.

    The layout is kaldiio's: ``AUDIO``, one byte that counts the length's bytes, the length, the file. Decoders ask for
    little, a hundred times a crop: hence no class of io's, and what soundfile asks for only.

    Raises:
        OSError: the ark cannot be opened.
        InputError: another kind of entry stands there, or the ark ends before the entry does.
    """

    def __init__(self, path: str, offset: int):
        self._ark = os.open(path, os.O_RDONLY)
        try:
            head = os.pread(self._ark, 6 + 255, offset)
            digits = head[5] if head.startswith(b"AUDIO") and len(head) > 5 else 0
            self._start, self._size = offset + 6 + digits, int.from_bytes(head[6 : 6 + digits], "little")
            self._at = 0
            if not self._size or os.fstat(self._ark).st_size < self._start + self._size:
                raise InputError(f"{path}:{offset}: holds no audio; run the stage that wrote it again")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the ark."""
        os.close(self._ark)

    def tell(self) -> int:
        """Position in the entry, bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, counted from the start, the present position or the end of the entry."""
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            offset += self._size
        self._at = max(0, offset)
        return self._at

    def readinto(self, buffer) -> int:
        """Fill a buffer as far as the entry goes; the number of bytes."""
        left = max(0, self._size - self._at)
        if len(buffer) > left:
            buffer = memoryview(buffer)[:left]
        try:
            count = os.preadv(self._ark, [buffer], self._start + self._at)
        except OSError:  # a decoder calls from C, through which no error passes; it will miss the rest and say so
            return 0
        self._at += count
        return count


def remove_stale(folder, stem: str, num_jobs: int) -> None:
    """Remove ``<stem>.<job>.ark`` of jobs beyond ``num_jobs`` (an earlier split) and what killed writers left aside."""
    name = re.compile(rf"{re.escape(stem)}\.(\d+)\.ark|(\.){re.escape(stem)}\.\d+\.\d+\.tmp\.ark")
    for path in Path(folder).glob("*.ark"):
        if (found := name.fullmatch(path.name)) and (found[2] or int(found[1]) > num_jobs):
            path.unlink()
