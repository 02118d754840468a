"""Identity of recordings: what they hold, not where or when."""

import os

import numpy as np
import pytest
import soundfile

from toolkit.io import identity
from toolkit.io.ark import ArkWriter
from toolkit.io.errors import InputError
from toolkit.io.identity import file_digest

RNG = np.random.default_rng(3)
WAVS = {key: 0.1 * RNG.standard_normal(5000 + 100 * i) for i, key in enumerate("abc")}


def recordings(table: dict[str, str]) -> dict:
    return dict(zip(table, identity.recordings(table, list(table)), strict=True))


def write_audio(path, keys: str) -> dict[str, str]:
    with ArkWriter(path) as ark:
        for key in keys:
            ark.write_audio(key, WAVS[key], 16000)
    return ark.scp


def test_audio_in_arks_is_the_same_in_any_order_and_number_of_arks(tmp_path):
    one = recordings(write_audio(tmp_path / "one.ark", "abc"))
    two = recordings(write_audio(tmp_path / "two.ark", "c") | write_audio(tmp_path / "three.ark", "ba"))
    assert one == two
    assert len(set(one.values())) == 3


def test_matrices_are_the_same_whatever_follows_them(tmp_path):
    feats = {key: RNG.standard_normal((rows, 20)).astype(np.float32) for key, rows in (("a", 9), ("bb", 2000))}
    actual = []
    for order in (["a", "bb"], ["bb", "a"]):
        with ArkWriter(tmp_path / f"{order[0]}.ark") as ark:
            for key in order:
                ark.write(key, feats[key])
        actual.append(recordings(ark.scp))
    assert actual[0] == actual[1]


@pytest.mark.parametrize("samples", [1000, 100_000])  # read whole, and in blocks
def test_files_of_one_length_and_other_samples_differ(tmp_path, samples):
    wav = 0.1 * RNG.standard_normal(samples)
    for name, gain in (("a", 1), ("copy", 1), ("louder", 2)):
        soundfile.write(tmp_path / f"{name}.wav", gain * wav, 16000)
        os.utime(tmp_path / f"{name}.wav", (gain, gain))
    actual = recordings({name: str(tmp_path / f"{name}.wav") for name in ("a", "copy", "louder")})
    assert actual["a"] == actual["copy"] != actual["louder"]
    assert file_digest(tmp_path / "a.wav") == file_digest(tmp_path / "copy.wav") != file_digest(tmp_path / "louder.wav")


def test_what_names_no_file_is_its_own_identity():
    assert recordings({"a": "*utt spk", "b": "sox x.wav -t wav - |"}) == {
        "a": b"*utt spk",
        "b": b"sox x.wav -t wav - |",
    }


def test_missing_files_and_pipes_are_refused_by_id(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name, message in (("gone", "a: .*gone: file not found"), ("fifo", "a: .*fifo: must be a regular file")):
        with pytest.raises(InputError, match=message):
            recordings({"a": str(tmp_path / name)})


def test_ids_in_any_order_of_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "_MOST_OPEN", 1)  # a file is opened again for each id
    table = write_audio(tmp_path / "one.ark", "ab") | write_audio(tmp_path / "two.ark", "c") | {"d": "*utt spk"}
    table |= {"e": table["a"]}  # two ids of one recording
    expected = recordings(table)
    assert expected["a"] == expected["e"] != expected["b"]
    for ids in ("abcde", "ecdba", "cax"):
        assert [*identity.recordings(table, [*ids])] == [expected.get(key) for key in ids]
