"""A report as blocks: what it shows, whatever the format of the page (toolkit.report.markdown, toolkit.report.html)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class Axis:
    """An axis of a chart, on its own linear scale.

    Attributes:
        label: with the unit.
        low, high: its ends.
        ticks: place and text of each mark.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        label: in the legend.
        points: (x, y) of each point.
        texts: what a reader is told of each point.
        bars: (low, high) of each point's interval; None: unknown.
        marked: index of the points that have a mark.
        colour: number of its colour; -1: grey.
        dashed: is it dashed?
    """

    label: str
    points: Sequence[tuple[float, float]]
    texts: Sequence[str]
    bars: Sequence[tuple[float, float] | None] = ()
    marked: Sequence[int] = ()
    colour: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines that a reader can point at; only HTML shows it."""

    caption: str
    x: Axis
    y: Axis
    lines: Sequence[Line]
    square: bool = False
    kind = "chart"


@dataclass(frozen=True)
class Cell:
    """A value of a heat map.

    Attributes:
        text: in the cell.
        detail: the value with its interval and what it is of.
        share: colour, from -1 (worst) through 0 (none) to 1 (best).
        is_certain: is it marked as a certain difference?
    """

    text: str
    detail: str
    share: float
    is_certain: bool = False


@dataclass(frozen=True)
class HeatMap:
    """A metric by kind of noise (rows) and SNR (columns); only HTML shows it.

    Attributes:
        caption: what it shows.
        columns: their heads.
        rows: head and cells of each row; None: there is no such set.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    kind = "heat_map"


@dataclass(frozen=True)
class Card:
    """A key figure; only HTML shows it.

    Attributes:
        label: what the figure is of.
        value: with its unit.
        interval: ``[2.1, 2.9]``; may be empty.
        reference: what it is compared with; may be empty.
        conclusion: by how much it differs, and whether that is certain.
        outcome: ``better``, ``worse``, ``uncertain``; empty: not compared.
    """

    label: str
    value: str
    interval: str = ""
    reference: str = ""
    conclusion: str = ""
    outcome: str = ""
    kind = "card"


@dataclass(frozen=True)
class Sides:
    """An experiment beside others, of which a reader chooses one; only HTML shows it.

    Attributes:
        name: of the experiment.
        others: name of another -> blocks on the two.
    """

    name: str
    others: "Mapping[str, Sequence[Block]]"
    kind = "sides"


@dataclass(frozen=True)
class Plot:
    """A picture (PNG) and what it shows; ``charts`` show the same where a page can be pointed at."""

    caption: str
    path: Path
    charts: Sequence[Chart] = ()
    kind = "plot"


@dataclass(frozen=True)
class TimeAxis:
    """Where a picture has its time axis: both ends, as shares of its width, and the seconds between them."""

    start: float = 0.0
    end: float = 1.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Signal:
    """A signal to listen to: its name, an audio file (FLAC) and its spectrogram (PNG)."""

    label: str
    audio: Path
    picture: Path
    axis: TimeAxis = TimeAxis()


@dataclass(frozen=True)
class Example:
    """The signals of an utterance, with its facts (name -> text), and numbers (metric -> value) to sort by."""

    id: str
    facts: Mapping[str, str]
    signals: Sequence[Signal]
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    kind = "example"


@dataclass(frozen=True)
class Alignment:
    """Reference and hypotheses of an utterance, word by word; only HTML shows it.

    Attributes:
        id: of the utterance.
        facts: name -> text.
        hypotheses: label -> pairs of words: kind (``equal``, ``substitution``, ``deletion``, ``insertion``), word of
            the reference, of the hypothesis; a missing word is empty.
    """

    id: str
    facts: Mapping[str, str]
    hypotheses: Mapping[str, Sequence[tuple[str, str, str]]]
    kind = "alignment"


# text: a paragraph
Block = str | Table | Plot | Chart | HeatMap | Card | Sides | Example | Alignment


@dataclass(frozen=True)
class Section:
    """Blocks below a heading.

    Attributes:
        folded: closed at first, where a page can be folded.
        only_html: left out of Markdown, with its text.
    """

    heading: str
    blocks: Sequence[Block]
    folded: bool = True
    only_html: bool = False


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: name of the experiment.
        kind: of experiment, in a few words.
        verdict: the result in a sentence; may be empty.
        sections: the most important first.
        overview: pictures above the sections; only HTML shows them.
    """

    title: str
    kind: str
    verdict: str
    sections: Sequence[Section]
    overview: Sequence[Block] = ()
