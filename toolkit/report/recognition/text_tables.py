"""Sections of a report of recognised text: error rates by set and by condition, comparisons, the worst utterances."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import islice

from toolkit.metrics.recognition.registry import METRICS
from toolkit.metrics.recognition.word_errors import UNITS
from toolkit.report.blocks import Code, Section, Table
from toolkit.report.bootstrap_samples import mean_over
from toolkit.report.enhancement.audio_tables import rows_by_set
from toolkit.report.recognition.utterance_errors import KINDS, errors_of
from toolkit.report.summaries import Experiment
from toolkit.report.verification.trial_tables import NONE, condition_matrices, metric_cell

_WORST = 10  # utterances that are shown


def summary(experiments: Sequence[Experiment]) -> Section:
    """Both rates of each mean and set, and the word errors by kind."""
    text = (
        "Word and character error rates: substitutions, deletions and insertions over the length of the references "
        "[low, high]; lower is better. A mean counts each set the same; its errors are those of all its sets."
    )
    table = _rates(experiments, "wer", {"CER (%)": lambda one: metric_cell(one, "cer")})
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
                rows.append([over, name, metric_cell(one, metric), *numbers, *(cell(one) for cell in more.values())])
    kinds = [word.capitalize() for word in (*KINDS, UNITS[metric])]
    return Table(["Over", "Experiment", METRICS[metric].title, *kinds, *more], rows, text_columns=2)


def _count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def by_condition(experiments: Sequence[Experiment], ood: Collection[str]) -> list[Section]:
    """WER by kind of noise and SNR, apart for kinds that are out of domain; empty where no set is noisy."""
    if all(one.condition.noise == "clean" for results in experiments for one in results.sets):
        return []
    cell = partial(metric_cell, name="wer")
    return condition_matrices(experiments, ood, "WER (%)", cell=cell, average=lambda sets: cell(mean_over(sets, "")))


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
