from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.image import imread
from scipy.special import ndtri

from toolkit.report.charts import det_chart, snr_chart, training_charts
from toolkit.report.plots import det_choice, picture
from toolkit.report.summaries import CLEAN, Condition, Estimate, SetSummary

BOOTSTRAP = {"level": 0.95}


def one_set(eer, low=None, high=None):
    rate = np.linspace(0, 1, 21)
    det = {"fpr": rate[::-1].tolist(), "fnr": rate.tolist()}
    return SetSummary({"eer": Estimate(eer, low, high)}, det=det, bootstrap=BOOTSTRAP)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_det_curve_is_drawn_on_probit_axes(tmp_path, drawn):
    chart = det_chart({"x": {"clean": one_set(50.0), "babble 0 dB": one_set(50.0)}}, "caption")
    assert picture("caption", tmp_path / "det.png", [chart], "title").charts == [chart]
    (ax,) = drawn[0].axes
    x, y = lines(ax)["clean, EER 50.00 %"].get_data()  # 0 and 1 lie at infinity, the EER is a point more
    assert np.unique(x.round(9)) == pytest.approx(ndtri(np.arange(1, 20) / 20))
    assert x + y == pytest.approx(0 * x, abs=1e-9)
    for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        assert tick == pytest.approx(ndtri(float(label.get_text()) / 100))
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == [
        "clean, EER 50.00 %",
        "babble 0 dB, EER 50.00 %",
    ]
    assert "(%)" in ax.get_xlabel()
    assert "(%)" in ax.get_ylabel()
    assert imread(tmp_path / "det.png").ndim == 3


@pytest.mark.parametrize("eer", [0.0, 100.0])
def test_det_without_a_point_inside_the_axes(tmp_path, eer):
    perfect = replace(one_set(eer), det={"fpr": [1.0, 0.0, 0.0], "fnr": [0.0, 0.0, 1.0]})
    picture("", tmp_path / "det.png", [det_chart({"x": {"clean": perfect}}, "")])
    assert (tmp_path / "det.png").is_file()


def bars(ax):
    """x -> (low, high) of every interval's bar."""
    of_bars = (collection for collection in ax.collections if isinstance(collection, LineCollection))
    segments = [line for collection in of_bars for line in collection.get_segments()]
    return {float(x): (float(low), float(high)) for (x, low), (_, high) in segments}


def test_eer_by_snr_lines_bars_and_clean_level(tmp_path, drawn):
    row = {Condition("babble", snr): one_set(20.0 - snr, 19.0 - snr, 22.0 - snr) for snr in (10, 0, 5)}
    row |= {CLEAN: one_set(3.0, 2.0, 4.0), Condition("nonspeech", 0): one_set(9.0, 8.0, 10.0)}
    picture("", tmp_path / "eer.png", [snr_chart(row, "", ood=["nonspeech"])])
    (ax,) = drawn[0].axes
    actual = lines(ax)
    at = actual["babble"].get_xdata()
    assert list(np.round(at)) == [0, 5, 10]
    assert list(actual["babble"].get_ydata()) == [20, 15, 10]
    assert list(actual["nonspeech (out of domain)"].get_ydata()) == [9]
    assert set(actual["clean"].get_ydata()) == {3}
    assert np.allclose([bars(ax)[x] for x in at], [(19, 22), (14, 17), (9, 12)])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("SNR (dB)", "EER (%), 95 % intervals")
    assert list(ax.get_xticks()) == [0, 5, 10]


@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_bars_of_several_kinds_stand_side_by_side(tmp_path, drawn, count):
    """Each at its own place, within a sixth of the way from its SNR to the next, through its kind's mark."""
    kinds = [f"kind{n}" for n in range(count)]
    row = {Condition(kind, snr): one_set(9.0, 8.0, 10.0) for kind in kinds for snr in (0, 2, 10)}
    picture("", tmp_path / "eer.png", [snr_chart(row, "")])
    (ax,) = drawn[0].axes
    assert len(bars(ax)) == 3 * count
    for number, kind in enumerate(kinds):
        shift = lines(ax)[kind].get_xdata() - [0, 2, 10]
        assert np.ptp(shift) < 1e-9
        assert abs(shift[0]) < 2 / 6 + 1e-9
        assert (shift[0] < 0) == (number < (count - 1) / 2)
        assert set(lines(ax)[kind].get_xdata()) <= set(bars(ax))


def test_eer_by_snr_without_intervals(tmp_path, drawn):
    row = {Condition("babble", 0): one_set(9.0), Condition("babble", 5): one_set(8.0)}
    picture("", tmp_path / "eer.png", [snr_chart(row, "")])
    assert not drawn[0].axes[0].collections


def test_training_curves(tmp_path, drawn):
    log = {"train": {1: {"loss": 4.0}, 2: {"loss": 2.0}}, "valid": {1: {"eer": 9.0}, 2: {"loss": 3.0, "eer": 7.0}}}
    picture("", tmp_path / "training.png", training_charts({"x": log}))
    losses, eers = drawn[0].axes
    assert list(lines(losses)["train"].get_ydata()) == [4, 2]
    assert list(lines(losses)["valid"].get_xdata()) == [2]
    assert list(eers.get_lines()[0].get_ydata()) == [9, 7]
    assert (eers.get_xlabel(), eers.get_ylabel()) == ("epoch", "validation EER (%)")


def test_training_without_validation(tmp_path, drawn):
    picture("", tmp_path / "training.png", training_charts({"x": {"train": {1: {"loss": 4.0}}, "valid": {}}}))
    assert len(drawn[0].axes) == 1


def test_det_choice_is_clean_and_the_lowest_snr_of_each_noise():
    conditions = [("music", 5), ("babble", 20), ("babble", -5), ("clean", None), ("music", 10)]
    assert list(det_choice({Condition(*condition): SetSummary({}) for condition in conditions})) == [
        "clean",
        "babble, -5 dB",
        "music, 5 dB",
    ]
