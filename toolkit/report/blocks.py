"""A report as blocks: what it shows, whatever the format of the page (toolkit.report.markdown, toolkit.report.html)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class Code(str):
    """Text shown as it is typed: a command, a path, a commit."""

    __slots__ = ()


class Strong(str):
    """Text that stands out: bold."""

    __slots__ = ()


@dataclass(frozen=True)
class Table:
    """Rows of cells, of which the first ``text_columns`` are aligned to the left, the others to the right.

    Example::

        Table(["Experiment", "EER (%)"], [["sv_ecapa", "2.31 [2.05, 2.60]"]])
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1
    kind = "table"


@dataclass(frozen=True)
class Plot:
    """A picture (PNG) and what it shows."""

    caption: str
    path: Path
    kind = "plot"


@dataclass(frozen=True)
class Signal:
    """A signal to listen to: its name, an audio file (FLAC) and its spectrogram (PNG)."""

    label: str
    audio: Path
    picture: Path


@dataclass(frozen=True)
class Example:
    """The signals of an utterance, with its facts (name -> text)."""

    id: str
    facts: dict[str, str]
    signals: Sequence[Signal]
    kind = "example"


Block = str | Table | Plot | Example  # text: a paragraph


@dataclass(frozen=True)
class Section:
    """Blocks below a heading; ``folded``: closed at first, where a page can be folded."""

    heading: str
    blocks: Sequence[Block]
    folded: bool = True


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: name of the experiment.
        kind: of experiment, in a few words.
        verdict: the result in a sentence; may be empty.
        sections: the most important first.
    """

    title: str
    kind: str
    verdict: str
    sections: Sequence[Section]
