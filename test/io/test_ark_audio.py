"""Audio in arks: FLAC entries."""

import io
import os
from contextlib import closing

import kaldiio
import numpy as np
import pytest
import soundfile

from toolkit.io.ark import ArkWriter, AudioEntry
from toolkit.io.audio import read_audio
from toolkit.io.errors import InputError

RNG, FS = np.random.default_rng(3), 16000


def test_audio_on_the_16_bit_grid_comes_back_bit_for_bit(tmp_path):
    pcm = np.concatenate([RNG.integers(-32768, 32768, 5000), [-32768, 32767, 0]]).astype(np.int16)
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        ark.write_audio("a", pcm / np.float32(32768), FS)
    rate, theirs = kaldiio.load_mat(ark.scp["a"])
    assert rate == FS
    np.testing.assert_array_equal(theirs * 32768, pcm)


def test_audio_of_24_bits_comes_back_bit_for_bit(tmp_path):
    pcm = np.concatenate([RNG.integers(-(2**23), 2**23, 5000), [-(2**23), 2**23 - 1, 0]])
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        ark.write_audio("a", (pcm / 2**23).astype(np.float32), FS, bits=24)
    np.testing.assert_array_equal(read_audio(ark.scp["a"], "a")[0] * 2**23, pcm)


def test_audio_beyond_full_scale_is_clipped(tmp_path):
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        ark.write_audio("a", np.array([2.0, -2.0, 1.0, -1.0, 0.5] * 10, np.float32), FS)
    assert (kaldiio.load_mat(ark.scp["a"])[1][:5] * 32768).tolist() == [32767, -32768, 32767, -32768, 16384]


def audio_ark(path):
    """An ark of audio ``a`` and ``b`` (100 samples of 0.25) between other entries -> offsets by key."""
    with ArkWriter(path) as ark:
        ark.write("vector", np.zeros(9))
        for key in ("a", "b"):
            ark.write_audio(key, np.full(100, 0.25 if key == "b" else 0, np.float32), FS)
    return {key: int(value.rsplit(":", 1)[1]) for key, value in ark.scp.items()}


def read(entry, size=1000):
    """Up to ``size`` bytes."""
    buffer = bytearray(size)
    return bytes(buffer[: entry.readinto(buffer)])


def test_an_audio_entry_is_a_flac_file(tmp_path):
    path = str(tmp_path / "wav.1.ark")
    with closing(AudioEntry(path, audio_ark(path)["b"])) as entry:
        data = read(entry)
        assert data[:4] == b"fLaC"
        assert (soundfile.read(io.BytesIO(data))[0] == 0.25).all()


def test_an_audio_entry_ends_where_it_ends_and_is_read_from_any_place(tmp_path):
    path = str(tmp_path / "wav.1.ark")
    with closing(AudioEntry(path, audio_ark(path)["a"])) as entry:
        data = read(entry)
        assert data == (tmp_path / "wav.1.ark").read_bytes()[entry._start :][: len(data)]
        for place, whence, at in [(3, 0, 3), (4, 1, 7), (-5, 2, len(data) - 5), (9, 2, len(data) + 9), (-999, 1, 0)]:
            assert entry.seek(place, whence) == entry.tell() == at
            assert read(entry, 8) == data[at : at + 8]
            entry.seek(at)


def test_no_audio_entry_elsewhere_or_in_a_cut_ark(tmp_path):
    path = tmp_path / "wav.1.ark"
    offsets = audio_ark(path)
    path.write_bytes(path.read_bytes()[:-5])
    for offset in (offsets["vector"], offsets["b"], offsets["a"] + 1, 10**6, 2**62):
        with pytest.raises(InputError, match=f"{path}:{offset}: holds no audio"):
            AudioEntry(str(path), offset)


def test_a_crop_reads_its_part_of_the_ark_only(tmp_path, monkeypatch):
    samples = RNG.integers(-9000, 9000, 60 * FS).astype(np.int16) / np.float32(32768)
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        for key in ("a", "b", "c"):
            ark.write_audio(key, samples if key == "b" else -samples, FS)
    counts, preadv = [], os.preadv
    monkeypatch.setattr(os, "preadv", lambda *args: counts.append(preadv(*args)) or counts[-1])
    crop, _ = read_audio(ark.scp["b"], "b", 40 * FS + 77, 2 * FS)
    np.testing.assert_array_equal(crop, samples[40 * FS + 77 :][: 2 * FS])
    assert sum(counts) < 0.2 * (tmp_path / "wav.1.ark").stat().st_size / 3


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_disk_that_fails_midway_is_one_clean_error(tmp_path, monkeypatch):
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        ark.write_audio("a", RNG.integers(-9000, 9000, 10 * FS) / np.float32(32768), FS)
    preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, views, at: preadv(fd if at < 50_000 else -1, views, at))
    with pytest.raises(InputError, match=f"utt-a: {ark.scp['a']}: (cannot be decoded|ends after)"):
        read_audio(ark.scp["a"], "utt-a")
