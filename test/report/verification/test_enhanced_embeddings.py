"""What the report of embedding enhancement adds: means by test set, costs, spread over seeds; by hand-made results."""

import json
from pathlib import Path

import pytest
from helpers.trial_scores import write_metrics

from toolkit.io.errors import InputError
from toolkit.report.markdown import section_markdown
from toolkit.report.verdict import verdicts
from toolkit.report.verification.enhanced_embeddings import (
    sections,
    table_of_costs,
    table_of_spread,
    table_of_timesteps,
)
from toolkit.report.verification.trial_results import collect
from toolkit.report.verification.trial_tables import NONE, name_test_sets, summary

SETS = [
    ("test", "clean", None),
    ("test_babble_0", "babble", 0),
    ("test_babble_10", "babble", 10),
    ("test_ood_0", "ood", 0),
]


@pytest.fixture
def experiments(tmp_path):
    """The extractor with EERs 1, 10, 6, 20; the enhancer with 2, 8, 4, 16."""
    for name, rates in (("ge2e", (1, 10, 6, 20)), ("ee_x", (2, 8, 4, 16))):
        for (test_set, noise, snr), rate in zip(SETS, rates, strict=True):
            write_metrics(tmp_path / name, test_set, noise, snr, rate)
    info = {"extractor": {"extractor": "ge2e", "digest": "1"}, "steps": 1000}
    (tmp_path / "ee_x/train_info.json").write_text(json.dumps(info))
    return [collect(tmp_path / name) for name in ("ee_x", "ge2e")]


def cells(section, name: str) -> list[str]:
    """Of the row that begins with ``name``."""
    (row,) = [row for row in (section.blocks[1].header, *section.blocks[1].rows) if row[0] == name]
    return list(row)


def test_means_by_test_set(experiments):
    table = summary(experiments, ["ood"])
    assert [cell.split()[0] for cell in cells(table, "ee_x")[1::2]] == ["2.00", "6.00", "16.00"]
    assert cells(table, "ge2e")[2::2] == ["1.000", "8.000", "20.000"]  # minDCF, which is the EER's number here


def test_one_test_set_of_two_stays_in_its_columns(tmp_path):
    for name, tests in (("ee_x", ("test", "libri")), ("cascade", ("libri",))):
        for i, test in enumerate(tests):
            write_metrics(tmp_path / name, test, "clean", None, 1 + i)
            write_metrics(tmp_path / name, f"{test}_babble_0", "babble", 0, 11 + i)
        cost = {"parts": ["A"], "parameters": 1, "rtf_1thread": 0.1, "peak_memory_mib": 2.0, "seconds": 4.0}
        (tmp_path / name / "cost.json").write_text(json.dumps(cost))
    experiments = [collect(tmp_path / name) for name in ("ee_x", "cascade")]
    name_test_sets(experiments)
    table = summary(experiments, [])
    header = cells(table, "System")[1::2]
    row = dict(zip(header, (cell.split()[0] for cell in cells(table, "cascade")[1::2]), strict=True))
    assert {name.split(":")[0]: value for name, value in row.items()} == {
        "libri, clean": "1.00", "libri, in noise": "11.00", "test, clean": NONE, "test, in noise": NONE
    }  # fmt: skip
    costs = table_of_costs(experiments, [])
    assert cells(costs, "ee_x")[-2:] == ["1.50", "11.50"]
    assert cells(costs, "cascade")[-2:] == [NONE, NONE]


def test_the_verdict_is_over_the_extractor(experiments):
    (verdict,) = verdicts(experiments)
    clean, noisy = verdict.claims
    assert (clean.over, clean.value, clean.reference_value) == ("test, clean", 2.0, 1.0)
    assert (noisy.value, noisy.reference_value) == pytest.approx((28 / 3, 12))
    assert clean.gain == -1


def test_costs(experiments):
    assert table_of_costs(experiments, ["ood"]) is None
    cost = {
        "parts": ["GE2E", "SEED"],
        "parameters": 3861504,
        "rtf_1thread": 0.0061,
        "peak_memory_mib": 31.4,
        "seconds": 4.0,
    }
    Path(experiments[0].expdir, "cost.json").write_text(json.dumps(cost))
    assert cells(table_of_costs(experiments, ["ood"]), "ee_x")[1:] == [
        *("GE2E -> SEED", "3.86", "0.0061", "31", "2.00", "6.00"),
    ]


def test_spread(experiments):
    spread = {"test": ("clean", None, [2, 3, 1], [1]), "test_babble_0": ("babble", 0.0, [8, 6, 10], [5])}
    spread["test_babble_10"] = ("babble", 10.0, [4, 6, 2], [3])
    sets = {
        name: {"condition": {"noise": noise, "snr": snr}, "single": single, "averaged": averaged, "timesteps": [4, 2]}
        for name, (noise, snr, single, averaged) in spread.items()
    }
    path = Path(experiments[0].expdir, "sampling.json")
    path.write_text(json.dumps({"seeds": 3, "draws": 3, "timesteps": [1, 50], "scoring": "cosine", "sets": sets}))
    rows = table_of_spread(experiments, []).blocks[1].rows
    numbers = [list(row[2:]) for row in rows]
    assert numbers[0] == ["1", "2.00", "1.00", "2.00", "3.00", "1.00 to 1.00"]
    assert numbers[1] == ["2", "6.00", "6.00", "6.00", "6.00", "4.00 to 4.00"]
    assert len(sections(experiments, [])) == 2
    assert "| ee_x | clean | 4.00 | 2.00 |" in section_markdown(table_of_timesteps(experiments, []))
    path.write_text('{"seeds": 3}')
    with pytest.raises(InputError, match=r"sampling\.json"):
        table_of_spread(experiments, [])
