"""Folders of audio as data dirs: ids, rooms, pieces."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.io.errors import InputError
from toolkit.io.folders import Speech, cut_recordings, recording_ids, rooms_of, word


@pytest.mark.parametrize(
    ("name", "as_file", "as_speaker"),
    [
        ("a b", "a_b", "a_b"),
        ("x/y z/1", "x-y_z-1", None),
        (" a (2), b!", "a_2_b_", "a_2_b_"),
        ("id-1", "id-1", "id_1"),
        (" ", "_", "_"),
        ("\u00dcn.1", "\u00dcn.1", "\u00dcn.1"),
    ],
)
def test_words(name, as_file, as_speaker):
    assert word(name) == as_file
    assert as_speaker is None or word(name, speaker=True) == as_speaker


def test_ids_that_begin_with_speakers_sort_as_speakers_do():
    names = ["a", "a!", "a-b", "a b", "a.b", "ab", "a_c", "a0", "A", "a~", "\u00e4"]
    speakers = sorted({word(name, speaker=True) for name in names}, key=str.encode)
    utts = sorted((f"{speaker}-{utt}" for speaker in speakers for utt in ("0", "z")), key=str.encode)
    assert [utt[:-2] for utt in utts] == [speaker for speaker in speakers for _ in range(2)]


def test_rooms_are_the_folders_of_the_responses():
    files = {key: Path(f"/r/{key}.wav") for key in ("alone", "hall-a/1", "hall-a/far/2", "b c/1")}
    assert rooms_of(files) == {"alone": "alone", "hall-a-1": "hall-a", "hall-a-far-2": "hall-a-far", "b_c-1": "b_c"}
    assert list(rooms_of(files)) == list(recording_ids(files))


def test_parts_keep_what_belongs_to_them():
    wav = {key: Path(f"{key}.wav") for key in ("r1", "r2")}
    segments = {"a-1": "r1 0 1", "b-1": "r1 1 2", "b-2": "r2 0 1"}
    speech = Speech(wav, {"a-1": "a", "b-1": "b", "b-2": "b"}, segments)
    assert speech.recordings() == {"a": 1, "b": 2}
    part = speech.of(speakers={"a"})
    assert (list(part.wav), part.utt2spk, part.segments) == (["r1"], {"a-1": "a"}, {"a-1": "r1 0 1"})
    assert list(speech.of(utts={"b-2"}).wav) == ["r2"]


def test_pieces_tile_a_recording_of_any_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((44100 * 7 + 1, 2)), 44100)
    cut = cut_recordings(Speech({"s-a": tmp_path / "a.wav"}, {"s-a": "s"}), 2.0)
    assert cut.segments == {
        "s-a-000": "s-a 0.0000 1.7500",
        "s-a-001": "s-a 1.7500 3.5000",
        "s-a-002": "s-a 3.5000 5.2500",
        "s-a-003": "s-a 5.2500 7.0000",
    }
    assert set(cut.utt2spk.values()) == {"s"}


def test_an_unreadable_recording_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"1 bad of 1.*s-a: .*a\.wav: is empty"):
        cut_recordings(Speech({"s-a": tmp_path / "a.wav"}, {"s-a": "s"}), 2.0)
