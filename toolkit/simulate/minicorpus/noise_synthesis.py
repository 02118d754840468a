"""Synthetic noises: types for training, other types for tests, and out-of-domain types.

Every type is a function ``(rng, count) -> (count,)`` float64 samples at 16 kHz at any level. Each call draws new
parameters (speed, pitch, density). :func:`make_noise` scales the result to a common level.
"""

import numpy as np

RATE = 16000  # Hz


def shaped(rng: np.random.Generator, count: int, gain) -> np.ndarray:
    """(count,) Gaussian noise whose magnitude spectrum is ``gain(frequency in Hz)``; rms 1."""
    size = 1 << count.bit_length()  # a fast length
    spectrum = np.fft.rfft(rng.standard_normal(size))
    samples = np.fft.irfft(spectrum * gain(np.fft.rfftfreq(size, 1 / RATE)), size)[:count]
    return samples / np.sqrt(np.mean(samples**2))


def coloured(rng, count: int, db_per_octave: float) -> np.ndarray:
    """(count,) noise with a constant slope in dB per octave above 30 Hz; rms 1."""
    return shaped(rng, count, lambda f: np.maximum(f, 30) ** (db_per_octave / 6.02))


def band(rng, count: int, low: float, high: float) -> np.ndarray:
    """(count,) noise between two frequencies in Hz, with skirts of 12 dB per octave; rms 1."""
    return shaped(rng, count, lambda f: 1 / (1 + (low / np.maximum(f, 1)) ** 2) / (1 + (f / high) ** 2))


def slow(rng, count: int, per_second: float) -> np.ndarray:
    """(count,) smooth random curve in [-1, 1] that changes about ``per_second`` times a second."""
    knots = rng.uniform(-1, 1, max(2, int(np.ceil(count / RATE * per_second)) + 1))
    return np.interp(np.arange(count), np.linspace(0, count, len(knots)), knots)


def tones(phase: np.ndarray, amplitudes: np.ndarray, rng) -> np.ndarray:
    """(T,) sum of harmonics 1, 2, ... of a (T,) phase in cycles, at random starting phases."""
    starts = rng.uniform(size=len(amplitudes))
    return sum(a * np.sin(2 * np.pi * ((k + 1) * phase + starts[k])) for k, a in enumerate(amplitudes))


def scatter(rng, count: int, per_second: float, grain) -> np.ndarray:
    """(count,) ``grain()`` added at random (Poisson) times, some of them begun up to 3 s before."""
    ahead = 3 * RATE
    out = np.zeros(ahead + count)
    for start in rng.integers(0, len(out), max(1, rng.poisson(per_second * len(out) / RATE))):
        samples = grain()[: len(out) - start]
        out[start : start + len(samples)] += samples
    return out[ahead:]


def seconds(duration: float) -> np.ndarray:
    """(T,) times in seconds of ``duration`` seconds."""
    return np.arange(max(1, round(duration * RATE))) / RATE


def decay(duration: float, time_constant: float) -> np.ndarray:
    """(T,) exponential decay with a rise of 1 ms."""
    t = seconds(duration)
    return np.exp(-t / time_constant) * np.minimum(t / 0.001, 1)


def white(rng, count):
    """Equal power at all frequencies."""
    return rng.standard_normal(count)


def pink(rng, count):
    """-3 dB per octave."""
    return coloured(rng, count, -3)


def brown(rng, count):
    """-6 dB per octave."""
    return coloured(rng, count, -6)


def hum(rng, count):
    """Mains: harmonics of 50 or 60 Hz and some hiss."""
    phase = np.cumsum(rng.choice([50, 60]) * (1 + 0.002 * slow(rng, count, 1))) / RATE
    amplitudes = rng.uniform(0.1, 1, 24) / np.arange(1, 25) ** rng.uniform(0.3, 1)
    return tones(phase, amplitudes, rng) + 0.05 * white(rng, count)


def rain(rng, count):
    """Hiss in gusts under many drops."""
    hiss = band(rng, count, 1000, rng.uniform(3000, 7000)) * (1 + 0.4 * slow(rng, count, 2))

    def drop():
        return rng.exponential(1.5) * decay(0.02, rng.uniform(0.001, 0.004)) * rng.standard_normal(320)

    return hiss + scatter(rng, count, rng.uniform(20, 80), drop)


def clicks(rng, count):
    """Keys and switches: short ringing knocks over a faint room."""

    def click():
        length, frequency = rng.uniform(0.005, 0.03), rng.uniform(800, 5000)
        wave = np.sin(2 * np.pi * frequency * seconds(length)) + 0.5 * rng.standard_normal(round(length * RATE))
        return rng.uniform(0.3, 1) * wave * decay(length, length / 4)

    return scatter(rng, count, rng.uniform(4, 14), click) + 0.01 * pink(rng, count)


def engine(rng, count):
    """Firing strokes with their harmonics, at a wandering speed, and the roar between them."""
    phase = np.cumsum(rng.uniform(25, 70) * (1 + 0.15 * slow(rng, count, 0.7))) / RATE
    strokes = tones(phase, rng.uniform(0.2, 1, 30) / np.arange(1, 31) ** 0.7, rng)
    return strokes + 0.8 * band(rng, count, 50, 900) * (1 + 0.6 * np.sin(2 * np.pi * phase))


def fan(rng, count):
    """Air noise that the blades modulate, with their tone."""
    phase = np.cumsum(rng.uniform(15, 45) * (1 + 0.01 * slow(rng, count, 1))) / RATE
    air = band(rng, count, 80, rng.uniform(800, 2500)) * (1 + rng.uniform(0.2, 0.6) * np.sin(2 * np.pi * phase))
    return air + 0.3 * tones(5 * phase, 1 / np.arange(1, 6), rng)


def birds(rng, count):
    """Groups of whistled sweeps over a breeze."""

    def song():
        ends = np.sort(rng.uniform(2000, 6000, 2))
        length, gap, repeats = rng.uniform(0.05, 0.2), rng.uniform(0.02, 0.1), rng.integers(2, 8)
        begin, end = rng.permutation(ends)
        sweep = np.geomspace(begin, end, len(seconds(length)))
        syllable = np.sin(2 * np.pi * np.cumsum(sweep) / RATE) * np.hanning(len(sweep))
        return rng.uniform(0.3, 1) * np.tile(np.append(syllable, np.zeros(round(gap * RATE))), repeats)

    return scatter(rng, count, rng.uniform(1, 3), song) + 0.03 * pink(rng, count)


def traffic(rng, count):
    """Vehicles that pass by over a rumble."""

    def vehicle():
        length = rng.uniform(2, 5)
        passing = np.exp(-0.5 * ((seconds(length) / length - 0.5) / 0.15) ** 2)
        tyres = band(rng, len(passing), 200, rng.uniform(700, 2500))
        motor = tones(
            np.cumsum(rng.uniform(50, 110) * np.linspace(1.05, 0.95, len(passing))) / RATE, np.ones(6) / 4, rng
        )
        return rng.uniform(0.5, 1.5) * passing * (tyres + motor)

    return scatter(rng, count, rng.uniform(0.5, 1), vehicle) + 0.3 * brown(rng, count)


def crackle(rng, count):
    """A fire: snaps of very different strength over a low roar."""

    def snap():
        return min(0.2 + rng.pareto(1.8), 3) * decay(0.01, rng.uniform(0.0005, 0.002)) * rng.standard_normal(160)

    return scatter(rng, count, rng.uniform(30, 90), snap) + 0.1 * band(rng, count, 40, 400)


def alarm(rng, count):
    """Beeps of two tones, rich in odd harmonics."""
    low = rng.uniform(500, 1100)
    place = np.arange(count) / RATE * rng.uniform(2, 6)
    phase = np.cumsum(np.where(place.astype(int) % 2, low, low * rng.uniform(1.1, 1.6))) / RATE
    amplitudes = np.array([1, 0, 1 / 3, 0, 1 / 5])
    return tones(phase, amplitudes, rng) * (place % 1 < rng.uniform(0.5, 0.95)) + 0.02 * pink(rng, count)


def knocks(rng, count):
    """Blows on wood and metal: a few damped modes each."""
    modes = rng.uniform(150, 2500, 6)

    def blow():
        t = seconds(0.4)
        damping = rng.uniform(0.01, 0.06, len(modes))
        waves = np.exp(-t / damping[:, None]) * np.sin(2 * np.pi * modes[:, None] * rng.uniform(0.97, 1.03) * t)
        return rng.uniform(0.2, 1) * (rng.uniform(0.2, 1, len(modes)) @ waves)

    return scatter(rng, count, rng.uniform(2, 6), blow) + 0.005 * white(rng, count)


def bells(rng, count):
    """Frequency-modulated, inharmonic strokes that ring (Chowning, JAES 21, 1973)."""

    def stroke():
        t = seconds(rng.uniform(1, 3))
        carrier, ring = rng.uniform(200, 1200), np.exp(-t / rng.uniform(0.3, 1))
        return (
            rng.uniform(0.3, 1) * ring * np.sin(2 * np.pi * carrier * t + 6 * ring * np.sin(2.8 * np.pi * carrier * t))
        )

    return scatter(rng, count, rng.uniform(1, 3), stroke) + 0.002 * white(rng, count)


def siren(rng, count):
    """A slow wail with harmonics."""
    swing = np.sin(2 * np.pi * np.arange(count) / RATE * rng.uniform(0.2, 1.5))
    phase = np.cumsum(rng.uniform(600, 1000) * 2 ** (0.5 * swing)) / RATE
    return tones(phase, 1 / np.arange(1, 5), rng) + 0.02 * white(rng, count)


def bubbles(rng, count):
    """Water: decaying tones that rise (van den Doel, ACM TAP 2, 2005)."""

    def bubble():
        t = seconds(rng.uniform(0.02, 0.12))
        frequency = rng.uniform(300, 3000)
        rise = frequency * t + rng.uniform(0, 4) * frequency * t**2
        return rng.exponential(1) * np.sin(2 * np.pi * rise) * decay(t[-1] + 1 / RATE, t[-1] / 4)

    return scatter(rng, count, rng.uniform(15, 60), bubble) + 0.005 * white(rng, count)


NOISES = {
    "train": {f.__name__: f for f in (white, pink, brown, hum, rain, clicks, engine)},
    "test": {f.__name__: f for f in (fan, birds, traffic, crackle, alarm)},
    "ood": {f.__name__: f for f in (knocks, bells, siren, bubbles)},
}


def at_level(samples: np.ndarray, rms: float = 0.1, peak: float = 0.9) -> np.ndarray:
    """(T,) float32 scaled to ``rms``, or lower if the peak would exceed ``peak``."""
    gain = min(rms / np.sqrt(np.mean(samples**2)), peak / np.abs(samples).max())
    return (gain * samples).astype(np.float32)


def make_noise(split: str, kind: str, rng: np.random.Generator) -> np.ndarray:
    """One recording of 6 to 10 s, (T,) float32, of a kind in ``NOISES[split]``."""
    return at_level(NOISES[split][kind](rng, round(rng.uniform(6, 10) * RATE)))
