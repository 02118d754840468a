"""Plots of an experiment. matplotlib is imported by the first plot."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing_path
from toolkit.report.charts import det_limits, det_ticks, probits
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


def plot_det(curves: Mapping[str, SetSummary], path, title: str = "") -> None:
    """DET curves on probit axes (a normal score distribution is a straight line), each with its EER as a dot.

    Args:
        curves: label -> a set, of which the DET points and the EER are drawn.
        path: of the PNG to write.
    """
    from scipy.special import ndtri

    figure, (ax,) = new_figure(6.0, 6.3 + 0.11 * len(curves))
    points = []
    for number, (label, set_result) in enumerate(curves.items()):
        x, y = probits(set_result)
        points += [x, y]
        # The clean set comes first and is grey, so the kinds of noise have the colours of plot_eer_by_snr.
        place = number - (next(iter(curves)) == "clean")
        colour = "0.25" if place < 0 else COLOURS[place % len(COLOURS)]
        eer = set_result.metrics["eer"].value
        style = STYLES[max(place, 0) // len(COLOURS) % len(STYLES)]
        ax.plot(x, y, style, color=colour, linewidth=1.6)
        marker = MARKERS[place % len(MARKERS)]
        ax.plot([], [], style + marker, color=colour, label=f"{label}, EER {eer:.2f} %")
        if 0 < eer < 100:
            ax.plot(*[ndtri(eer / 100)] * 2, marker, color=colour, markersize=6)
            points.append(np.array([ndtri(eer / 100)]))
    low, high = det_limits(points)
    ticks = det_ticks(low, high)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks([place for place, _ in ticks], [text for _, text in ticks])
    ax.plot([low, high], [low, high], color="0.6", linewidth=0.8, zorder=0)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", title=title)
    ax.set(xlabel="false alarm rate (%)", ylabel="miss rate (%)")
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    save_figure(figure, path)


def plot_eer_by_snr(row: Mapping[Condition, SetSummary], path, title: str = "", ood: Collection[str] = ()) -> None:
    """EER against SNR, a line for each kind of noise with its intervals as bars; clean speech as a level line, shaded.

    Points of the kinds are shifted by up to a sixth of the distance between SNRs, so that their bars do not overlap.

    Args:
        row: condition -> the set.
        path: of the PNG to write.
        ood: kinds of noise that are out of domain; they are dashed.
    """
    figure, (ax,) = new_figure(6.4, 4.6)
    kinds, levels = (sorted({c[i] for c in row if c.snr is not None}) for i in (0, 1))
    apart = min(np.diff(levels), default=1.0) / max(3 * (len(kinds) - 1), 12)
    for number, noise in enumerate(kinds):
        snrs = sorted(c.snr for c in row if c.noise == noise and c.snr is not None)
        eers = [row[Condition(noise, snr)].metrics["eer"] for snr in snrs]
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        label, style = (f"{noise} (out of domain)", "--") if noise in ood else (noise, "-")
        at = np.array(snrs) + apart * (number - (len(kinds) - 1) / 2)
        draw_curve(ax, at, eers, color=colour, linestyle=style, marker=marker, label=label)
    clean = next((set_result for c, set_result in row.items() if c.snr is None), None)
    if clean:
        draw_level(ax, clean.metrics["eer"], "0.25", "clean")
    level = next(iter(row.values())).bootstrap["level"]
    ax.set(xlabel="SNR (dB)", ylabel=f"EER (%), bars and shade: {100 * level:g} % intervals", title=title)
    ax.set_xticks(levels)
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=9)
    save_figure(figure, path)


def draw_curve(ax, x: Sequence[float] | np.ndarray, estimates: Sequence[Estimate], **style) -> None:
    """A line through estimates at ``x``, with the known intervals as bars; ``style`` of matplotlib's lines."""
    ax.plot(x, [estimate.value for estimate in estimates], markersize=5, **style)
    known = [(at, e.low, e.high) for at, e in zip(x, estimates, strict=True) if e.low is not None]
    if known:
        at, low, high = np.array(known).T
        middle, half = (low + high) / 2, (high - low) / 2
        ax.errorbar(at, middle, half, fmt="none", ecolor=style["color"], alpha=0.7, elinewidth=1.2, capsize=2.5)


def draw_level(ax, estimate: Estimate, colour: str, label: str) -> None:
    """A level line, with the interval as shade."""
    ax.axhline(estimate.value, color=colour, linestyle=":", label=label)
    if estimate.low is not None:
        ax.axhspan(estimate.low, estimate.high, color=colour, alpha=0.1, linewidth=0)


def plot_training(
    run_log: Mapping[str, Mapping[int, Mapping[str, float]]],
    path,
    title: str = "",
    metric: str = "eer",
    label: str = "EER (%)",
) -> None:
    """Training and validation loss by epoch, and below it a validation metric if the log has it.

    Args:
        run_log: returned by :func:`toolkit.report.verification.trial_results.read_run_log`.
        path: of the PNG to write.
        metric: name of the metric in the log.
        label: of its axis.
    """
    series = _series(run_log["valid"], metric)
    figure, axes = new_figure(6.4, 5.6 if series else 3.8, rows=2 if series else 1)
    for number, kind in enumerate(("train", "valid")):
        losses = _series(run_log[kind], "loss")
        if losses:
            axes[0].plot(
                *losses, STYLES[number], marker=MARKERS[number], markersize=4, color=COLOURS[number], label=kind
            )
    axes[0].set(ylabel="loss", title=title)
    axes[0].legend(fontsize=9)
    if series:
        axes[1].plot(*series, STYLES[1], marker=MARKERS[1], markersize=4, color=COLOURS[1])
        axes[1].set(ylabel=f"validation {label}")
        if metric == "eer":
            axes[1].set_ylim(bottom=0)
    axes[-1].set(xlabel="epoch")
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    save_figure(figure, path)


def _series(epochs: Mapping[int, Mapping[str, float]], name: str) -> tuple[list, ...] | None:
    points = [(epoch, record[name]) for epoch, record in epochs.items() if name in record]
    return tuple(map(list, zip(*points, strict=True))) if points else None


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
