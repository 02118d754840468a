"""split_scp.pl: balanced pieces of a list."""

import os

import pytest


def numbered(folder, name, count):
    lines = [f"u{i:02} {i}.wav\n" for i in range(count)]
    (folder / name).write_text("".join(lines))
    return lines


@pytest.mark.parametrize(("count", "pieces"), [(10, 3), (7, 7), (12, 4), (5, 1), (11, 8)])
def test_split_is_contiguous_and_balanced(call, tmp_path, count, pieces):
    lines = numbered(tmp_path, "in.scp", count)
    outputs = [f"out.{i}" for i in range(pieces)]
    call("split_scp.pl", "in.scp", *outputs)
    parts = [(tmp_path / name).read_text().splitlines(keepends=True) for name in outputs]
    assert [line for part in parts for line in part] == lines
    assert {len(part) for part in parts} <= {count // pieces, -(-count // pieces)}


def test_split_refuses_more_pieces_than_lines(call, tmp_path):
    numbered(tmp_path, "in.scp", 2)
    done = call("split_scp.pl", "in.scp", "a", "b", "c", code=1)
    assert "in.scp: cannot make 3 pieces of 2 lines" in done.stderr
    assert not (tmp_path / "a").exists()


def test_split_writes_into_what_is_no_file_and_replaces_none(call, tmp_path):
    lines = numbered(tmp_path, "in.scp", 4)
    assert call("split_scp.pl", "in.scp", "/dev/stdout", "b").stdout == "".join(lines[:2])
    assert (tmp_path / "b").read_text() == "".join(lines[2:])
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is not a file" in call("split_scp.pl", "in.scp", "c", "pipe", code=1).stderr
    assert (tmp_path / "pipe").is_fifo()
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(("base", "option"), [(0, []), (1, ["--one-based"])])
def test_split_by_piece_number_gives_the_same_pieces(call, tmp_path, base, option):
    numbered(tmp_path, "in.scp", 10)
    call("split_scp.pl", "in.scp", "a", "b", "c")
    for piece, name in enumerate("abc", base):
        assert call("split_scp.pl", "-j", 3, piece, *option, "in.scp").stdout == (tmp_path / name).read_text()


def test_split_by_piece_number_into_a_file(call, tmp_path):
    lines = numbered(tmp_path, "in.scp", 4)
    call("split_scp.pl", "-j", 2, 1, "in.scp", "out.scp")
    assert (tmp_path / "out.scp").read_text() == "".join(lines[2:])


@pytest.mark.parametrize(
    "piece", [["-j", "3", "3"], ["-j", "3", "0", "--one-based"], ["-j", "0", "0"], ["-j", "x", "0"]]
)
def test_split_rejects_a_piece_that_is_not_there(call, tmp_path, piece):
    numbered(tmp_path, "in.scp", 5)
    assert "Usage" in call("split_scp.pl", *piece, "in.scp", code=1).stderr


def split_speakers(call, folder, utterances_per_speaker, pieces):
    """Sizes of the pieces; checks that no speaker is in two of them and that no line is lost."""
    utts = [(f"{s}-{i}", s) for s, n in zip("abcdefgh", utterances_per_speaker, strict=False) for i in range(n)]
    (folder / "utt2spk").write_text("".join(f"{u} {s}\n" for u, s in utts))
    outputs = [f"out.{i}" for i in range(pieces)]
    call("split_scp.pl", "--utt2spk=utt2spk", "utt2spk", *outputs)
    parts = [(folder / name).read_text().splitlines() for name in outputs]
    assert [tuple(line.split()) for part in parts for line in part] == utts
    speakers = [{line.split()[1] for line in part} for part in parts]
    assert sum(map(len, speakers)) == len(set.union(*speakers))
    return [len(part) for part in parts]


def test_split_keeps_equal_speakers_balanced(call, tmp_path):
    assert split_speakers(call, tmp_path, [2, 2, 2, 2, 2, 2], 3) == [4, 4, 4]


def test_split_gives_every_piece_a_speaker(call, tmp_path):
    assert split_speakers(call, tmp_path, [9, 1, 1], 3) == [9, 1, 1]
    assert split_speakers(call, tmp_path, [1, 1, 9], 3) == [1, 1, 9]


def test_split_refuses_more_pieces_than_speakers(call, tmp_path):
    (tmp_path / "utt2spk").write_text("a-1 a\na-2 a\n")
    done = call("split_scp.pl", "--utt2spk=utt2spk", "utt2spk", "x", "y", code=1)
    assert "2 pieces of 1 speakers" in done.stderr


def test_split_names_an_utterance_without_speaker(call, tmp_path):
    (tmp_path / "utt2spk").write_text("a-1 a\n")
    (tmp_path / "in.scp").write_text("a-1 x\nb-7 x\n")
    assert "b-7" in call("split_scp.pl", "--utt2spk=utt2spk", "in.scp", "x", code=1).stderr


def test_split_names_a_missing_file(call):
    assert "none.scp" in call("split_scp.pl", "none.scp", "a", code=1).stderr
