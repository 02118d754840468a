"""Every reader gives what a file holds, or an InputError, whatever the file holds."""

import importlib
import inspect
import pkgutil
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit.io
import toolkit.report.verification.trial_results
import toolkit.simulate
from test.fuzz import damage, world
from toolkit.io.ark import MatrixEntry
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError


def entries(reader, path):
    """What a table's values say is read."""
    return [reader(value, key) for key, value in read_table(path).items()]


def folder_of(reader, path):
    """The folder of the file is what is given."""
    return reader(Path(path).parent)


def into_new(*arguments):
    """The reader writes a new folder, which is removed."""

    def call(reader, path):
        try:
            return reader(
                *(Path(path).parent if name == "folder" else [Path(path).parent] for name in arguments), "new"
            )
        finally:
            shutil.rmtree("new", ignore_errors=True)

    return call


# The file that is damaged, and how a reader is called where not by its path alone.
GIVEN = {
    "AudioTable": ("raw/test/utt2num_samples", folder_of),
    "MatrixEntry": ("feats.scp", lambda reader, path: [one.read(0, one.rows) for one in entries(reader, path)]),
    "audio_info": ("raw/test/wav.scp", entries),
    "load_config": ("sv.yaml",),
    "open_set": ("sim/mix/mix.jsonl", lambda reader, path: dict(reader(Path(path).parent)[0])),
    "read_all": ("emb/test/embedding.scp", lambda reader, path: reader(t := read_table(path), list(t), path)),
    "read_array": ("emb/test/embedding.scp", entries),
    "read_audio": ("raw/test/wav.scp", entries),
    "read_samples": ("exp/sv/scores/test/draws.npz",),
    "read_condition": ("sim/mix/conditions.tsv", folder_of),
    "read_csv": ("mini/speech/metadata.tsv", lambda reader, path: list(reader(path, ["path"], "get it again", "\t"))),
    "read_enroll2utt": ("enroll2utt",),
    "read_errors": ("exp/asr/scores/test/utterances.tsv",),
    "read_extractor": ("emb/test/embedding_conf.yaml", folder_of),
    "read_file": ("speech/talker0/a.wav",),
    "read_json": ("exp/sv/train_info.json",),
    "read_lines": ("work.test",),
    "read_listening": ("listening/listening.json", folder_of),
    "read_manifests": ("interchange/lhotse/supervisions.jsonl.gz", into_new("list")),
    "read_mix_conf": ("sim/mix/mix_conf.yaml", folder_of),
    "read_plan": ("sim/mix/mix.jsonl",),
    "read_rows": ("emb/test/embedding.scp", lambda reader, path: reader(t := read_table(path), list(t), path)),
    "read_rttm": ("rttm",),
    "read_run_log": ("exp/sv/metrics.jsonl",),
    "read_scores": ("exp/sv/scores/test/scores.txt",),
    "read_slots": ("exp/ic/intents/test/utt2intent", lambda reader, path: reader([Path(path).parent])),
    "read_shards": ("interchange/webdataset/shard-000000.tar", into_new("list")),
    "read_sides": ("raw/test/trials", folder_of),
    "read_speech": ("speech/talker0/a.wav", folder_of),
    "read_table": ("data/test/wav.scp",),
    "read_text": ("sv.yaml",),
    "read_trials": ("raw/test/trials",),
    "read_tsv": ("mini/speech/metadata.tsv",),
    "read_versa": ("interchange/versa/pred.scp", into_new("folder")),
    "read_variant": ("variant/variant.json", folder_of),
    "read_whole": ("data/test/wav.scp", entries),
    "read_work": ("work.test",),
    "read_utterances": ("exp/se/scores/mix/utterances.tsv",),
    "read_yaml": ("sv.yaml",),
    "collect": ("exp/sv/scores/test/metrics.json", lambda collect, path: collect(Path(path).parents[2])),
}


def readers() -> dict:
    """The functions read_..., load_... and open_set of the rooms that read files; and classes that are readers."""
    actual = {
        "AudioTable": toolkit.io.audio.AudioTable,
        "MatrixEntry": MatrixEntry,
        "audio_info": toolkit.io.audio.audio_info,
        "collect": toolkit.report.verification.trial_results.collect,
    }
    for package in (toolkit.io, toolkit.simulate, toolkit.report):
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, reader in inspect.getmembers(importlib.import_module(one.name), inspect.isfunction):
                if name.startswith(("read_", "load_", "open_set")) and reader.__module__ == one.name:
                    actual[name] = reader
    return actual


READERS = readers()
PATHS = ["", "\0", "a\0b", "x" * 300, "x/" * 3000, "\ud800", "/dev/null/x", ".", "nowhere", "x:99999999999999999999"]


def fuzz(name: str, folder: Path, monkeypatch, examples: int) -> None:
    """Try a reader this number of times."""
    monkeypatch.chdir(folder)
    path, call = (*GIVEN[name], lambda reader, path: reader(path))[:2]
    content = Path(path).read_bytes()

    @settings(max_examples=examples, **damage.SETTINGS)
    @given(st.data())
    def one(data):
        Path(path).write_bytes(data.draw(damage.damaged(content)))
        try:
            actual = call(READERS[name], path)
            if isinstance(actual, Iterator):
                list(actual)
        except InputError:
            pass

    try:
        with world.within(600):
            one()
    finally:
        Path(path).write_bytes(content)


def test_every_reader_is_tried():
    assert set(READERS) == set(GIVEN)


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_readers_raise_input_errors_alone(name, folder, monkeypatch):
    fuzz(name, folder, monkeypatch, 8)


@pytest.mark.parametrize("name", ["AudioTable", "open_set", "read_rows", "read_table"])
def test_readers_of_tables_on_disk(name, folder, monkeypatch):
    """As if every table was large."""
    monkeypatch.setattr("toolkit.io.indexed_table.LEAST_BYTES", 1)
    fuzz(name, folder, monkeypatch, 8)


@settings(max_examples=30, **damage.SETTINGS)
@given(st.data())
def test_a_damaged_index_changes_nothing(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("index") / "wav.scp"
    expected = {f"s{i:03d}": f"{i}.wav" for i in range(200)}
    write_table(path, expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.io.indexed_table.LEAST_BYTES", 1)
        assert read_table(path) == expected
        (index,) = path.parent.glob(".*.index")
        index.write_bytes(data.draw(damage.damaged(index.read_bytes())))
        assert read_table(path) == expected


@pytest.mark.parametrize("name", sorted(name for name in GIVEN if len(GIVEN[name]) == 1))
@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_paths_that_no_file_has(name, path, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(InputError):
        list(READERS[name](path))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(GIVEN))
def test_readers_raise_input_errors_alone_at_length(name, folder, monkeypatch):
    fuzz(name, folder, monkeypatch, 200)
