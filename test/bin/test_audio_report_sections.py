"""Sections of a report of audio: failures, sweeps, groups, grids, comparisons."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.audio_reports import BOTH, WORDS, page_of, side, spoil, table, write_experiments
from helpers.signal_scores import SETS, UTTS, values, write_scores

from toolkit.bin.report import main
from toolkit.metrics.statistics.bootstrap import stretch
from toolkit.metrics.statistics.paired import paired_difference
from toolkit.metrics.statistics.speaker_means import resample_means


@pytest.fixture
def root(tmp_path, monkeypatch):
    return write_experiments(tmp_path, monkeypatch)


def test_real_recordings_have_a_table_of_their_own(root):
    """Of each metric the means before and after, and their paired difference; other tables are as they were."""
    main(BOTH)
    summary = table("Every set")
    for name, seed in (("tse_one", 0), ("tse_two", 1)):
        write_scores(Path("exp", name), seed, "_real", sets=("call",), keep={"pesq_nb", "pesq_nb_mix"})
    main(BOTH)
    assert table("Every set") == summary
    _, rows = table("Real recordings")
    assert [(row["Over"], row["Experiment"], row["Metric"]) for row in rows] == [
        ("call", name, "PESQ (nb)") for name in ("tse_one", "tse_two")
    ]
    for row, seed in zip(rows, (0, 1), strict=True):
        actual = values("call", seed)
        gain = actual["pesq_nb"] - actual["pesq_nb_mix"]
        for column, expected in (
            ("Unprocessed", actual["pesq_nb_mix"]),
            ("Output", actual["pesq_nb"]),
            ("Change", gain),
        ):
            assert row[column].startswith(f"{expected.mean():.2f} [")
        assert (row["Utterances"], row["Speakers"]) == ("18", "6")


def test_means_over_sets(root):
    main([*WORDS[:4], "--compare", "exp/tse_two"])  # both sets are in the domain
    gains = np.array([np.subtract(*side(name, 0)) for name in SETS])
    _, rows = table("Summary")
    assert [row["Experiment"] for row in rows] == ["unprocessed mixture", "tse_one", "tse_two"]
    speaker = np.unique(list(UTTS.values()), return_inverse=True)[1]
    draws = np.mean([resample_means({"x": gain}, speaker, 60).samples["x"] for gain in gains], axis=0)
    low, high = gains.mean() + stretch(len(set(UTTS.values())), 0.95) * (
        np.quantile(draws, [0.025, 0.975]) - gains.mean()
    )
    assert rows[1]["SI-SDR improvement (dB)"] == f"{gains.mean():.2f} [{low:.2f}, {high:.2f}]"
    assert f"{gains.mean():.2f} [{low:.2f}, {high:.2f}]" in page_of().text
    assert table("Improvement")[1][0]["Over"] == "mean of 2 sets"


def test_out_of_domain_sets_are_apart(root):
    main(WORDS)
    assert [row["Over"] for row in table("Summary")[1]] == ["test", "test", "test_rain", "test_rain"]


def test_comparison_is_paired_and_p_is_that_of_the_draws(root):
    main(BOTH)
    text, rows = table("Compared with tse_one")
    assert [row["Over"] for row in rows] == list(SETS)
    speaker = np.unique(list(UTTS.values()), return_inverse=True)[1]
    pair = [resample_means({"x": values("test", seed)["si_sdr"].round(4)}, speaker, 60) for seed in (0, 1)]
    actual = paired_difference(*(one.values["x"] for one in pair), *(one.samples["x"] for one in pair), speakers=6)
    assert rows[0]["SI-SDR (dB)"] == f"{actual.value:+.2f} [{actual.low:+.2f}, {actual.high:+.2f}]"
    assert rows[0][3] == f"{actual.p:.2g}"
    assert "(speaker confusion: below 0)" in text


def test_comparison_of_other_sets_says_so(root):
    write_scores(Path("exp/tse_three"), 2, sets=("test", "elsewhere"))
    write_scores(Path("exp/tse_four"), 2, sets=("elsewhere",))
    write_scores(Path("exp/tse_five"), 2, change=drop_one)
    main([*WORDS, "--compare", "exp/tse_three", "exp/tse_four", "exp/tse_five"])
    text, rows = table("Compared with tse_one")
    assert [(row["Over"], row["Experiment"]) for row in rows] == [("test", "tse_three")]
    assert "Compared in part, tse_three: not in both: test_rain, elsewhere." in text
    assert "Not compared, tse_four: not in both: test, test_rain, elsewhere." in text
    assert "Not compared, tse_five: test: other utterances, speakers or metrics; test_rain: other" in text


def drop_one(name, tables, undefined):
    for rows in (*tables.values(), undefined):
        del rows["s0-u0"]


def test_what_has_no_value_is_said_under_the_table(root):
    write_scores(Path("exp/tse_odd"), 0, change=spoil)
    main([*WORDS, "--compare", "exp/tse_odd"])
    text, _ = table("Every set")
    expected = (
        "test, tse_odd: 1 of 18 utterances have an infinite SI-SDR, left out of the mean: inf (1); "
        "2 of 18 utterances have no PESQ (nb): no utterance detected (2)."
    )
    assert expected in text.splitlines()
    assert text.count(" of 18 utterances have") == 2
    assert "2 of 18 utterances have no PESQ (nb) improvement: no value before or after (2)" in table("Improvement")[0]
    groups = table("Groups of utterances")[1]
    assert [row["Note"] for row in groups if row["Experiment"] == "tse_odd" and row["Over"] == "test"] == [
        "few speakers; SI-SDR improvement of 8; PESQ (nb) improvement of 7",
        "few speakers",
    ]
    assert "PESQ (nb) over 16 of 18 utterances" in table("Compared with tse_one")[0]
    assert expected in page_of().text


def test_failures(root):
    main(BOTH)
    text, rows = table("Failures")
    wrong = 100 * values("test", 0)["speaker_confusion"].mean()
    assert rows[0]["Speaker confusion (%)"].startswith(f"{wrong:.2f} [")
    assert rows[0]["Residual energy (dB)"].startswith("-19.00 [")  # -10.5 ... -27.5
    assert next(row for row in rows if row["Experiment"] == "tse_two")["Residual energy (dB)"] == "-"
    assert "residual energy: output against mixture" in text


def test_sweep(root):
    main(WORDS)
    _, rows = table("Enrolment length")
    assert [(row["Over"], row["Enrolment (s)"]) for row in rows] == [
        (name, value) for name in SETS for value in ("1", "2.5", "whole")
    ]
    for row, seed in zip(rows[:3], (7, 8, 0), strict=True):
        assert row["SI-SDR improvement (dB)"].startswith(f"{np.subtract(*side('test', seed)).mean():.2f} [")
    assert Path("exp/tse_one/plots/sweep_enroll_seconds.png").is_file()
    assert not Path("exp/tse_one/plots/sweep_observation.png").exists()


def test_sets_of_a_grid_have_a_table_by_noise_and_snr(root):
    grid = ("test_rain_0", "test_rain_10", "test_clean_0")
    for name, seed in (("exp/se_one", 0), ("exp/se_two", 1)):
        write_scores(Path(name), seed, sets=grid, keep=("si_sdr", "si_sdr_mix"))
    main(["--task", "se", "--expdir", "exp/se_one", "--compare", "exp/se_two"])
    cells = {row["Experiment"]: row for row in table("By noise and SNR (dB)", "se_one")[1]}
    every = {(row["Over"], row["Experiment"]): row for row in table("Every set", "se_one")[1]}
    means = {row["Experiment"]: row for row in table("Summary", "se_one")[1] if row["Over"] == "mean of 3 sets"}
    for name in ("unprocessed mixture", "se_one", "se_two"):
        for column, over in (("Clean, 0 dB", grid[2]), ("Rain, 0 dB", grid[0]), ("Rain, 10 dB", grid[1])):
            assert cells[name][column] == every[over, name]["SI-SDR (dB)"]
            if name != "unprocessed mixture":
                assert cells[f"{name}: improvement"][column] == every[over, name]["SI-SDR improvement (dB)"]
        assert cells[name]["Avg."] == means[name]["SI-SDR (dB)"]


def test_test_sets_of_one_grid_have_means_of_their_own(root):
    grid = [f"{name}_rain_{snr}" for name in ("test", "other") for snr in (0, 10)]
    write_scores(Path("exp/se_one"), sets=grid, keep=("si_sdr", "si_sdr_mix"))
    main(["--task", "se", "--expdir", "exp/se_one"])
    cells = {row["Experiment"]: row for row in table("By noise and SNR (dB)", "se_one")[1]}
    for name in ("test", "other"):
        mean = np.mean([values(f"{name}_rain_{snr}", 0)["si_sdr"].mean() for snr in (0, 10)])
        assert cells[f"se_one: {name}"]["Avg."].startswith(f"{mean:.2f} [")


def test_experiments_that_differ_in_alpha_alone_have_a_table_and_curves(root):
    for name, alpha in (("one", 0.1), ("two", 1.0)):
        expdir = write_scores(Path(f"exp/se_{name}"), int(alpha), keep=("si_sdr", "si_sdr_mix"))
        loss = {"class_path": "Multitask", "init_args": {"loss": {"class_path": "LMFB"}, "alpha": alpha}}
        (expdir / "config.yaml").write_text(json.dumps({"model": {}, "loss": loss, "expdir": str(expdir)}))
    write_scores(Path("exp/se_two"), 5, "_beta0.5", keep=("si_sdr", "si_sdr_mix"), declared=("observation", 0.5))
    main(["--task", "se", "--expdir", "exp/se_one", "--compare", "exp/se_two"])
    _, rows = table("Multitask weight alpha by observation adding beta", "se_one")
    main_rows = {row["Experiment"]: row for row in table("Summary", "se_one")[1]}
    assert [(row["Loss"], row["Alpha"], row["Experiment"]) for row in rows] == [
        ("LMFB", "0.1", "se_one"),
        ("LMFB", "1", "se_two"),
    ]
    assert [row["Beta 0"] for row in rows] == [main_rows[row["Experiment"]]["SI-SDR (dB)"] for row in rows]
    assert rows[0]["Beta 0.5"] == "-"
    assert rows[1]["Beta 0.5"] == table("Observation adding", "se_one")[1][1]["SI-SDR (dB)"]
    assert "plots/alpha_1.png" in Path("exp/se_one/RESULTS.md").read_text()


def test_another_variant_is_a_row_of_its_own(root):
    write_scores(Path("exp/tse_one"), 5, "_other")
    main(WORDS)
    assert "tse_one (other)" in [row["Experiment"] for row in table("Every set")[1]]
    assert [row["Experiment"] for row in table("Compared with tse_one")[1]] == ["tse_one (other)"] * 2


def test_mixtures_that_differ_are_told_apart(root):
    def louder(name, tables, undefined):
        tables["si_sdr_mix"] = {utt: value + 1 for utt, value in tables["si_sdr_mix"].items()}

    write_scores(Path("exp/tse_else"), 0, change=louder)
    main([*WORDS, "--compare", "exp/tse_else"])
    text, rows = table("Every set")
    assert "unprocessed mixture (tse_else)" in [row["Experiment"] for row in rows]
    assert "test: the experiments' mixtures differ" in text
