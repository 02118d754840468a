"""The report of an enhancement or extraction experiment, with examples to listen to.

Read are scores*/<set>/{result.json,utterances.tsv} as summarise_audio writes them. Variants beside the main scores
(scores_enroll2s, scores_absent, scores_beta0.2) get tables of their own; others (scores_<variant>) rows of their own.
Error rates of outputs by a verification system (se.sh --sv_exp) are read in EXPDIR/sv_<x>/enhanced*, and in sv_<x>
beside EXPDIR those of noisy and clean audio.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from toolkit.io.command_line import real_number, whole_number
from toolkit.report.enhancement.audio_results import SWEEPS, collect_audio, every_set, rows_of, swept
from toolkit.report.enhancement.audio_sections import audio_sections
from toolkit.report.enhancement.audio_tables import audio_page, title_of
from toolkit.report.enhancement.headline_facts import headline_facts
from toolkit.report.enhancement.improvement_plots import Points, binned, plot_improvement, plot_sweep, plot_weights
from toolkit.report.enhancement.loss_weights import Weighed, weight_points, weights
from toolkit.report.enhancement.noise_grid import noise_by_snr
from toolkit.report.enhancement.verified import collect_verified, verification
from toolkit.report.experiment_page import Plots, draw_training, write_report
from toolkit.report.page import LISTENING, html_page
from toolkit.tasks.enhancement.audio_aggregation import add_means, add_row_means, compare_experiments, values_of
from toolkit.tasks.enhancement.audio_listening import sources_of, write_cases

KINDS = {"se": "speech enhancement", "tse": "target speaker extraction"}
OUTPUTS = {"se": "enhanced", "tse": "extracted"}


def add_arguments(parser) -> None:
    """Options of this report alone."""
    parser.add_argument("--data_root", type=Path, default=Path("dump/raw"), help="folder of the test sets' audio")
    parser.add_argument("--outputs", help="folder of EXPDIR with the outputs; default: enhanced, extracted")
    parser.add_argument(
        "--listen_sets", type=whole_number(), default=3, help="number of test sets that examples are of, the first ones"
    )
    parser.add_argument(
        "--max_seconds",
        type=real_number(0.1, 1e9, inside=True),
        default=10.0,
        help="no more than the beginning of an example",
    )


def collect_all(args) -> list[dict]:
    """The experiment, then those to compare with, each with its means over sets."""
    paths = {path.resolve(): path for path in reversed([args.expdir, *args.compare])}
    experiments = [collect_audio(path) for path in reversed(paths.values())]
    if len({one["experiment"] for one in experiments}) < len(experiments):
        for one in experiments:
            one["experiment"] = one["expdir"]
    for results in experiments:
        for scores in (results, *results["variants"].values()):
            add_means(scores, args.ood)
        add_row_means(results, args.ood)
    return experiments


def draw(results: dict, folder: Path) -> Plots:
    """Draw what there is data for; returns (caption, file) of each plot."""
    plots, points = [], {}
    for one in results["sets"]:
        if {"si_sdri", "si_sdr_mix"} <= set(one["metrics"]):
            points[one["set"]] = points_of(one)
    if any(len(one.before) for one in points.values()):
        facts = results["sets"][0]["bootstrap"]
        everything = Points(*(np.concatenate(parts) for parts in zip(*points.values(), strict=True)))
        bins = binned(everything, facts["resamples"], facts["level"], facts["seed"])
        plots.append(
            (f"SI-SDR improvement by SI-SDR of the mixture, {results['experiment']}", folder / "improvement.png")
        )
        plot_improvement(points, bins, facts["level"], plots[-1][1], results["experiment"])
    for kind, about in SWEEPS.items():
        plots += draw_sweep(results, kind, folder / f"sweep_{kind}.png", f"{about.title}, {results['experiment']}")
    return plots + draw_training(results, folder, "si_sdri", "SI-SDR improvement (dB)")


def draw_weights(points: list[Weighed], folder: Path) -> Plots:
    """Curves over alpha for each mean over sets, or for each set where there is none."""
    plots = []
    for number, over in enumerate(dict.fromkeys(point.over for point in points), 1):
        plots.append((f"Multitask weight alpha, {over}", folder / f"alpha_{number}.png"))
        plot_weights([point for point in points if point.over == over], plots[-1][1], plots[-1][0])
    return plots


def points_of(one: dict) -> Points:
    """The utterances of a set that have a finite SI-SDR before and after."""
    scored = values_of(one)
    before, gain = scored.values["si_sdr_mix"], scored.values["si_sdri"]
    is_finite = np.isfinite(before) & np.isfinite(gain)
    wrong = scored.values.get("speaker_confusion", np.zeros(len(is_finite))) == 1
    return Points(
        before[is_finite], gain[is_finite], wrong[is_finite], np.array(scored.speakers)[scored.speaker][is_finite]
    )


def draw_sweep(results: dict, kind: str, path: Path, title: str) -> Plots:
    """A curve for the mean over sets, or for each set where there is none."""
    turned, labels = swept(results, kind), [one["set"] for one in results["means"] or results["sets"]]
    for name in ("si_sdri", "si_sdr"):
        main = {one["set"]: one["metrics"][name] for one in every_set(results) if _has(one, name)}
        curves = {
            label: [(value, one["metrics"][name]) for value, scores in turned for one in every_set(scores)
                    if one["set"] == label and _has(one, name)]
            for label in labels
        }  # fmt: skip
        curves = {label: points for label, points in curves.items() if points}
        if curves:
            about = SWEEPS[kind]
            if about.is_value:
                start = {label: [(float(about.main), metric)] for label, metric in main.items()}
                curves, main = {label: start.get(label, []) + points for label, points in curves.items()}, {}
            plot_sweep(curves, main, path, title, (about.axis, title_of(name), about.main))
            return [(title, path)]
    return []


def _has(one: Mapping, name: str) -> bool:
    return one["metrics"].get(name, {}).get("value") is not None


def listen(args, results: dict) -> Path | None:
    """Write the examples; returns their folder, None where there are none."""
    folder, outputs = args.expdir / LISTENING, args.expdir / (args.outputs or OUTPUTS[args.task])
    sets = results["sets"][: args.listen_sets]
    signals = {one["set"]: values_of(one) for one in sets}
    sources = sources_of(sets, signals, args.data_root, outputs, args.task == "tse")
    return folder if write_cases(folder, sources, args.max_seconds) else None


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; ``command`` is named on its pages."""
    experiments = collect_all(args)
    results, rows = experiments[0], rows_of(experiments)
    comparisons = [compare_experiments(results, other, args.ood) for other in rows[1:]]
    verified = collect_verified(experiments)
    points = weight_points(experiments, verified)
    examples = listen(args, results)
    plots = draw(results, args.expdir / "plots") + draw_weights(points, args.expdir / "plots")
    first = [noise_by_snr(rows, args.ood), *(verification(*one, args.ood) for one in verified.items()), weights(points)]
    parts = {"sections": audio_sections(rows, comparisons), "first": [part for part in first if part]}
    title, facts = results["experiment"], headline_facts(results)
    write_report(
        args,
        {**results, "comparisons": comparisons, "verified": verified},
        rows,
        plots,
        lambda title, links: audio_page(title, rows, command, links, **parts),
        lambda text: html_page(title, KINDS[args.task], facts, text, plots, examples, args.expdir),
        notes=", examples to listen to" if examples else "",
    )
