"""Lists of VERSA: what its two loaders read from them, and the way back."""

import kaldiio
import numpy as np
import pytest
import soundfile

from test.io.interchange.conftest import assert_same_audio, audio, tables
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.interchange.versa_lists import read_versa, write_versa


def pairs(path) -> dict[str, str]:
    """As VERSA reads a list of files and a list of texts."""
    return dict(line.rstrip("\n").split(maxsplit=1) for line in open(path, encoding="utf-8"))


def test_of_files(plain, in_arks, tmp_path):
    reference = tmp_path / "reference.scp"
    wav = read_table(plain / "wav.scp")
    write_table(reference, dict(zip(wav, [*wav.values()][::-1], strict=True)) | {"another": "nowhere"})
    assert write_versa(plain, tmp_path / "lists", reference) == (4, "soundfile")
    lists = {name: pairs(tmp_path / f"lists/{name}") for name in ("pred.scp", "gt.scp", "text")}
    assert len({tuple(table) for table in lists.values()}) == 1
    assert lists["text"] == read_table(plain / "text")
    expected = audio(plain)
    for (key, pred), gt in zip(lists["pred.scp"].items(), [*expected][::-1], strict=True):
        np.testing.assert_array_equal(soundfile.read(pred, dtype="float32")[0], expected[key][0])
        np.testing.assert_array_equal(soundfile.read(lists["gt.scp"][key], dtype="float32")[0], expected[gt][0])


def test_of_arks(in_arks, tmp_path):
    assert write_versa(in_arks, tmp_path / "lists") == (4, "kaldi")
    loaded = kaldiio.load_scp(str(tmp_path / "lists/pred.scp"))
    expected = audio(in_arks)
    assert loaded.keys() == expected.keys()
    for key, (samples, rate) in expected.items():
        assert loaded[key][0] == rate
        np.testing.assert_array_equal(np.float32(loaded[key][1]), samples)
    assert not (tmp_path / "lists/gt.scp").exists()


def test_there_and_back(plain, tmp_path):
    write_versa(plain, tmp_path / "lists", plain)
    read_versa(tmp_path / "lists", tmp_path / "back")
    assert_same_audio(audio(plain), audio(tmp_path / "back"))
    assert tables(tmp_path / "back")["text"] == tables(plain)["text"]
    assert read_table(tmp_path / "back/spk1.scp") == read_table(tmp_path / "back/wav.scp")
    write_versa(tmp_path / "back", tmp_path / "again")  # spk1.scp is the reference
    for name in ("pred.scp", "gt.scp", "text"):
        assert (tmp_path / "again" / name).read_text() == (tmp_path / "lists" / name).read_text()


def test_what_is_refused(plain, cut, in_arks, tmp_path):
    out = tmp_path / "lists"
    with pytest.raises(InputError, match="segments"):
        write_versa(cut, out)
    with pytest.raises(InputError, match="lacks s00-u0"):
        write_versa(plain, out, cut)
    write_table(
        tmp_path / "mixed.scp",
        dict.fromkeys(read_table(plain / "wav.scp"), next(iter(read_table(in_arks / "wav.scp").values()))),
    )
    with pytest.raises(InputError, match="files or arks"):
        write_versa(plain, out, tmp_path / "mixed.scp")
    write_versa(plain, out, plain)
    with pytest.raises(InputError, match="is there already"):
        write_versa(plain, out)
    (out / "gt.scp").write_text("s00-u0 touch hacked |\n")
    with pytest.raises(InputError, match="gt.scp: lacks s00-u1"):
        read_versa(out, tmp_path / "back")
    write_table(out / "gt.scp", dict.fromkeys(read_table(out / "pred.scp"), "touch hacked |"))
    with pytest.raises(InputError, match="s00-u0: is a command"):
        read_versa(out, tmp_path / "back")
    assert not (tmp_path / "back").exists()
