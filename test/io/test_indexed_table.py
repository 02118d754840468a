"""Tables on disk: what the reader into memory reads, ids, values and faults, with little memory."""

import copy
import multiprocessing
import os
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.datasets import MixtureDataset
from toolkit.data.extraction import ExtractionDataset
from toolkit.io import indexed_table as module
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, c_sorted, invert, lookups, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.indexed_table import IndexedTable
from toolkit.io.table_index import _index_path
from toolkit.simulate.planner import MixturePlanner
from toolkit.train.inputs import Inputs, Source

WORDS = ["a", "b", "é", "\u0085", "-", "zz" * 130, " ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", "\0", "\ufeff", "1"]


@pytest.fixture(params=[4 << 20, 50], ids=["one block", "blocks"])
def on_disk(monkeypatch, request):
    """Every table is read from disk."""
    monkeypatch.setattr(module, "LEAST_BYTES", 1)
    monkeypatch.setattr("toolkit.io.text._CHUNK_BYTES", request.param)


def rows(count: int) -> dict[str, str]:
    """Ids of several lengths, some beyond ASCII; values with blanks."""
    return {f"{'é' * (i % 3)}s{i // 7:04d}-{i:0{5 + i % 9}d}": f"v{i % 11} x" for i in range(count)}


def read_by(path, least: int):
    """The table as a dict, or the message."""
    module.LEAST_BYTES, before = least, module.LEAST_BYTES
    try:
        return list(read_table(path).items())
    except InputError as error:
        return str(error)
    finally:
        module.LEAST_BYTES = before


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=30), st.booleans())
def test_any_content_is_read_or_refused_as_by_the_reader_into_memory(tmp_path_factory, words, in_order):
    path = tmp_path_factory.getbasetemp() / "any"
    text = "".join(words).encode()
    path.write_bytes(b"\n".join(sorted(text.split(b"\n"))).lstrip(b"\n") if in_order else text)
    assert read_by(path, 1) == read_by(path, 1 << 40)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("count", [1, 63, 64, 65, 300])
def test_a_table_is_that_of_a_dict(tmp_path, count):
    expected = rows(count)
    write_table(tmp_path / "t", expected)
    for _ in range(2):  # with a new index, and with the kept one
        table = read_table(tmp_path / "t")
        assert isinstance(table, IndexedTable)
        assert table == expected
        assert list(table) == list(table.ids()) == c_sorted(expected)
        assert list(table.values()) == [expected[key] for key in c_sorted(expected)]
        assert all(table[key] == value for key, value in expected.items())
        assert [table.ids()[i] for i in range(-count, count)] == c_sorted(expected) * 2
        assert table.ids()[: count // 2] == c_sorted(expected)[: count // 2]
        absent = ["", " ", "s0000", "\0", "zz", "a" * 300, "\ud800", next(iter(expected)) + "\0"]
        assert not any(key in table for key in absent)
        with pytest.raises(IndexError):
            table.ids()[count]


@pytest.mark.usefixtures("on_disk")
def test_ids_of_a_part(tmp_path):
    expected = rows(300)
    write_table(tmp_path / "t", expected)
    for size in (1, 2, 150, 300):
        some = set(list(expected)[::-1][:size])
        part = read_table(tmp_path / "t", some | {"absent"})
        assert list(part) == c_sorted(some)
        assert part == {key: expected[key] for key in some}


@pytest.mark.usefixtures("on_disk")
def test_lookups_are_those_of_a_dict_in_the_order_of_lines(tmp_path):
    expected = rows(300)
    write_table(tmp_path / "t", expected)
    order = np.random.default_rng(0).permutation(300)
    for size in (0, 1, 5, 6, 300):  # one by one while they are few, else along the lines
        ids = [*np.array(list(expected))[order[:size]].tolist(), "", "s", "zz", "é", "\U0001f600"]
        found = list(lookups(read_table(tmp_path / "t"), ids))
        assert [ids[place] for place, _ in found] == c_sorted(ids)
        assert all(value == expected.get(ids[place]) for place, value in found)


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize(
    "values",
    [
        ["1", "22", "999999999999999999"],
        ["12345678", "123456789", "8765432112345678", "87654321123456789"],
        *(["1", odd] for odd in ("07", "2x", "-2", "1/2", "1:", "x2345678", "1234567812345678:", "1" * 19)),
        ["1 "],
    ],
)
def test_whole_numbers(tmp_path, values):
    write_table(tmp_path / "t", {f"u{i}": value for i, value in enumerate(values)})
    numbers = read_table(tmp_path / "t").counts()
    plain = all(value.isdigit() and value[0] != "0" and len(value) <= 18 for value in values)
    assert numbers is None if not plain else numbers.tolist() == [float(value) for value in values]


@pytest.mark.usefixtures("on_disk")
def test_labels_are_the_values_in_c_order(tmp_path):
    expected = rows(300)
    write_table(tmp_path / "utt2spk", expected)
    names, labels = read_table(tmp_path / "utt2spk").labels()
    assert names == c_sorted(set(expected.values()))
    assert [names[label] for label in labels] == [expected[key] for key in c_sorted(expected)]
    assert DataDir(tmp_path).labels(list(expected))[0] == names


@pytest.mark.usefixtures("on_disk")
def test_ids_by_value_are_those_of_a_dict(tmp_path):
    expected = {key: f"{value}{len(key) % 3}" for key, value in rows(300).items()}
    write_table(tmp_path / "utt2spk", expected)
    actual = invert(read_table(tmp_path / "utt2spk"))
    assert not isinstance(actual, dict)
    assert {speaker: list(utts) for speaker, utts in actual.items()} == invert(expected)
    assert list(actual) == list(invert(expected))
    utts = actual["v3 x1"]
    assert (utts[0], utts[-1], utts[1:3]) == tuple(invert(expected)["v3 x1"][i] for i in (0, -1, slice(1, 3)))
    assert "absent" not in actual


@pytest.mark.usefixtures("on_disk")
def test_equal_ids_are_recognised_whatever_the_values(tmp_path):
    expected = rows(300)
    write_table(tmp_path / "a", expected)
    write_table(tmp_path / "b", {key: "x" * (i % 90 + 1) for i, key in enumerate(expected)})
    write_table(tmp_path / "c", {**expected, "z": "1"})
    write_table(tmp_path / "d", {key.replace("-", "+"): value for key, value in expected.items()})
    a, b, c, d = (read_table(tmp_path / name) for name in "abcd")
    assert a.has_ids_of(b)
    assert not any(a.has_ids_of(other) for other in (c, d))


def test_a_changed_table_is_read_again(tmp_path, on_disk):
    write_table(tmp_path / "t", {"a": "1", "b": "2"})
    assert read_table(tmp_path / "t") == {"a": "1", "b": "2"}
    status = os.stat(tmp_path / "t")
    for text in ("a 1\nc 2\n", "a 1\nb 2\nc 3\n", "a 1\n"):
        (tmp_path / "t").write_text(text)
        os.utime(tmp_path / "t", ns=(status.st_atime_ns, status.st_mtime_ns))  # of the same size and time, too
        assert read_table(tmp_path / "t") == dict(line.split() for line in text.splitlines())


def test_a_damaged_index_is_made_again(tmp_path, on_disk):
    write_table(tmp_path / "t", rows(200))
    read_table(tmp_path / "t")
    whole = _index_path(tmp_path / "t").read_bytes()
    flipped = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
    for content in (b"", b"x", whole[:-1], flipped, whole[:30]):
        _index_path(tmp_path / "t").write_bytes(content)
        assert read_table(tmp_path / "t") == rows(200)
        assert _index_path(tmp_path / "t").read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_read(tmp_path, on_disk, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    write_table(tmp_path / "t", rows(200))
    monkeypatch.setattr("toolkit.io.table_index.replacing", refuse)
    assert read_table(tmp_path / "t") == rows(200)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_table_that_changes_under_a_reader_is_named(tmp_path, on_disk):
    write_table(tmp_path / "t", rows(200))
    table, packed = read_table(tmp_path / "t"), pickle.dumps(read_table(tmp_path / "t"))
    write_table(tmp_path / "t", rows(100))
    assert table == rows(200)  # replaced, the open file remains
    with pytest.raises(InputError, match=r"t: .*changed"):
        pickle.loads(packed)
    table = read_table(tmp_path / "t")
    os.truncate(tmp_path / "t", 30)
    with pytest.raises(InputError, match=r"t: .*overwritten"):
        list(table.items())


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_share_a_table(tmp_path, start):
    expected = {f"u{i:04d}": f"{i} {'x' * 5000}" for i in range(1000)}
    write_table(tmp_path / "t", expected)
    table, keys = read_table(tmp_path / "t"), list(expected)[::-1]
    assert isinstance(table, IndexedTable)
    assert len(pickle.dumps(table)) < 500
    with multiprocessing.get_context(start).Pool(2) as pool:
        assert pool.map(table.__getitem__, keys, chunksize=500) == [expected[key] for key in keys]
    assert copy.deepcopy(table) == expected


def test_a_training_set_on_disk_is_that_in_memory(corpus, on_disk, monkeypatch):
    on_file = MixtureDataset().open(corpus / "raw/train", 16000)
    monkeypatch.setattr(module, "LEAST_BYTES", 1 << 40)
    in_memory = MixtureDataset().open(corpus / "raw/train", 16000)
    assert not isinstance(on_file.ids, list)
    assert list(on_file.ids) == list(in_memory.ids)
    assert on_file.speakers == in_memory.speakers
    assert np.array_equal(on_file.labels, in_memory.labels)
    assert np.array_equal(on_file.seconds, in_memory.seconds)


def test_lengths_on_disk_are_checked(tmp_path, on_disk):
    write_table(tmp_path / "wav.scp", {"a": "x.wav", "b": "y.wav"})
    write_table(tmp_path / "utt2num_samples", {"a": "12", "b": "1e3"})
    table = AudioTable(tmp_path)
    assert table.num_samples("a") == 12
    for read in (lambda: table.num_samples("b"), lambda: table.lengths(table.keys())):
        with pytest.raises(InputError, match="utt2num_samples: not a number of samples: b 1e3"):
            read()


def test_the_stamp_of_training_inputs_is_that_of_the_content(tmp_path, on_disk):
    write_table(tmp_path / "utt2spk", rows(100))
    stamps = [Inputs([Source("training set", str(tmp_path))], {}).stamp() for _ in range(2)]
    write_table(tmp_path / "utt2spk", rows(101))
    assert stamps[0] == stamps[1] != Inputs([Source("training set", str(tmp_path))], {}).stamp()


@pytest.fixture
def large_set(tmp_path, monkeypatch):
    """A data dir of 20,000 utterances without audio: one file behind all ids."""
    count = 20_000
    monkeypatch.setattr(module, "_GROUPS_READ", 4)  # what is read at once is small beside the table
    (tmp_path / "large").mkdir()
    (tmp_path / "audio.ark").write_bytes(b"u " * count)
    ids = [f"s{i // 50:05d}-utterance-{i:07d}" for i in range(count)]
    write_table(tmp_path / "large/wav.scp", {key: f"{tmp_path}/audio.ark:{2 * i}" for i, key in enumerate(ids)})
    write_table(tmp_path / "large/utt2spk", {key: key.partition("-")[0] for key in ids})
    write_table(tmp_path / "large/utt2num_samples", dict.fromkeys(ids, "16000"))
    return tmp_path / "large"


def bytes_an_utterance(work, count: int = 20_000) -> float:
    """Most memory that ``work`` takes, for each utterance."""
    tracemalloc.start()
    try:
        kept = work()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept
    return peak / count


def test_a_large_training_set_of_extraction_is_not_loaded(large_set, on_disk):
    def opened():
        data = ExtractionDataset(MixturePlanner()).open(str(large_set), 16000, ("wav",))
        assert data._targets[data.ids[7]] == ("s00000", "s00000-utterance-0000007")
        assert data._pool.has_another("s00000", data.ids[7])
        return data

    opened()  # the indexes are made, modules imported
    assert bytes_an_utterance(opened) < 75  # an id alone is a string of 73 bytes


def test_inputs_of_a_large_training_are_recorded_without_loading_them(large_set, on_disk, monkeypatch):
    def recorded():
        return Inputs([Source("training set", str(large_set))], {}).record()

    recorded()
    assert bytes_an_utterance(recorded) < 110
    actual = recorded()
    monkeypatch.setattr(module, "LEAST_BYTES", 1 << 40)
    assert recorded()["sets"] == actual["sets"]
