"""Short pieces of music: chords, arpeggio, bass, drums. Training and test share no key, timbre or progression."""

from dataclasses import dataclass

import numpy as np

from toolkit.simulate.minicorpus.noise_synthesis import RATE, at_level, seconds

_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


@dataclass(frozen=True)
class Style:
    """Musical material of one split.

    Attributes:
        keys: tonics as MIDI notes.
        scale: semitones of its seven steps.
        progressions: chords as scale steps from 0, one per bar.
        timbres: name -> (amplitudes of the harmonics, decay time in s, attack time in s).
        drums: patterns of sixteen steps: k(ick), s(nare), h(at) or a dot.
    """

    keys: tuple[int, ...]
    scale: tuple[int, ...]
    progressions: tuple[tuple[int, ...], ...]
    timbres: dict[str, tuple[tuple[float, ...], float, float]]
    drums: tuple[str, ...]


STYLES = {
    "train": Style(
        keys=(48, 50, 52, 54, 56, 58),
        scale=_MAJOR,
        progressions=((0, 4, 5, 3), (0, 3, 4, 0), (0, 5, 3, 4), (0, 2, 3, 4)),
        timbres={
            "organ": ((1, 0.5, 0.3, 0.5, 0.1, 0.2, 0.05, 0.3), 4.0, 0.02),
            "plucked": ((1, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1), 0.25, 0.002),
            "flute": ((1, 0.15, 0.08, 0.02), 2.0, 0.06),
        },
        drums=("k.h.s.h.k.h.s.h.", "k.hhs.h.kkh.s.hh"),
    ),
    "test": Style(
        keys=(49, 51, 53, 55, 57, 59),
        scale=_MINOR,
        progressions=((0, 6, 5, 6), (0, 3, 6, 2), (0, 5, 2, 6), (0, 3, 0, 4)),
        timbres={
            "strings": ((1, 0.8, 0.7, 0.55, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.2, 0.15), 3.0, 0.12),
            "clarinet": ((1, 0.02, 0.6, 0.02, 0.4, 0.02, 0.25, 0.02, 0.12), 1.5, 0.03),
            "marimba": ((1, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2), 0.15, 0.001),
        },
        drums=("kh.hkh.hkh.hkhsh", "k..k..s...k.s..s"),
    ),
}


def note(midi: float, duration: float, timbre: tuple) -> np.ndarray:
    """(T,) one note, without harmonics above the Nyquist frequency."""
    amplitudes, decay_time, attack = timbre
    t, frequency = seconds(duration), 440 * 2 ** ((midi - 69) / 12)
    harmonics = np.arange(1, len(amplitudes) + 1)
    audible = harmonics * frequency < RATE / 2
    wave = np.asarray(amplitudes)[audible] @ np.sin(2 * np.pi * frequency * harmonics[audible, None] * t)
    return wave * np.exp(-t / decay_time) * np.minimum(t / attack, 1) * np.minimum((duration - t) / 0.01, 1)


def drum(kind: str, rng: np.random.Generator) -> np.ndarray:
    """(T,) one stroke of a kick (k), snare (s) or hat (h)."""
    t = seconds(0.2)
    if kind == "k":
        return np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / 0.07)
    hiss = rng.standard_normal(len(t))
    if kind == "s":
        return 0.5 * (hiss + np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.05)
    return 0.3 * np.diff(hiss, prepend=0) * np.exp(-t / 0.02)


def make_music(split: str, rng: np.random.Generator) -> np.ndarray:
    """One piece of 6 to 10 s, (T,) float32, in the style of a split."""
    style, beat = STYLES[split], 60 / rng.uniform(80, 150)
    key, progression = rng.choice(style.keys), style.progressions[rng.integers(len(style.progressions))]
    names = list(style.timbres)
    chords, melody, bass = (style.timbres[name] for name in rng.permutation(names)[:3])
    figure, pattern = rng.integers(0, 3, 8), style.drums[rng.integers(len(style.drums))]
    bars = int(rng.uniform(8, 10) // (4 * beat))
    out = np.zeros(round(bars * 4 * beat * RATE))

    def put(at: float, samples: np.ndarray, gain: float) -> None:
        start = round(at * RATE)
        out[start : start + len(samples)] += gain * samples[: len(out) - start]

    for bar in range(bars):
        start, step = bar * 4 * beat, progression[bar % len(progression)]
        chord = [key + style.scale[(step + third) % 7] + 12 * ((step + third) // 7) for third in (0, 2, 4)]
        put(start, note(chord[0] - 12, 4 * beat, bass), 0.5)
        for midi in chord:
            put(start, note(midi, 4 * beat, chords), 0.25)
        for eighth, index in enumerate(figure):
            put(start + eighth * beat / 2, note(chord[index] + 12, beat / 2, melody), 0.3)
        for sixteenth, kind in enumerate(pattern):
            if kind != ".":
                put(start + sixteenth * beat / 4, drum(kind, rng), 0.4)
    return at_level(out)
