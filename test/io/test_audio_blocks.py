"""Recordings in blocks: together what is read at once."""

import numpy as np
import pytest
import soundfile

from toolkit.io.ark import ArkWriter
from toolkit.io.audio import file_blocks, read_file, value_blocks
from toolkit.io.errors import InputError
from toolkit.io.samples import resample, resampled_blocks

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("channel", [0, 1, "mean", "all"])
@pytest.mark.parametrize("seconds", [0.1, 0.3, 5])
def test_blocks_are_the_file(tmp_path, suffix, channel, seconds):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, RNG.uniform(-0.5, 0.5, (8000, 2)), 8000)
    blocks = list(file_blocks(path, seconds, channel=channel))
    assert max(map(len, blocks)) <= 8000 * seconds
    np.testing.assert_array_equal(np.concatenate(blocks), read_file(path, channel=channel)[0])


def test_blocks_of_an_ark(tmp_path):
    samples = RNG.integers(-9999, 9999, 5000) / 32768
    with ArkWriter(tmp_path / "a.ark") as ark:
        ark.write_audio("b", samples, 8000)
        ark.write_audio("a", samples[::-1], 8000)
    np.testing.assert_array_equal(np.concatenate(list(value_blocks(ark.scp["a"], 0.1, "a"))), samples[::-1])


@pytest.mark.parametrize(("rate", "fs"), [(8000, 16000), (44100, 16000), (16000, 22050), (16000, 16000)])
@pytest.mark.parametrize("size", [77, 5000])
def test_blocks_at_another_rate(rate, fs, size):
    samples = RNG.uniform(-0.5, 0.5, 9001).astype(np.float32)
    blocks = (samples[i : i + size] for i in range(0, len(samples), size))
    made, whole = np.concatenate(list(resampled_blocks(blocks, rate, fs))), resample(samples, rate, fs)
    assert len(made) == len(whole)
    np.testing.assert_allclose(made, whole, atol=1e-5)


def test_a_file_that_ends_early(tmp_path):
    soundfile.write(tmp_path / "a.flac", RNG.uniform(-0.5, 0.5, 40000), 8000)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes()[:-20000])
    with pytest.raises(InputError, match="a.flac"):
        list(file_blocks(tmp_path / "a.flac", 1))
