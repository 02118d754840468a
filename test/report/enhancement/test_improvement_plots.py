import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from toolkit.report.charts import training_charts
from toolkit.report.enhancement.improvement_plots import Points, binned, plot_improvement, plot_sweep
from toolkit.report.plots import picture, plot_spectrograms
from toolkit.report.summaries import Estimate


def points(count, speakers=5):
    rng = np.random.default_rng(1)
    before = rng.permutation(np.linspace(-5, 5, count))
    speaker = np.array([f"s{i % speakers}" for i in range(count)])
    return Points(before, 8 - before + rng.normal(size=count), rng.random(count) < 0.2, speaker)


def test_bins_hold_equally_many_neighbours():
    one = points(120)
    actual = binned(one, 50, 0.9, 0)
    parts = np.array_split(np.argsort(one.before), 8)
    assert [b.n for b in actual] == [15] * 8
    assert [b.at for b in actual] == pytest.approx([one.before[p].mean() for p in parts])
    assert [b.value for b in actual] == pytest.approx([one.gain[p].mean() for p in parts])
    assert all(b.low <= b.value <= b.high for b in actual)


def test_bins_of_few_utterances_and_of_one_speaker():
    assert binned(points(11), 50, 0.9, 0) == []
    (only,) = binned(points(12, speakers=1), 50, 0.9, 0)
    assert (only.low, only.high) == (None, None)
    assert only.n == 12


def offsets(ax):
    return np.concatenate([c.get_offsets() for c in ax.collections if hasattr(c, "get_offsets")])


def test_every_utterance_is_a_dot(tmp_path, drawn):
    sets = {"a": points(40), "b": points(15)}
    plot_improvement(sets, binned(sets["a"], 50, 0.9, 0), 0.9, tmp_path / "p.png", "t")
    ax = drawn[0].axes[0]
    expected = np.concatenate([np.stack([one.before, one.gain], 1) for one in sets.values()])
    actual = {tuple(row) for row in np.round(offsets(ax), 6).tolist()}
    assert {tuple(row) for row in np.round(expected, 6).tolist()} <= actual
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert labels == ["a", "b", "nearer to the interferer", "mean of bins, 90 % intervals"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("SI-SDR of the mixture (dB)", "SI-SDR improvement (dB)")


def test_many_sets_without_speaker_confusions_or_bins(tmp_path, drawn):
    sets = {str(i): points(3)._replace(confused=np.zeros(3, bool)) for i in range(20)}
    plot_improvement(sets, [], 0.9, tmp_path / "p.png")
    assert not drawn[0].legends
    assert (tmp_path / "p.png").is_file()


def test_sweep_curves_and_levels(tmp_path, drawn):
    def at(value, known=True):
        return Estimate(value, *((value - 1, value + 1) if known else ()))

    curves = {"test": [(1.0, at(5.0)), (2.5, at(6.0, known=False))], "noisy": [(1.0, at(2.0))]}
    plot_sweep(curves, {"test": at(7.0)}, tmp_path / "p.png", "t", ("enrolment (s)", "y", "whole"))
    ax = drawn[0].axes[0]
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["test"].get_xydata().tolist() == [[1, 5], [2.5, 6]]
    assert set(lines["test, whole"].get_ydata()) == {7}
    assert "noisy, whole" not in lines
    assert list(ax.get_xticks()) == [1, 2.5]


def test_training_curve_of_another_metric(tmp_path, drawn):
    log = {"train": {1: {"loss": 3.0}}, "valid": {1: {"loss": 2.0, "si_sdri": -4.0}, 2: {"si_sdri": 5.0}}}
    picture("", tmp_path / "p.png", training_charts({"t": log}, "si_sdri", "SI-SDR improvement (dB)"))
    below = drawn[0].axes[1]
    assert below.get_lines()[0].get_xydata().tolist() == [[1, -4], [2, 5]]
    assert below.get_ylabel() == "validation SI-SDR improvement (dB)"
    assert below.get_ylim()[0] < -4  # an error rate's axis begins at 0, this one does not


@pytest.mark.parametrize(("fs", "ticks"), [(8000, ["4", "2", "1", "0.5"]), (16000, ["8", "4", "2", "1"])])
def test_ticks_of_a_linear_spectrogram_do_not_touch(tmp_path, drawn, fs, ticks):
    hz = np.fft.rfftfreq(512, 1 / fs)
    plot_spectrograms([(np.zeros((4, len(hz))), tmp_path / "p.png")], hz, 0.01, (-70, 0))
    ax = drawn[0].axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ticks
    assert np.allclose(np.interp(ax.get_yticks(), np.arange(len(hz)), hz), [1000 * float(t) for t in ticks])


def test_spectrograms_of_one_page_do_not_see_each_other(tmp_path, monkeypatch):
    rng, hz, seen = np.random.default_rng(0), np.fft.rfftfreq(64, 1 / 8000), []
    short, long = rng.uniform(-70, 0, (20, len(hz))), rng.uniform(-70, 0, (50, len(hz)))
    names = [tmp_path / f"{name}.png" for name in "abc"]
    save = FigureCanvasAgg.print_png

    def note(self, path):
        ax = self.figure.axes[0]
        seen.append((ax.images[0].get_array().T, ax.images[0].get_extent(), ax.get_xlim()))
        save(self, path)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", note)
    plot_spectrograms(zip((short, long, short), names, strict=True), hz, 0.1, (-70, 0))
    for levels, (shown, extent, seconds) in zip((short, long, short), seen, strict=True):
        np.testing.assert_array_equal(shown, levels)
        assert extent[:2] == pytest.approx([-0.05, 0.1 * len(levels) - 0.05])
        assert seconds == pytest.approx((0, 0.1 * len(levels) - 0.05))
    first, second, third = (matplotlib.image.imread(name) for name in names)
    np.testing.assert_array_equal(first, third)
    assert not np.array_equal(first, second)
