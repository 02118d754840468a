import shutil

import pytest

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.jobs import ark_path, merge, read_work, write_job_tables, write_work

UTT2SPK = {"a1": "A", "a2": "A", "b1": "B", "c1": "C", "c2": "C"}
IDS = list(UTT2SPK)


@pytest.fixture
def roots(tmp_path):
    """``data/train`` with five ids, and an output root."""
    train = tmp_path / "data/train"
    write_table(train / "utt2spk", UTT2SPK)
    write_table(train / "wav.scp", {key: f"{key}.wav" for key in IDS})
    write_table(train / "text", {key: f"words of {key}" for key in IDS})
    write_table(train / "spk2gender", {"A": "f", "B": "m", "C": "f"})
    (train / "trials").write_text("a1 a2 target\na1 b1 nontarget\n")
    return tmp_path / "data", tmp_path / "raw"


def job(out, number, ids, dropped=()):
    """What a job of a stage leaves behind."""
    with ArkWriter(ark_path(out, "train", "wav", number)) as ark:
        for key in ids:
            ark.write(key, [number])
    tables = {"dropped": {key: f"{key}: is bad" for key in dropped}} if dropped else {}
    if ids:
        tables |= {"wav_scp": ark.scp, "utt2num_samples": dict.fromkeys(ids, number)}
    write_job_tables(out, "train", number, **tables)


def test_the_work_list_is_read_as_it_was_written(roots, tmp_path):
    write_table(tmp_path / "data/dev/wav.scp", {"é": "x", "d": "y"})
    assert write_work(tmp_path / "logs/work", tmp_path / "data", ["train", "dev"]) == 7
    assert read_work(tmp_path / "logs/work") == {"train": IDS, "dev": ["d", "é"]}


def test_a_bad_line_of_a_work_list_is_named(tmp_path):
    (tmp_path / "work").write_text("train a1\ntrain\n")
    with pytest.raises(InputError, match=r"work:2: must be '<set> <id>', got 'train'"):
        read_work(tmp_path / "work")


@pytest.mark.parametrize("split", [[5], [3, 2], [1, 1, 1, 1, 1]])
def test_ids_in_are_ids_out_whatever_the_split(roots, split):
    source, out = roots
    rest = list(IDS)
    for number, count in enumerate(split, 1):
        job(out, number, [rest.pop(0) for _ in range(count)])
    assert merge(source, out, "train", len(split), ["wav"]) == 5
    merged = DataDir(out / "train")
    merged.check_same_keys("wav.scp", "utt2num_samples", "text")
    assert merged.keys() == IDS


def test_facts_are_carried_and_streams_are_not(roots):
    source, out = roots
    write_table(source / "train/spk1.scp", dict.fromkeys(IDS, "x"))
    job(out, 1, IDS)
    merge(source, out, "train", 1, ["wav"])
    for name in ("text", "utt2spk", "spk2gender", "trials"):
        assert (out / "train" / name).read_bytes() == (source / "train" / name).read_bytes()
    assert read_table(out / "train/spk2utt") == {"A": "a1 a2", "B": "b1", "C": "c1 c2"}
    assert not (out / "train/spk1.scp").exists()


def test_tables_that_the_stage_wrote_win_over_carried_ones(roots):
    source, out = roots
    write_table(source / "train/utt2num_samples", dict.fromkeys(IDS, 99))
    job(out, 1, IDS)
    merge(source, out, "train", 1, ["wav"])
    assert set(read_table(out / "train/utt2num_samples").values()) == {"1"}


def test_dropped_ids_leave_every_table(roots):
    source, out = roots
    job(out, 1, ["a1", "a2"], dropped=["b1"])
    job(out, 2, ["c1"], dropped=["c2"])
    assert merge(source, out, "train", 2, ["wav"], allow_bad=2) == 3
    for name in ("wav.scp", "text", "utt2spk", "utt2num_samples"):
        assert list(read_table(out / "train" / name)) == ["a1", "a2", "c1"]
    assert read_table(out / "train/spk2gender") == {"A": "f", "C": "f"}
    assert read_table(out / "train/dropped") == {"b1": "b1: is bad", "c2": "c2: is bad"}


def test_trials_models_and_plan_lines_of_dropped_ids_are_left_out_and_counted(roots, capsys):
    source, out = roots
    train = source / "train"
    (train / "trials").write_text("a1 a2 target\na1 b1 nontarget\nc1 c2 target\nM c1 nontarget\nN a1 target\n")
    write_table(train / "enroll2utt", {"M": "b1", "N": "b1 a2"})
    (train / "mix.jsonl").write_text("".join(f'{{"id": "{key}", "n": "b1"}}\n' for key in IDS))
    job(out, 1, ["a1", "a2", "c1", "c2"], dropped=["b1"])
    merge(source, out, "train", 1, ["wav"], allow_bad=1)
    assert (out / "train/trials").read_text() == "a1 a2 target\nc1 c2 target\nN a1 target\n"
    assert read_table(out / "train/enroll2utt") == {"N": "a2"}
    assert [line[8:10] for line in (out / "train/mix.jsonl").read_text().splitlines()] == ["a1", "a2", "c1", "c2"]
    assert "train/trials: 2 lines" in capsys.readouterr().out


@pytest.mark.parametrize("layout", ["{0} {1} nontarget", "0 {0} {1}"])
def test_a_model_called_like_an_utterance_is_not_that_utterance(roots, layout):
    """Models b1 (which keeps a2) and c1 (which keeps nothing); utterance b1 is dropped, utterance c1 is not."""
    source, out = roots
    pairs = ["b1 a1", "b1 b1", "c1 a1", "b1 c1"]
    (source / "train/trials").write_text("".join(layout.format(*pair.split()) + "\n" for pair in pairs))
    write_table(source / "train/enroll2utt", {"b1": "b1 a2", "c1": "b1"})
    job(out, 1, ["a1", "a2", "c1", "c2"], dropped=["b1"])
    merge(source, out, "train", 1, ["wav"], allow_bad=1)
    assert read_table(out / "train/enroll2utt") == {"b1": "a2"}
    kept = [layout.format(*pair.split()) for pair in ("b1 a1", "b1 c1")]
    assert (out / "train/trials").read_text().splitlines() == kept


def test_tables_that_are_no_longer_made_and_litter_of_killed_writers_go(roots):
    source, out = roots
    job(out, 1, IDS)
    merge(source, out, "train", 1, ["wav"])
    write_table(out / "train/spk1.scp", dict.fromkeys(IDS, "x"))
    (out / "train/.wav.123.tmp.scp").write_text("a1 half a li")
    (source / "train/text").unlink()
    (source / "train/trials").unlink()
    job(out, 1, IDS)
    merge(source, out, "train", 1, ["wav"])
    left = {path.name for path in (out / "train").iterdir()}
    assert left == {".jobs", "data", "utt2spk", "spk2utt", "spk2gender", "wav.scp", "utt2num_samples"}


def test_models_that_the_source_has_no_longer_go(roots):
    source, out = roots
    write_table(source / "train/enroll2utt", {"M": "a1 a2"})
    for there in (True, False):
        job(out, 1, IDS)
        merge(source, out, "train", 1, ["wav"])
        assert (out / "train/enroll2utt").exists() == there
        (source / "train/enroll2utt").unlink(missing_ok=True)


def test_more_dropped_than_allowed_over_all_jobs(roots):
    source, out = roots
    job(out, 1, ["a1", "a2"], dropped=["b1"])
    job(out, 2, ["c1"], dropped=["c2"])
    with pytest.raises(InputError, match="2 bad ids, --allow_bad 1: b1: is bad, c2: is bad"):
        merge(source, out, "train", 2, ["wav"], allow_bad=1)
    assert not (out / "train/wav.scp").exists()


def test_missing_ids_are_named_and_nothing_is_merged(roots):
    source, out = roots
    job(out, 1, ["a1", "a2"])
    job(out, 3, ["c2"])
    with pytest.raises(InputError, match=r"2 ids of .*data/train are missing: b1, c1"):
        merge(source, out, "train", 3, ["wav"])
    assert sorted(path.name for path in (out / "train").iterdir()) == [".jobs", "data"]


def test_ids_from_nowhere_are_named(roots):
    source, out = roots
    job(out, 1, [*IDS, "z9"])
    with pytest.raises(InputError, match=r"1 ids are not in .*data/train: z9"):
        merge(source, out, "train", 1, ["wav"])


def test_a_table_that_one_job_lacks_is_named(roots):
    source, out = roots
    job(out, 1, IDS[:3])
    write_job_tables(out, "train", 2, wav_scp=dict.fromkeys(IDS[3:], "x"))
    with pytest.raises(InputError, match=r"utt2num_samples: 2 ids .* missing: c1, c2"):
        merge(source, out, "train", 2, ["wav"])


@pytest.mark.parametrize("dropped", [(), IDS])
def test_nothing_written_is_an_error(roots, dropped):
    source, out = roots
    if dropped:
        job(out, 1, [], dropped)
    with pytest.raises(InputError, match="train: nothing was written"):
        merge(source, out, "train", 1, ["wav"], allow_bad=9)


def test_a_second_merge_says_that_another_run_was_there(roots):
    source, out = roots
    job(out, 1, IDS)
    merge(source, out, "train", 1, ["wav"])
    shutil.rmtree(out / "train/.jobs")  # as the recipe does
    with pytest.raises(InputError, match="another run"):
        merge(source, out, "train", 1, ["wav"])


def test_a_second_run_with_fewer_jobs_leaves_nothing_of_the_first(roots):
    source, out = roots
    for number, key in enumerate(IDS, 1):
        job(out, number, [key] if key != "a1" else [], ["a1"] if key == "a1" else [])
    merge(source, out, "train", 5, ["wav"], allow_bad=1)
    job(out, 1, IDS[:2])
    job(out, 2, IDS[2:])
    assert merge(source, out, "train", 2, ["wav"]) == 5
    assert sorted(path.name for path in (out / "train/data").iterdir()) == ["wav.1.ark", "wav.2.ark"]
    assert not (out / "train/dropped").exists()


def test_arks_of_another_stage_are_left_alone(roots):
    source, out = roots
    other = ark_path(out, "train", "feats", 7)
    other.parent.mkdir(parents=True)
    other.touch()
    job(out, 1, IDS)
    merge(source, out, "train", 1, ["wav"])
    assert other.exists()


def test_a_set_without_speakers_has_the_ids_of_wav_scp(roots):
    source, out = roots
    for name in ("utt2spk", "spk2gender", "text", "trials"):
        (source / "train" / name).unlink()
    job(out, 1, IDS)
    assert merge(source, out, "train", 1, ["wav"]) == 5
    assert DataDir(out / "train").tables() == ["utt2num_samples", "wav.scp"]


@pytest.mark.parametrize(
    "text", [b"train\n", b"a b c\n", b"\n", b"a \xff\n", b"a \0\n", b"a b\n\nc d\n", b"/tmp a\n", b"a/../../b c\n"]
)
def test_work_lists_that_are_none(tmp_path, text):
    (tmp_path / "work").write_bytes(text)
    with pytest.raises(InputError, match="work"):
        read_work(tmp_path / "work")


def test_merging_takes_as_long_as_there_are_jobs(roots):
    job(roots[1], 1, IDS)
    assert merge(*roots, "train", 10**18, ["wav"]) == len(IDS)
