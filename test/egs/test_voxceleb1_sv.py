"""The VoxCeleb1 recipe on corpora in miniature: from the published layouts to a table."""

import json

import pytest
from helpers.voxceleb1_corpora import write_corpora

from toolkit.io.datadir import read_table
from toolkit.io.trials import read_trials

TINY = "--model.init_args.channels 16 --model.init_args.mfa_channels 24 --model.init_args.embedding_dim 8"
TINY += " --batches.init_args.batch_size 8 --batches.init_args.crop_seconds [0.5,0.5]"
TINY += " --trainer.epochs 1 --trainer.workers 0"
LOCAL = "--partial --valid_speakers 2 --valid_videos 1"


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Everything under the names of db.sh."""
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def recipe(tree, corpora):
    """The recipe after one whole run."""
    folder = tree.copy("voxceleb1/sv")
    words = ["--local_data_opts", LOCAL, "--sv_args", TINY, "--sv_tag", "tiny", "--snrs", "10", "--resamples", "20"]
    done = tree.run(folder, "./run.sh", *words, "--floor_config", "", CORPORA=str(corpora))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done


def test_the_whole_recipe_gives_a_table_of_all_conditions(recipe):
    folder, done = recipe
    page = (folder / "exp/RESULTS.md").read_text()
    names = ["voxceleb1_o", *(f"voxceleb1_o_{kind}_10" for kind in ("babble", "music", "noise", "nonspeech"))]
    for name in names:
        assert f"| {name} |" in page
        metrics = json.loads((folder / f"exp/sv_tiny/scores/{name}/metrics.json").read_text())
        assert (metrics["n_target"], metrics["n_nontarget"], metrics["n_speakers"]) == (9, 27, 3)
    assert "Traceback" not in done.stderr


def test_sets_hold_what_they_should(recipe):
    folder, _ = recipe
    ids = {name: set(read_table(folder / f"data/{name}/utt2spk")) for name in ("train", "valid", "voxceleb1_o")}
    assert [len(ids[name]) for name in ("train", "valid", "voxceleb1_o")] == [36 - 2 * 2, 2 * 2, 18]
    assert not ids["train"] & ids["valid"]
    assert len(set(read_table(folder / "data/train/utt2spk").values())) == 6  # all speakers of dev stay in training
    assert sorted(read_table(folder / "data/valid/spk2gender").values()) == ["f", "m"]
    assert "id10270--x_0-y-00001" in ids["voxceleb1_o"]
    assert read_table(folder / "data/voxceleb1_o/utt2spk")["id10270--x_0-y-00001"] == "id10270"


def test_held_out_are_whole_videos(recipe):
    folder, _ = recipe
    train, valid = (
        {utt.rsplit("-", 1)[0] for utt in read_table(folder / f"data/{n}/utt2spk")} for n in ("train", "valid")
    )
    assert len(valid) == 2
    assert not train & valid


def test_official_trials_are_taken_over_line_by_line(recipe, corpora):
    folder, _ = recipe
    tables = {"veri_test2": "voxceleb1_o/trials", "veri_test": "voxceleb1_o/trials_original"}
    for name, table in (tables | {"list_test_all2": "voxceleb1/trials_e"}).items():
        theirs = [line.split() for line in (corpora / f"VoxCeleb1/{name}.txt").read_text().splitlines()]
        ours = read_trials(folder / "data" / table)
        assert ours.is_target.tolist() == [label == "1" for label, _, _ in theirs]
        expected = [tuple(x.removesuffix(".wav").replace("/", "-") for x in line[1:]) for line in theirs]
        assert list(ours.pairs()) == expected
    assert not (folder / "data/voxceleb1/trials_h").exists()  # its list is not there
    assert (folder / "data/voxceleb1/trials_h_original").exists()
    used = {utt for path in (folder / "data/voxceleb1").glob("trials_*") for utt in read_trials(path).used_ids()}
    assert set(read_table(folder / "data/voxceleb1/wav.scp")) == used


def test_musan_is_cut_into_windows_and_split_by_the_files_parity(recipe):
    folder, _ = recipe
    for kind, source in (("noise", "noise-free-sound"), ("music", "music-fma")):
        assert read_table(folder / f"data/{kind}_train/segments") == {
            f"{source}-0000-00000": f"{source}-0000 0 5.000000",
            f"{source}-0000-00003": f"{source}-0000 3 8.000000",  # the one from 6 s on is silent and left out
            f"{source}-0002-00000": f"{source}-0002 0 2.000000",  # too short for a window
        }
        test = set(read_table(folder / f"data/{kind}_test/utt2spk").values())
        assert test == {f"{source}-0001", f"{source}-0003"}
    talkers = set(read_table(folder / "data/babble_test/utt2spk").values())
    assert talkers == {f"speech-librivox-{n:04d}" for n in range(1, 12, 2)}
    durations = read_table(folder / "dump/raw/noise_train/utt2dur")
    assert float(durations["noise-free-sound-0000-00003"]) == pytest.approx(2, abs=0.01)  # its silent end is trimmed


def test_noise_of_training_is_none_of_the_test(recipe):
    folder, _ = recipe
    for kind in ("noise", "music", "babble"):
        files = [set(read_table(folder / f"data/{kind}_{part}/wav.scp").values()) for part in ("train", "test")]
        assert not files[0] & files[1]
    plan = [json.loads(line) for line in (folder / "data/voxceleb1_o_babble_10/mix.jsonl").read_text().splitlines()]
    files = {s["utt"].rsplit("-", 1)[0] for mixture in plan for s in mixture["sources"][1:]}
    assert all(mixture["level"] == "mean" and mixture["snr"] == {"noise1": 10.0} for mixture in plan)
    assert files <= {f"speech-librivox-{n:04d}" for n in range(1, 12, 2)}


def test_nonspeech_files_have_their_class(recipe):
    folder, _ = recipe
    classes = {"crowd-n001": "crowd", "crowd-n017": "crowd", "machine-n018": "machine", "phone-n100": "phone"}
    assert read_table(folder / "data/nonspeech_test/utt2spk") == classes


def test_what_is_not_whole_was_said(recipe):
    _, done = recipe
    for message in (
        "dev has 36 utterances of 6 speakers, published are 148642 of 1211",
        "veri_test2.txt: 36 trials, published are 37611",
        "noise: 4 files, published are 930",
        "lacks n2, n3",
        "holds no list_test_hard2.txt",
    ):
        assert message in done.stdout + done.stderr, message


def test_lists_of_one_set_are_scored_with_the_same_embeddings(recipe, tree, corpora):
    """The page's way to E and H; ends with the report, which has them."""
    folder, _ = recipe
    script = (folder / "README.md").read_text().split("**E and H**")[1].split("```")[1].removeprefix("bash\n")
    script = script.replace("--sv_tag mine", '--sv_tag tiny --floor_config "" --resamples 20')
    done = tree.run(folder, "bash", "-e", "-c", script, CORPORA=str(corpora))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for name, targets in (("voxceleb1_e", 18), ("voxceleb1_h_original", 17), ("voxceleb1_o_original", None)):
        actual = json.loads((folder / f"exp/sv_tiny/scores/{name}/metrics.json").read_text())["n_target"]
        assert targets in (actual, None)
        assert f"| {name} |" in (folder / "exp/RESULTS.md").read_text()


def test_a_truncated_file_stops_stage_2_by_name(recipe, tree, corpora, tmp_path):
    folder, _ = recipe
    path = corpora / "VoxCeleb1/vox1_test_wav/wav/id10271/-x_1-y/00002.wav"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    words = ["--stage", "2", "--stop_stage", "2", "--dumpdir", str(tmp_path / "dump")]
    done = tree.run(folder, "./run.sh", *words, CORPORA=str(corpora))
    path.write_bytes(whole)
    assert done.returncode == 1
    assert f"id10271--x_1-y-00002: {path}: is shorter than its header says" in done.stderr
    assert "Traceback" not in done.stderr
