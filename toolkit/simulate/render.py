"""Rendering: a pure function (plan line, audio) -> streams, used by the offline stage, the training loader and tests.

Levels. The SNR of a role is 10 log10(P_spk1 / P_role) dB. P is the mean square of the role's stream after rooms, over
the samples with audio (without padding). For talkers (``spk*``) with ``level: active``, P is the mean over the 20 ms
frames within 40 dB of the loudest frame, so pauses do not count; noise is always averaged completely. Recordings of one
role (the talkers of babble) are scaled to equal level before they are summed. A source with an explicit ``gain`` is
scaled only by it.

Streams are on the 16-bit grid (k / 32768), so files and loaders have identical samples. All streams of a mixture with a
peak above 0.99 are scaled down by the same factor, unless the plan says ``clip``.
"""

import math
from collections.abc import Collection
from functools import reduce

import numpy as np

from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.io.samples import LOUDEST, check_usable
from toolkit.simulate.codecs import code
from toolkit.simulate.plan import Mixture, Source
from toolkit.simulate.rooms import direct_path

PEAK = 0.99
EARLY_SECONDS = 0.05  # reflections up to 50 ms belong to the dereverberated reference
_DIRECT_SECONDS = 0.0025
_ACTIVE_DB = 40.0
_FRAME_SECONDS = 0.02
_ROWS, _LEAST_BLOCK = 4, 16384  # of a convolution: rows per FFT call, minimum number of samples in a row


class SilentSource(InputError):
    """A source whose level matters is digital silence."""


@np.errstate(over="ignore", invalid="ignore")  # overflow is detected at the end
def render(
    mixture: Mixture, audio: AudioTable, rooms: AudioTable | None = None, only: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """Render one mixture.

    Args:
        mixture: a line of a plan.
        audio: audio of the sources, at ``mixture.fs``.
        rooms: the impulse responses.
        only: streams to return, which saves the work for the others; None: all.

    Returns:
        stream -> float32 (mixture.length,): ``wav`` (the sum, through the codec if there is one), one for each role
        (``spk1``, ``noise1``, ...), and ``dereverb1`` (target with direct path and early reflections) when the target
        is in a room. Streams may share memory.

    Raises:
        SilentSource: a source whose level decides the SNR is digital silence.
        InputError: an id is unknown, a recording is shorter than the plan says, samples overflow, ...
    """
    if audio.fs not in (None, mixture.fs):
        raise InputError(f"{mixture.id}: is planned at {mixture.fs} Hz, the audio is at {audio.fs} Hz; plan again")
    by_role: dict[str, list[tuple[Source, np.ndarray]]] = {}
    early = None
    for source in mixture.sources:
        dry = _take(source, audio)
        if source.room is None:
            image = dry
        else:
            response = _response(source, source.room, rooms, mixture)
            if source.role == "spk1":
                image, near = convolve(dry, response, response[: round(EARLY_SECONDS * mixture.fs)])
                early = [(source, near)]
            else:
                (image,) = convolve(dry, response)
        by_role.setdefault(source.role, []).append((source, image))
    reference = _level(_gained(by_role["spk1"]), mixture) if mixture.snr else 0.0
    streams = {role: _place(_scale(parts, reference, mixture), mixture.length) for role, parts in by_role.items()}
    streams = {"wav": reduce(np.add, streams.values()), **streams}
    if early is not None:
        streams["dereverb1"] = _place(_gained(early), mixture.length)
    return coded(mixture, _to_grid(streams, mixture.id, mixture.clip, only))


def coded(mixture: Mixture, streams: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Streams of a mixture, ``wav`` through its codec; without a codec they are returned as they are."""
    if mixture.codec is None or "wav" not in streams:
        return streams
    return streams | {"wav": code(streams["wav"], mixture.fs, mixture.codec, mixture.kbps)}


def cut(source: Source, tables: dict[str, AudioTable]) -> dict[str, np.ndarray]:
    """Crop the streams of a rendered mixture alike, with the same speed, so that the mixture remains their sum.

    Args:
        source: part and speed; role, gain and room are ignored.
        tables: stream -> its audio.

    Returns:
        stream -> float32 (source.length,); if a change of speed exceeds the peak limit, all are scaled alike.
    """
    return _to_grid({stream: _take(source, table) for stream, table in tables.items()}, source.utt)


def _take(source: Source, audio: AudioTable) -> np.ndarray:
    """The samples of a source, with crop, speed, repetition and filter: (source.length,) float32."""
    have = audio.num_samples(source.utt)
    first = int(source.begin * source.speed)
    if first >= have:
        raise InputError(f"{source.utt}: has {have} samples, the plan begins at {first}; make the plan again")
    needed = math.ceil(source.length * source.speed) + 1
    if not source.wrap:
        samples = audio.read(source.utt, first, min(needed, have - first))
    else:
        whole = audio.read(source.utt)
        samples = np.take(whole, np.arange(first, first + needed), mode="wrap")
    _check_sound(samples, source, audio)
    if source.speed != 1.0:
        import soxr

        samples = soxr.resample(samples, source.speed * 1e4, 1e4)
    if source.taps is not None:
        samples = _filtered(samples, source.taps)
    short = source.length - len(samples)
    if short > 2:  # resamplers may end two samples early; more means other audio
        raise InputError(f"{source.utt}: is {short} samples shorter than the plan says; make the plan again")
    return np.pad(samples, (0, short)) if short > 0 else samples[: source.length]


def _filtered(samples: np.ndarray, taps: tuple[float, ...]) -> np.ndarray:
    """(N,) float32 through the second-order filter of :class:`toolkit.simulate.plan.Source`, from rest."""
    from scipy.signal import lfilter  # slow import, only for filters

    b1, b2, a1, a2 = taps
    return lfilter([1.0, b1, b2], [1.0, a1, a2], samples).astype(np.float32)


def _check_sound(samples: np.ndarray, source: Source, audio: AudioTable) -> None:
    """Raise InputError if a recording is constant or far beyond full scale; checks it only if this part is suspect."""
    if not len(samples):
        return
    low, high = float(samples.min()), float(samples.max())
    peak = max(-low, high)
    if peak > LOUDEST or high - low < 0.5 / 32768 < peak:  # silence is handled where SNRs are set
        check_usable(
            audio.read(source.utt),
            *(audio.fs or 1, f"{source.utt}: {audio.values[source.utt]}:"),
            "format the set (stage 2), or drop the utterance",
            least=0,
        )


def _response(source: Source, room: str, rooms: AudioTable | None, mixture: Mixture) -> np.ndarray:
    """Impulse response from the direct path on, with the direct path at unit energy."""
    if rooms is None:
        raise InputError(f"{mixture.id}: {source.utt} is in room {room}, but there is no data dir of rooms; plan again")
    response = rooms.read(room)
    start = direct_path(response)
    window = max(1, round(_DIRECT_SECONDS * mixture.fs))
    energy = float(np.sum(response[max(0, start - window) : start + window].astype(np.float64) ** 2))
    if energy == 0.0:
        raise SilentSource(f"{mixture.id}: impulse response {source.room} is digital silence; leave it out")
    return response[start:] / np.float32(np.sqrt(energy))


def convolve(samples: np.ndarray, *responses: np.ndarray) -> list[np.ndarray]:
    """Linear convolutions cut to the length of ``samples``; the tail after the end is dropped.

    Overlap-add: blocks and responses are transformed together, in multiples of four rows, because scipy transforms four
    float32 rows in the time of one.

    Args:
        samples: (N,) float32.
        responses: (R,) float32 each, at most three, the longest first.

    Returns:
        (N,) float32 for each response.
    """
    import scipy.fft  # slow import, only for rooms

    taps, count = min(len(responses[0]), len(samples)), len(responses)
    fours = -(-len(samples) // (_ROWS * max(4 * taps, _LEAST_BLOCK)))
    blocks = _ROWS * fours - count
    hop = -(-len(samples) // blocks)
    size = scipy.fft.next_fast_len(hop + taps - 1, real=True)
    rows = np.zeros((_ROWS * fours, max(hop, taps)), np.float32)
    parts = [samples[number * hop :][:hop] for number in range(blocks)]
    for row, part in zip(rows, [*parts, *(response[:taps] for response in responses)], strict=True):
        row[: len(part)] = part
    spectra = scipy.fft.rfft(rows, size)
    out = np.zeros((count, blocks * hop + size), np.float32)
    together = count if fours == 1 else 1  # more would exceed the cache
    for first in range(0, count, together):
        kernels = spectra[blocks + first :][:together]
        images = np.zeros((_ROWS * -(-together * blocks // _ROWS), spectra.shape[1]), np.complex64)
        shape = (together, blocks, -1)
        np.multiply(kernels[:, None], spectra[:blocks], out=images[: together * blocks].reshape(shape))
        images = scipy.fft.irfft(images, size)[: together * blocks].reshape(shape)
        for number in range(blocks):
            out[first : first + together, number * hop :][:, :size] += images[:, number]
    return list(out[:, : len(samples)])


def active_level(samples: np.ndarray, fs: int) -> float:
    """Mean square over the 20 ms frames within 40 dB of the loudest; (N,) -> power."""
    frame = round(_FRAME_SECONDS * fs)
    whole = len(samples) // frame * frame
    power = np.square(samples[:whole].reshape(-1, frame), dtype=np.float64).mean(axis=1)
    if whole == 0 or power.max() == 0.0:
        return _power(samples)
    return float(power[power > power.max() * 10 ** (-_ACTIVE_DB / 10)].mean())


def _power(samples: np.ndarray) -> float:
    """Mean square of (N,) samples."""
    wide = samples.astype(np.float64)
    return float(np.dot(wide, wide)) / len(wide)


def _level(parts: list[tuple[Source, np.ndarray]], mixture: Mixture) -> float:
    """Power of the summed sources of one role, by the mixture's ``level``. Raises SilentSource if it is zero."""
    if len(parts) == 1:
        samples = parts[0][1][: mixture.length - parts[0][0].offset]
    else:
        is_active = np.zeros(mixture.length, bool)
        for source, image in parts:
            is_active[source.offset : source.offset + len(image)] = True
        samples = _place(parts, mixture.length)[is_active]
    if mixture.level == "active" and parts[0][0].role.startswith("spk"):
        power = active_level(samples, mixture.fs)
    else:
        power = _power(samples)
    if power == 0.0:
        role, utts = parts[0][0].role, ", ".join(source.utt for source, _ in parts)
        raise SilentSource(f"{mixture.id}: {role} ({utts}) is digital silence, so no SNR can be set; plan without it")
    return power


def _gained(parts: list[tuple[Source, np.ndarray]]) -> list[tuple[Source, np.ndarray]]:
    """The sources of one role, scaled by their explicit gains."""
    return [(source, image if source.gain is None else image * np.float32(source.gain)) for source, image in parts]


def _scale(parts: list[tuple[Source, np.ndarray]], reference: float, mixture: Mixture):
    """The sources of one role, scaled to the SNR of the role, or by explicit gains."""
    role = parts[0][0].role
    if role not in mixture.snr:
        return _gained(parts)
    if len(parts) > 1:
        parts = [(source, image / np.float32(np.sqrt(_level([(source, image)], mixture)))) for source, image in parts]
    target_level = reference / 10 ** (mixture.snr[role] / 10)
    factor = np.float32(np.sqrt(target_level / _level(parts, mixture)))
    return [(source, image * factor) for source, image in parts]


def _place(parts: list[tuple[Source, np.ndarray]], length: int) -> np.ndarray:
    """Sum of sources at their offsets, (length,) float32; a single source of full length is returned unchanged."""
    if len(parts) == 1 and parts[0][0].offset == 0 and len(parts[0][1]) == length:
        return parts[0][1]
    out = np.zeros(length, np.float32)
    for source, image in parts:
        room = image[: max(0, length - source.offset)]
        out[source.offset : source.offset + len(room)] += room
    return out


def _to_grid(
    streams: dict[str, np.ndarray], name: str, clip: bool = False, only: Collection[str] | None = None
) -> dict[str, np.ndarray]:
    """Scale all streams below the peak limit, or clip, and round to 16 bits.

    Args:
        name: id for errors.
        only: streams to return; None: all.
    """
    distinct = {id(stream): stream for stream in streams.values()}  # a mixture of one source is that source
    peak = float(np.max([(stream.max(), -stream.min()) for stream in distinct.values()]))  # NaN if there is any
    if not peak < np.inf:
        raise InputError(f"{name}: its samples overflow; lower its gains, or format its recordings (stage 2)")
    if clip and peak > LOUDEST:
        raise InputError(f"{name}: peaks at {peak:.3g} times full scale, too much for clipping; lower its gains")
    factor = np.float32(min(1.0, PEAK / peak) * 32768 if peak > 0 and not clip else 32768)
    kept = {name: id(stream) for name, stream in streams.items() if only is None or name in only}
    rounded = {key: distinct[key] * factor for key in set(kept.values())}
    for stream in rounded.values():
        np.rint(stream, out=stream)
        if clip:
            np.clip(stream, -32768, 32767, out=stream)
        stream *= np.float32(1 / 32768)
    return {name: rounded[key] for name, key in kept.items()}
