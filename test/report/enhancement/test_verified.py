import json

import numpy as np
import pytest

from toolkit.io.bootstrap_store import NAME, write_samples
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.report.blocks import Table
from toolkit.report.enhancement.verified import collect_verified, verification
from toolkit.report.summaries import Experiment, Scores, SetSummary

DRAWS = np.array([2.0, 4.0, 6.0, 8.0, 10.0]) / 100
BOOTSTRAP = {"resamples": 5, "level": 0.5, "unit": "speaker", "seed": 0, "method": "percentile"}


def write(folder, name, noise, snr, eer, shift=0.0):
    """Scores of one set: an EER of draws that are ``shift`` percent above DRAWS."""
    out = folder / "scores" / name
    out.mkdir(parents=True)
    drawn = 100 * DRAWS + shift
    one = {"value": eer, "low": float(np.quantile(drawn, 0.25)), "high": float(np.quantile(drawn, 0.75))}
    metrics = dict.fromkeys(("eer", "min_dcf_0.01", "min_dcf_0.05"), one)
    facts = {"set": name, "condition": {"noise": noise, "snr": snr}, "metrics": metrics, "bootstrap": BOOTSTRAP}
    counts = dict.fromkeys(("n_target", "n_nontarget", "n_speakers"), 9) | {"det": {"fpr": [], "fnr": []}}
    (out / "metrics.json").write_text(json.dumps(facts | counts))
    identity = {"speakers": "x", "trials": "y", "seed": 0, "resamples": 5}
    write_samples(out / NAME, {"eer": drawn / 100}, identity)


@pytest.fixture
def root(tmp_path):
    """Two experiments, one of them with beta 0.5 too; wind is out of domain."""
    shared, one, two = tmp_path / "sv_x", tmp_path / "se_one/sv_x", tmp_path / "se_two/sv_x"
    folders = {shared / "noisy": 6, one / "enhanced": 5, one / "enhanced_beta0.5": 4, two / "enhanced": 3}
    for folder, eer in {**folders, shared / "clean": 2}.items():
        for number, name in enumerate(("rain", "wind")):
            for snr in (0, 5):
                write(folder, f"test_{name}_{snr}", name, snr, eer + number - snr / 5, eer - 6)
        write(folder, "test_all", "mixed", "mixed", eer + 10, eer - 6)
    write(shared / "noisy", "test_former_0", "former", 0, 1)
    declared = Scores([SetSummary({}, variant={"parameter": "observation", "value": 0.5})])
    experiments = [Experiment([], name=name, expdir=str(tmp_path / name)) for name in ("se_one", "se_two", "se_none")]
    experiments[0].variants["beta0.5"] = declared
    return experiments


def lines(section, part):
    """Header and rows of one of its tables: in the domain, out of it."""
    table = [block for block in section.blocks if isinstance(block, Table)][part]
    return [list(row) for row in (table.header, *table.rows)]


def test_noisy_enhanced_and_clean_by_noise_and_snr(root):
    ((name, rows),) = collect_verified(root).items()
    text = verification(name, rows, ["wind"])
    assert text.heading == "EER (%) of sv_x on noisy, enhanced and clean audio"
    assert "over the same trials with both sides noisy, both enhanced, or both clean" in text.blocks[0]
    p = "0.17"  # none of five draws is on the other side of 0: (0 + 1) / (5 + 1)
    assert lines(text, 0) == [
        ["Audio", "Rain, 0 dB", "Rain, 5 dB", "Test_all", "Avg.", "Minus noisy (points)", "p"],
        ["noisy", *cells("6.00", "5.00", "16.00", at="4.00, 8.00"), average(9, 0), "-", "-"],
        ["se_one: enhanced", *cells("5.00", "4.00", "15.00", at="3.00, 7.00"), average(8, -1), change(-1), p],
        ["se_one: enhanced, beta 0.5", *cells("4.00", "3.00", "14.00", at="2.00, 6.00"), average(7, -2), change(-2), p],
        ["se_two: enhanced", *cells("3.00", "2.00", "13.00", at="1.00, 5.00"), average(6, -3), change(-3), p],
        ["clean", *cells("2.00", "1.00", "12.00", at="0.00, 4.00"), average(5, -4), change(-4), p],
    ]
    assert lines(text, 1)[0] == ["Audio", "Wind, 0 dB", "Wind, 5 dB", "Avg.", "Minus noisy (points)", "p"]
    assert lines(text, 1)[1][1:4] == [*cells("7.00", "6.00", at="4.00, 8.00"), average(6.5, 0)]


def average(value, shift):
    """The mean over conditions, of draws that are ``shift`` per cent above DRAWS, of 9 speakers."""
    drawn = Resamples({"eer": value / 100}, {"eer": DRAWS + shift / 100}, {"eer": 9})
    _, low, high = drawn.intervals(BOOTSTRAP["level"])["eer"]
    return f"{value:.2f} [{100 * low:.2f}, {100 * high:.2f}]"


def cells(*values, at):
    return [f"{value} [{at}]" for value in values]


def change(by):
    return f"{by:.2f} [{by:.2f}, {by:.2f}]"


def test_experiments_without_verification_have_no_section(root):
    assert collect_verified(root[2:]) == {}
