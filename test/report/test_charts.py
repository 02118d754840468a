"""Charts: the points of the files, on axes that hold them."""

import numpy as np
import pytest
from helpers.trial_scores import write_metrics
from scipy.stats import norm

from toolkit.report.charts import det_chart, snr_chart, training_charts
from toolkit.report.summaries import Condition
from toolkit.report.verification.trial_results import collect

SETS = [("test", "clean", None, 2.0), ("test_rain_0", "rain", 0, 20.0), ("test_rain_10", "rain", 10, 5.0)]


@pytest.fixture
def row(tmp_path):
    for name, noise, snr, eer in SETS:
        write_metrics(tmp_path, name, noise, snr, eer)
    return {one.condition: one for one in collect(tmp_path).sets}


def test_det_curves_are_probits_with_the_eer_on_the_diagonal(row):
    rain = row[Condition("rain", 0)]
    chart = det_chart({"a": {"clean": row[Condition("clean", None)], "rain": rain}, "b": {"rain": rain}}, "c")
    clean, ours, other = chart.lines
    rates = [[0.02, 0.02], [0.05, 0.2], [0.2, 0.05]]  # of the fixture, without 0 and 1
    np.testing.assert_allclose(clean.points, norm.ppf(rates), atol=1e-9)
    assert [clean.marked, ours.marked] == [[0], [1]]
    assert ours.points[1] == pytest.approx(norm.ppf([0.2, 0.2]), abs=1e-9)
    assert (clean.colour, ours.colour, other.colour) == (-1, 0, 0)
    assert (ours.dashed, other.dashed) == (False, True)
    for axis in (chart.x, chart.y):
        assert axis.low < norm.ppf(0.02)
        assert axis.high > norm.ppf(0.2)
        assert [place for place, _ in axis.ticks] == pytest.approx(norm.ppf([float(t) / 100 for _, t in axis.ticks]))


def test_eer_by_snr(row):
    clean, rain = snr_chart(row, "c", ood=["rain"]).lines
    assert clean.points == [(0, 2.0), (10, 2.0)]
    assert rain.points == [(0, 20.0), (10, 5.0)]
    assert rain.bars == [(19.0, 21.0), (4.0, 6.0)]
    assert rain.dashed
    assert rain.texts[1] == "SNR 10 dB: EER 5.00 % [4.00, 6.00]"


def test_training_leaves_out_what_is_not_finite():
    log = {
        "train": {1: {"loss": 3.0}, 2: {"loss": float("nan")}, 3: {"loss": 1.0}},
        "valid": {1: {"loss": 2.0, "eer": 9.0}, 3: {"loss": 1.5}},
    }
    loss, eer = training_charts({"a": log, "b": {"train": {}, "valid": {}}})
    assert [line.points for line in loss.lines] == [[(1, 3.0), (3, 1.0)], [(1, 2.0), (3, 1.5)]]
    assert [line.points for line in eer.lines] == [[(1, 9.0)]]
    assert loss.x.ticks == [(1.0, "1"), (2.0, "2"), (3.0, "3")]
    assert training_charts({"b": {"train": {}, "valid": {}}}) == []
