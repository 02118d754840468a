"""Sections of a report of recognised text: error rates by set and by condition, comparisons, the worst utterances."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from toolkit.metrics.recognition.registry import METRICS
from toolkit.metrics.recognition.word_errors import UNITS, aligned_words
from toolkit.report.blocks import Alignment, Block, Code, Section, Table
from toolkit.report.bootstrap_samples import mean_over
from toolkit.report.enhancement.audio_tables import rows_by_set
from toolkit.report.recognition.utterance_errors import KINDS, UtteranceErrors, errors_of
from toolkit.report.summaries import Experiment
from toolkit.report.verification.trial_tables import NONE, condition_matrices, metric_cell

_WORST = 10  # utterances that are shown
_ALIGNED = "Above the reference, below the hypothesis. S: substitution, D: deletion, I: insertion; ***: no word."


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
    rows = []
    for one in _worst(results):
        texts = (Code(text) if text else NONE for text in (one.reference, one.hypothesis))
        rows.append([one.utt, one.name, *texts, _count(one.errors), _count(one.words)])
    if not rows:
        return None
    header = ["Utterance", "Set", "Reference", "Hypothesis", "Errors", "Words"]
    return Section(f"Utterances with the most word errors, {results.name}", [Table(header, rows, text_columns=4)])


class _Errors(NamedTuple):
    """An utterance of the set ``name``: its texts, the number of word errors, the words of the reference."""

    utt: str
    name: str
    reference: str
    hypothesis: str
    errors: int
    words: int


def _errors(name: str, of: UtteranceErrors, i: int) -> _Errors:
    counts = of.counts["wer"]
    return _Errors(of.utts[i], name, of.references[i], of.hypotheses[i], int(counts.errors[i]), int(counts.length[i]))


def _worst(results: Experiment) -> list[_Errors]:
    """The utterances with the most word errors over all sets, the worst first."""
    tables = [(one.name, errors_of(one)) for one in results.sets]
    ranked = [_errors(name, of, i) for name, of in tables for i in islice(of.worst, _WORST)]
    return sorted((one for one in ranked if one.errors), key=lambda one: -one.errors)[:_WORST]


def aligned_errors(results: Experiment, others: Sequence[Experiment]) -> Section:
    """These utterances word by word, each followed by what others recognised of it; only HTML shows them."""
    texts = {(other.name, one.name): errors_of(one) for other in others for one in other.sets}
    blocks: list[Block] = []
    for worst in _worst(results):
        hypotheses = dict([_aligned(results.name, worst)])
        for other in others:
            of = texts.get((other.name, worst.name))
            if of and worst.utt in of.utts and of.references[i := of.utts.index(worst.utt)] == worst.reference:
                hypotheses |= dict([_aligned(other.name, _errors(worst.name, of, i))])
        blocks.append(Alignment(worst.utt, {"set": worst.name}, hypotheses))
    return Section("Word errors", [_ALIGNED, *blocks] if blocks else [], folded=False, only_html=True)


def _aligned(experiment: str, one: _Errors) -> tuple[str, list[tuple[str, str, str]]]:
    label = f"{experiment}: {one.errors:,} errors in {one.words:,} words"
    return label, aligned_words(one.reference, one.hypothesis)
