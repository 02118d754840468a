"""Speech codecs: what a call, a telephone line or a compressed file leaves of a recording.

libsndfile encodes and decodes in memory. The result is as long as the recording and lines up with it.
"""

import io
from dataclasses import dataclass

import numpy as np

from toolkit.io.errors import InputError

_TELEPHONE = 8000
_LEVEL = 0.9  # the highest that libsndfile takes for all rates of mp3
_MP3_DELAY = 576 + 529  # samples, of encoder and decoder


@dataclass(frozen=True)
class Format:
    """How libsndfile names a codec.

    Attributes:
        container, subtype: libsndfile's names; None: no coding, only a change of rate.
        rates: Hz that it takes, rising; audio at another rate is resampled to the next one above, or the highest.
        kbps: lowest and highest bit rate, kbit/s; None: it has one only.
    """

    container: str | None
    subtype: str | None
    rates: tuple[int, ...]
    kbps: tuple[float, float] | None = None

    def rate_for(self, fs: int) -> int:
        """The rate at which audio of ``fs`` Hz is coded."""
        return next((rate for rate in self.rates if rate >= fs), self.rates[-1])


FORMATS = {
    "alaw": Format("WAV", "ALAW", (_TELEPHONE,)),
    "gsm": Format("WAV", "GSM610", (_TELEPHONE,)),
    "mp3": Format("MP3", "MPEG_LAYER_III", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000), (32, 160)),
    "narrowband": Format(None, None, (_TELEPHONE,)),
    "opus": Format("OGG", "OPUS", (8000, 12000, 16000, 24000, 48000), (6, 256)),
    "ulaw": Format("WAV", "ULAW", (_TELEPHONE,)),
}


@dataclass
class Codec:
    """One codec of a planner.

    Args:
        kbps: bit rate in kbit/s, drawn uniformly between the two: 6 to 256 for opus, 32 to 160 for mp3. The others have
            one bit rate and take none.
        weight: how often this codec is drawn, relative to the others.
    """

    kbps: tuple[float, float] | None = None
    weight: float = 1.0


def check_codec(name: str, kbps: tuple[float, float] | None, where: str) -> None:
    """Raise InputError where a codec is unknown, or a range of bit rates is not one that it has.

    Args:
        name: of the codec.
        kbps: lowest and highest; one bit rate is given twice.
        where: config key or mixture id that the message names.
    """
    if name not in FORMATS:
        raise InputError(f"{where}: unknown codec {name!r}; must be one of {', '.join(FORMATS)}")
    limits = FORMATS[name].kbps
    if limits is None and kbps is not None:
        raise InputError(f"{where}: {name} has one bit rate only; remove kbps")
    if limits is not None and kbps is None:
        raise InputError(f"{where}: {name} needs kbps, its bit rate, from {limits[0]:g} to {limits[1]:g}")
    if limits is not None and kbps is not None and not limits[0] <= kbps[0] <= kbps[1] <= limits[1]:
        raise InputError(
            f"{where}: kbps is {kbps}; must be two numbers from {limits[0]:g} to {limits[1]:g}, the lower first"
        )


def code(samples: np.ndarray, fs: int, name: str, kbps: float | None = None) -> np.ndarray:
    """Encode and decode.

    Args:
        samples: (N,) float32, full scale is 1.
        fs: their rate in Hz. Codecs of the telephone work at 8 kHz, whatever this is.
        name: ``opus``, ``mp3``, ``gsm``, ``ulaw``, ``alaw``, or ``narrowband`` (8 kHz, not coded).
        kbps: bit rate in kbit/s; for mp3 the nearest that exists at the rate.

    Returns:
        (N,) float32 on the 16-bit grid, clipped at full scale.

    Raises:
        InputError: the codec is unknown, or has no such bit rate.

    Example::

        code(np.zeros(16000, np.float32), 16000, "opus", 24.0).shape  # (16000,)
    """
    check_codec(name, None if kbps is None else (kbps, kbps), "code")
    import soxr

    codec = FORMATS[name]
    rate = codec.rate_for(fs)
    inner = samples if rate == fs else soxr.resample(samples, fs, rate)
    inner = np.clip(inner, -1.0, 1.0)
    if codec.container is not None:
        inner = _through_file(inner, rate, codec, kbps)
    out = inner if rate == fs else soxr.resample(inner, rate, fs)
    out = np.pad(out, (0, max(0, len(samples) - len(out))))[: len(samples)]
    return (np.clip(np.rint(out * 32768), -32768, 32767) / 32768).astype(np.float32)


def _through_file(samples: np.ndarray, rate: int, codec: Format, kbps: float | None) -> np.ndarray:
    """(N,) float32 -> (N or more,) float32, written and read as a file in memory."""
    import soundfile

    options: dict = {} if kbps is None else {"compression_level": _compression(codec, rate, kbps)}
    if codec.subtype == "MPEG_LAYER_III":
        options["bitrate_mode"] = "CONSTANT"
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, codec.subtype, format=codec.container, **options) as encoder:
        encoder.write(samples)
    file.seek(0)
    out = soundfile.read(file, dtype="float32")[0]
    # Small frames have no room for the header by which a decoder drops the delay.
    return out[_MP3_DELAY:] if codec.subtype == "MPEG_LAYER_III" and len(out) > len(samples) else out


def _compression(codec: Format, rate: int, kbps: float) -> float:
    """libsndfile's compression level, 0 to 1, which is linear in the bit rate from the highest to the lowest."""
    if codec.subtype == "OPUS":
        low, high = 6.0, 256.0
    else:  # MPEG 2.5, 2 and 1
        low, high = (8.0, 64.0) if rate <= 12000 else (8.0, 160.0) if rate <= 24000 else (32.0, 320.0)
    level = (high - min(kbps, high)) / (high - low)
    return level if codec.subtype == "OPUS" else min(level, _LEVEL)
