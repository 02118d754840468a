"""Kaldi arks of matrices, vectors and encoded audio: written aside and renamed. kaldiio encodes the entries."""

import errno
import io
import math
import os
import re
import stat
import struct
from pathlib import Path

import kaldiio
import numpy as np
from kaldiio.matio import read_matrix_or_vector  # decodes binary arrays; load_mat would run commands and unpickle

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError

# The lowest level: files are 3 % larger and decode a sixth faster; its short blocks suit crops.
_FLAC = {"format": "FLAC", "compression_level": 0.0}
_PLACE = re.compile(r"(.+):([0-9]{1,18})", re.DOTALL)
_NO_FILES = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
}
# Kind of array -> type of its values. Compressed kinds: bytes after the 16 bytes of range, rows and columns.
_FLOATS = {b"FM": "<f4", b"FV": "<f4", b"DM": "<f8", b"DV": "<f8"}
_COMPRESSED = {
    b"CM": lambda rows, columns: (rows + 8) * columns,
    b"CM2": lambda rows, columns: 2 * rows * columns,
    b"CM3": lambda rows, columns: rows * columns,
}
_HEAD_BYTES = 32
_FOREIGN = {b"AUDIO": "audio", b"PKL": "a pickled object", b"NPY": "a numpy array", b"\x1f\x8b": "gzip"}
_FOREIGN |= {b"[": "text", b" [": "text", b"\0B\4": "whole numbers"}


class ArkWriter:
    """Writer of one ark. On a clean exit the ark takes its final place; on an error no file is left.

    Args:
        path: the ark's final place, e.g. ``dump/fbank/train/data/feats.1.ark``.
        compression: Kaldi's method for matrices. None: float32. 3: int16 over the matrix's range, half the size. 2 (by
            column) and 5 (by matrix): one byte, a quarter of the size.

    Attributes:
        scp: key -> ``path:offset`` of each written entry, for the data dir's table.
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
        if self.compression is not None:
            kaldiio.save_ark(self._handle, {key: np.asarray(array, np.float32)}, compression_method=self.compression)
            return
        array = np.asarray(array, "<f4", order="C")
        kind = {1: b"FV", 2: b"FM"}[array.ndim]
        sizes = b"".join(b"\4" + struct.pack("<i", size) for size in array.shape)
        self._handle.write(b"%b \0B%b %b" % (key.encode(), kind, sizes))
        self._handle.write(array)

    def write_audio(self, key: str, samples: np.ndarray, rate: int, bits: int = 16) -> None:
        """Append audio (N,) as FLAC of 16 or 24 bits. Samples in [-1, 1) on that grid are read back bit for bit."""
        self._note(key)
        full = 2.0 ** (bits - 1)
        pcm = np.clip(np.rint(samples * full), -full, full - 1).astype(np.int16 if bits == 16 else np.int32)
        if bits == 24:
            pcm <<= 8  # soundfile takes the upper bits
        how = {**_FLAC, "subtype": f"PCM_{bits}"}
        kaldiio.save_ark(self._handle, {key: (rate, pcm)}, write_function="soundfile", write_kwargs=how)


def split_place(value: str) -> tuple[str, int | None]:
    """Split ``file.ark:offset`` into file and offset; the offset is None if the value names a whole file."""
    place = _PLACE.fullmatch(value)
    return (place[1], int(place[2])) if place else (value, None)


def regular_size(path) -> int:
    """The size in bytes of a regular file. Pipes and devices are refused: they may block or never end.

    Raises:
        OSError: the file is missing, or is not a regular file.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, _NO_FILES.get(stat.S_IFMT(status.st_mode), "is a device, not a file"), path)
    return status.st_size


def open_regular(path) -> int:
    """A file descriptor of a regular file, open for reading. Raises OSError as :func:`regular_size`."""
    regular_size(path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def read_array(value: str, name: str) -> np.ndarray:
    """The matrix (T, F) or vector (D,) at ``file.ark:offset``; errors name the id ``name``.

    Reads Kaldi's binary float matrices and vectors, also compressed ones. Text, Python objects and commands are
    refused.

    Raises:
        InputError: the file is missing, the offset holds no array, or a value is not finite.
    """
    if value.rstrip().endswith("|"):
        raise InputError(f"{name}: {value}: is a command, expected file.ark:offset; write its output to an ark")
    path, offset = split_place(value)
    try:
        ark = open_regular(path)
        try:
            array = _read_entry(ark, offset or 0)
        finally:
            os.close(ark)
    except FileNotFoundError:
        raise InputError(f"{name}: {value}: no such file; run the stage that writes it") from None
    except OSError as error:
        raise InputError(f"{name}: {value}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{name}: {value}: holds no array ({error}); write it again") from None
    return _finite(array, value, name)


def _read_entry(ark: int, offset: int) -> np.ndarray:
    """The array at an offset of an open ark. Raises ValueError if it is not an array, or is cut off."""
    head = os.pread(ark, _HEAD_BYTES, offset).ljust(_HEAD_BYTES, b"\0")
    kind, shape, start, size = _layout(head)
    if offset + start + size > os.fstat(ark).st_size:
        raise ValueError("the file ends within the array")
    data, done = np.empty(size, np.uint8), 0
    while done < size:
        count = os.preadv(ark, [data.data[done:]], offset + start + done)  # at most 2 GiB
        if not count:
            raise ValueError("the file was cut off while it was read")
        done += count
    if kind in _FLOATS:
        return data.view(_FLOATS[kind]).reshape(shape)
    return read_matrix_or_vector(io.BytesIO(head[:start] + data.tobytes()))


def _layout(head: bytes) -> tuple[bytes, tuple[int, ...], int, int]:
    """Kind, shape, start of the data and size of the data in bytes, from the first bytes of an entry.

    Raises:
        ValueError: it is not a matrix or vector of floats.
    """
    kind, blank, _ = head[2:].partition(b" ")
    start, size = len(kind) + 3, 0
    shape: tuple[int, ...] = ()
    if head[:2] == b"\0B" and blank:
        if kind in _COMPRESSED:
            rows, columns = shape = struct.unpack_from("<ii", head, start + 8)
            start, size = start + 16, _COMPRESSED[kind](rows, columns)
        elif kind in _FLOATS:
            mark, rows, second, columns = struct.unpack_from("<BiBi", head, start)
            whole = kind.endswith(b"V") or second == 4
            shape = () if mark != 4 or not whole else (rows, columns) if kind.endswith(b"M") else (rows,)
            start, size = start + 5 * len(shape), math.prod(shape) * np.dtype(_FLOATS[kind]).itemsize
    if not shape or min(shape) < 1:
        foreign = next((what for mark, what in _FOREIGN.items() if head.startswith(mark)), "something else")
        raise ValueError(f"expected a Kaldi binary matrix or vector, found {foreign}")
    return kind, shape, start, size


def _finite(array: np.ndarray, value: str, name: str) -> np.ndarray:
    flat = array.ravel()
    # A sum of squares is infinite or NaN if a value is; it takes half the time.
    if not np.isfinite(np.dot(flat, flat)) and not np.isfinite(array).all():
        raise InputError(f"{name}: {value}: holds NaN or infinite values; write it again")
    return array


class MatrixEntry:
    """The matrix at ``file.ark:offset``, read by ranges of rows. Uncompressed float32: by seeking. Others: read whole.

    Kaldi's layout: ``\\0B``, ``FM ``, the numbers of rows and columns (int32, a byte 4 before each), the rows.

    Attributes:
        rows: number of rows.

    Raises:
        InputError: as :func:`read_array`; values are checked to be finite in the rows that are read.
    """

    _HEAD = struct.Struct("<5sBiBi")

    def __init__(self, value: str, name: str):
        self._value, self._name, self._whole = value, name, None
        self._ark: int | None = None
        path, offset = split_place(value)
        if offset is not None and os.path.isfile(path):
            self._ark, self._start = open_regular(path), offset + self._HEAD.size
        if not self._is_float():
            self.close()
            self._whole = read_array(value, name)
            self.rows = len(self._whole)
            if self._whole.ndim != 2:
                raise InputError(f"{name}: {value}: holds a vector, expected a matrix; run the stage that writes it")

    def _is_float(self) -> bool:
        """Whether the entry is a whole, uncompressed float32 matrix. Stores its size."""
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
        assert self._ark is not None, "closed"
        data = os.pread(self._ark, (stop - start) * self._row_bytes, self._start + start * self._row_bytes)
        return _finite(np.frombuffer(data, "<f4").reshape(stop - start, -1), self._value, self._name)

    def close(self) -> None:
        """Close the ark."""
        if self._ark is not None:
            os.close(self._ark)
            self._ark = None


class AudioEntry:
    """The encoded audio file at an offset of an ark, as a file object: a seeking decoder reads only what it needs.

    The layout is kaldiio's: ``AUDIO``, one byte with the size of the length field, the length, the file. Decoders make
    hundreds of small reads for a crop, so this is not an io class and has only the methods that soundfile calls.

    Attributes:
        size: bytes of the encoded file.

    Raises:
        OSError: the ark cannot be opened, or is not a regular file.
        InputError: the offset holds another kind of entry, or the ark ends before the entry does.
    """

    def __init__(self, path: str, offset: int):
        self._ark = open_regular(path)
        try:
            head = os.pread(self._ark, 6 + 255, offset)
            digits = head[5] if head.startswith(b"AUDIO") and len(head) > 5 else 0
            self._start, self.size = offset + 6 + digits, int.from_bytes(head[6 : 6 + digits], "little")
            self._at = 0
            if not self.size or os.fstat(self._ark).st_size < self._start + self.size:
                raise InputError(f"{path}:{offset}: holds no audio; rerun the stage that wrote it")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the ark."""
        os.close(self._ark)

    def read_at(self, place: int, count: int) -> bytes:
        """``count`` bytes of the entry from ``place``."""
        return os.pread(self._ark, min(count, max(0, self.size - place)), self._start + place)

    def tell(self) -> int:
        """Position in the entry, bytes."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, relative to the start, the current position or the end of the entry."""
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            offset += self.size
        self._at = max(0, offset)
        return self._at

    def readinto(self, buffer) -> int:
        """Fill a buffer up to the end of the entry; returns the number of bytes."""
        left = max(0, self.size - self._at)
        if len(buffer) > left:
            buffer = memoryview(buffer)[:left]
        try:
            count = os.preadv(self._ark, [buffer], self._start + self._at)
        except OSError:  # called from C, through which no exception passes; the decoder reports the missing bytes
            return 0
        self._at += count
        return count


def remove_stale(folder, stem: str, num_jobs: int) -> None:
    """Remove ``<stem>.<job>.ark`` of jobs above ``num_jobs`` (an earlier split) and files that killed writers left."""
    name = re.compile(rf"{re.escape(stem)}\.(\d+)\.ark|(\.){re.escape(stem)}\.\d+\.\d+\.tmp\.ark")
    for path in Path(folder).glob("*.ark"):
        if (match := name.fullmatch(path.name)) and (match[2] or int(match[1]) > num_jobs):
            path.unlink()
