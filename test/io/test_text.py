"""One definition of lines, blanks and equal ids, for every reader and for the tools in utils/."""

import os
import random
import subprocess
import unicodedata

import pytest

from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.enrolment import read_enroll2utt
from toolkit.io.errors import InputError, some_of
from toolkit.io.jobs import read_work, write_work
from toolkit.io.scores import read_scores
from toolkit.io.text import fields, is_word, read_lines
from toolkit.io.trials import check_ids, read_trials

ODD = ["\u00a0", "\u0085", "\u2028", "\u3000", "\ufeff", "\u200b"]  # no blanks, whatever they look like
REFUSED = ["\0", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f"]


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("text", ["a\nb\n", "a\nb", "a\r\nb\r\n", "\ufeffa\nb\n", "\ufeffa\r\nb"])
def test_a_mark_and_line_ends_are_no_part_of_a_line(file, text):
    assert list(read_lines(file(text))) == [(1, "a"), (2, "b")]


def test_lines_of_several_blocks(file, monkeypatch):
    monkeypatch.setattr("toolkit.io.text._CHUNK_BYTES", 7)
    lines = [f"l{i} é\u0085" for i in range(30)]
    assert list(read_lines(file("\r\n".join(lines)))) == list(enumerate(lines, 1))


@pytest.mark.parametrize("char", REFUSED)
def test_refused_characters_are_named_with_their_line(file, char):
    with pytest.raises(InputError, match=rf"file:2: .*U\+{ord(char):04X}"):
        list(read_lines(file(f"a b\nc{char} d\n")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a b\n".encode("utf-16"), "UTF-16"),
        ("a\n".encode("utf-16-be"), "U\\+0000"),
        (b"a\nb\xff\n", "file:2: .*UTF-8"),
        (b"a-1 \0BFV \4\1\0\0\0", "\\.scp"),
    ],
)
def test_other_encodings_are_named(file, content, message):
    with pytest.raises(InputError, match=message):
        read_table(file(content))


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / ("x" * 300), tmp_path / "absent"):
        with pytest.raises(InputError, match=path.name[:9]):
            read_table(path)


@pytest.mark.parametrize("program", [["awk", "{ for (i = 1; i <= NF; i++) print $i; print \"\" }"],
                                     ["perl", "-ne", "print map { \"$_\\n\" } split(' ', $_), ''"]])  # fmt: skip
def test_fields_are_those_of_awk_and_perl(program):
    rng = random.Random(0)
    lines = ["".join(rng.choices(["a", "é", " ", "\t", *ODD], k=9)) for _ in range(300)]
    text = "".join(f"{line}\n" for line in lines).encode()
    done = subprocess.run(program, input=text, env={**os.environ, "LC_ALL": "C"}, capture_output=True, check=True)
    assert done.stdout.decode() == "".join("".join(f"{word}\n" for word in [*fields(line), ""]) for line in lines)


READERS = {
    "table": (read_table, "a{0}1 x\nb-2 y{0}\n", dict),
    "models": (read_enroll2utt, "a{0}1 x y{0}\n", dict),
    "work": (read_work, "s a{0}1\ns b\n", dict),
    "trials": (read_trials, "a{0}1 b target\nb b{0} nontarget\n", lambda trials: list(trials.pairs())),
    "voxceleb": (read_trials, "1 a{0}1 b\n0 b b{0}\n", lambda trials: list(trials.pairs())),
    "scores": (read_scores, "a{0}1 b 0.5\nb b{0} -1\n", lambda scores: scores.ids),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_odd_ids_marks_and_dos_lines_alike(file, reader):
    read, text, plain = READERS[reader]
    expected = plain(read(file(text.format("-"))))
    for char in ODD:
        for written in (text, "\ufeff" + text.replace("\n", "\r\n")):
            ids = plain(read(file(written.format(char))))
            assert ascii(ids) == ascii(expected).replace("a-1", f"a{ascii(char)[1:-1]}1").replace(
                "b-'", f"b{ascii(char)[1:-1]}'"
            ).replace("y-'", f"y{ascii(char)[1:-1]}'")


@pytest.mark.parametrize("char", ODD)
def test_what_is_listed_is_read(tmp_path, char):
    write_table(tmp_path / "set/wav.scp", {f"a{char}1": "x.wav"})
    write_work(tmp_path / "work", tmp_path, ["set"])
    assert read_work(tmp_path / "work") == {"set": [f"a{char}1"]}
    assert is_word(f"a{char}1")


@pytest.mark.parametrize("text", ["", " ", "a b", "a\tb", "a\n", "\ud800", None, 3, *REFUSED])
def test_no_words(text):
    assert not is_word(text)


def test_messages_show_what_cannot_be_seen():
    assert some_of(["a-1", "é", "\ufeffa", "b\u00a01", "c\n"]) == "a-1, é, \\ufeffa, b\\xa01, c\\n"


COMPOSED, APART = (unicodedata.normalize(form, "né-1") for form in ("NFC", "NFD"))


def test_ids_of_another_normalisation_are_named(tmp_path):
    (tmp_path / "trials").write_text(f"{COMPOSED} a target\n")
    with pytest.raises(InputError, match=r"né-1 differs from ne\\u0301-1 only in Unicode normalisation, NFC vs NFD"):
        check_ids(read_trials(tmp_path / "trials"), {"a", APART}, "emb.scp")
    write_table(tmp_path / "utt2spk", {COMPOSED: "s"})
    write_table(tmp_path / "wav.scp", {APART: "x"})
    with pytest.raises(InputError, match="only in Unicode normalisation"):
        DataDir(tmp_path).check_same_keys("wav.scp")
