"""Charts of a page: what toolkit.report.plots draws as pictures, as points that show their values."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from toolkit.report.blocks import Axis, Chart, Line
from toolkit.report.summaries import Condition, Estimate, SetSummary, metric_of

DET_TICKS = (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 80)  # %
_MARGIN = 0.05  # of an axis, beyond the values
_MARKED = 30  # epochs at most that have a mark each
RunLog = Mapping[str, Mapping[int, Mapping[str, float]]]


def probits(test_set: SetSummary) -> tuple[np.ndarray, np.ndarray]:
    """(N,) false alarm and miss rates of the DET curve of a set as probits, without the rates 0 and 1."""
    from scipy.special import ndtri

    fpr, fnr = np.asarray(test_set.det["fpr"]), np.asarray(test_set.det["fnr"])
    inside = (fpr > 0) & (fpr < 1) & (fnr > 0) & (fnr < 1)
    return ndtri(fpr[inside]), ndtri(fnr[inside])


def det_limits(points: Sequence[np.ndarray]) -> tuple[float, float]:
    """Ends of both axes, as probits: around all points (arrays of any shape), within 0.05 % and 80 %."""
    from scipy.special import ndtri

    rates = np.concatenate([part.ravel() for part in points]) if points else np.empty(0)
    low, high = (rates.min(), rates.max()) if rates.size else (ndtri(0.001), ndtri(0.4))
    return max(low, ndtri(0.0005)) - 0.1, min(high, ndtri(0.8)) + 0.1


def det_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Place (probit) and text (%) of the marks between the ends of an axis."""
    from scipy.special import ndtri

    places = [(float(ndtri(rate / 100)), f"{rate:g}") for rate in DET_TICKS]
    return [(place, text) for place, text in places if low <= place <= high]


def det_chart(curves: Mapping[str, Mapping[str, SetSummary]], caption: str) -> Chart:
    """DET curves on probit axes, each with its EER as a mark.

    Args:
        curves: experiment -> condition -> a set; a condition has one colour, ``clean`` is grey, and the curves of a
            second experiment are dashed.
    """
    noisy = list(dict.fromkeys(label for of in curves.values() for label in of if label != "clean"))
    lines = []
    for number, (name, of) in enumerate(curves.items()):
        for label, test_set in of.items():
            shown = f"{name}, {label}" if len(curves) > 1 else label
            colour = noisy.index(label) if label in noisy else -1
            lines.append(_det_line(shown, test_set, colour=colour, dashed=number > 0))
    low, high = det_limits([np.array(line.points) for line in lines if line.points])
    ticks = det_ticks(low, high)
    x, y = (Axis(label, low, high, ticks) for label in ("false alarm rate (%)", "miss rate (%)"))
    return Chart(caption, x, y, lines, square=True)


def _det_line(label: str, test_set: SetSummary, **style) -> Line:
    """The points of the curve, and among them, in its place, the EER."""
    from scipy.special import ndtr, ndtri

    x, y = (rates[::-1] for rates in probits(test_set))  # the rate of false alarms falls from point to point
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    texts = [f"miss {100 * ndtr(b):.3g} %, false alarm {100 * ndtr(a):.3g} %" for a, b in points]
    eer, marked = test_set.metrics["eer"], []
    if 0 < eer.value < 100:
        at = float(ndtri(eer.value / 100))
        place = int(np.searchsorted(x, at))
        points.insert(place, (at, at))
        texts.insert(place, "EER " + interval_text(eer, "eer"))
        marked.append(place)
    return Line(f"{label}, EER {eer.value:.2f} %", points, texts, marked=marked, **style)


def snr_chart(row: Mapping[Condition, SetSummary], caption: str, ood: Collection[str] = ()) -> Chart:
    """EER against SNR, a line for each kind of noise; clean speech is a level line.

    Args:
        row: condition -> the set.
        ood: kinds of noise that are out of domain; they are dashed.
    """
    snrs = sorted({condition.snr for condition in row if condition.snr is not None})
    lines = []
    for number, noise in enumerate(sorted({condition.noise for condition in row if condition.snr is not None})):
        values = [(snr, row[key].metrics["eer"]) for snr in snrs if (key := Condition(noise, snr)) in row]
        label = f"{noise} (out of domain)" if noise in ood else noise
        lines.append(_estimate_line(label, values, "SNR {:g} dB: EER {}", colour=number, dashed=noise in ood))
    clean = next((test_set.metrics["eer"] for condition, test_set in row.items() if condition.snr is None), None)
    if clean:
        ends = [(snr, clean) for snr in dict.fromkeys((snrs[0], snrs[-1]))]
        lines.insert(0, _estimate_line("clean", ends, "clean: EER {1}", colour=-1))
    ticks = [(snr, f"{snr:g}") for snr in snrs]
    x = Axis("SNR (dB)", *_around(snrs), ticks)
    level = next(iter(row.values())).bootstrap["level"]
    y = _axis(f"EER (%), {100 * level:g} % intervals", _heights(lines), from_zero=True)
    return Chart(caption, x, y, lines)


def training_charts(logs: Mapping[str, RunLog], metric: str = "eer", label: str = "EER (%)") -> list[Chart]:
    """Loss of training and validation by epoch, and a validation metric if a log has it.

    Args:
        logs: name of an experiment -> its log, of toolkit.report.verification.trial_results.read_run_log.
        metric: name of the metric in the logs.
        label: of its axis.
    """
    losses = [(name, kind, "loss") for name in logs for kind in ("train", "valid")]
    charts = []
    for title, series in (("loss", losses), (f"validation {label}", [(name, "valid", metric) for name in logs])):
        every = [_training_line(logs, *one) for one in series]
        if lines := [line for line in every if line.points]:
            epochs = [x for line in lines for x, _ in line.points]
            axes = _axis("epoch", epochs, whole=True), _axis(title, _heights(lines))
            charts.append(Chart(f"Training: {title}", *axes, lines))
    return charts


def _training_line(logs: Mapping[str, RunLog], name: str, kind: str, key: str) -> Line:
    """A value by epoch; that of training is dashed."""
    records = logs[name].get(kind, {})
    points = [(epoch, values[key]) for epoch, values in records.items() if np.isfinite(values.get(key, np.nan))]
    texts = [f"epoch {epoch}: {value:.4g}" for epoch, value in points]
    marked = range(len(points)) if len(points) < _MARKED else ()
    shown = f"{name}, {kind}" if len(logs) > 1 else kind
    colour = 2 * list(logs).index(name) + (kind == "valid")
    return Line(shown, points, texts, marked=marked, colour=colour, dashed=kind == "train")


def interval_text(estimate: Estimate, metric: str) -> str:
    """``4.56 % [4.10, 5.02]``."""
    unit, digits = metric_of(metric).unit, metric_of(metric).digits
    interval = "" if estimate.low is None else f" [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
    return f"{estimate.value:.{digits}f} {unit}".rstrip() + interval


def _estimate_line(label: str, values: Sequence[tuple[float, Estimate]], text: str, **style) -> Line:
    return Line(
        label,
        [(at, estimate.value) for at, estimate in values],
        [text.format(at, interval_text(estimate, "eer")) for at, estimate in values],
        [None if estimate.low is None else (estimate.low, estimate.high) for _, estimate in values],
        marked=range(len(values)),
        **style,
    )


def _heights(lines: Sequence[Line]) -> list[float]:
    """All values and ends of intervals of some lines."""
    heights = [y for line in lines for _, y in line.points]
    return heights + [end for line in lines for bar in line.bars if bar for end in bar]


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = _MARGIN * (high - low) or 0.5
    return low - margin, high + margin


def _axis(label: str, values: Sequence[float], *, from_zero: bool = False, whole: bool = False) -> Axis:
    """An axis around values, with round marks."""
    from matplotlib.ticker import MaxNLocator

    low, high = _around([0.0, *values] if from_zero else values)
    low = 0.0 if from_zero else low
    ticks = MaxNLocator(nbins=6, integer=whole, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return Axis(label, low, high, [(float(tick), f"{tick:g}") for tick in ticks if low <= tick <= high])
