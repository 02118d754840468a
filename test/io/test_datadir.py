import subprocess

import pytest

from toolkit.io.datadir import DataDir, c_sorted, invert, read_table, write_table
from toolkit.io.errors import InputError, some_of

IDS = ["b", "B", "a", "a-1", "a1", "a10", "a2", "A", "_a", "9", "10", "é", "z", "中", "\U0001d538", "\uff21", "aB"]


@pytest.fixture
def data_dir(tmp_path):
    def write(**tables):
        for name, text in tables.items():
            (tmp_path / name.replace("_scp", ".scp")).write_text(text)
        return DataDir(tmp_path)

    return write


def test_c_sorted_agrees_with_sort():
    lines = "".join(f"{i}\n" for i in IDS)
    done = subprocess.run(["sort"], input=lines.encode(), env={"LC_ALL": "C"}, capture_output=True, check=True)
    assert c_sorted(IDS) == done.stdout.decode().splitlines()


def test_upper_case_stands_before_lower_case_and_digits_before_both():
    assert c_sorted(["b", "a", "B", "1", "a1", "a-1", "é"]) == ["1", "B", "a", "a-1", "a1", "b", "é"]


def test_tables_are_written_c_sorted(tmp_path):
    write_table(tmp_path / "t", {"b": 1, "B": "x  y", "é": 2.5})
    assert (tmp_path / "t").read_bytes() == "B x  y\nb 1\né 2.5\n".encode()


def test_what_was_written_is_read(tmp_path):
    table = {key: f"value of  {key}" for key in IDS}
    write_table(tmp_path / "t", table)
    assert read_table(tmp_path / "t") == table


def test_any_ascii_white_space_parts_key_and_value(tmp_path):
    (tmp_path / "t").write_bytes(b"a \t x  y \r\n  b\tz")
    assert read_table(tmp_path / "t") == {"a": "x  y", "b": "z"}


@pytest.mark.parametrize("char", ["\u2028", "\u0085", "\u3000", "\u00a0"])
def test_other_white_space_belongs_to_the_value(tmp_path, char):
    (tmp_path / "text").write_text(f"a one{char}two{char}\nb{char} x\n")
    assert read_table(tmp_path / "text") == {"a": f"one{char}two{char}", f"b{char}": "x"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"a x\nb\nc z\n", ":2: expected 'key value', got 'b'"),
        (b"a x\n\nb y\n", ":2: expected 'key value', got ''"),
        (b"a x\nb y\na x\n", ":3: duplicate key a"),
        (b"", ": is empty"),
        (b"a \xff\n", ":1: cannot be read"),
    ],
)
def test_bad_tables_are_named_with_the_line(tmp_path, content, complaint):
    (tmp_path / "wav.scp").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "wav.scp")
    assert str(caught.value).startswith(f"{tmp_path / 'wav.scp'}{complaint}")


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match="utt2spk: no such file"):
        read_table(tmp_path / "utt2spk")


def test_a_missing_data_dir_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such data dir"):
        DataDir(tmp_path / "nowhere")


def test_invert_by_hand():
    assert invert({"u3": "b", "u1": "a", "U2": "a"}) == {"a": ["U2", "u1"], "b": ["u3"]}
    assert list(invert({"u1": "b", "u2": "B", "u3": "a"})) == ["B", "a", "b"]


def test_inverting_keeps_every_utterance():
    utt2spk = {f"u{i}": f"s{i % 7}" for i in range(50)}
    back = {utt: spk for spk, utts in invert(utt2spk).items() for utt in utts}
    assert back == utt2spk


@pytest.mark.parametrize(
    ("tables", "keys"),
    [
        ({"wav_scp": "r x\n"}, ["r"]),
        ({"wav_scp": "r x\n", "segments": "b r 1 2\na r 0 1\n"}, ["a", "b"]),
        ({"wav_scp": "r x\n", "segments": "a r 0 1\n", "utt2spk": "c s\n"}, ["c"]),
    ],
)
def test_the_primary_table_has_the_ids(data_dir, tables, keys):
    assert data_dir(**tables).keys() == keys


def test_tables_keyed_by_utterance(data_dir, tmp_path):
    data = data_dir(
        wav_scp="a x\n", utt2spk="a s\n", spk2utt="s a\n", text="a t\n", utt2snr="a 3\n", trials="a a target\n"
    )
    (tmp_path / ".wav.123.tmp.scp").write_text("a half\n")
    assert data.tables() == ["text", "utt2snr", "utt2spk", "wav.scp"]
    assert "spk2utt" in data
    assert "segments" not in data


def test_odd_ids_of_two_tables_are_named(data_dir):
    data = data_dir(utt2spk="a s\nb s\n", wav_scp="a x\nb y\n", feats_scp="a x\nc z\n")
    data.check_same_keys("wav.scp")
    with pytest.raises(InputError, match=r"feats.scp: .* b, c;"):
        data.check_same_keys("wav.scp", "feats.scp")


@pytest.mark.parametrize(("count", "message"), [(2, "0, 1"), (3, "0, 1, 2"), (5, "0, 1, 2 (+2 more)")])
def test_some_of(count, message):
    assert some_of(range(count), 3) == message


def test_some_keys_of_a_table(tmp_path):
    (tmp_path / "t").write_text("a 1\nb 2 3\nc 4\n")
    assert read_table(tmp_path / "t", {"b", "z"}) == {"b": "2 3"}
    (tmp_path / "t").write_text("a 1\nb 2\nb 3\n")
    with pytest.raises(InputError, match="t:3"):
        read_table(tmp_path / "t", {"b"})


def test_a_table_whose_link_leads_nowhere_is_not_passed_over(data_dir, tmp_path):
    data = data_dir(utt2spk="a a\n")
    (tmp_path / "segments").symlink_to("gone")
    with pytest.raises(InputError, match="segments"):
        _ = "segments" in data and data.table("segments")
