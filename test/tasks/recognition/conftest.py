"""Words of tones: a tiny transcribed corpus."""

import numpy as np
import pytest
import soundfile
import yaml

from toolkit.bin import train_units
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


@pytest.fixture(scope="session")
def songs(tmp_path_factory):
    """``train`` of 12 utterances, ``dev`` of 4 others, ``char.model``."""
    root = tmp_path_factory.mktemp("songs")
    write_songs(root / "train", 12, 0)
    write_songs(root / "dev", 4, 1)
    train_units.main(["--output", str(root / "char.model"), str(root / "train")])
    return root


@pytest.fixture(scope="session")
def words(songs):
    """Command-line words of a training, but for --expdir and --valid_dirs."""
    network = {"num_units": 12, "n_mels": 20, "dim": 32, "heads": 2, "hidden": 64, "blocks": 2, "kernel_size": 7}
    network |= {"decoder_blocks": 1, "decoder_hidden": 64, "dropout": 0.0}
    config = {
        "task": "asr",
        "frontend": {"class_path": "KaldiFbank", "init_args": {"n_mels": 20}},
        "model": {"class_path": "Conformer", "init_args": network},
        "batches": {"class_path": "BucketBatches", "init_args": {"max_size": 3}},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 3e-3}},
        "trainer": {"epochs": 2, "workers": 0, "threads": 1, "keep_best": 1},
    }
    (songs / "config.yaml").write_text(yaml.safe_dump(config))
    options = ["--config", str(songs / "config.yaml"), "--train_dir", str(songs / "train")]
    return ["asr", *options, "--units", str(songs / "char.model")]
