"""Stage 1 of SEED's recipe on corpora in miniature, and all stages without noises in the test."""

import json
import shutil

import pytest
from helpers.seed_corpora import LONG, write_seed_corpora

from toolkit.io.audio import file_info
from toolkit.io.datadir import read_table
from toolkit.io.trials import read_trials

PARTIAL = ["--partial", "--valid_every", "3"]
CONFIG = """
model: {class_path: SEED, init_args: {dim: 80, train_norm: sqrt_dim}}
batches: {class_path: CropBatches, init_args: {batch_size: 8}}
optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.0005}}
trainer: {epochs: 1, workers: 0, threads: 1}
"""


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Everything under the names of db.sh."""
    return write_seed_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe's folder, with a config of a network of the size of a mean spectrum."""
    folder = tree.copy("voxceleb1/ee")
    (folder / "conf/tiny.yaml").write_text(CONFIG)
    return folder


@pytest.fixture
def spoilt(recipe, tree, corpora, tmp_path):
    """A copy of the corpora that the test may spoil, and stage 1 on it, with data in ``tmp_path / "data"``."""
    root = shutil.copytree(corpora, tmp_path / "corpora")

    def call(*words: str):
        options = ["--outdir", str(tmp_path / "data"), "--corpora", "rirs_noises", *(words or PARTIAL)]
        return tree.run(recipe, "local/data.sh", *options, CORPORA=str(root))

    return call, root, tmp_path / "data"


@pytest.fixture(scope="module")
def ran(recipe, tree, corpora):
    """The recipe after one whole run."""
    words = ["--local_data_opts", " ".join(PARTIAL), "--extractor_config", "../sv/conf/mean_fbank.yaml"]
    words += ["--ee_config", "conf/tiny.yaml", "--resamples", "20", "--spread_seeds", "2", "--spread_draws", "0"]
    words += ["--num_segments", "2", "--segment_seconds", "0.5", "--ee_tag", "tiny", "--crop_seconds", "1"]
    done = tree.run(recipe, "./run.sh", *words, CORPORA=str(corpora))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return recipe, done


def test_every_list_is_scored_without_a_grid_of_noises(ran):
    folder, _ = ran
    lists = {"voxceleb1_o": (9, 27), "voxceleb1_e": (18, 135), "voxceleb1_h": (18, 135)}
    lists |= {"vcmix": (9, 12), "voxsrc23": (3, 2)}
    scores = folder / "exp/ee_tiny/scores_neg_euclidean_2x0.5"
    assert {path.name for path in scores.iterdir()} == set(lists)
    for name, counts in lists.items():
        metrics = json.loads((scores / name / "metrics.json").read_text())
        assert (metrics["n_target"], metrics["n_nontarget"]) == counts
        assert f"| {name} |" in (folder / "exp/RESULTS.md").read_text()
    spread = json.loads((folder / "exp/ee_tiny/sampling_neg_euclidean_2x0.5.json").read_text())
    assert set(spread["sets"]) == set(lists)


def test_pieces_cover_each_recording(ran, corpora):
    folder, _ = ran
    ends, count = {}, 0
    for name in ("train", "valid"):
        wav = read_table(folder / f"data/{name}/wav.scp")
        for line in read_table(folder / f"data/{name}/segments").values():
            recording, begin, end = line.split()
            assert float(begin) == ends.get(recording, 0)
            assert float(end) - float(begin) <= 18
            ends[recording], count = float(end), count + 1
        for recording, path in wav.items():
            info = file_info(path)
            assert ends[recording] == pytest.approx(info.frames / info.rate, abs=1e-4)
    assert len(ends) == 6 + 3
    assert count == 6 + 2 + round(LONG / 12)


def test_valid_has_every_so_many_th_reader_and_train_the_others(ran):
    folder, _ = ran
    readers = [set(read_table(folder / f"data/{name}/utt2spk").values()) for name in ("train", "valid")]
    assert readers == [{"100", "103", "19"}, {"1034"}]
    of_19 = [utt for utt in read_table(folder / "data/train/utt2spk") if utt.startswith("19-")]
    assert {utt.split("-")[1] for utt in of_19} == {"198", "sea_fairies"}  # one reader in both corpora


def test_vcmix_has_targets_of_one_corpus_and_nontargets_of_the_other(ran, corpora):
    folder, done = ran
    trials, utt2spk = (
        read(folder / f"data/vcmix/{name}") for read, name in ((read_trials, "trials"), (read_table, "utt2spk"))
    )
    for (a, b), is_target in zip(trials.pairs(), trials.is_target, strict=True):
        assert a.startswith("id1" if is_target else "voxconverse")
        assert (utt2spk[a] == utt2spk[b]) == is_target
    assert len({spk for spk in utt2spk.values() if spk.startswith("voxconverse")}) == 3
    assert str(corpora / "voxconverse_test_SV/abjxc/a_0.wav") in read_table(folder / "data/vcmix/wav.scp").values()
    for count in (18802, 140734):
        assert str(count) in done.stderr


def test_speakers_of_voxsrc23_follow_from_its_targets(ran):
    folder, _ = ran
    speakers = {utt.split("-")[1]: spk for utt, spk in read_table(folder / "data/voxsrc23/utt2spk").items()}
    assert [speakers["a"] == speakers[name] for name in "bcde"] == [True, True, False, False]
    assert speakers["d"] == speakers["e"]


def test_cleaned_lists_alone_are_taken(ran):
    folder, _ = ran
    tables = {f"{path.parent.name}/{path.name}" for path in (folder / "data").glob("voxceleb1*/trials*")}
    assert tables == {"voxceleb1_o/trials", "voxceleb1/trials_e", "voxceleb1/trials_h"}


def test_noises_of_validation_are_none_of_training(ran):
    folder, _ = ran
    for kind in ("noise", "music"):
        files = [set(read_table(folder / f"data/{kind}_{part}/wav.scp").values()) for part in ("train", "test")]
        assert not files[0] & files[1]


@pytest.mark.parametrize(
    "gone", ["voxconverse_test_SV", "VoxSRC2023", "LibriTTS_R", "librilight/small", "LibriTTS_R/train-clean-360"]
)
def test_one_missing_corpus_is_left_out_and_said(spoilt, gone):
    call, root, data = spoilt
    shutil.rmtree(root / gone)
    if gone == "librilight/small":
        (root / "librilight").rmdir()
    done = call("--partial")
    assert done.returncode == 0, done.stderr
    assert [gone.split("/")[0] in line for line in done.stdout.splitlines() if line.startswith("left out")] == [True]
    sets = {"vcmix": "voxconverse_test_SV", "voxsrc23": "VoxSRC2023"}
    assert {name for name in sets if (data / name).exists()} == {
        name for name, folder in sets.items() if folder != gone
    }


def lose_file(root):
    (root / "voxconverse_test_SV/abjxc/a_0.wav").unlink()


def lose_training(root):
    shutil.rmtree(root / "LibriTTS_R")
    shutil.rmtree(root / "librilight")


def blind(root):
    (root / "VoxSRC2023/VoxSRC2023_val.txt").write_text("a.wav b.wav\n")


def contradict(root):
    with open(root / "VoxSRC2023/VoxSRC2023_val.txt", "a") as handle:
        handle.write("0 a.wav c.wav\n")


def namesake(root):
    shutil.copytree(root / "VoxSRC2023/VoxSRC2023_val", root / "VoxSRC2023/other")


def same_twice(root):
    shutil.copytree(root / "LibriTTS_R/train-clean-100", root / "LibriTTS_R/train-clean-360", dirs_exist_ok=True)


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (lose_training, PARTIAL, "LIBRITTS_R, LIBRILIGHT"),
        (lambda root: shutil.rmtree(root / "VoxCeleb1"), PARTIAL, "VOXCELEB1="),
        (lambda root: (root / "VoxCeleb1/list_test_hard2.txt").unlink(), PARTIAL, "list_test_hard2.txt"),
        (lambda root: (root / "voxconverse_test_SV/trials_wo_overlap.txt").unlink(), PARTIAL, "trials_wo_overlap.txt"),
        (blind, PARTIAL, "VoxSRC2023_val.txt:1:"),
        (contradict, PARTIAL, "VoxSRC2023_val.txt:6: a.wav and c.wav"),
        (namesake, PARTIAL, "other/a.wav"),
        (same_twice, PARTIAL, "103-198-103_198_000000_000000"),
        (lambda root: None, ["--valid_every", "3"], "published are 148642"),
    ],
)
def test_what_is_wrong_is_named(spoilt, spoil, words, message):
    call, root, _ = spoilt
    spoil(root)
    done = call(*words)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_trials_of_a_missing_file_are_left_out(spoilt):
    call, root, data = spoilt
    lose_file(root)
    done = call()
    assert done.returncode == 0, done.stderr
    assert "voxconverse00001-abjxc-a_0" in done.stderr
    kept, left_out = (read_trials(data / f"vcmix/{name}") for name in ("trials", "left_out_trials"))
    assert (len(kept), len(left_out)) == (9 + 8, 4)


def test_lines_that_stand_twice_are_kept_and_said(spoilt):
    call, root, data = spoilt
    path = root / "VoxSRC2023/VoxSRC2023_val.txt"
    path.write_text(path.read_text() + "0 a.wav d.wav\n")
    done = call()
    assert f"{path}: 1 trials" in done.stdout
    assert len(read_trials(data / "voxsrc23/trials")) == 6


def test_a_list_of_voxconverse_that_contradicts_itself_still_has_nontargets(spoilt):
    call, root, data = spoilt
    with open(root / "voxconverse_test_SV/trials_wo_overlap.txt", "a") as handle:
        handle.write("1 abjxc/a_0.wav abjxc/b_0.wav\n")
    assert call().returncode == 0
    utt2spk = read_table(data / "vcmix/utt2spk")
    assert len({spk for spk in utt2spk.values() if spk.startswith("voxconverse")}) == 6


def test_names_may_begin_with_the_folder_of_the_audio(spoilt):
    call, root, data = spoilt
    path = root / "VoxSRC2023/VoxSRC2023_val.txt"
    path.write_text(path.read_text().replace(" ", " VoxSRC2023/"))
    assert call().returncode == 0
    assert len(read_table(data / "voxsrc23/wav.scp")) == 5


def dry_run(tree, folder, *words: str, **environment: str):
    extractor = ["--extractor_config", "../sv/conf/mean_fbank.yaml", "--ee_config", "conf/tiny.yaml"]
    return tree.run(folder, "./run.sh", "--dry_run", "true", *extractor, *words, **environment)


@pytest.fixture
def fresh(recipe, tmp_path, tree):
    """The recipe without data, in the same tree."""
    made = shutil.ignore_patterns("data", "dump", "exp")
    folder = shutil.copytree(recipe, recipe.with_name(tmp_path.name), symlinks=True, ignore=made)
    yield folder
    shutil.rmtree(folder)


def test_test_sets_are_those_whose_corpora_are_there(fresh, tree, corpora, tmp_path):
    done = dry_run(tree, fresh, CORPORA=str(corpora))
    assert done.returncode == 0, done.stderr
    assert "voxceleb1_o voxceleb1 vcmix voxsrc23" in done.stdout
    assert not (fresh / "data").exists()
    assert "vcmix" not in dry_run(tree, fresh, CORPORA=str(tmp_path)).stdout


def test_noises_without_a_config_are_refused_before_work(fresh, tree, corpora):
    done = dry_run(tree, fresh, "--test_noises", "noise", CORPORA=str(corpora))
    assert done.returncode == 1
    assert "--simulate_test_config" in done.stderr


def test_an_extractor_must_be_given(fresh, tree):
    done = tree.run(fresh, "./run.sh", "--ee_config", "conf/tiny.yaml")
    assert done.returncode == 1
    assert "--sv_exp" in done.stderr
