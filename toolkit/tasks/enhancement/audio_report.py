"""The report of an enhancement or extraction experiment, with examples to listen to.

The report reads scores*/<set>/{result.json,utterances.tsv}, which summarise_audio writes. Variants beside the main
scores (scores_enroll2s, scores_absent, scores_beta0.2) get separate tables; others (scores_<variant>) separate rows.
Error rates of outputs by a verification system (se.sh --sv_exp) come from EXPDIR/sv_<x>/enhanced*, those of noisy and
clean audio from sv_<x> beside EXPDIR. Downstream scores (--downstream) come from EXPDIR/downstream/<system>/<outputs>,
those of noisy and clean audio from downstream/<system> beside EXPDIR.
"""

import argparse
from collections.abc import Collection
from pathlib import Path

import numpy as np

from toolkit.metrics.signal.registry import METRICS
from toolkit.report.blocks import Plot
from toolkit.report.bootstrap_samples import means_over
from toolkit.report.collection import collect_all
from toolkit.report.comparison import compare_utterances, comparison_section
from toolkit.report.enhancement.audio_results import REAL, SWEEPS, collect_audio, has_value, rows_of, swept
from toolkit.report.enhancement.audio_sections import failures, groups, real_recordings, sweep
from toolkit.report.enhancement.audio_tables import every_condition, improvements, summary, title_of
from toolkit.report.enhancement.downstream_tables import collect_downstream, downstream_sections
from toolkit.report.enhancement.improvement_plots import Points, binned, plot_improvement, plot_sweep, plot_weights
from toolkit.report.enhancement.loss_weights import Weighed, main_panels, weight_points, weights
from toolkit.report.enhancement.noise_grid import grid_rows, noise_by_snr
from toolkit.report.enhancement.utterance_values import values_of
from toolkit.report.enhancement.verified import collect_verified, verification
from toolkit.report.experiment_page import LISTENING, add_listening_arguments, draw_training, write_report
from toolkit.report.summaries import Experiment, Scores, SetSummary, to_json
from toolkit.tasks import registry
from toolkit.tasks.enhancement.audio_listening import Source, write_cases


def add_arguments(parser) -> None:
    """Options that only this report has."""
    add_listening_arguments(parser)
    parser.add_argument("--outputs", help="folder of EXPDIR with the outputs; default: enhanced, extracted")


def add_means(experiment: Experiment, ood: Collection[str]) -> None:
    """Add means over the sets to the scores and to those of variants.

    Where there are several test sets, ``row_means`` are those over the grid of each.
    """
    for scores in (experiment, *experiment.variants.values()):
        scores.means = means_over(scores.sets, ood)
    rows = grid_rows(experiment)
    for row in rows.values() if len(rows) > 1 else ():
        experiment.row_means += means_over(list(row.values()), ood)


def draw(results: Experiment, folder: Path) -> list[Plot]:
    """Draw the plots that the results have data for."""
    plots, points = [], {}
    for test_set in results.sets:
        if {"si_sdri", "si_sdr_mix"} <= set(test_set.metrics):
            points[test_set.name] = points_of(test_set)
    if any(len(set_points.before) for set_points in points.values()):
        facts = results.sets[0].bootstrap
        everything = Points(*(np.concatenate(parts) for parts in zip(*points.values(), strict=True)))
        bins = binned(everything, facts["resamples"], facts["level"], facts["seed"])
        caption = f"SI-SDR improvement by SI-SDR of the mixture, {results.name}"
        plots.append(Plot(caption, folder / "improvement.png"))
        plot_improvement(points, bins, facts["level"], plots[-1].path, results.name)
    for kind, about in SWEEPS.items():
        plots += draw_sweep(results, kind, folder / f"sweep_{kind}.png", f"{about.title}, {results.name}")
    return plots + draw_training(results, folder, "si_sdri", "SI-SDR improvement (dB)")


def draw_weights(points: list[Weighed], folder: Path, stem: str = "alpha") -> list[Plot]:
    """Curves over alpha for each mean over sets, or for each set if there is no mean."""
    plots = []
    for number, over in enumerate(dict.fromkeys(point.over for point in points), 1):
        plots.append(Plot(f"Multitask weight {stem.replace('_', ', ')}, {over}", folder / f"{stem}_{number}.png"))
        plot_weights([point for point in points if point.over == over], plots[-1].path, plots[-1].caption)
    return plots


def points_of(test_set: SetSummary) -> Points:
    """The utterances of a set that have a finite SI-SDR before and after."""
    scored = values_of(test_set)
    before, gain = scored.values["si_sdr_mix"], scored.values["si_sdri"]
    is_finite = np.isfinite(before) & np.isfinite(gain)
    is_confused = scored.values.get("speaker_confusion", np.zeros(len(is_finite))) == 1
    return Points(
        before[is_finite], gain[is_finite], is_confused[is_finite], np.array(scored.speakers)[scored.speaker][is_finite]
    )


def draw_sweep(results: Experiment, kind: str, path: Path, title: str) -> list[Plot]:
    """A curve for the mean over sets, or for each set if there is no mean."""
    variants, labels = swept(results, kind), [entry.name for entry in results.means or results.sets]
    for name in ("si_sdri", "si_sdr"):
        main = {entry.name: entry.metrics[name] for entry in results.every_set if has_value(entry, name)}
        curves = {
            label: [(value, entry.metrics[name]) for value, scores in variants for entry in scores.every_set
                    if entry.name == label and has_value(entry, name)]
            for label in labels
        }  # fmt: skip
        curves = {label: points for label, points in curves.items() if points}
        if curves:
            about = SWEEPS[kind]
            if about.is_value:
                start = {label: [(float(about.main), metric)] for label, metric in main.items()}
                curves, main = {label: start.get(label, []) + points for label, points in curves.items()}, {}
            plot_sweep(curves, main, path, title, (about.axis, title_of(name), about.main))
            return [Plot(title, path)]
    return []


def listen(args, results: Experiment) -> None:
    """Write the examples to listen to; remove those that earlier scores have left, if there are none now."""
    made = args.outputs or registry.get(args.task).outputs
    # Of one experiment to compare with, the outputs are beside those of this.
    others = args.compare if len(args.compare) == 1 else []
    sources = []
    for scores, outputs in ((results, made), (results.variants.get(REAL, Scores([])), f"{made}_{REAL}")):
        for one in scores.sets[: args.listen_sets]:
            beside = {f"output of {other.name}": other / outputs / one.name for other in others}
            files = args.data_root / one.name, args.expdir / outputs / one.name
            sources.append(Source(values_of(one), *files, args.task == "tse", beside))
    write_cases(args.expdir / LISTENING, sources, args.max_seconds)


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; its pages name ``command``."""
    experiments = collect_all(args, lambda path: [collect_audio(path)])
    for results in experiments:
        add_means(results, args.ood)
    results, rows = experiments[0], rows_of(experiments)
    comparisons = [compare_utterances(results, other, args.ood) for other in rows[1:]]
    verified = collect_verified(experiments)
    downstream = collect_downstream(experiments)
    points = weight_points(experiments, verified, downstream)
    plots: list[Plot] = []
    if not args.tables_only:
        listen(args, results)
        folder = args.expdir / "plots"
        panels = draw_weights(main_panels(points, downstream), folder, "alpha_downstream")
        plots = draw(results, folder) + panels + draw_weights(points, folder)
    sections = [
        summary(rows),
        *downstream_sections(downstream),
        noise_by_snr(rows, args.ood),
        *(verification(*item, args.ood) for item in verified.items()),
        weights(points),
        every_condition(rows),
        improvements(rows),
        real_recordings(rows),
        failures(rows),
        *(sweep(rows, kind) for kind in SWEEPS),
        groups(rows),
        comparison_section(rows[0].name, comparisons, [name for name in METRICS if name != "si_sdr_interferer"]),
    ]
    content = {**to_json(results), "comparisons": comparisons, "verified": verified}
    write_report(args, content, rows, registry.get(args.task).title, command, sections, plots)
