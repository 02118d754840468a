"""Find samples after the end that the header of an audio file gives; libsndfile stops at that end."""

import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import soundfile

ReadAt = Callable[[int, int], bytes]

_MOST_CHUNKS = 10_000
_LEAST = 8  # bytes of the smallest chunk; fewer are padding
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")  # written after audio of any kind
_NAME = re.compile(rb"[ -~]{4}")
_FILES = (b"RIFF", b"RF64", b"FORM", b"caff")  # the begin of a file, not a chunk
_FRAME = re.compile(rb"\xff[\xf8\xf9]")  # a flac frame: fixed or variable block size
_FLAC_SIZES = {1: 192, **{i: 576 << (i - 2) for i in range(2, 6)}, **{i: 256 << (i - 8) for i in range(8, 16)}}
_LARGEST_FRAME = 1 << 20  # of flac, if its header gives none


def uncounted_frames(handle: soundfile.SoundFile, size: int, read_at: ReadAt) -> int:
    """Approximate number of frames beyond those of the header; 0 if no audio follows.

    Args:
        handle: the opened file: wav, rf64, aiff, caf, au, nist or flac; 0 for others.
        size: bytes of the file.
        read_at: (place, bytes) -> bytes of the file.
    """
    if handle.format == "FLAC":
        return max(0, _flac_frames(read_at, size) - handle.frames)
    if handle.format in ("W64", "SVX"):  # libsndfile reads them to the end of the file
        return 0
    begin, length, rest = audio_extent(handle.format, read_at, size)
    end = begin + length
    if not length or size - end < _LEAST or read_at(end, 16).lstrip(b"\0").startswith(_TAGS):
        return 0
    # Most programs pad a chunk to an even length.
    if rest and any(rest(read_at, at, size) for at in {end, -(-end // 2) * 2}):
        return 0
    return round(handle.frames * (size - end) / length)


def audio_extent(form: str, read_at: ReadAt, size: int) -> tuple[int, int, Callable | None]:
    """Offset of the audio, its bytes by the header, and the reader of chunks after it; (0, 0, None) if unknown."""
    if form == "AU":
        mark = read_at(0, 4)
        begin, length = (int.from_bytes(read_at(at, 4), "little" if mark == b"dns." else "big") for at in (4, 8))
        return (begin, length, None) if mark in (b".snd", b"dns.") and length < 1 << 32 - 1 else (0, 0, None)
    if form == "NIST":
        head = read_at(0, 1024)
        names = (b"sample_count", b"sample_n_bytes", b"channel_count")
        count, width, channels = (re.search(rb"%s -i (\d+)" % name, head) for name in names)
        if not (count and width) or b"shorten" in head or not head[8:15].strip().isdigit():
            return 0, 0, None
        return int(head[8:15]), int(count[1]) * int(width[1]) * (int(channels[1]) if channels else 1), None
    chunks = {"CAF": _caf, "W64": _w64, **dict.fromkeys(("WAV", "WAVEX", "RF64", "AIFF", "SVX"), _riff)}.get(form)
    if chunks is None:
        return 0, 0, None
    long = 0
    for name, begin, length in chunks(read_at, 0, size):
        if name == b"ds64":
            long = struct.unpack("<Q", read_at(begin + 8, 8))[0]
        if name in (b"data", b"SSND", b"BODY"):
            length = long if length == 0xFFFFFFFF and long else length
            if form == "CAF":  # the edit count precedes the audio
                begin, length = begin + 4, max(0, length - 4)
            return begin, length, partial(_are_chunks, chunks)
    return 0, 0, None


def _are_chunks(chunks: Callable, read_at: ReadAt, at: int, size: int) -> bool:
    """Whether chunks up to the end of the file, or truncated metadata, begin at a place."""
    name = end = None
    for name, begin, length in chunks(read_at, at, size):
        end = begin + length
        if not _NAME.fullmatch(name) or name in _FILES:
            return False
    known = name is not None and name.lower() in (b"list", b"id3 ", b"bext", b"ixml", b"_pmx", b"smpl", b"cue ")
    return end is not None and (abs(size - end) < _LEAST or (end > size and known))


def _riff(read_at: ReadAt, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset and length of the chunks of a wav or aiff file from an offset on (0: the first)."""
    order = ">" if read_at(0, 4) == b"FORM" else "<"
    at = at or 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > size:
            return
        name, length = struct.unpack(f"{order}4sI", read_at(at, 8))
        yield name, at + 8, length
        at += 8 + length + length % 2


def _caf(read_at: ReadAt, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = at or 8
    for _ in range(_MOST_CHUNKS):
        if at + 12 > size:
            return
        name, length = struct.unpack(">4sq", read_at(at, 12))
        yield name, at + 12, length if length >= 0 else size - at - 12
        at += 12 + (length if length >= 0 else size)


def _w64(read_at: ReadAt, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = at or 40
    for _ in range(_MOST_CHUNKS):
        if at + 24 > size:
            return
        name, length = struct.unpack("<4s12xQ", read_at(at, 24))  # the length counts these 24 bytes
        yield name, at + 24, length - 24
        at += -(-max(24, length) // 8) * 8


def _flac_frames(read_at: ReadAt, size: int) -> int:
    """Frames (samples of a channel) of a flac file according to its last block; 0 if unknown."""
    head = read_at(0, 42)
    if head[:4] != b"fLaC" or size < 50:
        return 0
    block, largest, packed = int.from_bytes(head[8:10], "big"), int.from_bytes(head[15:18], "big"), head[18:26]
    counted = int.from_bytes(packed, "big") & (1 << 36) - 1
    tail = read_at(max(0, size - (largest or _LARGEST_FRAME)), largest or _LARGEST_FRAME)
    for frame in reversed(list(_FRAME.finditer(tail))):
        end = _frame_end(tail[frame.start() :][:16], block)
        if end > counted and _crc(tail[frame.start() :], 0x8005, 16) == 0:
            return end
    return 0


def _frame_end(head: bytes, block: int) -> int:
    """Number of the frame after a flac block, from the block's header; 0 if the header is invalid."""
    if len(head) < 16:
        return 0
    ones = 8 - (~head[4] & 0xFF).bit_length()  # coded like UTF-8, in up to seven bytes
    if ones in (1, 8):
        return 0
    more = max(0, ones - 1)
    number = head[4] & (0x7F >> ones) if ones else head[4]
    for byte in head[5 : 5 + more]:
        number = number << 6 | byte & 0x3F
    at, code = 5 + more, head[2] >> 4
    count = _FLAC_SIZES.get(code, 0)
    if code in (6, 7):
        count = int.from_bytes(head[at : at + code - 5], "big") + 1
        at += code - 5
    at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if not count or at >= len(head) or _crc(head[: at + 1], 0x07, 8):
        return 0
    return (number if head[1] & 1 else number * block) + count


@lru_cache
def _crc_table(polynomial: int, bits: int) -> list[int]:
    top, mask, table = 1 << bits - 1, (1 << bits) - 1, []
    for value in range(256):
        rest = value << bits - 8
        for _ in range(8):
            rest = (rest << 1 ^ polynomial if rest & top else rest << 1) & mask
        table.append(rest)
    return table


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    """The checksum of some bytes, initial value 0; 0 if the bytes end with their own checksum."""
    table, mask, rest = _crc_table(polynomial, bits), (1 << bits) - 1, 0
    for byte in data:
        rest = (rest << 8 ^ table[rest >> bits - 8 ^ byte]) & mask
    return rest
