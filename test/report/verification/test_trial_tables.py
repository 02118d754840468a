from dataclasses import replace

import pytest

from toolkit.io.errors import InputError
from toolkit.report.experiment_page import report_page
from toolkit.report.markdown import to_markdown
from toolkit.report.origin import interval_method, origin_section, origin_table
from toolkit.report.summaries import Estimate, Experiment, set_of
from toolkit.report.verification.trial_tables import (
    by_test_set,
    condition_matrix,
    condition_sections,
    detail_table,
    interval_cell,
    summary,
)

# ParaNoise-SV (enc.), tables 2 and 3 of the paper, which also gives the means: 3.40 and 3.90.
PAPER = {
    "clean": {None: 1.75},
    "babble": {0: 9.46, 5: 4.37, 10: 2.64, 15: 2.13, 20: 1.84},
    "music": {0: 6.20, 5: 3.62, 10: 2.46, 15: 1.95, 20: 1.81},
    "noise": {0: 5.60, 5: 3.64, 10: 2.75, 15: 2.12, 20: 2.00},
    "nonspeech": {0: 7.61, 5: 4.40, 10: 3.17, 15: 2.22, 20: 2.09},
}
BOOTSTRAP = {"resamples": 1000, "level": 0.95, "unit": "speaker", "seed": 0, "method": "percentile (EER)"}


def one_set(name, noise, snr, eer, low=1.0, high=2.0):
    dcf = {"value": 0.25, "low": 0.2, "high": 0.3125, "unit": ""}
    content = {
        "set": name,
        "condition": {"noise": noise, "snr": snr},
        "n_target": 18802,
        "n_nontarget": 18918,
        "n_speakers": 40,
        "metrics": {
            "eer": {"value": eer, "low": low, "high": high, "unit": "%"},
            "min_dcf_0.01": dcf,
            "min_dcf_0.05": dcf | {"value": 0.2004},
        },
        "bootstrap": BOOTSTRAP,
    }
    return set_of(content)


def experiment(name, sets, **facts):
    return Experiment(sets, name=name, expdir=f"exp/{name}", date="2026-01-02T03:04:05Z", **facts)


def paper(name="paranoise", without=()):
    conditions = [(noise, snr, eer) for noise, row in PAPER.items() for snr, eer in row.items()]
    sets = [
        one_set("test" if s is None else f"test_{n}_{s}", n, s, e) for n, s, e in conditions if (n, s) not in without
    ]
    return experiment(name, sets[::-1])


def cells(table, line=2):
    """Of a line as Markdown shows it: the header is line 0, the rows begin at line 2."""
    return list(table.rows[line - 2] if line else table.header)


def test_matrix_has_the_columns_and_the_mean_of_the_papers_table():
    table = condition_matrix([paper()], ["nonspeech"])
    columns = [f"{noise}, {snr} dB" for noise in ("Babble", "Music", "Noise") for snr in (0, 5, 10, 15, 20)]
    assert cells(table, 0) == ["Experiment", "Clean", *columns, "Avg."]
    expected = [f"{eer:.2f}" for noise in ("clean", "babble", "music", "noise") for eer in PAPER[noise].values()]
    assert cells(table) == ["paranoise", *expected, "3.40"]


def test_out_of_domain_noise_has_its_own_matrix():
    table = condition_matrix([paper()], ["nonspeech"], of_ood=True)
    assert cells(table, 0) == ["Experiment", *(f"Nonspeech, {snr} dB" for snr in (0, 5, 10, 15, 20)), "Avg."]
    assert cells(table) == ["paranoise", "7.61", "4.40", "3.17", "2.22", "2.09", "3.90"]


def test_no_matrix_without_such_conditions():
    assert condition_matrix([paper()], [], of_ood=True) is None


def test_a_row_that_lacks_a_condition_has_no_mean():
    table = condition_matrix([paper(), paper("other", without=[("music", 10)])], ["nonspeech"])
    assert len(table.rows) == 2
    assert (cells(table, 2)[-1], cells(table, 3)[-1]) == ("3.40", "-")
    assert cells(table, 3)[cells(table, 0).index("Music, 10 dB")] == "-"


def test_every_condition_that_some_experiment_has_is_a_column():
    clean = experiment("floor", [one_set("test", "clean", None, 30.0)])
    table = condition_matrix([clean, paper()], ["nonspeech"])
    assert cells(table, 2) == ["floor", "30.00", *["-"] * 16]


def test_snrs_rise_and_may_be_negative_or_broken():
    sets = [one_set(f"t_babble_{snr}", "babble", snr, 10.0) for snr in (5, -5, 2.5)]
    assert cells(condition_matrix([experiment("e", sets)]), 0)[1:] == [
        "Babble, -5 dB",
        "Babble, 2.5 dB",
        "Babble, 5 dB",
        "Avg.",
    ]


def test_several_test_sets_get_a_row_each():
    sets = [
        one_set("vox1_o", "clean", None, 1.0),
        one_set("vox1_e", "clean", None, 2.0),
        one_set("vox1_o_babble_-5", "babble", -5, 9.0),
    ]
    rows = by_test_set(experiment("e", sets))
    assert {label: sorted(row) for label, row in rows.items()} == {
        "vox1_o": [("babble", -5), ("clean", None)],
        "vox1_e": [("clean", None)],
    }
    table = condition_matrix([experiment("e", sets)])
    assert cells(table, 2) == ["e: vox1_o", "1.00", "9.00", "5.00"]
    assert cells(table, 3) == ["e: vox1_e", "2.00", "-", "-"]


def test_sets_that_cannot_be_told_apart():
    sets = [one_set("a", "clean", None, 1.0), one_set("a_clean", "clean", None, 1.0)]
    with pytest.raises(InputError, match="sets a and a_clean both hold the condition 'clean'"):
        by_test_set(experiment("e", sets))


def test_mixed_sets_stand_in_the_details_only():
    sets = [one_set("train_like", "mixed", "mixed", 8.0), one_set("test", "clean", None, 1.0)]
    assert cells(condition_matrix([experiment("e", sets)])) == ["e", "1.00", "1.00"]
    table = detail_table([experiment("e", sets)])
    assert [cells(table, line)[:4] for line in (2, 3)] == [
        ["e", "test", "clean", "-"],
        ["e", "train_like", "mixed", "mixed"],
    ]


def test_details_of_a_set():
    table = detail_table([experiment("e", [one_set("test_babble_5", "babble", 5, 4.567, 4.1, 5.018)])])
    assert cells(table) == [
        *("e", "test_babble_5", "babble", "5"),
        *("4.57 [4.10, 5.02]", "0.250 [0.200, 0.312]", "0.200 [0.200, 0.312]"),
        *("40", "18,802", "18,918"),
    ]


def test_interval_that_is_not_known():
    assert interval_cell(Estimate(3.14159), 2) == "3.14 [-]"


def test_origin_of_trained_and_untrained_systems():
    train = {"parameters": 7746525, "macs_thop": 8.5009e9, "epochs": 12, "wall_seconds": 90.0}
    trained = experiment("a", [], config_path="exp/a/config.yaml", seed=0, commit="abc1234", train=train)
    table = origin_table([trained, experiment("floor", [])])
    date = "2026-01-02T03:04:05Z"
    assert cells(table, 2) == ["a", "exp/a/config.yaml", "abc1234", date, "0", "7,746,525", "8.50", "12", "1.5"]
    assert cells(table, 3) == ["floor", "-", "-", date, "-", "-", "-", "-", "-"]
    section = origin_section([trained], "c")
    assert any("one second" in block for block in section.blocks if isinstance(block, str))


def test_interval_method_names_each_way_once():
    other = one_set("b", "clean", None, 1.0)
    other = replace(other, bootstrap=BOOTSTRAP | {"level": 0.9})
    text = interval_method([experiment("e", [one_set("a", "clean", None, 1.0), one_set("c", "mixed", 1, 1.0), other])])
    assert text.count("95 % bootstrap over speakers: percentile (EER), 1000 draws, seed 0") == 1
    assert text.count("90 % bootstrap over speakers") == 1


def test_tables_are_rectangular():
    for table in (condition_matrix([paper()]), detail_table([paper()]), origin_table([paper()])):
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_page_says_where_its_numbers_come_from():
    sections = [summary([paper()], ["nonspeech"]), *condition_sections([paper()], ["nonspeech"])]
    page = to_markdown(report_page("k", [paper()], "python -m x", sections, title="Results"))
    for part in ("# Results", "`python -m x`", "2026-01-02T03:04:05Z", "95 % bootstrap", "3.40", "3.90"):
        assert part in page
    # no out-of-domain table without such noise
    assert [section.heading for section in condition_sections([paper()], [])] == [
        "EER (%) by noise and SNR (dB)",
        "Every condition",
    ]


def test_summary_of_little():
    """A set that mixes conditions is in no mean."""
    table = summary([experiment("e", [one_set("mine", "mixed", "mixed", 5.0, None, None)])], []).blocks[1]
    assert (cells(table, 0)[1], cells(table)[1]) == ("mine: EER (%)", "5.00")
