"""Marks, line ends, blanks that are none and look-alikes in the tables of a data dir."""

import unicodedata

import pytest

from test.utils.conftest import SPK2UTT, UTT2SPK, WAV

CHECK = ["validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check"]
MARK = "\ufeff"
TOOLS = {
    "copy_data_dir.sh": ["D", "dest"],
    "subset_data_dir.sh": ["D", 2, "dest"],
    "combine_data.sh": ["dest", "D"],
    "split_data.sh": ["D", 2],
    "perturb_data_dir_speed.sh": [0.9, "D", "dest"],
    "get_utt2dur.sh": ["D"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_mark_is_named_and_nothing_is_written(call, data_dir, tmp_path, tool):
    path = data_dir(tables={"utt2spk": MARK + UTT2SPK})
    before = sorted(path.iterdir())
    message = call(tool, *(path if word == "D" else word for word in TOOLS[tool]), code=1).stderr
    assert "utt2spk:1: begins with a byte order mark" in message
    assert not (tmp_path / "dest").exists()
    assert sorted(path.iterdir()) == before


FAULTS = {
    "mark": (MARK + UTT2SPK, "utt2spk:1: begins with a byte order mark"),
    "UTF-16": (UTT2SPK.encode("utf-16"), "UTF-16"),
    "NUL": (UTT2SPK.replace("2 b", "\0002 b"), "utt2spk:4: holds the control character U+0000"),
    "vertical tab": (UTT2SPK.replace("2 b", "2 b\v"), "utt2spk:4: holds the control character U+000B"),
    "Latin-1": (UTT2SPK.replace("b", "é").encode("latin-1"), "utt2spk:3: is not UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_text_is_named(call, data_dir, fault):
    content, message = FAULTS[fault]
    path = data_dir()
    (path / "utt2spk").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in call(*CHECK, path, code=1).stderr


def test_fix_data_dir_removes_marks_and_line_ends_and_says_so(call, data_dir):
    path = data_dir(tables={name: MARK + text.replace("\n", "\r\n") for name, text in
                            {"utt2spk": UTT2SPK, "wav.scp": WAV, "spk2utt": SPK2UTT}.items()})  # fmt: skip
    assert "utt2spk: removed the byte order mark" in call("fix_data_dir.sh", path).stdout
    assert [(path / name).read_bytes().decode() for name in ("utt2spk", "wav.scp")] == [UTT2SPK, WAV]
    call(*CHECK, path)


@pytest.mark.parametrize("char", ["\u00a0", "\u0085", "\u3000", "\u2028"])
def test_other_blanks_are_part_of_an_id_in_every_tool(call, data_dir, tmp_path, char):
    path = data_dir(tables={name: text.replace("-", char) for name, text in
                            {"utt2spk": UTT2SPK, "wav.scp": WAV, "spk2utt": SPK2UTT}.items()})  # fmt: skip
    call(*CHECK, path)
    call("fix_data_dir.sh", path)
    call("subset_data_dir.sh", "--first", path, 3, "dest")
    assert (tmp_path / "dest/utt2spk").read_text() == (f"a{char}1 a\na{char}2 a\nb{char}1 b\n")


@pytest.mark.parametrize("tool", ["utt2spk_to_spk2utt.pl", "shuffle_list.pl"])
def test_lists_are_read_without_mark_and_line_ends(call, tool):
    done = [call(tool, stdin=text).stdout for text in (UTT2SPK, MARK + UTT2SPK.replace("\n", "\r\n"))]
    assert done[0] == done[1]


def test_perl_s_own_unicode_settings_change_nothing(call):
    for setting in ("SDA", ""):
        assert call("utt2spk_to_spk2utt.pl", stdin="a\u00a01 \u3000s\n", env={"PERL_UNICODE": setting}).stdout == (
            "\u3000s a\u00a01\n"
        )


def test_look_alikes_are_named(call, data_dir):
    composed, apart = (unicodedata.normalize(form, "né") for form in ("NFC", "NFD"))
    tables = {"utt2spk": UTT2SPK.replace("b", composed), "spk2utt": SPK2UTT.replace("b", composed)}
    path = data_dir(tables=tables | {"wav.scp": WAV.replace("b-", f"{apart}-")})
    for message in (call(*CHECK, path, code=1).stderr, call("fix_data_dir.sh", path).stdout):
        assert "only in Unicode normalisation (" in message
        assert "ne\\u0301-1" in message


def test_messages_show_what_cannot_be_seen(call, data_dir):
    path = data_dir(tables={"utt2spk": UTT2SPK.replace("a-2", "a\u00a02")})
    assert "id a\\u00a02" in call(*CHECK, path, code=1).stderr
