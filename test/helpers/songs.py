"""Words of tones: a tiny transcribed corpus, whose first words are orders."""

import numpy as np
import soundfile

from toolkit.io.datadir import write_table

FS = 16000
WORDS = {"LA": 400, "MI": 900, "SO": 1700, "RE": 2900}  # Hz


def sung(words: list[str], rng: np.random.Generator) -> np.ndarray:
    """A tone of a fifth of a second a word, with pauses."""
    parts = [np.zeros(800)]
    for word in words:
        t = np.arange(round(FS * rng.uniform(0.18, 0.24))) / FS
        tone = np.sin(2 * np.pi * WORDS[word] * rng.uniform(0.97, 1.03) * t)
        parts += [0.3 * tone * np.hanning(len(t)), np.zeros(640)]
    samples = np.concatenate(parts)
    return (samples + 0.001 * rng.standard_normal(len(samples))).astype(np.float32)


def write_songs(path, utts: int, seed: int):
    """A data dir with ``text``, of utterances of one to three words by two speakers."""
    rng, tables = np.random.default_rng(seed), {"wav.scp": {}, "utt2spk": {}, "text": {}}
    (path / "audio").mkdir(parents=True)
    for n in range(utts):
        key, words = f"s{n % 2}-u{n:02d}", [str(word) for word in rng.choice([*WORDS], rng.integers(1, 4))]
        soundfile.write(path / f"audio/{key}.wav", sung(words, rng), FS, subtype="PCM_16")
        values = (str(path / f"audio/{key}.wav"), f"s{n % 2}", " ".join(words))
        for table, value in zip(tables, values, strict=True):
            tables[table][key] = value
    for name, table in tables.items():
        write_table(path / name, table)
    return path
