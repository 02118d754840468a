"""Plots of enhancement and extraction: improvement by input, metrics by the parameter of a sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from toolkit.metrics.statistics.speaker_means import mean_intervals, resample_means
from toolkit.report.enhancement.loss_weights import Weighed
from toolkit.report.plots import COLOURS, MARKERS, STYLES, draw_curve, draw_level, new_figure, save_figure
from toolkit.report.summaries import Estimate

_BINS, _PER_BIN = 8, 12  # most bins, fewest utterances per bin


class Points(NamedTuple):
    """SI-SDR of a set's N utterances.

    Attributes:
        before: (N,) dB, of the mixture.
        gain: (N,) dB, of the output minus that.
        confused: (N,) bool, is the output nearer to the interferer?
        speaker: (N,) names.
    """

    before: np.ndarray
    gain: np.ndarray
    confused: np.ndarray
    speaker: np.ndarray


@dataclass(frozen=True)
class Bin(Estimate):
    """Mean improvement of the utterances of a bin; ``at``: their mean input."""

    at: float = 0.0


def binned(points: Points, resamples: int, level: float, seed: int) -> list[Bin]:
    """Mean improvement in bins of the input of about equal size, with intervals over speakers.

    Returns:
        The bins in ascending order of their input.
    """
    count = min(_BINS, len(points.before) // _PER_BIN)
    if not count:
        return []
    place = np.empty(len(points.before), dtype=int)
    place[np.argsort(points.before, kind="stable")] = np.arange(len(place)) * count // len(place)
    gains = {str(i): np.where(place == i, points.gain, np.nan) for i in range(count)}
    _, speaker = np.unique(points.speaker, return_inverse=True)
    intervals = mean_intervals(resample_means(gains, speaker, resamples, seed), level)
    bins = []
    for name, interval in intervals.items():
        inside = place == int(name)
        value, low, high = (None if np.isnan(x) else x for x in interval)
        bins.append(Bin(value, low, high, n=int(inside.sum()), at=float(points.before[inside].mean())))
    return bins


def plot_improvement(sets: Mapping[str, Points], bins: Sequence[Bin], level: float, path, title: str = "") -> None:
    """SI-SDR improvement against the mixture's SI-SDR: a dot for each utterance, a line of the bins' means.

    Args:
        sets: name -> utterances; each has a colour if there are enough colours.
        bins: from :func:`binned`.
        level: of their intervals.
        path: of the PNG to write.
    """
    figure, (ax,) = new_figure(6.4, 4.8)
    few, total = len(sets) <= len(COLOURS) - 1, sum(len(points.before) for points in sets.values())
    size, alpha = (18, 0.7) if total < 300 else (6, 0.35)
    for number, (name, points) in enumerate(sets.items()):
        colour = COLOURS[number] if few else "0.5"
        for mask, mark in ((~points.confused, "o"), (points.confused, "x")):
            width = int(mark == "x")
            ax.scatter(points.before[mask], points.gain[mask], size, colour, mark, alpha=alpha, linewidths=width)
        if few:
            ax.scatter([], [], 24, colour, label=name)
    if any(points.confused.any() for points in sets.values()):
        ax.scatter([], [], 24, "0.4", marker="x", label="nearer to the interferer")
    if bins:
        label = f"mean of bins, {100 * level:g} % intervals"
        draw_curve(ax, [one.at for one in bins], bins, color="black", marker="o", linewidth=1.4, label=label)
    ax.axhline(0, color="0.4", linewidth=0.8, zorder=0)
    ax.set(xlabel="SI-SDR of the mixture (dB)", ylabel="SI-SDR improvement (dB)", title=title)
    if ax.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    save_figure(figure, path)


def plot_sweep(
    curves: Mapping[str, Sequence[tuple[float, Estimate]]],
    main: Mapping[str, Estimate],
    path,
    title: str,
    labels: tuple[str, str, str],
) -> None:
    """A metric against the parameter of a sweep, with intervals as bars; the main scores are a shaded level line.

    Args:
        curves: label -> value and metric at it.
        main: label -> metric of the main scores.
        path: of the PNG to write.
        title: above it.
        labels: of both axes, and of the main scores.
    """
    figure, (ax,) = new_figure(6.4, 4.4)
    x, y, whole = labels
    for number, (label, points) in enumerate(curves.items()):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        at, metrics = zip(*points, strict=True)
        draw_curve(ax, at, metrics, color=colour, marker=marker, label=label)
        if label in main:
            draw_level(ax, main[label], colour, f"{label}, {whole}")
    ax.set_xticks(sorted({value for points in curves.values() for value, _ in points}))
    ax.set(xlabel=x, ylabel=y, title=title)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    save_figure(figure, path)


def plot_weights(points: Sequence[Weighed], path, title: str = "") -> None:
    """Every metric against alpha, in one panel each; a colour for each loss, a line style for each beta.

    Alphas are spaced evenly. Losses without alpha are level lines, for beta 0 only.

    Args:
        points: over one set, or one mean of sets.
        path: of the PNG to write.
    """
    metrics = list(dict.fromkeys(point.metric for point in points))
    alphas: list[Any] = sorted({point.alpha for point in points if point.alpha is not None})
    figure, axes = new_figure(6.4, 1.2 + 2.2 * len(metrics), rows=len(metrics))
    curves: dict[tuple[str, float], list[Weighed]] = {}
    for point in points:
        if point.alpha is not None:
            curves.setdefault((point.loss, point.beta), []).append(point)
    losses, betas = (list(dict.fromkeys(coordinates)) for coordinates in zip(*sorted(curves), strict=True))
    for ax, metric in zip(axes, metrics, strict=True):
        for (loss, beta), line in curves.items():
            colour, turn = COLOURS[losses.index(loss) % len(COLOURS)], sorted(betas).index(beta)
            on_curve = [point for point in line if point.metric == metric]
            at, estimates = [alphas.index(point.alpha) for point in on_curve], [point.estimate for point in on_curve]
            style = {"linestyle": STYLES[turn % len(STYLES)], "marker": MARKERS[turn % len(MARKERS)]}
            label = f"{loss}, beta {beta:g}" if len(betas) > 1 else loss
            draw_curve(ax, at, estimates, color=colour, label=label, **style)
        plain = [p for p in points if p.metric == metric and p.alpha is None and p.beta == 0]
        for number, point in enumerate(plain):
            linestyle = STYLES[-1 - number % len(STYLES)]
            ax.axhline(point.estimate.value, color="0.35", linestyle=linestyle, label=point.experiment)
        ax.set_ylabel(metric)
    axes[0].set_title(title)
    axes[-1].set_xticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    axes[-1].set_xlabel("alpha: weight of the SNR loss")
    legend = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=2, fontsize=9)
    save_figure(figure, path)
