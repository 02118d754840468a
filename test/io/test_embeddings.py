import kaldiio
import numpy as np
import pytest

from toolkit.io.ark import ArkWriter
from toolkit.io.embeddings import read_rows
from toolkit.io.errors import InputError

RNG = np.random.default_rng(0)
VECTORS = {f"utt{i:02d}": RNG.normal(size=5).astype(np.float32) for i in range(20)}
MATRICES = {f"utt{i:02d}": RNG.normal(size=(n, 5)).astype(np.float32) for i, n in enumerate([3, 3, 1, 4, 4, 4, 2, 3])}


def write(folder, arrays, arks=2):
    """Arrays spread over some arks -> table."""
    table, keys = {}, list(arrays)
    for number in range(arks):
        with ArkWriter(folder / f"e.{number}.ark") as ark:
            for key in keys[number::arks]:
                ark.write(key, arrays[key])
        table |= ark.scp
    return table


def read(table, ids):
    """id -> its rows."""
    actual = {}
    for places, rows, counts in read_rows(table, ids, "e.scp"):
        ends = np.cumsum(np.ones(len(places), int) if counts is None else counts)
        for place, part in zip(places, np.split(rows, ends[:-1]), strict=True):
            actual[ids[place]] = part
    return actual


def test_vectors_come_back_in_any_order(tmp_path):
    table, ids = write(tmp_path, VECTORS), RNG.permutation(list(VECTORS))[:13].tolist()
    actual = read(table, ids)
    assert set(actual) == set(ids)
    for key in ids:
        np.testing.assert_array_equal(actual[key], VECTORS[key][None])
    assert all(counts is None for _, _, counts in read_rows(table, ids, "e.scp"))


@pytest.mark.parametrize("gather", [1, 100, 1 << 26])
def test_matrices_of_several_lengths(tmp_path, monkeypatch, gather):
    monkeypatch.setattr("toolkit.io.embeddings._GATHER_BYTES", gather)
    table = write(tmp_path, MATRICES)
    for key, rows in read(table, list(MATRICES)[::-1]).items():
        np.testing.assert_array_equal(rows, MATRICES[key])


def test_an_ark_is_read_in_few_parts(tmp_path):
    table = write(tmp_path, VECTORS)
    assert len(list(read_rows(table, list(VECTORS), "e.scp"))) == 2


@pytest.mark.parametrize("kind", ["double", "compressed"])
def test_other_kinds_of_arrays_are_read_one_by_one(tmp_path, kind):
    key, path = "utt00", tmp_path / "other"
    if kind == "compressed":
        expected = MATRICES["utt03"]
        with ArkWriter(path, compression=3) as ark:
            ark.write(key, expected)
        table = ark.scp
    else:
        array = VECTORS[key].astype(float)
        kaldiio.save_ark(str(path), {key: array}, scp=f"{path}.scp")
        table, expected = dict([(tmp_path / "other.scp").read_text().split()]), array[None]
    table["utt01"] = write(tmp_path, VECTORS)["utt01"]
    actual = read(table, ["utt01", key])
    np.testing.assert_allclose(actual[key], expected, atol=1e-3)
    np.testing.assert_array_equal(actual["utt01"], VECTORS["utt01"][None])


def cut(path, size):
    path.write_bytes(path.read_bytes()[:-size])


FAULTS = {
    "a file is gone": (lambda path, table: path.unlink(), "utt18: .*: no such file"),
    "a file is cut": (lambda path, table: cut(path, 3), "utt18: .*: holds no array"),
    "an offset is wrong": (lambda path, table: table.update(utt18=f"{path}:7"), "utt18: .*: holds no array"),
    "an offset lies behind": (lambda path, table: table.update(utt18=f"{path}:99999"), "utt18: .*: holds no array"),
    "a file is empty": (lambda path, table: path.write_bytes(b""), "utt00: .*: holds no array"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damage_is_named(tmp_path, fault):
    spoil, message = FAULTS[fault]
    table = write(tmp_path, VECTORS)
    spoil(tmp_path / "e.0.ark", table)
    with pytest.raises(InputError, match=message):
        read(table, ["utt18"] if "gone" in fault else list(table))


@pytest.mark.parametrize("arrays", [VECTORS, MATRICES])
def test_values_that_are_not_finite_are_named(tmp_path, arrays):
    spoilt = {key: array * (np.nan if key == "utt04" else 1) for key, array in arrays.items()}
    with pytest.raises(InputError, match="utt04: .*e.0.ark:.*NaN"):
        read(write(tmp_path, spoilt), list(spoilt))


def test_several_sizes_are_named(tmp_path):
    table = write(tmp_path, VECTORS | {"utt07": np.zeros(6)})
    with pytest.raises(InputError, match=r"e.scp: the embeddings are of several sizes \(utt07 has 6, others have 5\)"):
        read(table, list(table))
