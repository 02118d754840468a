"""Plots of an experiment. matplotlib is imported by the first plot."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing_path
from toolkit.report.blocks import Chart, Plot
from toolkit.report.summaries import Condition, Estimate, SetSummary

# Okabe and Ito's colours (2008), which colour-blind readers can distinguish; without the light yellow.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SPECTROGRAM_TICKS = (250, 500, 1000, 2000, 4000, 8000)  # Hz
_SPECTROGRAM_DPI, _SPECTROGRAM_COLOURS = 100, 24  # small files: a page holds dozens
_TICKS_APART = 0.07  # of the axis, at least


def new_figure(width: float, height: float, rows: int = 1):
    """A figure of ``width`` x ``height`` inches, and its axes from top to bottom."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]
    for ax in axes:
        ax.grid(alpha=0.3, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure, path, dpi: float = 150) -> None:
    """Write a PNG. (Figure.savefig draws it twice.)"""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    with replacing_path(path) as aside:
        FigureCanvasAgg(figure).print_png(aside)


def picture(caption: str, path: Path, charts: Sequence[Chart], title: str = "") -> Plot:
    """Draw charts one below the other, of one file; returns the block that shows them.

    Lines with intervals are shifted by up to a sixth of the distance between ticks, so that their bars do not overlap.
    A grey line has a shade in place of bars.
    """
    square, number = charts[0].square, len(charts)
    height = 6.3 + 0.11 * len(charts[0].lines) if square else 3.2 + 1.3 * number
    figure, axes = new_figure(6.0 if square else 6.4, height, rows=number)
    for ax, chart in zip(axes, charts, strict=True):
        _draw_chart(ax, chart)
        if square:
            ax.plot([chart.x.low, chart.x.high], [chart.y.low, chart.y.high], color="0.6", linewidth=0.8, zorder=0)
            ax.set_aspect("equal")
            figure.legend(loc="outside lower center", ncols=2, fontsize=9)
        elif len(chart.lines) > 1:
            ax.legend(fontsize=9)
    axes[0].set_title(title)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    save_figure(figure, path)
    return Plot(caption, path, charts)


def _draw_chart(ax, chart: Chart) -> None:
    barred = [line for line in chart.lines if any(line.bars) and line.colour >= 0]
    apart = min(np.diff([at for at, _ in chart.x.ticks]), default=1.0) / max(3 * (len(barred) - 1), 12)
    widest = apart * max(len(barred) - 1, 0) / 2
    for line in chart.lines:
        x, y = np.array(line.points).reshape(-1, 2).T
        colour = COLOURS[line.colour % len(COLOURS)] if line.colour >= 0 else "0.25"
        shift = apart * barred.index(line) - widest if line in barred else 0.0
        style = "--" if line.dashed else STYLES[max(line.colour, 0) // len(COLOURS) % len(STYLES)]
        marks = {"marker": MARKERS[line.colour % len(MARKERS)], "markevery": list(line.marked), "markersize": 5}
        ax.plot(x + shift, y, style, color=colour, label=line.label, **marks)
        known = [(at, *bar) for at, bar in zip(x + shift, line.bars, strict=False) if bar]
        if known and line.colour < 0:
            at, low, high = np.array(known).T
            ax.fill_between(at, low, high, color=colour, alpha=0.1, linewidth=0)
        elif known:
            _draw_bars(ax, known, colour)
    for axis, about in ((ax.xaxis, chart.x), (ax.yaxis, chart.y)):
        axis.set_ticks([place for place, _ in about.ticks], [text for _, text in about.ticks])
    ax.set(xlim=(chart.x.low - widest, chart.x.high + widest), xlabel=chart.x.label)
    ax.set(ylim=(chart.y.low, chart.y.high), ylabel=chart.y.label)


def _draw_bars(ax, intervals: Sequence[tuple[float, float, float]], colour: str) -> None:
    """Bars at (x, low, high)."""
    at, low, high = np.array(intervals).T
    bars = {"fmt": "none", "alpha": 0.7, "elinewidth": 1.2, "capsize": 2.5}
    ax.errorbar(at, (low + high) / 2, (high - low) / 2, ecolor=colour, **bars)


def draw_curve(ax, x: Sequence[float] | np.ndarray, estimates: Sequence[Estimate], **style) -> None:
    """A line through estimates at ``x``, with the known intervals as bars; ``style`` of matplotlib's lines."""
    ax.plot(x, [estimate.value for estimate in estimates], markersize=5, **style)
    known = [(at, e.low, e.high) for at, e in zip(x, estimates, strict=True) if e.low is not None]
    if known:
        _draw_bars(ax, known, style["color"])


def draw_level(ax, estimate: Estimate, colour: str, label: str) -> None:
    """A level line, with the interval as shade."""
    ax.axhline(estimate.value, color=colour, linestyle=":", label=label)
    if estimate.low is not None:
        ax.axhspan(estimate.low, estimate.high, color=colour, alpha=0.1, linewidth=0)


def plot_spectrograms(
    pictures: Iterable[tuple[np.ndarray, Path]], hz: np.ndarray, hop_seconds: float, limits: tuple[float, float]
) -> tuple[float, float]:
    """Spectrograms on one scale: time from left to right, frequency upwards, rows of equal height.

    Args:
        pictures: (T, F) dB, clipped to ``limits``, and path of the PNG to write.
        hz: (F,) frequencies of the rows, rising.
        hop_seconds: from frame to frame.
        limits: lowest and highest level of the colours, in dB.

    Returns:
        Left and right end of the time axis, as shares of the width of each picture.
    """
    from matplotlib import colormaps

    figure, (ax,) = new_figure(3.6, 2.2)
    ax.grid(visible=False)
    colours = {
        "cmap": colormaps["magma"].resampled(_SPECTROGRAM_COLOURS),
        "vmin": limits[0],
        "vmax": limits[1],
        "interpolation": "nearest",
    }
    image = ax.imshow(np.zeros((len(hz), 1)), origin="lower", aspect="auto", **colours)
    places: list[float] = []
    ticks: list[str] = []
    for tick in sorted((tick for tick in _SPECTROGRAM_TICKS if hz[0] <= tick <= hz[-1]), reverse=True):
        place = float(np.interp(tick, hz, np.arange(len(hz))))
        if places and places[-1] - place < _TICKS_APART * len(hz):
            break
        places.append(place)
        ticks.append(f"{tick / 1000:g}")
    ax.set_yticks(places, ticks)
    ax.set(xlabel="time (s)", ylabel="frequency (kHz)")
    figure.colorbar(image, label="dB", aspect=30, pad=0.02)
    for levels, path in pictures:
        image.set(data=levels.T, extent=(-hop_seconds / 2, (len(levels) - 0.5) * hop_seconds, -0.5, len(hz) - 0.5))
        ax.set_xlim(0, (len(levels) - 0.5) * hop_seconds)
        save_figure(figure, path, _SPECTROGRAM_DPI)
        figure.set_layout_engine("none")  # keep the first layout; layout takes as long as drawing
    return float(ax.get_position().x0), float(ax.get_position().x1)


def det_choice(row: Mapping[Condition, SetSummary]) -> dict[str, SetSummary]:
    """The curves of a DET plot: clean, and each kind of noise at its lowest SNR."""
    noisy = sorted((c for c in row if c.snr is not None), key=lambda c: -c.snr)
    lowest = {c.noise: c for c in noisy}
    return {str(c): row[c] for c in [*(c for c in row if c.snr is None), *(lowest[noise] for noise in sorted(lowest))]}
