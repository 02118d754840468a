"""The values of each utterance of a set of audio, as ``utterances.tsv`` keeps them, and why one has none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import read_lines
from toolkit.metrics.signal.registry import METRICS, metric_of, present_name
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.metrics.statistics.speaker_means import mean_intervals, resample_means
from toolkit.report.summaries import SetSummary
from toolkit.report.utterance_table import UtteranceTable, table_of

NO_REASON = "-"


def reasons_text(undefined: Mapping[str, str]) -> str:
    """A line of ``utt2undefined``: ``stoi: silent estimate; pesq_wb: no utterance detected``."""
    return "; ".join(f"{name}: {reason}" for name, reason in undefined.items()) or NO_REASON


def parse_reasons(line: str) -> dict[str, str]:
    """The reverse of :func:`reasons_text`, with the current names of metrics."""
    if line == NO_REASON:
        return {}
    return {present_name(name): reason for name, _, reason in (part.partition(": ") for part in line.split("; "))}


def reasons_of_mixture(undefined: Mapping[str, str]) -> dict[str, str]:
    """The reasons of metrics of a mixture that was scored as if it were the estimate."""
    return {f"{name}_mix": reason.replace("estimate", "mixture") for name, reason in undefined.items()}


@dataclass(frozen=True)
class UtteranceValues(UtteranceTable):
    """Values of a set's N utterances.

    Attributes:
        name: of the set.
        utts: the ids, C-sorted.
        speakers: names of the S speakers, C-sorted.
        speaker: (N,) index into them.
        values: metric -> (N,); ``<metric>_mix`` of the mixture, ``<metric>i`` the improvement, value minus input.
        undefined: why a metric has no value: utterance -> metric -> reason.
    """

    name: str
    utts: list[str]
    speakers: list[str]
    speaker: np.ndarray
    values: dict[str, np.ndarray]
    undefined: dict[str, dict[str, str]]

    compared = "utterances, speakers or metrics"
    intervals = staticmethod(mean_intervals)

    def speaker_names(self) -> list[str]:
        """See the base class."""
        return self.speakers

    def resample(self, speakers: Sequence[str], resamples: int, seed: int) -> Resamples:
        """The mean of each metric, and those of bootstrap samples of ``speakers``."""
        number = {spk: i for i, spk in enumerate(speakers)}
        index = np.array([number[spk] for spk in self.speakers], dtype=int)[self.speaker]
        return resample_means(self.values, index, resamples, seed, len(number))

    def paired(self, other: "UtteranceValues", a="A", b="B") -> tuple["UtteranceValues", "UtteranceValues"]:
        """The two with the metrics that both have, NaN where one has no finite value: a pair counts whole or not.

        Raises:
            InputError: utterances or speakers differ, or they have no metric in common; names ``a`` and ``b``.
        """
        if unpaired := set(self.utts) ^ set(other.utts):
            raise InputError(f"{b}: not the utterances of {a}: {some_of(c_sorted(unpaired))}; score both on one set")
        if self.speakers != other.speakers or (self.speaker != other.speaker).any():
            raise InputError(f"{b}: not the speakers of {a}; score both on one set")
        names = [name for name in METRICS if name in self.values and name in other.values]
        both = {name: (self.values[name], other.values[name]) for name in names}
        if not both:
            raise InputError(f"{a}, {b}: no metric is in both; score both with the same --metrics")
        finite = {name: np.isfinite(pair).all(0) for name, pair in both.items()}
        first, second = ({name: np.where(finite[name], pair[i], np.nan) for name, pair in both.items()} for i in (0, 1))
        return replace(self, values=first), replace(other, values=second)

    def gaps(self) -> Iterator[str]:
        """Metrics that some utterances lack."""
        for name, column in self.values.items():
            if (count := int(np.isfinite(column).sum())) < len(column):
                label, total = metric_of(name).label, len(column)
                yield f"{self.name}: {label} over {count:,} of {total:,} utterances, the others lack a value"


def table_of_utterances(scored: UtteranceValues) -> str:
    """Tab-separated lines, a header first: id, speaker, values, reasons; the worst of the first metric on top.

    Utterances without a value of that metric come first.
    """
    first = next(iter(scored.values))
    worst = scored.values[first] * (1 if metric_of(first).higher_is_better else -1)
    order = np.argsort(np.where(np.isnan(worst), -np.inf, worst), kind="stable")
    lines = ["\t".join(["utterance", "speaker", *scored.values, "undefined"])]
    for i in order.tolist():
        utt = scored.utts[i]
        numbers = (str(float(column[i])) for column in scored.values.values())
        why = reasons_text(scored.undefined[utt])
        lines.append("\t".join([utt, scored.speakers[scored.speaker[i]], *numbers, why]))
    return "\n".join(lines) + "\n"


def read_utterances(path) -> UtteranceValues:
    """The reverse of :func:`table_of_utterances`; utterances come C-sorted.

    Raises:
        InputError: the file is missing or malformed.
    """
    path = Path(path)
    try:
        header, *lines = (line for _, line in read_lines(path))
        names = [present_name(name) for name in header.split("\t")[2:-1]]
        rows = {utt: (spk, cells) for utt, spk, *cells in (line.split("\t") for line in lines)}
        utts = c_sorted(rows)
        values = np.array([[float(x) for x in rows[utt][1][:-1]] for utt in utts]).reshape(len(utts), len(names))
        for name in names:
            metric_of(name)
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: must be a table of utterances ({error!r}); score the set again (stage 8)") from None
    speakers = c_sorted({spk for spk, _ in rows.values()})
    number = {spk: i for i, spk in enumerate(speakers)}
    undefined = {utt: parse_reasons(rows[utt][1][-1]) for utt in utts}
    index = np.array([number[rows[utt][0]] for utt in utts], dtype=int)
    return UtteranceValues(path.parent.name, utts, speakers, index, dict(zip(names, values.T, strict=True)), undefined)


def values_of(test_set: SetSummary) -> UtteranceValues:
    """The utterances of a collected set; see toolkit.report.utterance_table.table_of."""
    return table_of(test_set, read_utterances)
