"""Recordings in blocks through systems: as the whole, but for seams."""

import numpy as np
import pytest
import soundfile
import torch

from test.helpers.tiny_verifier import verifier as tiny_verifier
from toolkit.io.errors import InputError
from toolkit.systems.inference import verifier_base
from toolkit.systems.recognizer import Recognizer
from toolkit.systems.signals import crossfaded, regrouped, write_signal

RNG = np.random.default_rng(0)
SAMPLES = RNG.uniform(-0.5, 0.5, 3000).astype(np.float32)


def blocks_of(samples: np.ndarray, size: int) -> list[np.ndarray]:
    return [samples[i : i + size] for i in range(0, len(samples), size)]


@pytest.mark.parametrize("size", [100, 999, 3000, 9999])
@pytest.mark.parametrize("channels", [1, 2])
def test_what_has_no_memory_has_no_seams(size, channels):
    samples = SAMPLES if channels == 1 else SAMPLES.reshape(-1, 2)
    parts = list(crossfaded(blocks_of(samples, size), lambda x: 3 * x, 50))
    np.testing.assert_allclose(np.concatenate(parts), 3 * samples, rtol=1e-6)


def test_seams_by_hand():
    """Two blocks of four, overlap of two: window 1 gives ones, window 2 twos; between them a third, two thirds."""
    levels = iter([1.0, 2.0])
    made = list(crossfaded(blocks_of(np.zeros(8, np.float32), 4), lambda x: np.full_like(x, next(levels)), 2))
    np.testing.assert_allclose(np.concatenate(made), [1, 1, 4 / 3, 5 / 3, 2, 2, 2, 2], rtol=1e-6)


def test_a_filter_equals_the_whole_away_from_seams():
    def smooth(x):
        return np.convolve(x, np.ones(9) / 9, "same").astype(np.float32)

    made = np.concatenate(list(crossfaded(blocks_of(SAMPLES, 1000), smooth, 40)))
    differs = np.abs(made - smooth(SAMPLES)) > 1e-6
    near = np.zeros(3000, bool)
    for seam in (1000, 2000):
        near[seam - 40 : seam] = True
    assert not differs[~near].any()


@pytest.mark.parametrize("sizes", [[3000], [1, 2, 2997], [10] * 300, [1500, 1500]])
@pytest.mark.parametrize("size", [1, 7, 1000, 4000])
def test_regrouped(sizes, size):
    parts = list(regrouped(np.split(SAMPLES, np.cumsum(sizes)[:-1]), size))
    assert all(len(part) == size for part in parts[:-1])
    np.testing.assert_array_equal(np.concatenate(parts), SAMPLES)


@pytest.mark.parametrize(("peak", "gain"), [(0.5, 1.0), (2.0, 0.495)])
def test_a_signal_in_blocks_is_a_file(tmp_path, peak, gain):
    samples = peak * SAMPLES / np.abs(SAMPLES).max()
    write_signal(tmp_path / "a.wav", blocks_of(samples, 700), 8000, "a")
    read, fs = soundfile.read(tmp_path / "a.wav")
    assert fs == 8000
    np.testing.assert_allclose(read, gain * samples, atol=1 / 32768)


@pytest.mark.parametrize("name", ["a.wav", "a.xyz"])
def test_a_signal_that_cannot_be_written(tmp_path, name):
    with pytest.raises(InputError, match=r"finite|a\.xyz"):
        write_signal(tmp_path / name, [SAMPLES, np.full(9, np.nan, np.float32)], 8000, "a")
    assert not list(tmp_path.iterdir())


def test_a_long_recording_has_the_mean_embedding_of_its_parts(tmp_path, monkeypatch):
    verifier = tiny_verifier(tmp_path / "sv", 0)
    wav = RNG.uniform(-0.5, 0.5, 40000).astype(np.float32)
    whole = verifier.embed(wav, 16000)
    monkeypatch.setattr(verifier_base, "LONGEST_SECONDS", 1.0)
    parts = [verifier.embed(part, 16000) for part in blocks_of(wav, 16000)]
    expected = np.average(parts, 0, [2, 2, 1])
    made = verifier.embed_blocks(blocks_of(wav, 12345))
    np.testing.assert_allclose(made, expected / np.linalg.norm(expected), atol=1e-5)
    np.testing.assert_array_equal(made, verifier.embed(wav, 16000))
    silent = np.concatenate([wav[:16000], np.zeros(16000, np.float32), wav[16000:32000]])
    np.testing.assert_allclose(verifier.embed(silent, 16000), verifier.embed(wav[:32000], 16000), atol=1e-6)
    assert made @ whole > 0.9
    with pytest.raises(InputError, match="silence"):
        verifier.embed_blocks([np.zeros(16000, np.float32)] * 3)


def test_words_of_blocks_are_those_of_the_whole(monkeypatch):
    """By a network that names the length of each part."""
    heard: list[np.ndarray] = []

    def transcribe_batch(self, parts):
        heard.extend(parts)
        return [str(len(part)) for part in parts]

    monkeypatch.setattr(Recognizer, "transcribe_batch", transcribe_batch)
    monkeypatch.setattr(Recognizer, "fs", 1000, raising=False)
    recognizer = Recognizer.__new__(Recognizer)
    wav = torch.randn(7300, generator=torch.Generator().manual_seed(0)).numpy()
    whole = recognizer.transcribe(wav, 1000, chunk_seconds=2.0)
    np.testing.assert_array_equal(np.concatenate(heard), wav)
    for size in (150, 2500):
        assert " ".join(recognizer.transcribe_blocks(blocks_of(wav, size), 2.0)) == whole
