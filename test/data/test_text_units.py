"""Units of text: there and back, special ids, what they lack, bad input."""

import pytest

from toolkit.bin.train_units import main
from toolkit.data.text_units import BLANK, EOS, UNK, TextUnits, read_transcripts, train_units
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError

TEXTS = ["TURN THE LAMP ON", "TURN IT OFF", "IT'S ON THE LAMP"] * 4


@pytest.mark.parametrize(("kind", "size"), [("char", None), ("bpe", 24)])
def test_there_and_back(kind, size):
    units = TextUnits(train_units(TEXTS, kind, size))
    assert len(units) == (size or 3 + len({*"".join(TEXTS)}))
    for text in TEXTS:
        ids = units.encode(text)
        assert units.decode(ids) == text
        assert not {BLANK, UNK, EOS} & {*ids}
        assert units.decode([EOS, BLANK, *ids, EOS]) == text


def test_the_same_texts_give_the_same_model():
    assert train_units(TEXTS, "bpe", 24) == train_units(TEXTS, "bpe", 24)


def test_characters_stay_as_they_are():
    """No normalisation: what is written is what counts as an error or not."""
    units = TextUnits(train_units(["ﬁn é ½"]))
    assert units.decode(units.encode("ﬁn é ½")) == "ﬁn é ½"


def test_lacking_characters_are_counted_and_named():
    units = TextUnits(train_units(TEXTS))
    assert units.lacking({"a": "TURN"}) == ""
    words = units.lacking({"a": "TURN", "b": "ZERO É"})
    assert "1 text" in words
    assert "b" in words
    assert "Z" in words
    assert "É" in words
    assert UNK in units.encode("ZERO")


@pytest.mark.parametrize("bad", [([], "char"), ([" "], "char"), (TEXTS, "word"), (TEXTS, "bpe"), (TEXTS, "bpe", 9999)])
def test_what_cannot_be_trained(bad):
    with pytest.raises(InputError):
        train_units(*bad)


def test_files_that_are_no_units(tmp_path):
    (tmp_path / "units").write_bytes(b"nonsense")
    for name in ("units", "missing"):
        with pytest.raises(InputError, match=name):
            TextUnits.read(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "named"), [("a A\n", "b"), ("a A\nb B\nc C\n", "c"), ("a A\nb\n", ":2"), (None, "text")]
)
def test_text_and_audio_must_go_together(tmp_path, text, named):
    if text is not None:
        (tmp_path / "text").write_text(text)
    with pytest.raises(InputError, match=named):
        read_transcripts(tmp_path, ["a", "b"])


def test_the_program(tmp_path, capsys):
    (tmp_path / "text").write_text("".join(f"u{i} {text}\n" for i, text in enumerate(TEXTS)))
    main(["--kind", "bpe", "--size", "24", "--output", str(tmp_path / "new/bpe.model"), str(tmp_path)])
    assert capsys.readouterr().out == "num_units: 24\n"
    assert len(TextUnits.read(tmp_path / "new/bpe.model")) == 24


def test_the_program_lists_the_units_and_names_what_they_lack(tmp_path, caplog):
    write_table(tmp_path / "train/text", {f"u{n}": text for n, text in enumerate(TEXTS)})
    write_table(tmp_path / "test/text", {"good": "TURN IT", "odd": "TURN 7"})
    main(["--output", str(tmp_path / "units/char.model"), str(tmp_path / "train"), "--check", str(tmp_path / "test")])
    listed = (tmp_path / "units/char.vocab").read_text().split("\n")[:-1]
    assert listed == TextUnits.read(tmp_path / "units/char.model").pieces()
    assert {*listed[3:]} == {*"".join(TEXTS).replace(" ", "▁")}
    (message,) = [record.getMessage() for record in caplog.records]
    assert "odd" in message
    assert "7" in message
    assert "good" not in message
