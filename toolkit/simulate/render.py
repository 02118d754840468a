"""Rendering: a pure function of (plan line, audio) -> streams, the only one there is.

The offline stage writes what it returns, the training loader feeds it, tests check it.

Levels. The SNR of a role is 10 log10(P_spk1 / P_role) dB, where P is the mean square of the role's stream after rooms,
over the samples where that role has audio (padding does not count). For talkers (``spk*``) with ``level: active``, P is
the mean over the 20 ms frames within 40 dB of the loudest frame only, so pauses do not count either; noise is always
averaged whole. Recordings of one role (the talkers of babble) are brought to equal level before they are summed.
A source with an explicit ``gain`` is scaled by it and by nothing else.

Streams are on the 16-bit grid (k / 32768), so what a file holds is exactly what a loader sees; a mixture that would
peak above 0.99 is scaled down as a whole, all its streams alike, unless its plan says that it is clipped.
"""

from functools import reduce

import numpy as np

from toolkit.io.audio import LOUDEST, AudioTable, check_usable
from toolkit.io.errors import InputError
from toolkit.simulate.codecs import code
from toolkit.simulate.plan import Mixture, Source
from toolkit.simulate.rooms import direct_path

PEAK = 0.99
EARLY_SECONDS = 0.05  # reflections up to 50 ms belong to the dereverberated reference
_DIRECT_SECONDS = 0.0025
_ACTIVE_DB = 40.0
_FRAME_SECONDS = 0.02
_ROWS, _LEAST_BLOCK = 4, 16384  # of a convolution: rows that are transformed at once, least samples in a row


class SilentSource(InputError):
    """A source with a level is digital silence."""


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused in the end
def render(mixture: Mixture, audio: AudioTable, rooms: AudioTable | None = None) -> dict[str, np.ndarray]:
    """Render one mixture.

    Args:
        mixture: a line of a plan.
        audio: where its sources are, at ``mixture.fs``.
        rooms: where its impulse responses are.

    Returns:
        stream -> float32 (mixture.length,): ``wav`` (the sum, through the codec if there is one), one for each role
        (``spk1``, ``noise1``, ...), and ``dereverb1`` (target with direct path and early reflections) when the target
        is in a room.

    Raises:
        SilentSource: a source whose level decides the SNR is digital silence.
        InputError: an id is unknown, a recording is shorter than the plan says, samples are beyond all measure, ...
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
    return coded(mixture, _to_grid(streams, mixture.id, mixture.clip))


def coded(mixture: Mixture, streams: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Streams of a mixture, ``wav`` through its codec; without a codec they are returned as they are."""
    if mixture.codec is None:
        return streams
    return streams | {"wav": code(streams["wav"], mixture.fs, mixture.codec, mixture.kbps)}


def cut(source: Source, tables: dict[str, AudioTable]) -> dict[str, np.ndarray]:
    """The same part, at the same speed, of the streams of a rendered mixture; it stays their sum.

    Args:
        source: which part; its role, gain and room are not looked at.
        tables: stream -> its audio.

    Returns:
        stream -> float32 (source.length,); above the peak (a change of speed may overshoot) all are scaled alike.
    """
    return _to_grid({stream: _take(source, table) for stream, table in tables.items()}, source.utt)


def _take(source: Source, audio: AudioTable) -> np.ndarray:
    """The samples of a source: part, speed, repetition; (source.length,) float32."""
    have = audio.num_samples(source.utt)
    first = int(source.begin * source.speed)
    if first >= have:
        raise InputError(f"{source.utt}: has {have} samples, the plan begins at {first}; make the plan again")
    needed = int(np.ceil(source.length * source.speed)) + 1
    if not source.wrap:
        samples = audio.read(source.utt, first, min(needed, have - first))
    else:
        whole = audio.read(source.utt)
        samples = np.take(whole, np.arange(first, first + needed), mode="wrap")
    _check_sound(samples, source, audio)
    if source.speed != 1.0:
        import soxr

        samples = soxr.resample(samples, source.speed * 1e4, 1e4)
    short = source.length - len(samples)
    if short > 2:  # a resampler may end a sample or two early; more is a plan for other audio
        raise InputError(f"{source.utt}: is {short} samples shorter than the plan says; make the plan again")
    return np.pad(samples, (0, short)) if short > 0 else samples[: source.length]


def _check_sound(samples: np.ndarray, source: Source, audio: AudioTable) -> None:
    """Raise InputError where a recording is constant, or beyond full scale by far, as its part here lets suspect."""
    if not len(samples):
        return
    low, high = float(samples.min()), float(samples.max())
    peak = max(-low, high)
    if peak > LOUDEST or high - low < 0.5 / 32768 < peak:  # the code that sets SNRs handles silence
        check_usable(
            audio.read(source.utt),
            *(audio.fs or 1, f"{source.utt}: {audio.values[source.utt]}:"),
            "format the set (stage 2), or drop the utterance",
            least=0,
        )


def _response(source: Source, room: str, rooms: AudioTable | None, mixture: Mixture) -> np.ndarray:
    """Impulse response from its direct path on, the direct path at unit energy."""
    if rooms is None:
        raise InputError(f"{mixture.id}: {source.utt} is put into room {room}, but no room data dir was given")
    response = rooms.read(room)
    start = direct_path(response)
    window = max(1, round(_DIRECT_SECONDS * mixture.fs))
    energy = float(np.sum(response[max(0, start - window) : start + window].astype(np.float64) ** 2))
    if energy == 0.0:
        raise SilentSource(f"{mixture.id}: impulse response {source.room} is digital silence; leave it out")
    return response[start:] / np.float32(np.sqrt(energy))


def convolve(samples: np.ndarray, *responses: np.ndarray) -> list[np.ndarray]:
    """Linear convolutions cut to the length of ``samples``: the tail beyond the source's end is dropped.

    By overlap and add: the samples are cut into blocks. Blocks and responses are transformed together, a multiple of
    four, because scipy transforms four float32 rows in the time of one.

    Args:
        samples: (N,) float32.
        responses: (R,) float32 each, three at most, the longest first.

    Returns:
        (N,) float32 for each response.
    """
    import scipy.fft  # a third of a second to import, needed for rooms only

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
    together = count if fours == 1 else 1  # more would not stay in the cache
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
        return float(np.square(samples, dtype=np.float64).mean())
    return float(power[power > power.max() * 10 ** (-_ACTIVE_DB / 10)].mean())


def _level(parts: list[tuple[Source, np.ndarray]], mixture: Mixture) -> float:
    """Power of the sources of one role, placed and summed, by the mixture's rule; SilentSource when there is none."""
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
        power = float(np.square(samples, dtype=np.float64).mean())
    if power == 0.0:
        role, utts = parts[0][0].role, ", ".join(source.utt for source, _ in parts)
        raise SilentSource(f"{mixture.id}: {role} ({utts}) is digital silence, no SNR can be set; plan without it")
    return power


def _gained(parts: list[tuple[Source, np.ndarray]]) -> list[tuple[Source, np.ndarray]]:
    """The sources of one role, scaled by their explicit gains."""
    return [(source, image if source.gain is None else image * np.float32(source.gain)) for source, image in parts]


def _scale(parts: list[tuple[Source, np.ndarray]], reference: float, mixture: Mixture):
    """The sources of one role, scaled: to the SNR of the role where it has one, else by explicit gains."""
    role = parts[0][0].role
    if role not in mixture.snr:
        return _gained(parts)
    if len(parts) > 1:
        parts = [(source, image / np.float32(np.sqrt(_level([(source, image)], mixture)))) for source, image in parts]
    target_level = reference / 10 ** (mixture.snr[role] / 10)
    factor = np.float32(np.sqrt(target_level / _level(parts, mixture)))
    return [(source, image * factor) for source, image in parts]


def _place(parts: list[tuple[Source, np.ndarray]], length: int) -> np.ndarray:
    """Sum of sources at their offsets, (length,) float32; one source that fills it is returned as it is."""
    if len(parts) == 1 and parts[0][0].offset == 0 and len(parts[0][1]) == length:
        return parts[0][1]
    out = np.zeros(length, np.float32)
    for source, image in parts:
        room = image[: max(0, length - source.offset)]
        out[source.offset : source.offset + len(room)] += room
    return out


def _to_grid(streams: dict[str, np.ndarray], name: str, clip: bool = False) -> dict[str, np.ndarray]:
    """Scale below the peak, all alike, or clip; and round to 16 bits. ``name`` is the id that an error names."""
    peak = float(np.max([(stream.max(), -stream.min()) for stream in streams.values()]))  # NaN, where there is any
    if not peak < np.inf:
        raise InputError(f"{name}: its samples overflow; lower its gains, or format its recordings (stage 2)")
    if clip and peak > LOUDEST:
        raise InputError(
            f"{name}: peaks at {peak:.3g} of full scale, clipping would leave a square wave; lower its gains"
        )
    factor = np.float32(min(1.0, PEAK / peak) * 32768 if peak > 0 and not clip else 32768)
    streams = {name: stream * factor for name, stream in streams.items()}
    for stream in streams.values():
        np.rint(stream, out=stream)
        if clip:
            np.clip(stream, -32768, 32767, out=stream)
        stream *= np.float32(1 / 32768)
    return streams
