"""Shards are those that WebDataset reads and writes; what comes back is what went out."""

import io
import json
import logging
import pickle
import resource
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from test.conftest import FS, voice
from test.io.interchange.conftest import assert_same_audio, audio, tables
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.interchange.webdataset_shards import read_shards, write_shards


@pytest.mark.parametrize("kind", ["plain", "cut", "in_arks"])
@pytest.mark.parametrize("shard_mb", [0.02, 500])
def test_there_and_back(kind, shard_mb, tmp_path, request):
    folder = request.getfixturevalue(kind)
    assert write_shards(folder, tmp_path / "shards", shard_mb) == 4
    assert (len(list((tmp_path / "shards").iterdir())) == 1) == (shard_mb == 500)
    assert read_shards([tmp_path / "shards"], tmp_path / "back") == 4
    dropped = ("segments", "reco2file_and_channel")  # the audio is cut
    expected = {name: table for name, table in tables(folder).items() if name not in dropped}
    if "text" in expected:
        expected["text"] = {key: " ".join(text.split()) for key, text in expected["text"].items()}
    assert tables(tmp_path / "back") == expected
    assert_same_audio(audio(folder), audio(tmp_path / "back"))


def test_streams_of_a_mixture_set(plain, tmp_path):
    wav = read_table(plain / "wav.scp")
    ids = list(wav)
    write_table(plain / "spk1.scp", dict(zip(ids, reversed(wav.values()), strict=True)))
    write_table(plain / "enroll_spk1.scp", {key: f"*{key} {key[:3]}" for key in ids})
    write_shards(plain, tmp_path / "shards")
    read_shards([tmp_path / "shards"], tmp_path / "back")
    assert read_table(tmp_path / "back/enroll_spk1.scp") == read_table(plain / "enroll_spk1.scp")
    from toolkit.io.audio import AudioTable

    ours, theirs = (AudioTable(folder, stream="spk1") for folder in (plain, tmp_path / "back"))
    for key in ids:
        np.testing.assert_array_equal(theirs.read(key), ours.read(key))


def test_channels_of_whole_recordings(tmp_path):
    """A recording of two channels keeps both, and the choice."""
    (tmp_path / "data").mkdir()
    for name, channels in (("a", 1), ("b", 2)):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([voice(c, 0, 0.3) for c in range(channels)], 1), FS)
    write_table(tmp_path / "data/wav.scp", {name: tmp_path / f"{name}.wav" for name in "ab"})
    write_table(tmp_path / "data/reco2file_and_channel", {"a": "a A", "b": "b B"})
    write_shards(tmp_path / "data", tmp_path / "shards")
    read_shards([tmp_path / "shards"], tmp_path / "back")
    assert_same_audio(audio(tmp_path / "data"), audio(tmp_path / "back"))
    assert tables(tmp_path / "back")["reco2file_and_channel"] == {"a": "a A", "b": "b B"}


def test_webdataset_reads_it(plain, tmp_path):
    wds = pytest.importorskip("webdataset", reason="tools/install.sh --extras dev")
    write_shards(plain, tmp_path / "shards", 0.02)
    urls = sorted(map(str, (tmp_path / "shards").iterdir()))
    samples = {s["json"]["id"]: s for s in wds.WebDataset(urls, shardshuffle=False).decode()}
    expected, tables_of = audio(plain), tables(plain)
    assert samples.keys() == expected.keys()
    for key, sample in samples.items():
        read, rate = soundfile.read(io.BytesIO(sample["wav"]), dtype="float32")
        np.testing.assert_array_equal(read, expected[key][0])
        assert rate == expected[key][1]
        assert sample["txt"] == tables_of["text"][key]
        assert sample["json"]["speaker"] == tables_of["utt2spk"][key]
        assert sample["json"]["tables"] == {name: tables_of[name][key] for name in ("utt2snr", "utt2lang")}


def test_shards_that_webdataset_writes(tmp_path, caplog):
    """Ids from names, text from .txt, folders, and members of other kinds, which are not unpickled."""
    wds = pytest.importorskip("webdataset", reason="tools/install.sh --extras dev")
    samples = {key: voice(n, 0, 0.3) for n, key in enumerate(("one/a", "one/b"))}
    with wds.TarWriter(str(tmp_path / "x.tar"), encoder=False) as writer:
        for key, wav in samples.items():
            buffer = io.BytesIO()
            soundfile.write(buffer, wav, FS, format="FLAC")
            made = {"__key__": key, "flac": buffer.getvalue(), "txt": b"HELLO\n", "pyd": pickle.dumps(Hostile())}
            writer.write(made)
    with caplog.at_level(logging.WARNING):
        read_shards([tmp_path / "x.tar"], tmp_path / "back")
    assert "2 pyd" in caplog.text
    assert tables(tmp_path / "back")["text"] == {"one-a": "HELLO", "one-b": "HELLO"}
    for key, (samples_read, _) in audio(tmp_path / "back").items():
        np.testing.assert_array_equal(samples_read, np.float32(np.rint(samples[key.replace("-", "/")] * 32768) / 32768))
    assert not Path("hacked").exists()


class Hostile:
    def __reduce__(self):
        return (open, ("hacked", "w"))


def shard(path: Path, members: list, tail: bytes = b"") -> None:
    """A tar of (name, content or a type and its link)."""
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                member.type, member.linkname = content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def flac() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, voice(0, 0, 0.2), FS, format="FLAC")
    return buffer.getvalue()


FLAC = flac()


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ([("../a.flac", FLAC)], r"\.\./a"),
        ([("/a.flac", FLAC)], "/a.flac"),
        ([("x/../../a.flac", FLAC)], "plain file"),
        ([("a.flac", (tarfile.SYMTYPE, "/etc/passwd"))], "a.flac.*plain file"),
        ([("a.flac", (tarfile.LNKTYPE, "b"))], "a.flac.*plain file"),
        ([("a.flac", (tarfile.FIFOTYPE, ""))], "a.flac.*plain file"),
        ([("a.flac", (tarfile.CHRTYPE, ""))], "a.flac.*plain file"),
        ([("a.flac", b"no audio")], ": a: "),
        ([("a.flac", FLAC), ("a.wav", FLAC)], ": a: has two"),
        ([("a.txt", b"A")], ": a: has no audio"),
        ([("a.flac", FLAC), ("a.json", b"[")], "a.json"),
        ([("a.flac", FLAC), ("a.json", b"[" * 100_000)], "a.json"),
        ([("a.flac", FLAC), ("a.json", b'{"id": 3}')], "a.json: id"),
        ([("a.flac", FLAC), ("a.json", b'{"id": "a b"}')], "a b"),
        ([("a.flac", FLAC), ("a.json", b'{"tables": {"../../x": "1"}}')], r"a.json: tables.\.\./"),
        ([("a.flac", FLAC), ("a.json", b'{"tables": {"wav.scp": "rm |"}}')], "a.json: tables.wav.scp"),
        ([("a.flac", FLAC), ("a.json", b'{"tables": {"utt2spk": "x"}}')], "a.json: tables.utt2spk"),
        ([("a.flac", FLAC), ("a.json", b'{"tables": {"enroll_spk1.scp": "rm |"}}')], "a.json: tables.enroll"),
        ([("a.flac", FLAC), ("a.json", b'{"channel": 1}')], "no channel 1"),
        ([("a.flac", FLAC), ("a.txt", b"\xff")], "a: its .txt is not UTF-8"),
        ([("a.flac", FLAC), ("b.flac", FLAC), ("a.flac", FLAC)], "duplicate id a"),
        ([("a.flac", FLAC), ("a.txt", b"A"), ("b.flac", FLAC)], "text: 1 of 2"),
        ([], "no utterance"),
    ],
)
def test_bad_shards_are_refused_by_name(tmp_path, members, where):
    shard(tmp_path / "x.tar", members)
    with pytest.raises(InputError, match=where):
        read_shards([tmp_path], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


def test_damaged_and_compressed_shards(tmp_path):
    shard(tmp_path / "x.tar", [("a.flac", FLAC), ("a.json", b"{}")])
    whole = (tmp_path / "x.tar").read_bytes()
    for end in (0, 100, 512, len(FLAC), whole.rstrip(b"\0").rfind(b"a.json"), len(whole) // 1024 * 1024 - 8192 - 100):
        (tmp_path / "x.tar").write_bytes(whole[:end])
        with pytest.raises(InputError, match="x.tar: is not a whole tar"):
            read_shards([tmp_path], tmp_path / "out")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "x.tar", "x.tar")
    with pytest.raises(InputError, match="gunzip"):
        read_shards([tmp_path / "x.tar.gz"], tmp_path / "out")


def test_memory_does_not_grow_with_a_shard(tmp_path):
    """Twenty recordings of 4 MB each, there and back, take less than four of them."""
    (tmp_path / "data").mkdir()
    wav = np.random.default_rng(0).integers(-9999, 9999, 2_000_000, np.int16)
    soundfile.write(tmp_path / "a.wav", wav, FS)
    write_table(tmp_path / "data/wav.scp", {f"u{n:02d}": tmp_path / "a.wav" for n in range(20)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_shards(tmp_path / "data", tmp_path / "shards")
    read_shards([tmp_path / "shards"], tmp_path / "back")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_000


def test_what_cannot_go_into_shards(plain, tmp_path):
    key = next(iter(read_table(plain / "wav.scp")))
    for value, where in (("touch hacked |", "command"), (str(tmp_path / "nowhere.wav"), "nowhere.wav")):
        write_table(plain / "wav.scp", {**read_table(plain / "wav.scp"), key: value})
        with pytest.raises(InputError, match=f"{key}.*{where}"):
            write_shards(plain, tmp_path / "shards")
        assert not (tmp_path / "shards").exists()
    (plain / "feats.scp").write_text((plain / "wav.scp").read_text())
    with pytest.raises(InputError, match="feats"):
        write_shards(plain, tmp_path / "shards")


def test_json_names_the_place_of_a_segment(cut, tmp_path):
    write_shards(cut, tmp_path / "shards")
    with tarfile.open(tmp_path / "shards/shard-000000.tar") as tar:
        content = json.loads(tar.extractfile("a-2.json").read())
        assert {name.partition(".")[2] for name in tar.getnames() if name.startswith("b-1")} == {
            "wav",
            "json",
        }  # floats
    assert content == {"id": "a-2", "speaker": "a", "recording": "long", "begin": 1.25, "end": 2.0}
