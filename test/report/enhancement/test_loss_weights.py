from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from toolkit.report.enhancement.improvement_plots import plot_weights
from toolkit.report.enhancement.loss_weights import weight_points, weights
from toolkit.report.summaries import Estimate, Experiment, Scores, SetSummary

MODEL = {"class_path": "toolkit.models.se.conv_tasnet.ConvTasNet", "init_args": {"filters": 8}}


def experiment(name, value, alpha=None, loss="SSLMSE", betas=(), **config):
    """SI-SDR ``value``; at each beta of ``betas`` beta dB above it."""
    snr = {"class_path": "toolkit.losses.enhancement.waveform.SNR"}
    multitask = {"loss": {"class_path": f"some.place.{loss}"}, "alpha": alpha, "snr": None}
    block = (
        snr
        if alpha is None
        else {"class_path": "toolkit.losses.enhancement.waveform.Multitask", "init_args": multitask}
    )
    return Experiment(
        [one_set("test_rain_0"), one_set("test_rain_5")],
        [over(value)],
        name=name,
        config={"model": MODEL, "loss": block, "seed": 0, "expdir": f"exp/{name}"} | config,
        variants={f"beta{beta:g}": observation(beta, value) for beta in betas},
    )


def observation(beta, value):
    declared = SetSummary({}, variant={"parameter": "observation", "value": beta})
    return Scores([declared], [over(value + beta)])


def over(value):
    return SetSummary({"si_sdr": number(value)}, name="mean of 2 sets", of=["test_rain_0", "test_rain_5"])


def number(value):
    return Estimate(value, value - 1, value + 1)


def one_set(name, eer=0.0):
    return SetSummary({"eer": number(eer), "si_sdr": number(0.0)}, name=name)


SWEEP = [
    experiment("b", 12, 0.1, betas=(0.5,)),
    experiment("a", 10, 0.01, betas=(0.1, 0.5)),
    experiment("snr", 13),
]


def rows(points):
    table = weights(points).blocks[1]
    return [list(row[1:]) for row in (table.header, *table.rows)]


def test_alpha_by_beta():
    assert rows(weight_points(SWEEP, {})) == [
        ["Metric", "Loss", "Alpha", "Experiment", "Beta 0", "Beta 0.1", "Beta 0.5"],
        ["SI-SDR (dB)", "SNR", "-", "snr", "13.00 [12.00, 14.00]", "-", "-"],
        ["SI-SDR (dB)", "SSLMSE", "0.01", "a", "10.00 [9.00, 11.00]", "10.10 [9.10, 11.10]", "10.50 [9.50, 11.50]"],
        ["SI-SDR (dB)", "SSLMSE", "0.1", "b", "12.00 [11.00, 13.00]", "-", "12.50 [11.50, 13.50]"],
    ]


def test_what_no_experiment_with_alpha_was_scored_by_has_no_row():
    more = experiment("snr", 13)
    more.means[0].metrics["sdr"] = number(14)
    assert {point.metric for point in weight_points([*SWEEP[:2], more], {})} == {"SI-SDR (dB)"}


def test_error_rates_have_rows_where_all_sets_were_verified():
    whole = [one_set("test_rain_0", 3.0), one_set("test_rain_5", 5.0)]
    verified = {"sv_x": [
        Experiment(whole),
        Experiment(whole, enhancer="a"),
        Experiment(whole[:1], enhancer="b", beta=0.5),
    ]}  # fmt: skip
    actual = [row for row in rows(weight_points(SWEEP, verified)) if row[0] == "EER of sv_x (%)"]
    assert actual == [["EER of sv_x (%)", "SSLMSE", "0.01", "a", "4.00 [-]", "-", "-"]]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [experiment("c", 1, 0.01)],
        [experiment("c", 1, 0.1, "LMFB")],
        [experiment("c", 1, 0.1, optimizer={"lr": 1})],
        [replace(SWEEP[0], config=None)],
    ],
)
def test_nothing_where_experiments_do_not_differ_in_alpha_alone(others):
    assert weight_points([SWEEP[1], SWEEP[2], *others], {}) == []
    assert weights([]) is None


def test_two_sweeps_of_one_loss_are_told_apart():
    other = [experiment(name, 5, alpha, seed=1) for name, alpha in (("c", 0.01), ("d", 1.0))]
    losses = {(row[1], row[3]) for row in rows(weight_points([*SWEEP, *other], {}))[1:]}
    assert {name for _, name in losses} == {"a", "b", "c", "d", "snr"}
    assert len({loss for loss, name in losses if name != "snr"}) == 2


def test_curves(monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr(
        FigureCanvasAgg, "print_png", lambda self, path: (figures.append(self.figure), open(path, "wb").close())
    )
    plot_weights(weight_points(SWEEP, {}), tmp_path / "alpha.png", "title")
    (ax,) = figures[0].axes
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.01", "0.1"]
    curves = {line.get_label(): line.get_xydata().tolist() for line in ax.lines if line.get_label()[0] != "_"}
    assert curves["SSLMSE, beta 0"] == [[0, 10], [1, 12]]
    assert curves["SSLMSE, beta 0.1"] == [[0, 10.1]]
    assert curves["SSLMSE, beta 0.5"] == [[0, 10.5], [1, 12.5]]
    assert {y for _, y in curves["snr"]} == {13}
