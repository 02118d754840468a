"""Count the frames of mp3 files whose header has no number of frames, or a wrong one.

Most encoders write a first frame without sound that holds the length (Xing, Info, VBRI). Without it decoders guess the
length, far too short if the bit rate varies; of concatenated files they read only the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

# Tables by index: kbit/s for MPEG 1 layer III and for MPEG 2 and 2.5; Hz by version number.
_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = {3: (44100, 48000, 32000, 0), 2: (22050, 24000, 16000, 0), 0: (11025, 12000, 8000, 0)}
_COUNTED = 1  # flag of a Xing header with the number of frames


@dataclass
class Part:
    """Frames of one kind behind one header.

    Attributes:
        begin: byte offset of the header, or of the first frame.
        promised: number of frames according to the header; None without a header.
        samples: samples per frame and channel.
        frames: begin and end of each frame, byte offsets.
    """

    begin: int
    promised: int | None
    samples: int
    frames: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_told(self) -> bool:
        """Whether the header has the right number of frames."""
        return self.promised == len(self.frames)

    @property
    def is_short(self) -> bool:
        """Whether there are fewer frames than promised."""
        return self.promised is not None and len(self.frames) < self.promised

    def as_file(self, data: bytes) -> bytes:
        """The part as a complete file, with the number of frames in its header."""
        if self.is_told:
            return data[self.begin : self.frames[-1][1]]
        first = data[self.frames[0][0] :][:4]
        # No checksum, and the ninth bit rate: a frame large enough for the header fields.
        head = bytes([255, first[1] | 1, 9 << 4 | first[2] & 0b1100, first[3]])
        words = b"Xing" + _COUNTED.to_bytes(4, "big") + len(self.frames).to_bytes(4, "big")
        header = (head + bytes(_side_bytes(head)) + words).ljust(_frame(head)[0], b"\0")
        return header + b"".join(data[begin:end] for begin, end in self.frames)


def parts_of(data: bytes) -> list[Part]:
    """The parts of an mp3 file: one for each concatenated file; empty without frames."""
    parts: list[Part] = []
    kind = None
    for begin, end, samples in _frames(data):
        was, kind = kind, (data[begin + 1] & 0b11110, data[begin + 2] & 0b1100, data[begin + 3] >> 6 == 3)
        header, promised = _header(data[begin:end])
        if header or kind != was:  # another version, rate, or mono and stereo
            parts.append(Part(begin, promised, samples))
        if not header:
            parts[-1].frames.append((begin, end))
    return [part for part in parts if part.frames or part.promised]


def _frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Begin, end and samples of each frame; skips tags and cut-off frames."""
    at, synced = 0, False
    known: dict[bytes, tuple[int, int]] = {}
    while at + 4 <= len(data):
        head = data[at : at + 4]
        size, samples = known.get(head) or known.setdefault(head, _frame(head))
        end = at + size
        if size and end <= len(data) and (synced or end == len(data) or _frame(data[end : end + 4])[0]):
            yield at, end, samples
            at, synced = end, True
        elif head[:3] == b"ID3":  # its length is 4 x 7 bits
            size = sum(byte << shift for byte, shift in zip(data[at + 6 : at + 10], (21, 14, 7, 0), strict=False))
            at, synced = at + 10 + size, False
        else:
            at, synced = data.find(b"\xff", at + 1), False
            if at < 0:
                return


def _frame(head: bytes) -> tuple[int, int]:
    """Bytes and samples of the frame that begins with these four bytes; zeros if they begin no frame."""
    if len(head) < 4 or head[0] != 255 or head[1] & 0b11100110 != 0b11100010:  # eleven sync bits; layer III
        return 0, 0
    version = head[1] >> 3 & 3
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[head[2] >> 4]
    rate = _RATES.get(version, (0,) * 4)[head[2] >> 2 & 3]
    if not kbits or not rate:
        return 0, 0
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbits * 1000 // rate + (head[2] >> 1 & 1), samples


def _side_bytes(head: bytes) -> int:
    """Number of bytes between the first four bytes of a frame and its data, or the tag of a header."""
    mpeg1, mono = head[1] >> 3 & 3 == 3, head[3] >> 6 == 3
    return (17 if mono else 32) if mpeg1 else (9 if mono else 17)


def _header(frame: bytes) -> tuple[bool, int | None]:
    """Whether a frame is a header, and the number of frames that it promises."""
    at = 4 + _side_bytes(frame)
    if frame[at : at + 4] in (b"Xing", b"Info"):
        return True, int.from_bytes(frame[at + 8 : at + 12], "big") if frame[at + 7] & _COUNTED else None
    return (True, int.from_bytes(frame[50:54], "big")) if frame[36:40] == b"VBRI" else (False, None)
