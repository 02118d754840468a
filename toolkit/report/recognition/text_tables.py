"""Sections of a report of recognised text: error rates by set and by condition, comparisons, the worst utterances."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from toolkit.metrics.recognition.registry import METRICS
from toolkit.metrics.recognition.word_errors import UNITS
from toolkit.metrics.statistics.paired import Difference
from toolkit.report.blocks import Block, Code, Section, Table
from toolkit.report.enhancement.audio_tables import rows_by_set
from toolkit.report.recognition.text_comparison import mean_over
from toolkit.report.recognition.utterance_errors import KINDS, errors_of
from toolkit.report.summaries import Condition, Experiment, Summary
from toolkit.report.verification.trial_sections import difference_cells
from toolkit.report.verification.trial_tables import (
    NONE,
    Row,
    by_test_set,
    columns_of,
    condition_header,
    interval_cell,
    row_label,
)

_WORST = 10  # utterances that are shown


def rate_cell(summary: Summary, name: str) -> str:
    """``12.30 [11.00, 13.60]``, in %; without a number where the references are empty."""
    rate = summary.metrics.get(name)
    return NONE if rate is None or rate.value is None else interval_cell(rate, METRICS[name].digits)


def summary(experiments: Sequence[Experiment]) -> Section:
    """Both rates of each mean and set, and the word errors by kind."""
    text = (
        "Word and character error rates: substitutions, deletions and insertions over the length of the references "
        "[low, high]; lower is better. A mean counts each set the same; its errors are those of all its sets."
    )
    table = _rates(experiments, "wer", {"CER (%)": lambda one: rate_cell(one, "cer")})
    return Section("Summary", [text, table], folded=False)


def characters(experiments: Sequence[Experiment]) -> Section:
    """The character errors of each mean and set by kind, and the numbers of utterances and speakers."""
    more = {
        "Utterances": lambda one: _count(one.n_utterances),
        "Speakers": lambda one: _count(one.n_speakers),
        "Note": lambda one: one.note,
    }
    return Section("Character errors", [_rates(experiments, "cer", more)])


def _rates(experiments: Sequence[Experiment], metric: str, more: Mapping) -> Table:
    """A rate and its errors by kind; ``more``: head of a column -> its cell of a set."""
    rows = []
    for means in (True, False):
        for over, sets in rows_by_set(experiments, means=means):
            for name, one in sets:
                counts = one.metrics[metric].counts
                numbers = [_count(counts[kind]) for kind in (*KINDS, "length")]
                rows.append([over, name, rate_cell(one, metric), *numbers, *(cell(one) for cell in more.values())])
    kinds = [word.capitalize() for word in (*KINDS, UNITS[metric])]
    return Table(["Over", "Experiment", METRICS[metric].title, *kinds, *more], rows, text_columns=2)


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def by_condition(experiments: Sequence[Experiment], ood: Collection[str]) -> list[Section]:
    """WER by kind of noise and SNR, apart for kinds that are out of domain; empty where no set is noisy."""
    rows = [(row_label(e.name, test_set), row) for e in experiments for test_set, row in by_test_set(e).items()]
    conditions = [row for _, row in rows]
    sections: list[Section] = []
    if not any(condition.noise != "clean" for row in conditions for condition in row):
        return sections
    for heading, of_ood in (("WER (%) by noise and SNR (dB)", False), ("WER (%) under out-of-domain noise", True)):
        if columns := columns_of(conditions, ood, of_ood):
            average = ["Avg."] if len(columns) > 1 else []
            cells = [[label, *_by_column(row, columns)] for label, row in rows if row.keys() & set(columns)]
            table = Table(["Experiment", *condition_header(columns), *average], cells)
            sections.append(Section(heading, ["Value [low, high]. Avg.: mean of all columns.", table]))
    return sections


def _by_column(row: Row, columns: Sequence[Condition]) -> Iterator[str]:
    yield from (rate_cell(row[c], "wer") if c in row else NONE for c in columns)
    if len(columns) > 1:
        yield rate_cell(mean_over([row[c] for c in columns], ""), "wer") if all(c in row for c in columns) else NONE


def comparison(first: str, comparisons: Sequence[Mapping]) -> Section | None:
    """Paired differences of the other experiments; None if there are no others.

    Args:
        first: name of the experiment that the others are compared with.
        comparisons: from toolkit.report.recognition.text_comparison.compare_experiments.
    """
    if not comparisons:
        return None
    rows = [
        [over, other["experiment"], *(cell for name in METRICS for cell in _difference(rates[name], name))]
        for other in comparisons
        for over, rates in other["differences"].items()
    ]
    blocks: list[Block] = []
    if rows:
        header = ["Over", "Experiment", *(cell for metric in METRICS.values() for cell in (metric.title, "p"))]
        blocks += [
            f"An experiment's rate minus that of {first} [low, high], of the same utterances, on the same bootstrap "
            "samples of speakers: below 0 it is better. p, two-sided, is the chance of so large a difference where "
            "there is none.",
            Table(header, rows, text_columns=2),
        ]
    blocks += [f"Not compared, {other['experiment']}: {'; '.join(other['notes'])}." for other in comparisons
               if other["notes"]]  # fmt: skip
    return Section(f"Compared with {first}", blocks)


def _difference(rate: Mapping, name: str) -> list[str]:
    numbers = (float("nan") if rate[key] is None else rate[key] for key in ("value", "low", "high", "p"))
    return difference_cells(Difference(*numbers), METRICS[name].digits) if rate["value"] is not None else [NONE, NONE]


def worst_utterances(results: Experiment) -> Section | None:
    """The utterances with the most word errors, over all sets of an experiment; None if no word is wrong."""
    ranked = []
    for one in results.sets:
        errors = errors_of(one)
        for i in islice(errors.worst, _WORST):
            if count := int(errors.counts["wer"].errors[i]):
                texts = (Code(text) if text else NONE for text in (errors.references[i], errors.hypotheses[i]))
                length = int(errors.counts["wer"].length[i])
                ranked.append((count, [errors.utts[i], one.name, *texts, _count(count), _count(length)]))
    ranked.sort(key=lambda pair: -pair[0])
    if not ranked:
        return None
    header = ["Utterance", "Set", "Reference", "Hypothesis", "Errors", "Words"]
    table = Table(header, [row for _, row in ranked[:_WORST]], text_columns=4)
    return Section(f"Utterances with the most word errors, {results.name}", [table])
