"""``utterances.tsv`` of a set: its values by utterance, at full precision, of which reports draw bootstrap samples."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.report.summaries import SetSummary, write_summary

TABLE = "utterances.tsv"


class UtteranceTable(ABC):
    """Values of a set's utterances.

    Attributes:
        utts: the ids, C-sorted.
        compared: what must be the same in two tables that are compared.
    """

    utts: list[str]
    compared: ClassVar[str]

    @abstractmethod
    def speaker_names(self) -> list[str]:
        """Names of the speakers, C-sorted."""

    @abstractmethod
    def resample(self, speakers: Sequence[str], resamples: int, seed: int) -> Resamples:
        """Metrics of the set, and of bootstrap samples of ``speakers``, which may be more than those of the set."""

    @staticmethod
    @abstractmethod
    def intervals(resamples: Resamples, level: float) -> dict[str, tuple[float, float, float]]:
        """``{metric: (value, low, high)}`` of a set or a mean over sets; NaN: unknown."""

    @abstractmethod
    def paired(self, other) -> tuple[Any, Any]:
        """The two with what both have of each utterance; InputError where they are not of the same."""

    def gaps(self) -> Iterator[str]:
        """Metrics that some utterances lack; none by default."""
        return iter(())


_Table = TypeVar("_Table", bound=UtteranceTable)


def write_scored(root, scored: Mapping[str, tuple[SetSummary, str]], lines: Callable[[SetSummary], Iterable[str]]):
    """Write the table of each set and, last, its summary, result.json; print what it is of and its ``lines``.

    Args:
        root: folder of the sets.
        scored: set -> summary, table.
        lines: of a summary, a line for each metric.
    """
    for name, (summary, table) in scored.items():
        with replacing(Path(root, name, TABLE)) as handle:
            handle.write(table)
        write_summary(Path(root, name, "result.json"), summary)
        print(f"{name}: {summary.n_utterances} utterances of {summary.n_speakers} speakers")
        for line in lines(summary):
            print(f"{name}: {line}")


@lru_cache(maxsize=256)
def _read(path: Path, written: int, read: Callable):
    return read(path)


def table_of(test_set: SetSummary, read: Callable[[Path], _Table]) -> _Table:
    """The utterances of a collected set, by the function that reads its table.

    Raises:
        InputError: the table is malformed, or does not hold the utterances that result.json counts.
    """
    path = Path(test_set.folder, TABLE)
    table = _read(path.absolute(), path.stat().st_mtime_ns if path.is_file() else 0, read)
    if len(table.utts) != test_set.n_utterances:
        raise InputError(
            f"{path}: has {len(table.utts)} utterances, result.json beside it {test_set.n_utterances}; "
            "score the set again (stage 8)"
        )
    return table
