"""The recipe of embedding enhancement over a trained verifier, at a tiny size; and sv.sh --ee_exp."""

import json
import shutil

import numpy as np
import pytest

from toolkit.io.ark import read_array
from toolkit.io.datadir import read_table
from toolkit.io.scores import read_scores, scores_of
from toolkit.io.trials import read_trials
from toolkit.metrics.verification.calibration import fit_calibration
from toolkit.systems import EmbeddingEnhancer

from .conftest import MINI

SV = "sv_train_ecapa_fbank_trainer_epochs_1"
EE = "ee_train_seed_ge2e_" + SV
# What the fixture has made of the mini corpus: the clean set and one condition.
WORDS = [
    "--sv_exp",
    f"../sv/exp/{SV}",
    "--snrs",
    "0",
    "--test_noises",
    "noise",
    "--ood_noises",
    "",
    "--resamples",
    "50",
]
WORDS += [
    "--ee_args",
    "--model.init_args.dim 96 --trainer.epochs 2 --batches.init_args.batch_size 16",
    "--ee_tag",
    EE[3:],
]
WORDS += ["--calibration_set", "dev"]
WORDS += ["--spread_seeds", "4", "--spread_draws", "2", "--crop_seconds", "1"]


@pytest.fixture(scope="module")
def recipe(mini, tree):
    """The recipe after stages 4 to 10, beside the one of verification."""
    folder = tree.copy("mini/ee")
    shutil.rmtree(folder.parent / "sv")
    verification = tree.adopt(mini[0])
    for name in ("data", "downloads"):
        shutil.copytree(verification / name, folder / name, symlinks=True)
    shutil.copytree(verification / "dump/raw", folder / "dump/raw")
    shutil.copytree(folder / "dump/raw/dev", folder / "dump/raw/unlabelled")
    done = tree.run(folder, "./run.sh", *WORDS, "--stage", "4", "--skip_packing", "false")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def vectors_in(scp, folder) -> dict[str, np.ndarray]:
    return {key: read_array(str(folder / place), key) for key, place in read_table(scp).items()}


def test_pairs_are_of_all_utterances(recipe):
    pairs, raw = recipe / f"dump/pairs/{SV}/train", recipe / "dump/raw/train"
    for name in ("clean", "music", "noise", "room"):
        assert read_table(pairs / f"{name}.scp").keys() == read_table(raw / "wav.scp").keys()
    rows = [vectors_in(pairs / f"{name}.scp", recipe) for name in ("clean", "noise")]
    key = next(iter(rows[0]))
    assert rows[0][key].shape == (1, 96)
    assert not np.allclose(rows[0][key], rows[1][key], atol=1e-3)


def test_embeddings_are_those_of_the_program(recipe):
    raw = vectors_in(recipe / f"dump/embed/{SV}/test_noise_0/embedding.scp", recipe)
    enhanced = vectors_in(recipe / f"exp/{EE}/embeddings/test_noise_0/embedding.scp", recipe)
    enhancer = EmbeddingEnhancer.load(recipe / f"exp/{EE}/packed.zip")
    assert enhancer.extractor["extractor"] == SV
    expected = enhancer.enhance(np.stack(list(raw.values())), list(raw))
    assert np.stack([enhanced[key] for key in raw]) == pytest.approx(expected, abs=1e-4)


def test_the_page(recipe):
    page = (recipe / "exp/RESULTS.md").read_text()
    for heading in ("## EER and minDCF by test set", "## Costs", "## Spread over the noise of sampling"):
        assert heading in page
    assert f"| {SV} |" in page
    assert f"| {EE} |" in page
    spread = json.loads((recipe / f"exp/{EE}/sampling.json").read_text())["sets"]
    rates = json.loads((recipe / f"exp/{EE}/scores/test_noise_0/metrics.json").read_text())["metrics"]["eer"]["value"]
    assert spread["test_noise_0"]["single"][0] == pytest.approx(rates, abs=0.01)
    assert [len(spread["test"][name]) for name in ("single", "averaged")] == [4, 2]


def test_again_redoes_nothing(recipe, tree):
    before = {p: p.stat().st_mtime_ns for p in recipe.glob("exp/*/*.json")}
    done = tree.run(recipe, "./run.sh", *WORDS, "--stage", "4", "--stop_stage", "8")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("all done before") >= 5
    assert "training: done before" in done.stdout
    assert {p: p.stat().st_mtime_ns for p in recipe.glob("exp/*/*.json")} == before


def test_the_packed_model_has_the_calibration_of_its_dev_scores(recipe):
    """Of both systems; by the same fit of the same file of scores."""
    for name in (EE, SV):
        fitted = json.loads((recipe / f"exp/{name}/calibration/calibration.json").read_text())
        root = recipe / "exp" / name
        trials = read_trials(recipe / "dump/raw/dev/trials")
        scores = scores_of(trials, read_scores(root / "calibration/dev/scores.txt"), "scores", "trials")
        is_target = trials.is_target
        expected = fit_calibration(scores[is_target], scores[~is_target], 0.05)
        assert (fitted["scale"], fitted["offset"]) == pytest.approx(tuple(expected))
        metrics = json.loads((root / "scores/test/metrics.json").read_text())
        assert metrics["calibration"]["scale"] == fitted["scale"]
    packed = EmbeddingEnhancer.load(recipe / f"exp/{EE}/packed.zip")
    assert packed.origin.calibration == json.loads((recipe / f"exp/{EE}/calibration/calibration.json").read_text())


def test_speech_without_labels(recipe, tree):
    """Without utt2spk the same pairs come out, but for babble, of which there is none."""
    for name in ("utt2spk", "spk2utt", "spk2gender"):
        (recipe / "dump/raw/unlabelled" / name).unlink(missing_ok=True)
    words = ["--stage", "4", "--stop_stage", "4", "--valid_sets", "unlabelled"]
    done = tree.run(recipe, "./run.sh", *WORDS, *words)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (recipe / f"dump/pairs/{SV}/unlabelled/utt2spk").exists()
    for name in ("clean", "music", "noise", "room"):
        one, other = (vectors_in(recipe / f"dump/pairs/{SV}/{s}/{name}.scp", recipe) for s in ("dev", "unlabelled"))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)


def test_verification_takes_the_enhancer(recipe, tree):
    folder = recipe.parent / "sv"
    words = [
        *MINI,
        "--calibrate",
        "false",
        "--test_noises",
        "noise",
        "--ood_noises",
        "",
        "--stage",
        "7",
        "--stop_stage",
        "9",
    ]
    words[words.index("--snrs") + 1] = "0"
    done = tree.run(folder, "./run.sh", *words, "--ee_exp", f"../ee/exp/{EE}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"({EE})" in (folder / "exp/RESULTS.md").read_text()
    scores = [
        path / "test_noise_0/scores.txt" for path in (folder / f"exp/{SV}/scores_{EE}", recipe / f"exp/{EE}/scores")
    ]
    (pairs, cosines), (others, expected) = (
        zip(*(row.rsplit(" ", 1) for row in path.read_text().splitlines()), strict=True) for path in scores
    )
    assert pairs == others
    # Other utterances are in the batches of the enhancer.
    assert [float(x) for x in cosines] == pytest.approx([float(x) for x in expected], abs=1e-6)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--sv_exp", "nowhere"], "nowhere"),
        (["--ee_args", "--model.init_args.dim 7", "--ee_tag", "seven"], "dim 7"),
        (["--ee_config", "conf/pairs_train.yaml", "--ee_tag", "odd"], "extractor"),
        (["--scoring", "dot"], "--scoring"),
    ],
)
def test_what_does_not_fit_is_refused(words, fault, recipe, tree):
    done = tree.run(recipe, "./run.sh", *WORDS, "--stage", "6", *words)
    assert done.returncode == 1
    assert fault in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
