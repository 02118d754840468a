"""The work of `voxsift enhance --stream`, `extract --stream` and `live`: audio that arrives piece by piece."""

import io
import logging
import struct
import sys
import wave
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from toolkit.cli.shared.inputs import STDIN
from toolkit.io.audio import from_integers
from toolkit.io.errors import InputError, brief
from toolkit.systems.audio_stream import AudioStream

BLOCK_MS = 16.0  # that are read at once
_UNKNOWN = 0xFFFFFFFF  # length of a WAV file that is a stream
_OTHERS = (b"RF64", b"riff", b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"NIST")  # begins of other audio files


def check_options(args) -> None:
    """Raise InputError for options that a stream cannot honour, or that only a stream can."""
    if not args.stream:
        if args.block_ms is not None:
            raise InputError(f"--block_ms {args.block_ms:g}: is for --stream; leave it out, or add --stream")
        return
    if args.inputs != ["-"] or args.output != "-":
        raise InputError("--stream: reads standard input and writes standard output; give - and --output -")
    if STDIN in getattr(args, "enroll", ()):
        raise InputError("--enroll -: standard input is the mixture; give a file")
    given = {"--json": args.json, "--format": args.format, "--channel": args.channel is not None}
    if wrong := [name for name, value in given.items() if value]:
        raise InputError(f"--stream: {', '.join(wrong)} cannot be given with it; leave it out")


def _samples_at_once(stream: AudioStream, block_ms: float | None) -> int:
    """Samples that are read at once; prints the latency."""
    block_ms = block_ms or BLOCK_MS
    print(
        f"{stream.fs} Hz, algorithmic latency {stream.latency_ms:.1f} ms ({stream.latency_samples} samples); reads "
        f"{block_ms:g} ms at once",
        file=sys.stderr,
    )
    return max(1, round(block_ms / 1000 * stream.fs))


def convert_standard_input(stream: AudioStream, args) -> None:
    """Process standard input as it arrives, by the options of toolkit.cli.shared.options.add_stream.

    Raises:
        InputError: standard input is empty, or of another format or rate.
    """
    count = _samples_at_once(stream, args.block_ms)
    if sys.stdin is None:
        raise InputError("-: standard input is closed; pipe 16-bit PCM into it")
    source: Any = io.BufferedReader(sys.stdin.buffer)  # also of a buffered stream
    mark = source.peek(4)[:4]
    is_wav = mark == b"RIFF"
    if mark in _OTHERS or mark[:3] == b"ID3":  # as samples it would be loud noise
        raise InputError("-: is a file of another format; must be 16-bit PCM of one channel, raw or as WAV")
    pieces = _wav_pieces(source, stream.fs, count) if is_wav else _raw_pieces(source, count)
    write, clipped = sys.stdout.buffer.write, 0
    first = next(pieces, b"")
    if not first:
        raise InputError("-: standard input is empty; pipe 16-bit PCM into it")
    if is_wav:
        write(_wav_header(stream.fs))
    for piece in _with_first(first, pieces):
        clipped += _write(write, stream.process(from_integers(np.frombuffer(piece, "<i2"))))
    clipped += _write(write, stream.flush())
    if clipped:
        logging.warning("-: %d output samples are beyond full scale and were clipped", clipped)


def _with_first(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _raw_pieces(source: Any, count: int) -> Iterator[bytes]:
    """16-bit PCM, ``count`` samples in each piece."""
    while piece := source.read(2 * count):
        if len(piece) % 2:
            raise InputError("-: ends inside a sample; must be 16-bit PCM of one channel, raw or as WAV")
        yield piece


def _wav_pieces(source: Any, fs: int, count: int) -> Iterator[bytes]:
    """As :func:`_raw_pieces`, of a WAV file, which may have no known length."""
    try:
        file = wave.open(source)  # noqa: SIM115  the generator reads it
    except Exception as error:  # a damaged file makes wave raise any type
        raise InputError(f"-: cannot be read as WAV ({brief(error)}); must be 16-bit PCM of one channel") from None
    actual = file.getnchannels(), file.getsampwidth(), file.getframerate()
    if actual != (1, 2, fs):
        raise InputError(
            f"-: has {actual[0]} channels of {8 * actual[1]} bits at {actual[2]} Hz; must be one channel of 16 bits at "
            f"{fs} Hz; convert it, or run without --stream"
        )
    while piece := file.readframes(count):
        yield piece[: len(piece) // 2 * 2]


def _wav_header(fs: int) -> bytes:
    """Of 16-bit PCM of one channel, of unknown length."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, fs, 2 * fs, 2, 16)
    return b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVE" + form + b"data" + struct.pack("<I", _UNKNOWN)


def _write(write: Callable[[bytes], Any], samples: np.ndarray) -> int:
    """Write samples as 16-bit PCM; how many were clipped."""
    if len(samples):
        scaled = np.rint(samples * 32768)
        write(np.clip(scaled, -32768, 32767).astype("<i2").tobytes())
        sys.stdout.buffer.flush()
        return int(((scaled > 32767) | (scaled < -32768)).sum())
    return 0


def play_live(stream: AudioStream, args) -> None:
    """Process the microphone, by the options of ``voxsift live``.

    Raises:
        InputError: sounddevice is not installed, or a device cannot be opened.
    """
    count = _samples_at_once(stream, args.block_ms)
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the library PortAudio is missing
        remedy = "tools/install.sh --extras live, and on Linux the system package libportaudio2"
        raise InputError(f"sounddevice cannot be imported ({error}): {remedy}") from None
    devices = args.input_device, args.output_device
    try:
        device = sounddevice.Stream(samplerate=stream.fs, blocksize=count, device=devices, channels=1, dtype="float32")
    except Exception as error:  # sounddevice raises PortAudioError, ValueError, ...
        raise InputError(
            f"the sound device cannot be opened at {stream.fs} Hz ({error}); choose others by --input_device and "
            "--output_device"
        ) from None
    missed = _played(stream, device, count, args.seconds)
    print(f"{missed} of the blocks came or went too late" if missed else "no block was late", file=sys.stderr)


def _played(stream: Any, device: Any, count: int, seconds: float | None) -> int:
    """Play the output of a stream until the time is over or Ctrl-C; how many blocks were late."""
    late, left = 0, None if seconds is None else round(seconds * stream.fs)
    with device:
        try:
            while left is None or left > 0:
                samples, overflowed = device.read(count)
                output = stream.process(samples[:, 0])
                late += bool(overflowed)
                if len(output):
                    late += bool(device.write(np.ascontiguousarray(output[:, None])))
                left = None if left is None else left - count
        except KeyboardInterrupt:
            pass  # the usual end
        device.write(np.ascontiguousarray(stream.flush()[:, None]))
    return late
