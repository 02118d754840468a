"""Sections of a RESULTS.md of enhancement or extraction beyond the metrics: failures, sweeps, groups, comparisons."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from toolkit.metrics.signal.registry import about, metric_of
from toolkit.report.blocks import Section, Table
from toolkit.report.enhancement.audio_results import (
    ABSENT,
    FAILURES,
    OF_ABSENT,
    REAL,
    SWEEPS,
    metrics_of,
    scores_of,
    swept,
)
from toolkit.report.enhancement.audio_tables import missing_values, rows_by_set, title_of
from toolkit.report.summaries import Experiment, SetSummary, Summary
from toolkit.report.verification.trial_tables import NONE, metric_cell

_NO_SCORES = SetSummary({})


def real_recordings(experiments: Sequence[Experiment]) -> Section | None:
    """Recordings without references: each metric of the recordings and of the outputs, and the paired change."""
    real = [
        replace(results, sets=scores.sets, means=scores.means)
        for results in experiments
        if (scores := results.variants.get(REAL))
    ]
    names = metrics_of([part for results in real for part in results.every_set])
    rows, notes = [], []
    for means in (True, False):
        for over, parts in rows_by_set(real, means=means):
            for name, part in parts:
                counts = [NONE if n is None else f"{n:,}" for n in (part.n_utterances, part.n_speakers)]
                for metric in (metric for metric in names if metric in part.metrics):
                    cells = [metric_cell(part, key) for key in (f"{metric}_mix", metric, f"{metric}i")]
                    rows.append([over, name, title_of(metric), *cells, *counts])
                notes.append(missing_values(f"{over}, {name}", part, names))
    if not rows:
        return None
    meaning = about(names)
    text = (
        "Scores that need no reference. Means [low, high] of the unprocessed recordings, of the outputs, and of the "
        f"difference by utterance (in points, of a metric in %); higher is better. {meaning[:1].upper()}{meaning[1:]}."
    )
    header = ["Over", "Experiment", "Metric", "Unprocessed", "Output", "Change", "Utterances", "Speakers"]
    return Section("Real recordings", [text, Table(header, rows, text_columns=3), *filter(None, notes)])


def failures(experiments: Sequence[Experiment]) -> Section | None:
    """Metrics of faulty outputs."""
    rows = [row for results in experiments for row in _failures(results)]
    names = metrics_of([part for _, _, *parts in rows for part in parts], failures=True)
    if not names:
        return None
    table = [
        [over, name, *(metric_cell(absent if metric in OF_ABSENT else scores, metric) for metric in names)]
        for over, name, scores, absent in rows
    ]
    notes = [missing_values(f"{over}, {name}", part, names) for over, name, *parts in rows for part in parts]
    header = ["Over", "Experiment", *map(title_of, names)]
    text = f"{about(names)}. Lower is better."
    text = text[0].upper() + text[1:]
    return Section("Failures", [text, Table(header, table, text_columns=2), *filter(None, notes)])


def _failures(results: Experiment) -> Iterator[tuple[str, str, SetSummary, SetSummary]]:
    """Set, experiment, its scores, and those of outputs for an absent enrolled speaker.

    Of the latter only what is left: other metrics compare with a target that was not enrolled.
    """
    sets, absent = {one.name: one for one in results.every_set}, scores_of(results, ABSENT)
    for over in dict.fromkeys([*sets, *absent]):
        scores = _only(sets.get(over, _NO_SCORES), FAILURES), _only(absent.get(over, _NO_SCORES), OF_ABSENT)
        yield over, results.name, *scores


def _only(part: SetSummary, names: Sequence[str]) -> SetSummary:
    return replace(part, metrics={name: part.metrics[name] for name in names if name in part.metrics})


def sweep(experiments: Sequence[Experiment], kind: str) -> Section | None:
    """One of ``SWEEPS``: metrics at each value, and those of the main scores."""
    swept_by = SWEEPS[kind]
    rows = [row for results in experiments for row in _swept(results, kind)]
    if not rows:
        return None
    parts = [set_result for *_, value, set_result in rows if value != swept_by.main]
    extra_metrics = ("si_sdri", "speaker_confusion")
    names = metrics_of(parts) + [name for name in extra_metrics if any(name in part.metrics for part in parts)]
    table = [[*start, *(metric_cell(set_result, name) for name in names)] for *start, set_result in rows]
    notes = [
        missing_values(", ".join(start), set_result, names) for *start, set_result in rows if start[-1] != swept_by.main
    ]
    axis = swept_by.axis.split(":")[0]
    header = ["Over", "Experiment", axis[0].upper() + axis[1:], *map(title_of, names)]
    text = f"The same mixtures by {swept_by.axis}; {swept_by.main}: as in the other tables. Means [low, high]."
    return Section(swept_by.title, [text, Table(header, table, text_columns=3), *filter(None, notes)])


def _swept(results: Experiment, kind: str) -> Iterator[tuple[str, str, str, SetSummary]]:
    """Set, experiment, value and scores, for sets that have main scores; includes the main scores."""
    variants = swept(results, kind)
    for main in results.every_set:
        over, name = main.name, results.name
        rows = [
            (f"{value:g}", set_result)
            for value, scores in variants
            for set_result in scores.every_set
            if set_result.name == over
        ]
        if rows:
            rows.insert(0 if SWEEPS[kind].is_value else len(rows), (SWEEPS[kind].main, main))
            yield from ((over, name, value, set_result) for value, set_result in rows)


def groups(experiments: Sequence[Experiment]) -> Section | None:
    """Groups of utterances, for sets that have groups."""
    all_groups = list(_groups(experiments))
    if not all_groups:
        return None
    parts = [group for *_, group in all_groups if group is not None]
    names = [f"{name}i" if any(f"{name}i" in part.metrics for part in parts) else name for name in metrics_of(parts)]
    names += ["speaker_confusion"] if any("speaker_confusion" in part.metrics for part in parts) else []
    rows = []
    for *start, left_out, group in all_groups:
        if group is None:
            rows.append([*start, "left out", *[NONE] * len(names), f"{left_out:,}", NONE, "in no group"])
            continue
        cells = [metric_cell(group, name) for name in names]
        counts = [f"{n:,}" for n in (group.n_utterances, group.n_speakers)]
        rows.append([*start, left_out, *cells, *counts, "; ".join(_marks(group, names))])
    header = ["Over", "Experiment", "By", "Group", *map(title_of, names), "Utterances", "Speakers", "Note"]
    pairs = "; gender pair: of target and interferer" if any("gender pair" in start for start in all_groups) else ""
    text = f"Each group's utterances alone [low, high]{pairs}."
    return Section("Groups of utterances", [text, Table(header, rows, text_columns=4)])


def _groups(experiments: Sequence[Experiment]) -> Iterator[tuple]:
    """Set, experiment, fact, then label and scores of a group; or the number of utterances left out and None."""
    for results in experiments:
        for set_result in results.sets:
            for fact, grouping in set_result.breakdown.items():
                start = set_result.name, results.name, fact.replace("_", " ")
                yield from ((*start, label, group) for label, group in grouping.groups.items())
                if grouping.left_out:
                    yield (*start, grouping.left_out, None)


def _marks(group: Summary, names: Sequence[str]) -> Iterator[str]:
    if group.note:
        yield group.note
    for name in names:
        count = group.metrics[name].n if name in group.metrics else None
        if count is not None and count < (group.n_utterances or 0):
            yield f"{metric_of(name).label} of {count:,}"
