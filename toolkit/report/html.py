"""A report as one HTML file that needs no other: pictures and sounds are inside, so it can be mailed.

Text is escaped by the template; what scripts read is JSON in attributes, escaped likewise.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, is_dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from toolkit.report.blocks import Block, Code, Example, Page, Plot, Strong
from toolkit.report.summaries import metric_of

_TYPES = {".png": "image/png", ".flac": "audio/flac"}
_FOLDER = Path(__file__).parent / "page"


def to_html(page: Page) -> str:
    """The page; reads the files of its plots and examples. Sections without blocks are left out."""
    environment = Environment(
        loader=PackageLoader("toolkit.report", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals.update(
        data=_data,
        grouped=_grouped,
        inline=_inline,
        is_static=_is_static,
        json=_json,
        measures=_measures,
        text=_text,
    )
    sections = [section for section in page.sections if section.blocks]
    return environment.get_template("page.html.j2").render(page=page, sections=sections).lstrip()


def _grouped(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Neighbours of one kind: pictures are set side by side."""
    drawn = {"chart": "pictures", "heat_map": "pictures"}
    kinds = ["text" if isinstance(block, str) else drawn.get(block.kind, block.kind) for block in blocks]
    for kind, group in groupby(zip(kinds, blocks, strict=True), lambda pair: pair[0]):
        yield kind, [block for _, block in group]


def _data(path: Path) -> str:
    return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _inline(text: str) -> str:
    tag = "code" if isinstance(text, Code) else "strong" if isinstance(text, Strong) else ""
    return Markup(f"<{tag}>{{}}</{tag}>").format(str(text)) if tag else text


def _text(name: str) -> str:
    """A style sheet or script of the page."""
    return Markup((_FOLDER / name).read_text(encoding="utf-8").rstrip())


def _is_static(blocks: Sequence[Block]) -> bool:
    """Does the overview show all that these plots show?"""
    return all(isinstance(block, Plot) and block.charts for block in blocks)


def _json(value) -> str:
    """For scripts: a block or plain values, numbers with five digits after the point."""
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return json.dumps(_rounded(plain), separators=(",", ":"))


def _rounded(value):
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def _measures(examples: Sequence[Example]) -> str:
    """JSON of the metrics that examples are sorted by: those of which an example has a value."""
    names = dict.fromkeys(name for example in examples for name, value in example.numbers.items() if value is not None)
    return _json([_measure(name) for name in names])


def _measure(name: str) -> dict:
    try:
        about = metric_of(name)
    except KeyError:  # of a program that writes examples: an error measure
        return {"name": name, "title": name.replace("_", " "), "higher": False}
    return {"name": name, "title": about.title, "higher": about.higher_is_better}
