import io

import kaldiio
import numpy as np
import pytest
import soundfile

from toolkit.io.ark import ArkWriter, read_array, read_audio_bytes, read_vectors, remove_stale
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError

RNG = np.random.default_rng(3)
ARRAYS = {
    "a-1": RNG.standard_normal((7, 5)).astype(np.float32),
    "ö": RNG.standard_normal(4).astype(np.float32),
    "b": RNG.standard_normal((1, 3)).astype(np.float32),
}
FS = 16000


def write_ark(path, arrays, **options):
    with ArkWriter(path, **options) as ark:
        for key, array in arrays.items():
            ark.write(key, array)
    return ark.scp


def test_kaldiio_reads_what_was_written(tmp_path):
    write_table(tmp_path / "feats.scp", write_ark(tmp_path / "feats.1.ark", ARRAYS))
    theirs = kaldiio.load_scp(str(tmp_path / "feats.scp"))
    assert set(theirs) == set(ARRAYS)
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(theirs[key], array)


def test_arrays_come_back_bit_for_bit(tmp_path):
    scp = write_ark(tmp_path / "feats.1.ark", ARRAYS)
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(read_array(scp[key], key), array)


def test_kaldiios_arks_are_read(tmp_path):
    kaldiio.save_ark(str(tmp_path / "t.ark"), ARRAYS, scp=str(tmp_path / "t.scp"))
    scp = dict(line.split() for line in (tmp_path / "t.scp").read_text().splitlines())
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(read_array(scp[key], key), array)


@pytest.mark.parametrize(("method", "size", "step"), [(3, 0.5, 1 / 65535), (5, 0.25, 1 / 255)])
def test_compression_keeps_values_within_half_a_step(tmp_path, method, size, step):
    matrix = RNG.standard_normal((500, 20)).astype(np.float32)
    scp = write_ark(tmp_path / "c.ark", {"a": matrix}, compression=method)
    assert (tmp_path / "c.ark").stat().st_size == pytest.approx(size * matrix.nbytes, rel=0.01)
    np.testing.assert_allclose(read_array(scp["a"], "a"), matrix, rtol=0, atol=0.51 * step * np.ptp(matrix))


def test_an_error_leaves_the_old_ark_and_nothing_else(tmp_path):
    scp = write_ark(tmp_path / "feats.1.ark", ARRAYS)
    with pytest.raises(ValueError, match="no number"):
        write_ark(tmp_path / "feats.1.ark", {"a-1": np.zeros((2, 2)), "b": "no number"})
    assert [path.name for path in tmp_path.iterdir()] == ["feats.1.ark"]
    np.testing.assert_array_equal(read_array(scp["b"], "b"), ARRAYS["b"])


def test_the_ark_appears_when_it_is_whole(tmp_path):
    with ArkWriter(tmp_path / "data" / "feats.1.ark") as ark:
        ark.write("a", np.zeros(3))
        assert not (tmp_path / "data" / "feats.1.ark").exists()
    assert (tmp_path / "data" / "feats.1.ark").exists()


def test_audio_on_the_16_bit_grid_comes_back_bit_for_bit(tmp_path):
    pcm = np.concatenate([RNG.integers(-32768, 32768, 5000), [-32768, 32767, 0]]).astype(np.int16)
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        ark.write_audio("a", pcm / np.float32(32768), FS)
    rate, theirs = kaldiio.load_mat(ark.scp["a"])
    assert rate == FS
    np.testing.assert_array_equal(theirs * 32768, pcm)


def test_audio_beyond_full_scale_is_clipped(tmp_path):
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        ark.write_audio("a", np.array([2.0, -2.0, 1.0, -1.0, 0.5] * 10, np.float32), FS)
    assert (kaldiio.load_mat(ark.scp["a"])[1][:5] * 32768).tolist() == [32767, -32768, 32767, -32768, 16384]


def test_audio_bytes_are_a_flac_file(tmp_path):
    with ArkWriter(tmp_path / "wav.1.ark") as ark:
        for key in ("a", "b"):
            ark.write_audio(key, np.full(100, 0.25 if key == "b" else 0, np.float32), FS)
    path, offset = ark.scp["b"].rsplit(":", 1)
    data = read_audio_bytes(path, int(offset))
    assert data[:4] == b"fLaC"
    assert (soundfile.read(io.BytesIO(data))[0] == 0.25).all()


def test_audio_bytes_of_another_entry_or_of_a_cut_ark(tmp_path):
    path = tmp_path / "wav.1.ark"
    with ArkWriter(path) as ark:
        ark.write("vector", np.zeros(9))
        ark.write_audio("a", np.zeros(100, np.float32), FS)
    offsets = {key: int(value.rsplit(":", 1)[1]) for key, value in ark.scp.items()}
    path.write_bytes(path.read_bytes()[:-5])
    assert read_audio_bytes(str(path), offsets["vector"]) is None
    assert read_audio_bytes(str(path), 10**6) is None
    assert read_audio_bytes(str(path), offsets["a"]) == b""


def faulty(tmp_path, fault):
    path = tmp_path / "feats.1.ark"
    value = write_ark(
        path, {"x": np.zeros((40, 8)), "a": np.full((9, 8), np.nan) if fault == "nan" else np.ones((9, 8))}
    )["a"]
    offset = int(value.rsplit(":", 1)[1])
    if fault == "missing":
        path.unlink()
    elif fault == "truncated":
        path.write_bytes(path.read_bytes()[:-4])
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "audio":
        with ArkWriter(path) as ark:
            ark.write_audio("a", np.zeros(100, np.float32), FS)
        return ark.scp["a"]
    shift = {"before": -3, "inside": 40, "beyond": 10**6}.get(fault, 0)
    return f"{path}:{offset + shift}"


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("missing", "no such file"),
        ("truncated", "holds no array"),
        ("empty", "holds no array"),
        ("audio", "holds no array"),
        ("before", "holds no array"),
        ("inside", "holds no array"),
        ("beyond", "holds no array"),
        ("nan", "NaN"),
    ],
)
def test_faults_of_arrays_name_id_and_file(tmp_path, fault, complaint):
    value = faulty(tmp_path, fault)
    with pytest.raises(InputError, match=complaint) as caught:
        read_array(value, "utt-a")
    assert str(caught.value).startswith(f"utt-a: {value}: ")


def test_vectors_are_stacked_in_the_order_asked_for(tmp_path):
    vectors = {f"v{i}": np.full(6, i, np.float32) for i in range(5)}
    scp = write_ark(tmp_path / "embedding.1.ark", vectors)
    assert read_vectors(scp, ["v3", "v0", "v3"])[:, 0].tolist() == [3, 0, 3]


def test_arks_of_an_earlier_split_are_removed_and_no_others(tmp_path):
    stay = ["wav.1.ark", "wav.2.ark", "spk1.3.ark", "wav.ark", "wav.3.txt", "mywav.3.ark", ".spk1.9.77.tmp.ark"]
    go = ["wav.3.ark", "wav.10.ark", ".wav.1.77.tmp.ark"]
    for name in stay + go:
        (tmp_path / name).touch()
    remove_stale(tmp_path, "wav", 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stay)
