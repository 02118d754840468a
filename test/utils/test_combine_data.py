"""utils/combine_data.sh: merged, sorted, nothing contradictory."""

import json

import pytest


def lines(path):
    return path.read_text().splitlines()


@pytest.fixture
def two(data_dir):
    """``two(first, second)``: the usual dir, and one with the utterances a-0 and c-1; tables are added to each."""

    def _two(first=None, second=None):
        other = {"utt2spk": "a-0 a\nc-1 c\n", "spk2utt": "a a-0\nc c-1\n", "wav.scp": "a-0 a0.wav\nc-1 c1.wav\n"}
        return data_dir("one", first), data_dir("two", other | (second or {}))

    return _two


def test_merges_sorted(call, two, tmp_path):
    call("combine_data.sh", "dest", *two())
    assert [line.split()[0] for line in lines(tmp_path / "dest/wav.scp")] == ["a-0", "a-1", "a-2", "b-1", "b-2", "c-1"]
    assert lines(tmp_path / "dest/spk2utt") == ["a a-0 a-1 a-2", "b b-1 b-2", "c c-1"]
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", "dest")


def test_file_missing_in_a_source_is_left_out(call, two, tmp_path):
    first, second = two({"utt2snr": "a-1 5\na-2 5\nb-1 5\nb-2 5\n"})
    assert f"left out utt2snr: not in {second}" in call("combine_data.sh", "dest", first, second).stdout
    assert not (tmp_path / "dest/utt2snr").exists()


def test_streams_and_speaker_tables_are_merged(call, two, tmp_path):
    first = {"spk1.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\n", "spk2gender": "a m\nb f\n"}
    call("combine_data.sh", "dest", *two(first, {"spk1.scp": "a-0 y\nc-1 y\n", "spk2gender": "a m\nc f\n"}))
    assert len(lines(tmp_path / "dest/spk1.scp")) == 6
    assert lines(tmp_path / "dest/spk2gender") == ["a m", "b f", "c f"]


def test_last_line_without_newline_stays_a_line(call, two, tmp_path):
    call("combine_data.sh", "dest", *two({"wav.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x"}))
    assert "b-2 x" in lines(tmp_path / "dest/wav.scp")


@pytest.mark.parametrize("name", ["wav.scp", "utt2spk"])
def test_conflicting_ids_die_and_leave_nothing(call, two, tmp_path, name):
    both = {"utt2spk": "a-0 a\na-1 a\n", "wav.scp": "a-0 a0.wav\na-1 a1.wav\n"}
    first, second = two(None, both | {name: "a-0 x\na-1 other\n"})
    message = call("combine_data.sh", "dest", first, second, code=1).stderr
    assert f"{name}: id a-1 has different values" in message
    assert '"a-1 other"' in message
    assert not (tmp_path / "dest").exists()


def test_the_same_line_in_two_sources_is_merged(call, two, tmp_path):
    both = {"utt2spk": "a-0 a\na-1 a\n", "spk2utt": "a a-0 a-1\n", "wav.scp": "a-0 a0.wav\na-1 a1.wav\n"}
    call("combine_data.sh", "dest", *two(None, both))
    assert len(lines(tmp_path / "dest/utt2spk")) == 5


def test_extra_files(call, two, tmp_path):
    first, second = two({"my.lst": "a-1 1\na-2 1\nb-1 1\nb-2 1\n"}, {"my.lst": "a-0 2\nc-1 2\n"})
    call("combine_data.sh", "--extra-files", "my.lst", "dest", first, second)
    assert len(lines(tmp_path / "dest/my.lst")) == 6


def test_whole_utterances_become_segments_where_others_have_them(call, segmented, data_dir, tmp_path):
    tables = {"utt2spk": "c-1 c\n", "spk2utt": "c c-1\n", "wav.scp": "c-1 c1.wav\n", "utt2dur": "c-1 2.5\n"}
    call("combine_data.sh", "dest", segmented("one"), data_dir("two", tables))
    assert "c-1 c-1 0 2.5" in lines(tmp_path / "dest/segments")
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", "dest")


def test_segments_for_some_need_durations_of_the_others(call, segmented, data_dir):
    assert "utt2dur" in call("combine_data.sh", "dest", segmented("one"), data_dir("two"), code=1).stderr


def test_features_made_in_different_ways_do_not_mix(call, two):
    first = {"feats.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\n", "feats_conf.yaml": "n_mels: 80\n"}
    dirs = two(first, {"feats.scp": "a-0 x\nc-1 x\n", "feats_conf.yaml": "n_mels: 40\n"})
    assert "feats_conf.yaml" in call("combine_data.sh", "dest", *dirs, code=1).stderr


def test_whole_file_stays_where_all_agree(call, two, tmp_path):
    same = {"feats_type": "raw\n"}
    done = call("combine_data.sh", "dest", *two(same | {"audio_format": "wav\n"}, same | {"audio_format": "flac\n"}))
    assert (tmp_path / "dest/feats_type").read_text() == "raw\n"
    assert "left out audio_format" in done.stdout


FIX = [([], 5), (["--skip-fix", "true"], 6)]


@pytest.mark.parametrize(("option", "kept"), FIX)
def test_result_is_fixed_unless_told_otherwise(call, two, tmp_path, option, kept):
    call("combine_data.sh", *option, "dest", *two({"wav.scp": "a-1 x\na-2 x\nb-1 x\n"}))
    assert len(lines(tmp_path / "dest/utt2spk")) == kept
    assert sum(len(line.split()) - 1 for line in lines(tmp_path / "dest/spk2utt")) == kept


def test_destination_is_no_source(call, two):
    first, second = two()
    assert "both" in call("combine_data.sh", first, second, first, code=1).stderr


def test_features_of_which_nothing_says_how_they_were_made_do_not_mix_with_others(call, two):
    feats = {"feats.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\n"}
    dirs = two(feats | {"feats_conf.yaml": "n_mels: 80\n"}, {"feats.scp": "a-0 x\nc-1 x\n"})
    assert "feats_conf.yaml differ" in call("combine_data.sh", "dest", *dirs, code=1).stderr
    assert "feats_conf.yaml differ" in call("combine_data.sh", "dest", *dirs[::-1], code=1).stderr


def test_features_made_in_the_same_way_mix(call, two, tmp_path):
    same = {"feats_conf.yaml": "n_mels: 80\n"}
    feats = {"feats.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\n"}
    call("combine_data.sh", "dest", *two(same | feats, same | {"feats.scp": "a-0 x\nc-1 x\n"}))
    assert len(lines(tmp_path / "dest/feats.scp")) == 6
    assert lines(tmp_path / "dest/feats_conf.yaml") == ["n_mels: 80"]


def test_utterances_of_a_source_without_utt2uniq_are_their_own(call, two, tmp_path):
    call("combine_data.sh", "dest", *two(None, {"utt2uniq": "a-0 a-1\nc-1 c-9\n"}))
    uniq = ["a-0 a-1", "a-1 a-1", "a-2 a-2", "b-1 b-1", "b-2 b-2", "c-1 c-9"]
    assert lines(tmp_path / "dest/utt2uniq") == uniq


def test_mixture_sets_with_their_plans(call, mixture, tmp_path):
    one, two = mixture("one"), mixture("two", utts=["a-0", "a-3"])
    call("combine_data.sh", "dest", one, two)
    dest = tmp_path / "dest"
    ids = ["a-0", "a-1", "a-2", "a-3", "b-1", "b-2"]
    assert {p.name for p in dest.iterdir()} == {p.name for p in one.iterdir()} | {".backup"}
    tables = [p for p in dest.iterdir() if p.name.startswith("utt2") or p.suffix == ".scp"]
    assert all([line.split()[0] for line in lines(table)] == ids for table in tables)
    assert [json.loads(line)["id"] for line in lines(dest / "mix.jsonl")] == ids
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", "dest")


def test_plans_over_different_sets_are_left_out_the_streams_stay(call, mixture, tmp_path):
    dirs = mixture("one"), mixture("two", {"mix_conf.yaml": "data: [other]\n"}, utts=["a-0", "a-3"])
    assert "left out mix.jsonl: the sources' plans draw on different sets" in call("combine_data.sh", "d", *dirs).stdout
    assert not (tmp_path / "d/mix.jsonl").exists()
    assert len(lines(tmp_path / "d/spk2.scp")) == 6
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", "d")


def test_a_stream_that_a_source_lacks_is_left_out_by_name(call, mixture, data_dir, tmp_path):
    plain = {"utt2spk": "c-1 c\n", "spk2utt": "c c-1\n", "wav.scp": "c-1 c.wav\n"}
    done = call("combine_data.sh", "dest", mixture("one"), data_dir("two", plain))
    left_out = {line.split()[3].rstrip(":") for line in done.stdout.splitlines() if "left out" in line}
    assert left_out >= {"spk1.scp", "spk2.scp", "noise1.scp", "enroll_spk1.scp", "utt2snr", "mix.jsonl"}
    assert {p.name for p in (tmp_path / "dest").iterdir()} == {"utt2spk", "spk2utt", "wav.scp", ".backup"}


CHANNELS = "r1 call A\nr2 call B\n"


def test_channels_are_kept_or_their_lack_is_an_error(call, segmented, tmp_path):
    one = segmented("one", {"reco2file_and_channel": CHANNELS})
    two = segmented(
        "two", {"utt2spk": "c-1 c\n", "spk2utt": "c c-1\n", "segments": "c-1 r3 0 1\n", "wav.scp": "r3 3.wav\n"}
    )
    assert "two: has no reco2file_and_channel" in call("combine_data.sh", "dest", one, two, code=1).stderr
    assert not (tmp_path / "dest").exists()
    (two / "reco2file_and_channel").write_text("r3 other A\n")
    call("combine_data.sh", "dest", one, two)
    assert (tmp_path / "dest/reco2file_and_channel").read_text() == CHANNELS + "r3 other A\n"


@pytest.mark.parametrize(
    ("command", "where", "rows"),
    [
        (["copy_data_dir.sh", "--utt-prefix", "x-", "--spk-prefix", "x-", "one", "dest"], "dest", CHANNELS),
        (["subset_data_dir.sh", "--first", "one", 2, "dest"], "dest", "r1 call A\n"),
        (["perturb_data_dir_speed.sh", "0.9", "one", "dest"], "dest", "sp0.9-r1 call A\nsp0.9-r2 call B\n"),
        (["split_data.sh", "one", 2], "one/split2/2", "r2 call B\n"),
        (["fix_data_dir.sh", "one"], "one", CHANNELS),
    ],
)
def test_channels_go_with_their_recordings(call, segmented, tmp_path, command, where, rows):
    segmented("one", {"reco2file_and_channel": CHANNELS})
    call(*command)
    assert (tmp_path / where / "reco2file_and_channel").read_text() == rows
