"""Manifests are those that Lhotse makes and reads; what comes back is what went out."""

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from test.conftest import FS, voice
from test.io.interchange.conftest import assert_same_audio, audio, tables
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.interchange.lhotse_manifests import read_manifests, write_manifests


@pytest.mark.parametrize("kind", ["plain", "cut"])
def test_there_and_back(kind, tmp_path, request):
    folder = request.getfixturevalue(kind)
    assert write_manifests(folder, tmp_path / "manifests") == 4
    assert read_manifests([tmp_path / "manifests"], tmp_path / "back") == 4
    back = tables(tmp_path / "back")
    if kind == "cut":  # whose files have no name in a manifest
        back["reco2file_and_channel"] = {
            k: v.replace("call-B ", "call ") for k, v in back["reco2file_and_channel"].items()
        }
    assert back == tables(folder)
    assert_same_audio(audio(folder), audio(tmp_path / "back"))


def test_an_end_that_was_rounded_up_is_that_of_the_recording(cut, tmp_path):
    """As in stage 2, which takes 10 ms more."""
    write_table(cut / "segments", {**read_table(cut / "segments"), "c-1": "call-B 0.2 1.008"})
    write_manifests(cut, tmp_path / "manifests")
    read_manifests([tmp_path / "manifests"], tmp_path / "back")
    assert read_table(tmp_path / "back/segments")["c-1"].split()[1:] == ["0.2", "1"]
    assert_same_audio(audio(cut), audio(tmp_path / "back"))


def test_of_arks(in_arks, tmp_path):
    write_manifests(in_arks, tmp_path / "manifests")
    read_manifests([tmp_path / "manifests"], tmp_path / "back")
    assert_same_audio(audio(in_arks), audio(tmp_path / "back"))


def loaded(folder: Path):
    lhotse = pytest.importorskip("lhotse", reason="tools/install.sh --extras dev")
    kinds = (lhotse.RecordingSet, lhotse.SupervisionSet)
    pairs = zip(kinds, ("recordings", "supervisions"), strict=True)
    return [kind.from_file(folder / f"{name}.jsonl.gz").to_eager() for kind, name in pairs]


@pytest.mark.parametrize("kind", ["plain", "cut", "in_arks"])
def test_lhotse_reads_what_the_data_dir_says(kind, tmp_path, request):
    folder = request.getfixturevalue(kind)
    write_manifests(folder, tmp_path / "manifests")
    recordings, supervisions = loaded(tmp_path / "manifests")
    expected, texts = audio(folder), tables(folder).get("text", {})
    assert {supervision.id for supervision in supervisions} == expected.keys()
    lhotse = pytest.importorskip("lhotse")
    lhotse.validate(recordings, read_data=True)
    lhotse.validate(supervisions)
    for supervision in supervisions:
        recording = recordings[supervision.recording_id]
        channel = supervision.channel
        samples = recording.load_audio(channels=channel, offset=supervision.start, duration=supervision.duration)
        np.testing.assert_array_equal(samples[0], expected[supervision.id][0])
        assert recording.sampling_rate == expected[supervision.id][1]
        assert supervision.speaker == read_table(folder / "utt2spk")[supervision.id]
        assert supervision.text == texts.get(supervision.id)


def test_as_lhotse_converts_a_data_dir(plain, tmp_path):
    """lhotse.kaldi.load_kaldi_data_dir gives the same manifests, but for facts, which it drops."""
    pytest.importorskip("lhotse", reason="tools/install.sh --extras dev")
    from lhotse.kaldi import load_kaldi_data_dir

    write_manifests(plain, tmp_path / "manifests")
    ours = loaded(tmp_path / "manifests")
    theirs = load_kaldi_data_dir(plain, FS)
    drop = {"channel_ids", "custom"}
    for one, other in zip(ours, theirs, strict=False):
        kept = [{k: v for k, v in item.to_dict().items() if k not in drop} for item in one]
        assert sorted(kept, key=lambda x: x["id"]) == sorted(
            ({k: v for k, v in item.to_dict().items() if k not in drop} for item in other), key=lambda x: x["id"]
        )


def test_manifests_that_lhotse_writes(tmp_path):
    """Two channels of a call, of two speakers; a field that no table holds."""
    lhotse = pytest.importorskip("lhotse", reason="tools/install.sh --extras dev")
    both = np.stack([voice(0, 0, 1.0), voice(1, 0, 1.0)])
    soundfile.write(tmp_path / "call.wav", both.T, FS, subtype="FLOAT")
    recording = lhotse.Recording.from_file(tmp_path / "call.wav")
    pairs = [("x-1", 0, 0.25, "x"), ("y-1", 1, 0.5, "y")]
    segments = [
        lhotse.SupervisionSegment(key, "call", start, 0.125, channel, "HI", speaker=speaker, custom={"mood": 3})
        for key, channel, start, speaker in pairs
    ]
    lhotse.RecordingSet.from_recordings([recording]).to_file(tmp_path / "c_recordings_all.jsonl")
    lhotse.SupervisionSet.from_segments(segments).to_file(tmp_path / "c_supervisions_all.jsonl.gz")
    paths = [tmp_path / "c_recordings_all.jsonl", tmp_path / "c_supervisions_all.jsonl.gz"]
    read_manifests(paths, tmp_path / "data")
    assert tables(tmp_path / "data")["segments"] == {"x-1": "call-1 0.25 0.375", "y-1": "call-2 0.5 0.625"}
    for key, channel, start, _ in pairs:
        samples = audio(tmp_path / "data")[key][0]
        np.testing.assert_array_equal(samples, both[channel, round(start * FS) : round((start + 0.125) * FS)])


def test_recordings_alone_and_a_root(plain, tmp_path):
    write_manifests(plain, tmp_path / "manifests")
    lines = gzip.decompress((tmp_path / "manifests/recordings.jsonl.gz").read_bytes()).decode()
    (tmp_path / "recordings.jsonl").write_text(lines.replace(f"{plain}/", ""))
    read_manifests([tmp_path / "recordings.jsonl"], tmp_path / "back", root=plain)
    wav = read_table(plain / "wav.scp")
    assert read_table(tmp_path / "back/wav.scp") == wav
    assert read_table(tmp_path / "back/utt2spk") == {key: key for key in wav}


def rewritten(folder: Path, name: str, change) -> None:
    """Change the objects of a manifest."""
    path = folder / f"{name}.jsonl.gz"
    items = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    items = change(items) or items
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)


def at(place: str, value):
    """A change of the first object: ``sources.0.type`` gets a value."""

    def change(items):
        target, *parts = items[0], *place.split(".")
        for part in parts[:-1]:
            target = target[int(part) if isinstance(target, list) else part]
        target[parts[-1]] = value

    return change


@pytest.mark.parametrize(
    ("name", "change", "where"),
    [
        ("recordings", at("sources.0.type", "command"), ":1: s00-u0"),
        ("recordings", at("sources.0.type", "url"), ":1: s00-u0"),
        ("recordings", at("sources.0.source", "touch hacked |"), ":1: .*touch hacked"),
        ("recordings", at("sources.0.source", "/etc/passwd"), "s00-u0.*passwd"),
        ("recordings", at("sources.0.source", "x.ark:12"), ":1: .*x.ark:12"),
        ("recordings", at("sources", []), ":1: s00-u0"),
        ("recordings", at("transforms", [{"name": "Speed"}]), "transforms"),
        ("recordings", at("num_samples", 7), "7 samples"),
        ("recordings", at("sampling_rate", 8000), "8000"),
        ("recordings", at("num_samples", "7"), "num_samples"),
        ("recordings", at("id", "a b"), "s00-u0"),
        ("recordings", at("type", "MonoCut"), "cut"),
        ("recordings", lambda items: items[:1] * 2 + items[1:], "duplicate.*s00-u0"),
        ("recordings", lambda items: items[1:], "s00-u0.*not in"),
        ("supervisions", at("recording_id", "nowhere"), "nowhere.*not in"),
        ("supervisions", at("start", -1), ":1: from -1"),
        ("supervisions", at("duration", 1e9), ":1: "),
        ("supervisions", at("duration", float("nan")), "duration"),
        ("supervisions", at("channel", 4), "channel 4"),
        ("supervisions", at("text", "TWO\nLINES"), "text"),
        ("supervisions", at("text", None), "text: 1 of 4"),
        ("supervisions", at("speaker", "a b"), "speaker"),
        ("supervisions", at("speaker", "zoe"), "speaker_prefix"),
        ("supervisions", at("custom", {"utt2spk": "../../x", "utt2/../../x": "1"}), "utt2snr: 1 of 4"),
        ("supervisions", lambda items: items[:1] * 2 + items[1:], "duplicate id s00-u0"),
    ],
)
def test_bad_manifests_are_refused_by_name(plain, tmp_path, name, change, where):
    write_manifests(plain, tmp_path / "manifests")
    rewritten(tmp_path / "manifests", name, change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=where):
        read_manifests([tmp_path / "manifests"], tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before
    assert not Path("hacked").exists()


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.io.interchange.lhotse_manifests._FREE", 1 << 20)
    with gzip.open(tmp_path / "recordings.jsonl.gz", "wb") as file:
        file.write(b'{"id": "' + b"a" * (8 << 20) + b'"}\n')
    with pytest.raises(InputError, match="recordings.jsonl.gz:1: unpacks"):
        read_manifests([tmp_path], tmp_path / "out")


@pytest.mark.parametrize("files", [[], ["supervisions.jsonl"], ["a_recordings.jsonl", "b_recordings.jsonl"]])
def test_the_files_of_a_folder(tmp_path, files):
    for name in files:
        (tmp_path / name).write_text("{}\n")
    with pytest.raises(InputError, match="recordings"):
        read_manifests([tmp_path], tmp_path / "out")


def test_what_manifests_cannot_hold_is_named(plain, tmp_path, caplog):
    (plain / "spk1.scp").write_text((plain / "wav.scp").read_text())
    with pytest.raises(InputError, match="spk1"):
        write_manifests(plain, tmp_path / "manifests")
    (plain / "spk1.scp").unlink()
    (plain / "trials").write_text("s00-u0 s00-u1 target\n")
    with caplog.at_level(logging.WARNING):
        write_manifests(plain, tmp_path / "manifests")
    assert "not taken along: trials" in caplog.text
    rewritten(tmp_path / "manifests", "supervisions", at("alignment", {"word": []}))
    with caplog.at_level(logging.WARNING):
        read_manifests([tmp_path / "manifests"], tmp_path / "out")
    assert "alignment of 1 supervision" in caplog.text
