"""utils/copy_data_dir.sh: copies and new ids."""

import json

NEW_IDS = ["--utt-prefix", "p-", "--spk-prefix", "p-", "--utt-suffix", "-u", "--spk-suffix", "-s"]


def lines(path):
    return path.read_text().splitlines()


def keys(path):
    return [line.split()[0] for line in lines(path)]


def test_plain_copy_is_the_same(call, data_dir, tmp_path):
    tables = {"spk1.scp": "a-1 x\na-2 x\nb-1 x\nb-2  two  words\n", "spk2gender": "a m\nb f\n", "feats_type": "raw\n"}
    path = data_dir("src", tables)
    call("copy_data_dir.sh", path, "dest")
    assert {file.name: file.read_text() for file in (tmp_path / "dest").iterdir()} == {
        file.name: file.read_text() for file in path.iterdir()
    }


def test_new_ids(call, data_dir, tmp_path):
    path = data_dir("src", {"utt2snr": "a-1 1\na-2 2\nb-1 3\nb-2 4\n", "spk2gender": "a m\nb f\n"})
    call("copy_data_dir.sh", *NEW_IDS, path, "dest")
    dest = tmp_path / "dest"
    assert lines(dest / "utt2spk")[0] == "p-a-1-u p-a-s"
    assert lines(dest / "spk2utt")[1] == "p-b-s p-b-1-u p-b-2-u"
    assert lines(dest / "utt2snr")[3] == "p-b-2-u 4"
    assert lines(dest / "spk2gender") == ["p-a-s m", "p-b-s f"]
    assert lines(dest / "wav.scp")[2] == "p-b-1-u sox b1.wav -t wav - |"


def test_streams_and_facts_get_the_new_ids(call, data_dir, tmp_path):
    names = ["spk1.scp", "noise1.scp", "dereverb1.scp", "enroll_spk1.scp", "utt2enroll", "text", "feats.scp"]
    path = data_dir("src", dict.fromkeys(names, "a-1 x.wav\na-2 x.wav\nb-1 x.wav\nb-2 x.wav\n"))
    call("copy_data_dir.sh", *NEW_IDS, path, "dest")
    assert all(keys(tmp_path / "dest" / name) == keys(tmp_path / "dest/utt2spk") for name in names)


def test_segments_get_new_ids_and_recordings_keep_theirs(call, segmented, tmp_path):
    call("copy_data_dir.sh", *NEW_IDS, segmented("src", {"spk1.scp": "r1 x\nr2 x\n"}), "dest")
    assert lines(tmp_path / "dest/segments")[0] == "p-a-1-u r1 0 1.5"
    assert keys(tmp_path / "dest/wav.scp") == keys(tmp_path / "dest/spk1.scp") == ["r1", "r2"]


def test_a_mixture_set_with_new_ids(call, mixture, tmp_path):
    condition = {"conditions.tsv": "test_set\tnoise\tsnr\ntest\train\t5\n"}
    call("copy_data_dir.sh", *NEW_IDS, mixture("src", condition), "dest")
    dest = tmp_path / "dest"
    assert lines(dest / "conditions.tsv") == lines(tmp_path / "src/conditions.tsv")
    assert lines(dest / "enroll_spk1.scp")[0] == "p-a-1-u *p-a-1-u p-a-s"  # to be drawn from the dir itself
    assert lines(dest / "enroll_spk2.scp")[0] == "p-a-1-u other.flac"
    plan = [json.loads(line) for line in lines(dest / "mix.jsonl")]
    assert [m["id"] for m in plan] == keys(dest / "utt2spk")
    assert (plan[2]["speaker"], plan[2]["sources"]) == ("p-b-s", [{"role": "spk1", "utt": "u"}])
    assert lines(dest / "mix_conf.yaml") == lines(tmp_path / "src/mix_conf.yaml")


def test_a_plain_copy_of_a_mixture_set_is_the_same(call, mixture, tmp_path):
    path = mixture("src")
    call("copy_data_dir.sh", path, "dest")
    for file in path.iterdir():
        assert (tmp_path / "dest" / file.name).read_text() == file.read_text()


def test_the_plan_of_a_former_run_goes(call, mixture, data_dir, tmp_path):
    call("copy_data_dir.sh", mixture("src"), "dest")
    call("copy_data_dir.sh", data_dir("other"), "dest")
    assert {path.name for path in (tmp_path / "dest").iterdir()} == {"utt2spk", "spk2utt", "wav.scp"}


def test_special_characters_in_a_prefix_are_literal(call, data_dir, tmp_path):
    call("copy_data_dir.sh", "--utt-prefix", r"a\n&", "--spk-prefix", r"a\n&", data_dir("src"), "dest")
    assert lines(tmp_path / "dest/utt2spk")[0] == r"a\n&a-1 a\n&a"


def test_result_is_validated(call, data_dir):
    path = data_dir("src", {"utt2dur": "a-1 1\n"})
    assert "utt2dur: id a-2 of utt2spk is missing" in call("copy_data_dir.sh", path, "dest", code=1).stderr


def test_validate_options_are_passed_on(call, data_dir):
    path = data_dir("src", {"text": "a-1 x\na-2 x\x01y\nb-1 x\nb-2 x\n"})
    call("copy_data_dir.sh", path, "dest", code=1)
    call("copy_data_dir.sh", "--validate-opts", "--non-print", path, "dest")


def test_extra_files(call, data_dir, tmp_path):
    path = data_dir("src", {"my.lst": "a-1 x\na-2 x\nb-1 x\nb-2 x\n"})
    call("copy_data_dir.sh", *NEW_IDS, "--extra-files", "my.lst", path, "dest")
    assert keys(tmp_path / "dest/my.lst") == keys(tmp_path / "dest/utt2spk")


def test_tables_of_a_former_run_go(call, data_dir, tmp_path):
    path = data_dir("src", {"utt2dur": "a-1 1\na-2 1\nb-1 1\nb-2 1\n"})
    call("copy_data_dir.sh", path, "dest")
    (path / "utt2dur").unlink()
    assert "removed dest/utt2dur" in call("copy_data_dir.sh", path, "dest").stdout
    assert not (tmp_path / "dest/utt2dur").exists()


def test_missing_source(call):
    assert "nowhere: no such data dir" in call("copy_data_dir.sh", "nowhere", "dest", code=1).stderr
