"""The errors of each utterance of a set, as ``utterances.tsv`` keeps them: counts, reference and hypothesis."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError
from toolkit.io.text import read_lines
from toolkit.metrics.recognition.registry import limits_of
from toolkit.metrics.recognition.word_errors import UNITS, ErrorCounts, resample_rate
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.report.summaries import SetSummary
from toolkit.report.utterance_table import UtteranceTable, table_of

KINDS = ("substitutions", "deletions", "insertions")
_COUNTS = [f"{metric}_{name}" for metric in UNITS for name in ("errors", *KINDS, UNITS[metric])]
_HEADER = ["utterance", "speaker", *_COUNTS, "reference", "hypothesis"]


@dataclass(frozen=True)
class UtteranceErrors(UtteranceTable):
    """Errors of a set's N utterances.

    Attributes:
        name: of the set.
        utts: the ids, C-sorted.
        speaker: (N,) names of their speakers.
        counts: ``wer`` and ``cer`` -> errors of each utterance, in words and characters.
        references, hypotheses: the N texts, with single blanks; may be empty.
    """

    name: str
    utts: list[str]
    speaker: list[str]
    counts: dict[str, ErrorCounts]
    references: list[str]
    hypotheses: list[str]

    compared = "utterances, speakers or references"

    def speaker_names(self) -> list[str]:
        """See the base class."""
        return c_sorted(set(self.speaker))

    @property
    def worst(self) -> list[int]:
        """Index of the utterances, most word errors first."""
        return np.argsort(-self.counts["wer"].errors, kind="stable").tolist()

    def resample(self, speakers: Sequence[str], resamples: int, seed: int) -> Resamples:
        """Both rates, and those of bootstrap samples of ``speakers``, which may be more than those of the set."""
        number = {spk: i for i, spk in enumerate(speakers)}
        index = np.array([number[spk] for spk in self.speaker], dtype=int)
        rates = {name: resample_rate(of, index, name, resamples, seed, len(number)) for name, of in self.counts.items()}
        return Resamples(
            {name: rate.values[name] for name, rate in rates.items()},
            {name: rate.samples[name] for name, rate in rates.items()},
            {name: rate.speakers[name] for name, rate in rates.items()},
        )

    @staticmethod
    def intervals(resamples: Resamples, level: float) -> dict[str, tuple[float, float, float]]:
        """``{metric: (rate, low, high)}``."""
        return resamples.intervals(level, limits_of)

    def paired(self, other: "UtteranceErrors") -> tuple["UtteranceErrors", "UtteranceErrors"]:
        """The two; InputError where they are of other utterances, speakers or references."""
        if (self.utts, self.speaker, self.references) != (other.utts, other.speaker, other.references):
            raise InputError(f"{other.name}: other {self.compared}; score both on one set")
        return self, other


def table_of_errors(errors: UtteranceErrors) -> str:
    """Tab-separated lines, a header first; the utterance with the most word errors on top."""
    columns = [column for of in errors.counts.values() for column in (of.errors, *of)]
    lines = ["\t".join(_HEADER)]
    for i in errors.worst:
        numbers = (str(int(column[i])) for column in columns)
        lines.append(
            "\t".join([errors.utts[i], errors.speaker[i], *numbers, errors.references[i], errors.hypotheses[i]])
        )
    return "\n".join(lines) + "\n"


def read_errors(path) -> UtteranceErrors:
    """The reverse of :func:`table_of_errors`; utterances come C-sorted.

    Raises:
        InputError: the file is missing or malformed.
    """
    path = Path(path)
    header, *lines = [line.split("\t") for _, line in read_lines(path, "no such file; score the set (stage 8)")] or [[]]
    rows = {line[0]: line for line in lines}
    utts = c_sorted(rows)
    try:
        if header != _HEADER or any(len(line) != len(_HEADER) for line in lines) or len(rows) < len(lines):
            raise ValueError(f"columns must be {' '.join(_HEADER)}")
        numbers = np.array([[int(x) for x in rows[utt][2:-2]] for utt in utts], np.int64).reshape(-1, len(_COUNTS))
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}: must be a table of utterances ({error}); score the set again (stage 8)") from None
    size = len(_COUNTS) // len(UNITS)
    parts = np.split(numbers.T, len(UNITS))
    counts = {name: ErrorCounts(*part[1:size]) for name, part in zip(UNITS, parts, strict=True)}
    speaker, references, hypotheses = ([rows[utt][i] for utt in utts] for i in (1, -2, -1))
    return UtteranceErrors(path.parent.name, utts, speaker, counts, references, hypotheses)


def errors_of(test_set: SetSummary) -> UtteranceErrors:
    """The utterances of a collected set; see toolkit.report.utterance_table.table_of."""
    return table_of(test_set, read_errors)
