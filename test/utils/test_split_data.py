"""utils/split_data.sh: pieces that are data dirs, together the whole, no speaker cut."""

import os
import shutil

import pytest

TABLES = ["wav.scp", "text", "utt2dur", "spk1.scp"]


def keys(path):
    return [line.split()[0] for line in path.read_text().splitlines()]


@pytest.fixture
def source(data_dir):
    """Speakers a, b, c, d with 5, 1, 3, 3 utterances."""
    utts = [f"{s}-{i}" for s, n in zip("abcd", (5, 1, 3, 3), strict=True) for i in range(n)]
    tables = {name: "".join(f"{u} {i + 1}\n" for i, u in enumerate(utts)) for name in TABLES}
    tables["utt2spk"] = "".join(f"{u} {u[0]}\n" for u in utts)
    tables["spk2utt"] = "".join(f"{s} {' '.join(u for u in utts if u[0] == s)}\n" for s in "abcd")
    return data_dir("src", tables | {"spk2gender": "a f\nb m\nc m\nd f\n", "feats_type": "raw\n"})


def pieces(call, path, n, option=None):
    """The pieces, each checked to be a valid data dir."""
    call("split_data.sh", *([option] if option else []), path, n)
    split = path / f"split{n}{(option or '').removeprefix('--per-')}"
    assert sorted(p.name for p in split.iterdir() if not p.name.startswith(".")) == sorted(str(i + 1) for i in range(n))
    made = [split / str(i + 1) for i in range(n)]
    for piece in made:
        call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", piece)
    return made


@pytest.mark.parametrize(("n", "sizes"), [(1, [12]), (2, [6, 6]), (3, [5, 4, 3]), (4, [5, 1, 3, 3])])
def test_speakers_stay_whole_and_nothing_is_lost(call, source, n, sizes):
    made = pieces(call, source, n)
    assert [len(keys(piece / "utt2spk")) for piece in made] == sizes
    for table in [*TABLES, "utt2spk", "spk2utt", "spk2gender"]:
        assert "".join((piece / table).read_text() for piece in made) == (source / table).read_text()
    assert all((piece / "feats_type").read_text() == "raw\n" for piece in made)


def test_by_utterance_speakers_are_cut(call, source):
    made = pieces(call, source, 4, "--per-utt")
    assert [keys(piece / "text") for piece in made] == [keys(source / "text")[i : i + 3] for i in (0, 3, 6, 9)]
    assert (made[1] / "spk2utt").read_text() == "a a-3 a-4\nb b-0\n"
    assert (made[1] / "spk2gender").read_text() == "a f\nb m\n"


CONVERSATION = {
    "utt2spk": "a-1 a\na-2 a\nb-1 b\nb-2 b\n",
    "segments": "a-1 r1 0 1\na-2 r2 0 1\nb-1 r1 1 2\nb-2 r3 1 2\n",
    "wav.scp": "r1 1.wav\nr2 2.wav\nr3 3.wav\n",
    "reco2dur": "r1 2\nr2 1\nr3 2\n",
}


def test_a_recording_goes_wherever_a_segment_of_it_goes(call, data_dir):
    made = pieces(call, data_dir("src", CONVERSATION), 2)
    assert [keys(piece / "wav.scp") for piece in made] == [["r1", "r2"], ["r1", "r3"]]
    assert [keys(piece / "segments") for piece in made] == [["a-1", "a-2"], ["b-1", "b-2"]]


def test_by_recording_no_recording_is_cut(call, data_dir):
    made = pieces(call, data_dir("src", CONVERSATION), 3, "--per-reco")
    assert [keys(piece / "utt2spk") for piece in made] == [["a-1", "b-1"], ["a-2"], ["b-2"]]
    assert [keys(piece / "reco2dur") for piece in made] == [["r1"], ["r2"], ["r3"]]


def test_without_segments_recordings_are_utterances(call, source):
    made = pieces(call, source, 3, "--per-reco")
    assert [len(keys(piece / "text")) for piece in made] == [4, 4, 4]


def test_a_mixture_set_and_its_plan(call, mixture):
    path = mixture()
    made = pieces(call, path, 2)
    assert [len(keys(piece / "enroll_spk1.scp")) for piece in made] == [2, 2]
    assert "".join((piece / "mix.jsonl").read_text() for piece in made) == (path / "mix.jsonl").read_text()
    assert {p.name for p in made[1].iterdir()} == {p.name for p in path.iterdir() if p.is_file() and p.name[0] != "."}


def test_more_than_one_buffer_of_lines(call, data_dir):
    utts = [f"{s}-{i:04}" for s in "ab" for i in range(1500)]
    long = "".join(f"{u} {'word ' * 20}\n" for u in utts)
    path = data_dir("src", {"utt2spk": "".join(f"{u} {u[0]}\n" for u in utts), "wav.scp": long})
    call("fix_data_dir.sh", path)
    assert "".join((piece / "wav.scp").read_text() for piece in pieces(call, path, 2)) == long


def test_done_before_is_not_done_again_but_changes_are_seen(call, source):
    first = pieces(call, source, 2)[0]
    inode = os.stat(first).st_ino
    assert "made from the same tables before" in call("split_data.sh", source, 2).stdout
    assert os.stat(first).st_ino == inode
    text = (source / "text").read_text()
    (source / "text").write_text(text.replace("a-0 1", "a-0 other"))
    assert "a-0 other" in (pieces(call, source, 2)[0] / "text").read_text()
    (source / "text").unlink()
    assert not (pieces(call, source, 2)[0] / "text").exists()


def test_what_a_killed_run_left_goes(call, source):
    shutil.copytree(source, source / ".split2.aside" / "9")
    pieces(call, source, 2)
    assert not (source / ".split2.aside").exists()


IMPOSSIBLE = {
    "5": "cannot make 5 pieces of 4 speakers; --per-utt cuts them",
    "0": "the number of pieces must be a whole number",
    "99999999999999999999": "the number of pieces must be a whole number",
    "999999999": "cannot make 999999999 pieces of 4 speakers",
    "x": "the number of pieces must be a whole number",
}


@pytest.mark.parametrize("n", IMPOSSIBLE)
def test_impossible_number(call, source, n):
    assert IMPOSSIBLE[n] in call("split_data.sh", source, n, code=1).stderr
    assert [p.name for p in source.iterdir() if "split5" in p.name] == []


def test_a_malformed_utt2spk_is_said(call, data_dir):
    path = data_dir(tables={"utt2spk": "a-1 a\na-2\n"})
    assert "utt2spk:2: expected 2 fields" in call("split_data.sh", path, 1, code=1).stderr


def test_lines_of_no_utterance_are_said(call, source):
    (source / "text").write_text((source / "text").read_text() + "z-1 lost\n")
    message = call("split_data.sh", source, 2).stderr
    assert "left out 1 lines of text, whose ids are not utterances, e.g. z-1 lost" in message
