import io
import os
import pickle
import struct
from contextlib import closing

import kaldiio
import numpy as np
import pytest

from toolkit.io.ark import ArkWriter, MatrixEntry, read_array, remove_stale
from toolkit.io.audio import read_audio
from toolkit.io.datadir import write_table
from toolkit.io.embeddings import read_rows
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


KINDS = {"float": {}, "int16": {"compression": 3}, "by column": {"compression": 2}}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_matrix_are_those_of_the_whole(tmp_path, kind):
    arrays = {"a": RNG.standard_normal((50, 6)), "b": RNG.standard_normal((1, 3)), "c": RNG.standard_normal((9, 1))}
    for key, value in write_ark(tmp_path / "a.ark", arrays, **KINDS[kind]).items():
        whole = kaldiio.load_mat(value)
        with closing(MatrixEntry(value, key)) as matrix:
            assert matrix.rows == len(whole)
            for start, stop in ((0, len(whole)), (len(whole) - 1, len(whole)), (len(whole) // 3, len(whole) // 2 + 1)):
                np.testing.assert_array_equal(matrix.read(start, stop), whole[start:stop])


def test_rows_of_arrays_that_others_wrote(tmp_path):
    """Doubles are no float32 rows; they come as read_array reads them."""
    wide = RNG.standard_normal((7, 5))
    kaldiio.save_ark(str(tmp_path / "t.ark"), {"a": wide}, scp=str(tmp_path / "t.scp"))
    value = (tmp_path / "t.scp").read_text().split()[1]
    with closing(MatrixEntry(value, "a")) as matrix:
        np.testing.assert_array_equal(matrix.read(2, 5), wide[2:5])


def test_a_few_rows_cost_a_few_bytes(tmp_path, monkeypatch):
    """Two seconds of ten minutes: what is read is the head and the rows."""
    scp = write_ark(tmp_path / "a.ark", {"a": np.zeros((60000, 80), np.float32)})
    read, pread = [], os.pread
    monkeypatch.setattr(os, "pread", lambda *words: read.append(words[1]) or pread(*words))
    with closing(MatrixEntry(scp["a"], "a")) as matrix:
        matrix.read(30000, 30200)
    assert sum(read) == 15 + 200 * 80 * 4


def test_bad_rows_are_named(tmp_path):
    bad = np.zeros((100, 4), np.float32)
    bad[70, 1] = np.nan
    value = write_ark(tmp_path / "a.ark", {"a": bad})["a"]
    with closing(MatrixEntry(value, "utt-a")) as matrix:
        assert matrix.read(0, 70).shape == (70, 4)
        with pytest.raises(InputError, match=r"utt-a: .*a.ark:2: holds NaN or infinite values"):
            matrix.read(60, 80)
    os.truncate(tmp_path / "a.ark", 1000)
    for broken in (value, f"{tmp_path}/a.ark:5"):
        with pytest.raises(InputError, match=r"utt-a: .*holds no array"):
            MatrixEntry(broken, "utt-a")
    with pytest.raises(InputError, match=r"utt-a: .*gone.ark:2: no such file; run the stage that writes it"):
        MatrixEntry(f"{tmp_path}/gone.ark:2", "utt-a")


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


class Touch:
    """Creates ``ran`` when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch ran",)


READERS = [read_array, MatrixEntry, lambda value, name: list(read_rows({name: value}, [name], "e.scp"))]


@pytest.mark.parametrize("reader", READERS)
def test_nothing_that_an_ark_or_a_table_holds_is_run(tmp_path, monkeypatch, reader):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.ark").write_bytes(b"utt-a PKL" + pickle.dumps(Touch()))
    np.save(whole := io.BytesIO(), np.array([Touch()]), allow_pickle=True)
    (tmp_path / "n.ark").write_bytes(b"utt-a NPY\2" + len(whole.getvalue()).to_bytes(2, "little") + whole.getvalue())
    for value in ("p.ark:6", "n.ark:6", "touch ran; false |", "| touch ran", "touch ran |[0:1]"):
        with pytest.raises(InputError, match="^utt-a: "):
            reader(value, "utt-a")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("reader", [*READERS, read_audio])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, reader):
    os.mkfifo(tmp_path / "fifo")
    for path, what in ((tmp_path / "fifo", "pipe"), ("/dev/zero", "device"), (tmp_path, "folder")):
        for value in (f"{path}:6", str(path)):
            with pytest.raises(InputError, match=f"^utt-a: .*{what}"):
                reader(value, "utt-a")


@pytest.mark.parametrize("kind", [b"FM", b"DM", b"FV", b"CM", b"CM2", b"CM3"])
@pytest.mark.parametrize("rows", [2**31 - 1, -5, 0])
def test_a_size_that_the_file_has_no_room_for_takes_no_memory(tmp_path, kind, rows):
    sizes = struct.pack("<ffii", 0, 1, rows, 2**31 - 1) if b"C" in kind else struct.pack("<BiBi", 4, rows, 4, 2**31 - 1)
    (tmp_path / "a.ark").write_bytes(b"\0B" + kind + b" " + sizes + bytes(100))
    for reader in READERS:
        with pytest.raises(InputError, match="utt-a: .*holds no array"):
            reader(f"{tmp_path}/a.ark:0", "utt-a")


def test_text_is_no_array(tmp_path):
    kaldiio.save_ark(str(tmp_path / "t.ark"), {"a": np.eye(3)}, text=True)
    with pytest.raises(InputError, match=r"a: .*holds no array \(.*found text"):
        read_array(f"{tmp_path}/t.ark:2", "a")


def test_arks_of_an_earlier_split_are_removed_and_no_others(tmp_path):
    stay = ["wav.1.ark", "wav.2.ark", "spk1.3.ark", "wav.ark", "wav.3.txt", "mywav.3.ark", ".spk1.9.77.tmp.ark"]
    go = ["wav.3.ark", "wav.10.ark", ".wav.1.77.tmp.ark"]
    for name in stay + go:
        (tmp_path / name).touch()
    remove_stale(tmp_path, "wav", 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stay)
