"""Check that an audio file holds the samples that its header promises, for the containers that libsndfile reads.

libsndfile shortens a truncated file without an error; the promised length is in its log, or in the header. It reads
nothing if the header has no length, and reads only the first of concatenated files.
"""

import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import soundfile

from toolkit.io import mp3
from toolkit.io.tails import audio_extent

# libsndfile's log: bytes promised (and present), frames promised, early end of file.
_BYTES = re.compile(
    r"(?:data|Data Size|SSND|BODY|riff)\s*:\s*(\d+) \(should be (\d+)\)|Data length (\d+) should be (\d+)"
)
_FRAMES = re.compile(r"^\s*Frames\s*:\s*(\d+)", re.MULTILINE)
_FRAME = re.compile(r"Block Align\s*: (\d+)\n.*?Bytes/sec\s*: (\d+)\n", re.DOTALL)
_CUT_WORDS = ("truncated", "short read")
_CUT = re.compile(r"^(?:\*\*\* .*(?:truncated|short read)|Seems to be a truncated file)", re.MULTILINE)
_SIZE = {
    "RF64": re.compile(r"Data size\s*:\s*(\d+)"),
    "MAT5": re.compile(r"Size : (\d+)"),
}  # the last match is the audio
_SAMPLE_COUNT = re.compile(rb"sample_count -i (\d+)")  # NIST sphere: not in the log
_LOG_CHARACTERS = 2000  # libsndfile cuts its log at 2048
_NIST_HEADER = 16384
_WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
# Programs that write to a pipe do not know the length and write about the largest number.
_UNKNOWN = (range(0x7FFFF000, 0x80000001), range(0xFFFFF000, 0x100000000))
# First bytes of an Ogg stream and of a FLAC file.
_STARTS = {"OGG": re.compile(rb"OggS\0\x02\0{8}"), "FLAC": re.compile(rb"fLaC[\0\x80]\0\0\x22")}
_OGG_END = re.compile(rb"OggS\0[\x04-\x07]")
_OGG_PAGE = 65307 + 4096  # the largest page, and bytes that may follow the last
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_BLOCK_SAMPLES = 1 << 22
SHORT = "is shorter than its header says; the file is truncated, download or copy it again"


def is_short(handle: soundfile.SoundFile, size: int, read_at: Callable[[int, int], bytes]) -> bool:
    """Whether a file holds less audio than its header promises.

    Args:
        handle: the opened file.
        size: its bytes.
        read_at: (place, bytes) -> bytes of the file.
    """
    form = handle.format
    if form in ("FLAC", "MP3"):  # decoding detects it
        return False
    if form == "OGG":
        return _ogg_is_cut(read_at(max(0, size - _OGG_PAGE), _OGG_PAGE))
    log, frames = handle.extra_info, handle.frames
    if handle.subtype == "GSM610" and form in ("WAV", "WAVEX"):  # libsndfile counts an odd last byte as a block
        return _is_beyond(form, read_at, size, size)
    if form == "SDS":  # blocks of 120 bytes, seven bits of a sample in each byte
        return size < 21 + 127 * -(-frames // (120 // -(-read_at(6, 1)[0] // 7)))
    # Every crop comes through here; searching words first is faster than patterns.
    if any(word in log for word in _CUT_WORDS) and _CUT.search(log):
        return True
    if "Frames" in log and (match := _FRAMES.search(log)) and int(match[1]) > frames:
        return True
    if "should be" in log and (match := _BYTES.search(log)):
        promised, sizes = (int(number) for number in match.groups() if number)
        # A length that includes the header itself is wrong; the file is not cut off.
        if sizes < promised and promised not in (size, size - 8) and not _is_unknown(promised):
            return True
    if form in _SIZE and handle.subtype in _WIDTHS:
        sizes_of_audio = _SIZE[form].findall(log)
        return bool(sizes_of_audio) and frames < int(sizes_of_audio[-1]) // (_WIDTHS[handle.subtype] * handle.channels)
    if form == "NIST":
        count = _SAMPLE_COUNT.search(read_at(0, _NIST_HEADER))
        return count is not None and frames < int(count[1])
    return len(log) >= _LOG_CHARACTERS and _is_beyond(form, read_at, size, size + 1)


def contradicts_itself(handle: soundfile.SoundFile) -> bool:
    """Whether the header of a wav file gives its frames another size than its samples have.

    Then libsndfile may read noise: of 16 bits as 24, or of 24 bits in four bytes as in three.
    """
    if handle.format not in ("WAV", "WAVEX", "RF64", "W64") or handle.subtype not in _WIDTHS:
        return False
    match = _FRAME.search(handle.extra_info)
    align, per_second = map(int, match.groups()) if match else (0, 0)
    # One wrong number is harmless; two agree against the width of the samples.
    return 0 < align != _WIDTHS[handle.subtype] * handle.channels and per_second == align * handle.samplerate


def _ogg_is_cut(tail: bytes) -> bool:
    """Whether the last page of an Ogg file is incomplete, damaged, or not marked as the last."""
    page = tail[max(0, tail.rfind(b"OggS\0")) :]
    segments = page[27:][: page[26]] if len(page) > 27 else b""
    size = 27 + len(segments) + sum(segments)
    if not segments or len(page) < size or not page[5] & 4:
        return True
    # Ogg's checksum is zlib's with reversed bits, initial value 0, not inverted.
    mirrored = (page[:22] + bytes(4) + page[26:size]).translate(_MIRRORED)
    return (zlib.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "big").translate(_MIRRORED) != page[22:26]


def _is_unknown(length: int) -> bool:
    return any(length in lengths for lengths in _UNKNOWN)


def _is_beyond(form: str, read_at: Callable[[int, int], bytes], size: int, end: int) -> bool:
    """Whether the audio of a file of ``size`` bytes ends after ``end`` by the header of its chunk."""
    begin, length, _ = audio_extent(form, read_at, size)
    return begin + length > end and length not in (size, size - 8) and not _is_unknown(length)


def repaired(path, handle: soundfile.SoundFile) -> tuple[int, str] | None:
    """A repaired copy in memory, for a file that libsndfile would read only in part.

    These are wav and au files with an unfinished header, concatenated mp3, ogg and flac files, and mp3 files without
    a length.

    Args:
        path: the file.
        handle: the opened file.

    Returns:
        ``(file descriptor of the copy, what is wrong with the file)``, or None for a file without faults.

    Raises:
        ValueError: the file, or one of its parts, holds less than its header promises, or the parts differ in rate or
            channels.
    """
    if handle.frames == 0:
        copy = _finished(path)
        return None if copy is None else (copy, "has a header without a length")
    parts = _parts(path, handle)
    if parts is None:
        return None
    what = f"is {len(parts)} concatenated files" if len(parts) > 1 else "has no header with its length"
    return _joined(parts), what


def decoded_blocks(handle: soundfile.SoundFile, frames: int, dtype: str = "float32") -> np.ndarray:
    """The next ``frames`` of an open file, fewer at its end: (N, C).

    Memory grows with the decoded samples, not with the length in the header.
    """
    most, blocks = max(1, _BLOCK_SAMPLES // handle.channels), []
    while True:
        blocks.append(handle.read(min(most, frames), dtype=dtype, always_2d=True))
        frames -= len(blocks[-1])
        if frames == 0 or len(blocks[-1]) < min(most, frames + len(blocks[-1])):
            return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _memory_file(*chunks: bytes) -> int:
    """A file descriptor of a file in memory; from a Python buffer soundfile decodes only some formats."""
    descriptor = os.memfd_create("audio")
    with open(descriptor, "wb", closefd=False) as copy:
        copy.writelines(chunks)
    return descriptor


def _finished(path) -> int | None:
    """A copy of a wav or au file with its actual length in the header; None for other files and without audio."""
    with open(path, "rb") as file:

        def read_at(place: int, count: int) -> bytes:
            file.seek(place)
            return file.read(count)

        size = os.fstat(file.fileno()).st_size
        head = bytearray(read_at(0, 4096))
        data, _, _ = audio_extent("WAV", read_at, len(head))
        if head[:4] == b".snd" and size > int.from_bytes(head[4:8], "big"):
            head[8:12] = b"\xff" * 4
        elif not data or _ends_in_chunks(read_at, data, size):
            return None
        elif head[:4] == b"RF64" and head[12:16] == b"ds64":
            head[20:36] = struct.pack("<QQ", size - 8, size - data)
        elif head[:4] == b"RIFF" and size < 1 << 32:
            head[4:8], head[data - 4 : data] = struct.pack("<I", size - 8), struct.pack("<I", size - data)
        else:
            return None
        return _memory_file(bytes(head), read_at(len(head), -1))


def _ends_in_chunks(read_at: Callable[[int, int], bytes], at: int, size: int) -> bool:
    """Whether nothing, or only whole chunks, follow a place."""
    while at + 8 <= size:
        at += 8 + int.from_bytes(read_at(at + 4, 4), "little")
    return at == size


def _parts(path, handle: soundfile.SoundFile) -> list[bytes] | None:
    """The parts of a concatenated file; None if libsndfile reads it whole."""
    if handle.format not in ("MP3", *_STARTS):
        return None
    with open(path, "rb") as file:
        data = file.read()
    if handle.format == "MP3":
        parts = mp3.parts_of(data)
        if any(part.is_short for part in parts):
            raise ValueError(SHORT)
        frames = [part.samples * len(part.frames) for part in parts]
        regular = len(parts) == 1 and (parts[0].is_told or frames == [handle.frames])
        return None if regular or not parts else [part.as_file(data) for part in parts]
    starts = [match.start() for match in _STARTS[handle.format].finditer(data)]
    if handle.format == "OGG":  # multiplexed streams begin together
        starts = starts[:1] + [start for start in starts[1:] if _OGG_END.search(data, starts[0], start)]
    ends = [*starts[1:], len(data)]
    return [data[start:end] for start, end in zip(starts, ends, strict=True)] if len(starts) > 1 else None


def _joined(parts: list[bytes]) -> int:
    """The samples of several files, concatenated, as a float wav file in memory."""
    samples, kinds = [], set()
    for part in parts:
        descriptor = _memory_file(part)
        try:
            with soundfile.SoundFile(f"/proc/self/fd/{descriptor}") as handle:
                if is_short(handle, len(part), partial(_piece, part)):
                    raise ValueError(SHORT)
                kinds.add((handle.samplerate, handle.channels))
                samples.append(decoded_blocks(handle, handle.frames))
        finally:
            os.close(descriptor)
    if len(kinds) > 1:
        raise ValueError("is several concatenated files with several rates or numbers of channels")
    wav = io.BytesIO()
    soundfile.write(wav, np.concatenate(samples), kinds.pop()[0], format="WAV", subtype="FLOAT")
    return _memory_file(wav.getvalue())


def _piece(data: bytes, place: int, count: int) -> bytes:
    """``count`` bytes of ``data`` from ``place``."""
    return data[place:][:count]
