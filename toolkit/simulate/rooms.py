"""Simulated room impulse responses: a seeded bank of shoebox rooms, stored as files.

pyroomacoustics computes early reflections by the image-source method (Allen & Berkley, JASA 65, 1979) and the tail by
ray tracing. Sample ``n`` of a response is the sound ``n / 16000`` s after emission.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.io.errors import InputError
from toolkit.simulate.minicorpus.bank import run_all, write_flac, write_tsv
from toolkit.simulate.plan import generator

RATE = 16000  # Hz
SPEED_OF_SOUND = 343.0  # m/s
_MAX_ORDER = 8  # of the image sources; ray tracing for higher orders
_SMALLEST, _LARGEST = (3.0, 3.0, 2.4), (9.0, 7.0, 3.6)  # rooms, m
_FROM_WALL = 0.5  # m, minimum distance


@dataclass(frozen=True)
class Room:
    """A shoebox with one microphone and some sources; metres and seconds."""

    size: tuple[float, float, float]
    rt60: float
    microphone: tuple[float, float, float]
    sources: tuple[tuple[float, float, float], ...]

    def distances(self) -> list[float]:
        """Distance of each source to the microphone in m."""
        return [float(np.linalg.norm(np.subtract(source, self.microphone))) for source in self.sources]


def draw_room(rng: np.random.Generator, sources: int = 1, rt60=(0.2, 0.8), distance=(0.5, 4.0)) -> Room:
    """Draw a room of 3 x 3 x 2.4 to 9 x 7 x 3.6 m.

    Sources and microphone are at least 0.5 m from every wall, at heights of 1 to 1.8 m and 0.7 to 1.6 m.

    Args:
        sources: number of sources.
        rt60: minimum and maximum reverberation time in s.
        distance: minimum and maximum distance from a source to the microphone in m.
    """
    size = rng.uniform(_SMALLEST, _LARGEST)
    rt60_target = rng.uniform(*rt60)
    width = size[:2] - _FROM_WALL
    microphone = np.array([*(size[:2] * rng.uniform(0.25, 0.75, 2)), rng.uniform(0.7, 1.6)])
    places: list[tuple] = []
    while len(places) < sources:
        place = rng.uniform((_FROM_WALL, _FROM_WALL, 1.0), (*width, 1.8))
        if distance[0] <= np.linalg.norm(place - microphone) <= distance[1]:
            places.append(tuple(place.tolist()))
    return Room(tuple(size.tolist()), float(rt60_target), tuple(microphone.tolist()), tuple(places))


def simulate_rirs(room: Room, seed: int) -> list[np.ndarray]:
    """The impulse response of each source, (T,) float64 with peak 0.5, as long as ``rt60`` after the direct path.

    Args:
        room: the room.
        seed: seed of the ray tracing.

    Raises:
        InputError: no wall absorbs enough for so short a reverberation in so large a room.
    """
    import pyroomacoustics as pra  # slow import

    pra.constants.set("num_threads", 1)  # the result depends on the number of threads
    pra.constants.set("c", SPEED_OF_SOUND)
    pra.random.seed(seed)
    try:
        absorption, _ = pra.inverse_sabine(room.rt60, room.size, c=SPEED_OF_SOUND)
    except ValueError:
        size = " x ".join(f"{metres:.1f}" for metres in room.size)
        raise InputError(f"rt60 {room.rt60:.2f} s: impossible in a room of {size} m; use 0.2 s or more") from None
    walls = {"materials": pra.Material(absorption), "air_absorption": False}
    box = pra.ShoeBox(room.size, fs=RATE, max_order=_MAX_ORDER, ray_tracing=True, **walls)
    for source in room.sources:
        box.add_source(source)
    box.add_microphone(room.microphone)
    box.compute_rir()
    ahead = pra.constants.get("frac_delay_length") // 2  # removes the library's delay of half an interpolation filter
    ends = [round((distance / SPEED_OF_SOUND + room.rt60) * RATE) for distance in room.distances()]
    rirs = [rir[ahead : ahead + end] for rir, end in zip(box.rir[0], ends, strict=True)]
    return [0.5 * rir / np.abs(rir).max() for rir in rirs]


def direct_path(rir: np.ndarray, fraction: float = 0.4) -> int:
    """Index of the direct path: the first sample whose magnitude reaches ``fraction`` of the peak.

    The direct sound may be below the peak, because reflections can coincide. In these banks it has at least 0.6 of the
    peak, and the pre-ringing of a band-limited response reaches 0.4 for at most two samples.

    Args:
        rir: (T,) impulse response.
    """
    magnitude = np.abs(rir)
    return int(np.argmax(magnitude >= fraction * magnitude.max()))


def make_rooms(
    outdir,
    count: int,
    seed: int,
    prefix: str = "room",
    sources=3,
    rt60=(0.2, 0.8),
    distance=(0.5, 4.0),
    workers: int = 1,
) -> list[dict]:
    """Make a bank: ``<outdir>/<prefix>-001-1.flac`` ... (16 kHz, 24 bit) and the facts in ``<outdir>/metadata.tsv``.

    Existing responses are kept, so the same command completes an interrupted bank. Banks with different seeds or
    prefixes share no rooms.

    Args:
        count: number of rooms.
        sources: number of sources in each room; see :func:`draw_room` for the others.

    Returns:
        The rows of metadata.tsv: path (relative to outdir), room, rt60 (requested, s), distance, length, width, height
        (m).

    Raises:
        InputError: ``count``, ``rt60`` or ``distance`` is impossible in these rooms.
    """
    if count < 1 or sources < 1 or not 0 < rt60[0] <= rt60[1]:
        raise InputError(f"{outdir}: {count} rooms, {sources} sources, rt60 {rt60} s: must be positive and in order")
    if not 0 <= distance[0] < distance[1] or distance[0] > 1 or distance[1] < 0.5:
        raise InputError(f"{outdir}: distance {distance} m: must begin at 1 m or less and end at 0.5 m or more")
    names = [f"{prefix}-{number:03d}" for number in range(1, count + 1)]
    tasks = [(_make_room, outdir, name, seed, sources, tuple(rt60), tuple(distance)) for name in names]
    facts = [row for rows in run_all(tasks, workers, f"rooms {outdir}") for row in rows]
    write_tsv(Path(outdir) / "metadata.tsv", facts)
    return facts


def _make_room(outdir, name: str, seed: int, sources: int, rt60: tuple, distance: tuple) -> list[dict]:
    """Simulate one room unless its files exist; returns its rows of the table."""
    rng = generator("room", seed, name)
    room = draw_room(rng, sources, rt60, distance)
    paths = [Path(outdir) / f"{name}-{number}.flac" for number in range(1, sources + 1)]
    if not all(path.is_file() for path in paths):
        for path, rir in zip(paths, simulate_rirs(room, int(rng.integers(2**31))), strict=True):
            write_flac(path, rir, RATE, bits=24)
    length, width, height = (f"{metres:.3f}" for metres in room.size)
    facts = {"room": name, "rt60": f"{room.rt60:.3f}", "length": length, "width": width, "height": height}
    return [
        {"path": path.name, **facts, "distance": f"{metres:.3f}"}
        for path, metres in zip(paths, room.distances(), strict=True)
    ]
