import json

import numpy as np
import pytest

from toolkit.bin.cli import run
from toolkit.bin.sv_score import main
from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.metrics.verification import eer, min_dcf

UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(6) for u in range(4)}
UTTS = list(UTT2SPK)
PAIRS = [(a, b) for i, a in enumerate(UTTS) for b in UTTS[i + 1 :]]


def embeddings():
    rng = np.random.default_rng(0)
    centre = {spk: rng.normal(size=16) for spk in sorted(set(UTT2SPK.values()))}
    return {utt: 3 * centre[spk] + 3 * rng.normal(size=16) for utt, spk in UTT2SPK.items()}


def write_embeddings(path, vectors):
    with ArkWriter(path / "embedding.ark") as ark:
        for utt, vector in vectors.items():
            ark.write(utt, vector)
    write_table(path / "embedding.scp", ark.scp)


def write_trials(path, pairs):
    label = {True: "target", False: "nontarget"}
    path.write_text("".join(f"{a} {b} {label[UTT2SPK[a] == UTT2SPK[b]]}\n" for a, b in pairs))


@pytest.fixture
def setup(tmp_path):
    """Embeddings, trials and speakers in tmp_path; call it to score them."""
    write_embeddings(tmp_path, embeddings())
    write_trials(tmp_path / "trials", PAIRS)
    write_table(tmp_path / "utt2spk", UTT2SPK)

    def score(*more):
        inputs = ["--trials", "trials", "--embeddings", "embedding.scp", "--utt2spk", "utt2spk"]
        paths = [word if word.startswith("-") else str(tmp_path / word) for word in inputs]
        main([*paths, "--output", str(tmp_path / "out"), "--resamples", "50", *more])
        return json.loads((tmp_path / "out/metrics.json").read_text())

    return score


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_scores_are_cosines_in_the_order_of_the_trials(setup, tmp_path):
    setup()
    vectors, lines = embeddings(), (tmp_path / "out/scores.txt").read_text().splitlines()
    assert [tuple(line.split()[:2]) for line in lines] == PAIRS
    expected = [cosine(vectors[a], vectors[b]) for a, b in PAIRS]
    assert [float(line.split()[2]) for line in lines] == pytest.approx(expected, abs=2e-6)
    assert all(len(line.split(".")[1]) == 6 for line in lines)


def test_metrics_are_those_of_the_written_scores(setup, tmp_path):
    metrics = setup()["metrics"]
    rows = [line.split() for line in (tmp_path / "out/scores.txt").read_text().splitlines()]
    target = [float(s) for a, b, s in rows if UTT2SPK[a] == UTT2SPK[b]]
    nontarget = [float(s) for a, b, s in rows if UTT2SPK[a] != UTT2SPK[b]]
    assert metrics["eer"]["value"] == pytest.approx(100 * eer(target, nontarget)[0], abs=1e-4)
    for p in (0.01, 0.05):
        assert metrics[f"min_dcf_{p}"]["value"] == pytest.approx(min_dcf(target, nontarget, p), abs=1e-6)
    for metric in metrics.values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert [metric["unit"] for metric in metrics.values()] == ["%", "", ""]


def test_counts_and_settings_are_written(setup):
    found = setup("--seed", "3", "--level", "0.9", "--name", "mine")
    assert (found["set"], found["n_speakers"]) == ("mine", 6)
    assert (found["n_target"], found["n_nontarget"]) == (6 * 6, 15 * 16)
    assert found["bootstrap"].items() >= {"resamples": 50, "level": 0.9, "unit": "speaker", "seed": 3}.items()
    assert len(found["det"]["fpr"]) == len(found["det"]["fnr"]) > 10


def test_long_lists_are_scored_in_chunks(setup, monkeypatch):
    whole = setup()
    monkeypatch.setattr("toolkit.bin.sv_score._CHUNK", 7)
    assert setup() == whole


def test_voxceleb_trials_are_accepted(setup, tmp_path):
    expected = setup()
    (tmp_path / "trials").write_text("".join(f"{int(UTT2SPK[a] == UTT2SPK[b])} {a} {b}\n" for a, b in PAIRS))
    assert setup() == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({}, {"noise": "clean", "snr": None}),
        ({"utt2noise": ["babble"], "utt2snr": ["5"]}, {"noise": "babble", "snr": 5}),
        ({"utt2noise": ["babble"], "utt2snr": ["-2.5"]}, {"noise": "babble", "snr": -2.5}),
        ({"utt2noise": ["babble"], "utt2snr": ["5", "5.0"]}, {"noise": "babble", "snr": 5}),
        ({"utt2noise": ["babble", "music"], "utt2snr": ["5"]}, {"noise": "mixed", "snr": 5}),
        ({"utt2noise": ["babble"], "utt2snr": ["5", "0"]}, {"noise": "babble", "snr": "mixed"}),
        ({"utt2noise": ["clean"], "utt2snr": ["inf"]}, {"noise": "clean", "snr": None}),
        ({"utt2noise": ["babble"]}, {"noise": "babble", "snr": None}),
    ],
)
def test_condition_comes_from_the_data_dir(setup, tmp_path, tables, expected):
    data = tmp_path / "test_set"
    data.mkdir()
    for name, values in tables.items():
        write_table(data / name, {utt: values[i % len(values)] for i, utt in enumerate(UTTS)})
    found = setup("--data_dir", str(data))
    assert (found["condition"], found["set"]) == (expected, "test_set")


def break_embedding(path, **change):
    write_embeddings(path, {utt: change.get(utt.replace("-", "_"), vector) for utt, vector in embeddings().items()})


BREAKS = {
    "embedding missing": (
        lambda p: write_table(p / "embedding.scp", {"s0-0": f"{p}/embedding.ark:5"}),
        "embedding.scp: lacks 23 of the trials' ids: s0-1,",
    ),
    "embedding NaN": (lambda p: break_embedding(p, s2_1=np.full(16, np.nan)), "s2-1: .*NaN"),
    "embedding zero": (lambda p: break_embedding(p, s2_1=np.zeros(16)), "all zero for s2-1"),
    "embedding of another size": (lambda p: break_embedding(p, s2_1=np.ones(8)), "several sizes"),
    "matrices": (lambda p: write_embeddings(p, dict.fromkeys(UTTS, np.ones((3, 4)))), "matrices, not vectors"),
    "speaker missing": (
        lambda p: write_table(p / "utt2spk", {u: s for u, s in UTT2SPK.items() if u != "s4-2"}),
        "utt2spk: lacks 1 of the trials' ids: s4-2;",
    ),
    "speakers contradict labels": (
        lambda p: write_table(p / "utt2spk", UTT2SPK | {"s0-1": "s9"}),
        "speakers s0 and s9 of trial 's0-0 s0-1' contradict",
    ),
    "one kind of trial": (lambda p: write_trials(p / "trials", [("s0-0", "s1-0")]), "all trials are of one kind"),
    "no trials": (lambda p: (p / "trials").unlink(), "no such trial list"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_bad_input_is_named_and_nothing_is_written(setup, tmp_path, case):
    spoil, message = BREAKS[case]
    spoil(tmp_path)
    with pytest.raises(InputError, match=message):
        setup()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"utt2snr": "5"}, "no utt2noise"),
        ({"utt2noise": "babble", "utt2snr": "loud"}, "utt2snr: s0-0: 'loud' is no number"),
    ],
)
def test_unclear_condition(setup, tmp_path, tables, message):
    for name, value in tables.items():
        write_table(tmp_path / name, dict.fromkeys(UTTS, value))
    with pytest.raises(InputError, match=message):
        setup("--data_dir", str(tmp_path))


@pytest.mark.parametrize("options", [["--resamples", "0"], ["--level", "1"]])
def test_settings_out_of_range(setup, options):
    with pytest.raises(InputError, match="--resamples"):
        setup(*options)


def test_exit_code_and_message(tmp_path, capsys):
    options = ["--trials", str(tmp_path / "absent"), "--embeddings", "e", "--utt2spk", "u", "--output", str(tmp_path)]
    assert run(main, options) == 1
    assert capsys.readouterr().err.startswith("error: ")
