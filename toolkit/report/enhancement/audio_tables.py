"""Tables of estimated signals in Markdown: the mixture and what every experiment makes of it, set by set."""

from collections.abc import Iterator, Mapping, Sequence

from toolkit.metrics.signal.registry import SAME_MIXTURE, metric_of
from toolkit.report.enhancement.audio_results import every_set, metrics_of
from toolkit.report.verification.trial_tables import (
    NONE,
    condition_of,
    interval_cell,
    interval_method,
    markdown,
    order_of,
    page_of,
)

MIXTURE = "unprocessed mixture"
_ABOUT = {
    "si_sdr": "SI-SDR: target against all else, at the best gain",
    "wave_snr": "SNR: target against the difference to it",
    "sdr": "SDR: as SI-SDR, a filter of 512 taps forgiven",
    "pesq_nb": "PESQ: quality, about 1 to 4.6",
    "pesq_wb": "PESQ: quality, about 1 to 4.6",
    "stoi": "STOI, ESTOI: intelligibility, 0 to 1",
    "estoi": "STOI, ESTOI: intelligibility, 0 to 1",
    "similarity": "cosine to the enrolment: of a verification system's embeddings, -1 to 1",
    "dnsmos_ovrl": "DNSMOS: estimated opinion scores, 1 to 5, without a reference",
}


def title_of(name: str) -> str:
    """``SI-SDR (dB)``, ``Speaker confusion (%)``."""
    metric = metric_of(name)
    label = metric.label[0].upper() + metric.label[1:]
    return f"{label} ({metric.unit})" if metric.unit else label


def metric_cell(metrics: Mapping[str, Mapping], name: str) -> str:
    """``12.30 [11.00, 13.60]``."""
    if metrics.get(name, {}).get("value") is None:
        return NONE
    return interval_cell(metrics[name], metric_of(name).digits)


def lost(who: str, one: Mapping, names: Sequence[str]) -> str:
    """``test, tse_x: 12 of 2,000 utterances have no STOI: silent estimate (12).``; empty where all have a value."""
    total, reasons = f"{one.get('n_utterances', 0):,}", {}
    for name in (name for name in names if name in one["metrics"]):
        metric, label = one["metrics"][name], metric_of(name).label
        if undefined := metric.get("undefined"):
            why = ", ".join(f"{reason} ({count:,})" for reason, count in undefined.items())
            what = f"{sum(undefined.values()):,} of {total} utterances have no"
            reasons.setdefault((what, f": {why}"), []).append(label)
        if infinite := metric.get("infinite"):
            why = ", ".join(f"{word} ({count:,})" for word, count in infinite.items())
            what = f"{sum(infinite.values()):,} of {total} utterances have an infinite"
            reasons.setdefault((what, f", left out of the mean: {why}"), []).append(label)
    sentence = "; ".join(f"{what} {', '.join(labels)}{why}" for (what, why), labels in reasons.items())
    return f"{who}: {sentence}." if sentence else ""


def blocks(experiments: Sequence[Mapping], *, means: bool) -> Iterator[tuple[str, list[tuple[str, Mapping]]]]:
    """What a block of rows is over, and experiment and scores of each row: the sets, or the means over sets."""
    found: dict[tuple, list[tuple[str, Mapping]]] = {}
    for results in experiments:
        for one in results.get("means", []) if means else results["sets"]:
            key = (one["set"], *one["of"]) if means else (one["set"],)
            found.setdefault(key, []).append((results["experiment"], one))
    keys = list(found)
    if not means:
        keys.sort(key=lambda key: (*order_of(condition_of(found[key][0][1])), key))
    for key in keys:
        several = sum(other[0] == key[0] for other in keys) > 1
        yield f"{key[0]} ({', '.join(key[1:])})" if several else key[0], found[key]


def mixtures(rows: Sequence[tuple[str, Mapping]]) -> list[tuple[str, dict]]:
    """The mixtures of a set, once; more than once where experiments were scored on different ones."""
    found: list[tuple[str, dict]] = []
    for name, one in rows:
        before = {key.removesuffix("_mix"): found for key, found in one["metrics"].items() if key.endswith("_mix")}
        same = next((m for _, m in found if agree(m["metrics"], before)), None)
        if same is not None:
            same["metrics"] = before | same["metrics"]
        elif before:
            found.append((f"{MIXTURE} ({name})" if found else MIXTURE, {**one, "metrics": before}))
    return found


def agree(one: Mapping[object, Mapping], two: Mapping[object, Mapping]) -> bool:
    """Are the values that both have, of metrics or of conditions, those of one mixture?"""
    pairs = [(one[name]["value"], two[name]["value"]) for name in one if name in two]
    return all(a == b if None in (a, b) else abs(a - b) < SAME_MIXTURE for a, b in pairs)


def summary(experiments: Sequence[Mapping]) -> list[tuple[str, list[tuple[str, Mapping]]]]:
    """As :func:`blocks`: means over sets, and the sets that are in no mean of their experiment."""
    alone = []
    for results in experiments:
        averaged = {name for one in results.get("means", []) for name in one["of"]}
        alone.append({**results, "sets": [one for one in results["sets"] if one["set"] not in averaged]})
    return [*blocks(experiments, means=True), *blocks(alone, means=False)]


def main_table(groups: Sequence[tuple[str, Sequence[tuple[str, Mapping]]]], *, counts: bool) -> tuple[str, str]:
    """Metrics of mixture and experiments over sets (``groups`` as of :func:`blocks`); and what has no value."""
    every = [one for _, rows in groups for _, one in rows]
    names, table, notes = metrics_of(every), [], []
    columns = list(names)
    if any("si_sdri" in one["metrics"] for one in every):
        columns.insert(1, "si_sdri")  # behind SI-SDR, which comes first
    for over, rows in groups:
        before = mixtures(rows)
        notes += [f"{over}: the experiments' mixtures differ, their numbers are not of the same data."] * (
            len(before) > 1
        )
        for name, one in [*before, *rows]:
            numbers = [f"{one[count]:,}" for count in ("n_utterances", "n_speakers")] if counts else []
            table.append([over, name, *(metric_cell(one["metrics"], column) for column in columns), *numbers])
            notes.append(lost(f"{over}, {name}", one, names))
    header = ["Over", "Experiment", *map(title_of, columns), *(["Utterances", "Speakers"] if counts else [])]
    return markdown(header, table, text_columns=2), paragraphs(notes)


def improvement_table(experiments: Sequence[Mapping]) -> tuple[str, str] | None:
    """Output minus mixture, utterance by utterance; None where no mixture was scored."""
    parts = [one for results in experiments for one in every_set(results)]
    names = [f"{name}i" for name in metrics_of(parts) if any(f"{name}i" in one["metrics"] for one in parts)]
    if not names:
        return None
    table, notes = [], []
    for means in (True, False):
        for over, rows in blocks(experiments, means=means):
            for name, one in rows:
                table.append([over, name, *(metric_cell(one["metrics"], column) for column in names)])
                notes.append(lost(f"{over}, {name}", one, names))
    header = ["Over", "Experiment", *(title_of(name.removesuffix("i")) for name in names)]
    return markdown(header, table, text_columns=2), paragraphs(notes)


def paragraphs(notes: Sequence[str]) -> str:
    """Those that say something, each by itself."""
    return "\n\n".join(note for note in notes if note) + "\n" * any(notes)


def audio_page(
    title: str,
    experiments: Sequence[Mapping],
    command: str,
    plots: Sequence[tuple[str, str]] = (),
    sections: Sequence[str] = (),
    first: Sequence[str] = (),
) -> str:
    """A whole RESULTS.md of enhancement or extraction.

    Args:
        title: its heading.
        experiments: gathered results, with means, as rows (:func:`toolkit.report.enhancement.audio_results.rows_of`).
        command: the command line that makes the page.
        plots: ``(caption, path relative to the page)``.
        sections: more of them, in Markdown, to stand before the plots.
        first: those that stand behind the summary.
    """
    names = metrics_of([one for results in experiments for one in results["sets"]])
    about = "; ".join(dict.fromkeys(_ABOUT[name] for name in names if name in _ABOUT))
    short, _ = main_table(summary(experiments), counts=False)
    table, notes = main_table(list(blocks(experiments, means=False)), counts=True)
    method = interval_method(experiments)
    parts = ["## Summary\n", f"Means [low, high]. {about}{'; higher is better. ' if about else ''}{method}\n", short]
    parts += [*first, "## Every set\n", f"Mean over utterances [low, high]. {method}\n", table, notes]
    if improved := improvement_table(experiments):
        text = "Output minus unprocessed mixture [low, high], of utterances that have both values; above 0 is better.\n"
        parts += ["## Improvement over the mixture\n", text, *improved]
    return page_of(title, experiments, command, [part for part in [*parts, *sections] if part], plots)
