"""utils/subset_data_dir.sh: every way of choosing utterances."""

import pytest


def keys(path):
    return [line.split()[0] for line in path.read_text().splitlines()]


@pytest.fixture
def source(data_dir):
    """Speakers a, b, c with 6, 3, 1 utterances; durations fall from 10 to 1."""
    utts = [f"{s}-{i}" for s, n in zip("abc", (6, 3, 1), strict=True) for i in range(n)]
    tables = {name: "".join(f"{u} 7\n" for u in utts) for name in ("wav.scp", "spk1.scp", "utt2snr")}
    tables["utt2spk"] = "".join(f"{u} {u[0]}\n" for u in utts)
    tables["utt2dur"] = "".join(f"{u} {10 - i}\n" for i, u in enumerate(utts))
    return data_dir("src", tables | {"spk2gender": "a f\nb m\nc m\n", "feats_type": "raw\n"})


@pytest.fixture
def subset(call, source, tmp_path):
    """``subset(*options, n)``: the utterances of the new dir, which must be a valid one."""

    def _subset(*options, n=None):
        call("subset_data_dir.sh", *options, source, *([] if n is None else [n]), "dest")
        call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", "dest")
        return keys(tmp_path / "dest/utt2spk")

    return _subset


def test_default_is_evenly_spread(subset):
    assert subset(n=5) == ["a-1", "a-3", "a-5", "b-1", "c-0"]


@pytest.mark.parametrize("n", [1, 3, 7, 10])
def test_default_takes_exactly_n(subset, n):
    assert len(subset(n=n)) == n


def test_first(subset):
    assert subset("--first", n=2) == ["a-0", "a-1"]


def test_last(subset):
    assert subset("--last", n=2) == ["b-2", "c-0"]


def test_shortest(subset):
    assert subset("--shortest", n=3) == ["b-1", "b-2", "c-0"]


def test_shortest_compares_numbers(subset, source):
    (source / "utt2dur").write_text((source / "utt2dur").read_text().replace("a-2 8", "a-2 9e-1"))
    assert subset("--shortest", n=1) == ["a-2"]


def test_shortest_by_frames(subset, source):
    (source / "utt2dur").rename(source / "utt2num_frames")
    assert subset("--shortest", n=1) == ["c-0"]


def test_shortest_needs_durations(call, source):
    (source / "utt2dur").unlink()
    assert "utt2dur" in call("subset_data_dir.sh", "--shortest", source, 1, "dest", code=1).stderr


def test_per_speaker(subset):
    assert subset("--per-spk", n=2) == ["a-2", "a-5", "b-1", "b-2", "c-0"]


@pytest.mark.parametrize("n", [1, 4, 9])
def test_speakers_are_taken_whole_until_there_are_enough(subset, n):
    taken = subset("--speakers", n=n)
    sizes = {speaker: sum(utt[0] == speaker for utt in taken) for speaker in {utt[0] for utt in taken}}
    assert all(size == {"a": 6, "b": 3, "c": 1}[speaker] for speaker, size in sizes.items())
    assert len(taken) >= n > len(taken) - max(sizes.values())


def test_speakers_are_the_same_every_time(call, data_dir, tmp_path):
    utt2spk = "".join(f"{i}-u {i}\n" for i in range(10, 90))
    source = data_dir("src", {"utt2spk": utt2spk, "wav.scp": utt2spk})
    for dest in ("one", "two"):
        call("subset_data_dir.sh", "--speakers", source, 20, dest)
    assert keys(tmp_path / "one/utt2spk") == keys(tmp_path / "two/utt2spk") != keys(source / "utt2spk")[:20]


def test_speaker_list(subset, tmp_path):
    (tmp_path / "list").write_text("c\nb\n")
    assert subset("--spk-list", "list") == ["b-0", "b-1", "b-2", "c-0"]


def test_utterance_list(subset, tmp_path):
    (tmp_path / "list").write_text("c-0 anything\na-4\n")
    assert subset("--utt-list", "list") == ["a-4", "c-0"]


def test_unknown_ids_of_a_list_are_counted(call, source, tmp_path):
    (tmp_path / "list").write_text("c-0\nz-1\nz-2\n")
    assert "2 ids of list are not in" in call("subset_data_dir.sh", "--utt-list", "list", source, "dest").stderr


def test_missing_list_is_named(call, source):
    assert (
        "--utt-list none: no such file" in call("subset_data_dir.sh", "--utt-list", "none", source, "d", code=1).stderr
    )


def test_list_without_known_ids(call, source, tmp_path):
    (tmp_path / "list").write_text("z\n")
    assert "none of the ids of list" in call("subset_data_dir.sh", "--spk-list", "list", source, "dest", code=1).stderr


def test_all_tables_are_cut(subset, tmp_path):
    subset("--last", n=2)
    assert all(keys(tmp_path / "dest" / name) == ["b-2", "c-0"] for name in ("wav.scp", "spk1.scp", "utt2snr"))
    assert keys(tmp_path / "dest/spk2gender") == ["b", "c"]
    assert (tmp_path / "dest/feats_type").read_text() == "raw\n"


def test_recordings_of_dropped_segments_go(call, segmented, tmp_path):
    call("subset_data_dir.sh", "--first", segmented("src", {"reco2dur": "r1 2\nr2 3\n"}), 1, "dest")
    assert keys(tmp_path / "dest/wav.scp") == keys(tmp_path / "dest/reco2dur") == ["r1"]
    assert keys(tmp_path / "dest/segments") == ["a-1"]


def test_tables_of_a_former_run_go(subset, tmp_path, source):
    subset(n=3)
    (source / "utt2snr").unlink()
    subset(n=2)
    assert not (tmp_path / "dest/utt2snr").exists()


@pytest.mark.parametrize("n", ["11", "0", "x", "-1"])
def test_impossible_number(call, source, n):
    assert n in call("subset_data_dir.sh", source, n, "dest", code=1).stderr


def test_source_is_not_overwritten(call, source):
    assert "both" in call("subset_data_dir.sh", source, 2, source, code=1).stderr


def test_a_mixture_set_is_cut_in_every_stream_and_in_its_plan(call, mixture, tmp_path):
    path = mixture("src", utts=["a-1", "a-2", "b-1", "b-2", "b-3"])
    call("subset_data_dir.sh", "--last", path, 2, "dest")
    dest = tmp_path / "dest"
    assert {p.name for p in dest.iterdir()} == {p.name for p in path.iterdir()}
    tables = [p for p in dest.iterdir() if p.name.startswith("utt2") or p.suffix == ".scp"]
    assert all(keys(table) == ["b-2", "b-3"] for table in tables)
    assert (dest / "mix.jsonl").read_text().splitlines() == (path / "mix.jsonl").read_text().splitlines()[3:]
    assert (dest / "mix_conf.yaml").read_text() == (path / "mix_conf.yaml").read_text()
    call(
        "validate_data_dir.sh",
        "--no-feats",
        "--no-text",
        "--no-wav-check",
        "--require-streams",
        "spk2 enroll_spk1",
        "dest",
    )


def test_a_malformed_plan_is_not_cut_in_silence(call, mixture, tmp_path):
    path = mixture("src", {"mix.jsonl": "no mixture\n"})
    done = call("subset_data_dir.sh", "--last", path, 2, "dest", code=1)
    assert "mix.jsonl:1: expected a mixture" in done.stderr
    assert not (tmp_path / "dest").exists()
