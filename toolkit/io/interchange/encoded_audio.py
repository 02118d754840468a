"""Audio as it is encoded, moved between files, arks and shards: no sample changes."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import numpy as np
import soundfile

from toolkit.io.ark import AudioEntry, split_place
from toolkit.io.errors import InputError
from toolkit.io.opening import is_command, opened_value

# Container as libsndfile names it -> extension.
_SUFFIX = {"WAV": "wav", "WAVEX": "wav", "RF64": "wav", "FLAC": "flac", "OGG": "ogg", "MPEG": "mp3", "MP3": "mp3"}
_SUFFIX |= {"AIFF": "aiff", "AU": "au", "W64": "w64"}


def file_name(key: str) -> str:
    """An id as the name of a file without extension: all but letters, digits, ``_`` and ``-`` is escaped (%2E)."""
    return quote(key, safe="").replace(".", "%2E").replace("~", "%7E")


@contextmanager
def encoded(value: str, key: str) -> Iterator[tuple[BinaryIO, int, str]]:
    """The bytes of a recording, their number, and their extension.

    Args:
        value: of a scp table: a path or ``file.ark:offset``.
        key: its id, for messages.

    Raises:
        InputError: it cannot be read, is a command, or is in a container without a name.
    """
    if is_command(value):
        raise InputError(f"{key}: is a command ({value}); run stage 2, and give its data dir in dump/raw")
    with opened_value(value, key) as (handle, source):
        suffix = _SUFFIX.get(handle.format)
    if suffix is None:
        raise source.fault(f"is a {handle.format} file; convert it to wav or flac")
    path, offset = split_place(value)
    if offset is None:
        with open(path, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size, suffix
    else:
        with closing(AudioEntry(path, offset)) as entry:
            yield io.BytesIO(entry.read_at(0, entry.size)), entry.size, suffix


def copied_entry(value: str, key: str, folder: Path, under: str) -> str:
    """Copy a recording to a file below ``folder/under``; returns its path below ``folder``."""
    with encoded(value, key) as (file, _, suffix):
        place = f"{under}/{file_name(key)}.{suffix}"
        if len(os.fsencode(Path(place).name)) > 255:
            raise InputError(f"{key[:80]}: is too long for the name of a file; shorten the id")
        (folder / under).mkdir(exist_ok=True)
        with open(folder / place, "xb") as copy:
            shutil.copyfileobj(file, copy)
    return place


def exactly_encoded(samples: np.ndarray, rate: int) -> tuple[bytes, str]:
    """Samples (N,) or (N, C) float32 without loss: FLAC of 16 or 24 bits, or WAV of floats.

    Returns:
        The bytes of a file, and its extension.
    """
    buffer = io.BytesIO()
    for bits in (16, 24):
        scaled = samples.astype(np.float64) * 2.0 ** (bits - 1)
        if (scaled == np.rint(scaled)).all() and scaled.max() < 2.0 ** (bits - 1) and rate <= 655_350:
            full = np.int16 if bits == 16 else np.int32
            pcm = scaled.astype(full) if bits == 16 else scaled.astype(full) << 8
            soundfile.write(buffer, pcm, rate, subtype=f"PCM_{bits}", format="FLAC")
            return buffer.getvalue(), "flac"
    soundfile.write(buffer, samples, rate, subtype="FLOAT", format="WAV")
    return buffer.getvalue(), "wav"


def append_entry(ark: BinaryIO, key: str, content: BinaryIO, size: int) -> int:
    """Append an encoded file to an ark, in the layout of toolkit.io.ark.AudioEntry; returns its offset."""
    ark.write(key.encode() + b" ")
    offset = ark.tell()
    digits = max(1, (size.bit_length() + 7) // 8)
    ark.write(b"AUDIO" + bytes([digits]) + size.to_bytes(digits, "little"))
    shutil.copyfileobj(content, ark)
    return offset
