from toolkit.report.blocks import Table
from toolkit.report.enhancement.noise_grid import noise_by_snr
from toolkit.report.summaries import Condition, Estimate, Experiment, SetSummary
from toolkit.report.verification.trial_tables import NONE


def metric(value):
    return Estimate(value, value - 1, value + 1)


def one_set(noise, snr, before, after, test_set="test"):
    metrics = {"si_sdr": metric(after), "si_sdr_mix": metric(before), "si_sdri": metric(after - before)}
    metrics["speaker_confusion"] = metric(9)
    return SetSummary(metrics, name=f"{test_set}_{noise}_{snr}", condition=Condition(noise, snr), test_set=test_set)


def experiment(name, sets, means=(), row_means=()):
    return Experiment(sets, list(means), name=name, expdir=f"exp/{name}", row_means=list(row_means))


def mean(sets, **values):
    return SetSummary({k: metric(v) for k, v in values.items()}, name="mean", of=[one.name for one in sets])


GRID = [one_set("rain", 0, -1, 5), one_set("rain", 10, 9, 11), one_set("wind", 0, 1, 2)]
MEAN = mean(GRID[:2], si_sdr=8.0, si_sdr_mix=4.0, si_sdri=4.0)


def lines(section, part=0):
    """Header and rows of one of its tables: in the domain, out of it."""
    table = [block for block in section.blocks if isinstance(block, Table)][part]
    return [list(row) for row in (table.header, *table.rows)]


def test_mixture_output_and_improvement_stand_below_each_other():
    text = noise_by_snr([experiment("se_a", GRID[::-1], [MEAN])], ["wind"])
    assert lines(text) == [
        ["Metric", "Experiment", "Rain, 0 dB", "Rain, 10 dB", "Avg."],
        ["SI-SDR (dB)", "unprocessed mixture", "-1.00 [-2.00, 0.00]", "9.00 [8.00, 10.00]", "4.00 [3.00, 5.00]"],
        ["SI-SDR (dB)", "se_a", "5.00 [4.00, 6.00]", "11.00 [10.00, 12.00]", "8.00 [7.00, 9.00]"],
        ["SI-SDR (dB)", "se_a: improvement", "6.00 [5.00, 7.00]", "2.00 [1.00, 3.00]", "4.00 [3.00, 5.00]"],
    ]
    assert lines(text, 1)[0] == ["Metric", "Experiment", "Wind, 0 dB"]
    assert lines(text, 1)[2] == ["SI-SDR (dB)", "se_a", "2.00 [1.00, 3.00]"]


def test_one_mixture_stands_once_and_another_is_named():
    other = [one_set("rain", 0, -1, 6), one_set("rain", 20, 19, 20)]
    loud = [one_set("rain", 0, 7, 8), one_set("rain", 10, 9, 12)]
    rows = lines(noise_by_snr([experiment(n, s) for n, s in zip("abc", (GRID[:2], other, loud), strict=True)], []))
    assert [row[1] for row in rows[1:]] == [
        *("unprocessed mixture", "unprocessed mixture (c)"),
        *("a", "a: improvement", "b", "b: improvement", "c", "c: improvement"),
    ]
    assert [row[2:5] for row in rows[1:4]] == [
        ["-1.00 [-2.00, 0.00]", "9.00 [8.00, 10.00]", "19.00 [18.00, 20.00]"],
        ["7.00 [6.00, 8.00]", "9.00 [8.00, 10.00]", NONE],
        ["5.00 [4.00, 6.00]", "11.00 [10.00, 12.00]", NONE],
    ]


def test_several_test_sets_have_rows_and_means_of_their_own():
    more = [one_set("rain", 0, 0, 3, "dev"), one_set("rain", 10, 10, 13, "dev")]
    actual = experiment("a", [*GRID[:2], *more], [mean([*GRID[:2], *more], si_sdr=99.0)], [mean(more, si_sdr=8.0)])
    rows = {row[1]: row[-1] for row in lines(noise_by_snr([actual], []))}
    assert rows["a: dev"] == "8.00 [7.00, 9.00]"
    assert rows["a: test"] == NONE
    assert {"unprocessed mixture: dev", "unprocessed mixture: test"} <= set(rows)


def test_no_grid_without_two_conditions():
    mixed = one_set("rain", "mixed", 1, 2)
    assert noise_by_snr([experiment("a", [GRID[0], mixed, one_set("none", None, 3, 4)])], []) is None
