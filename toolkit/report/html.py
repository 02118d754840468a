"""A report as one HTML file that needs no other: pictures and sounds are inside, so it can be mailed."""

import base64
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from toolkit.report.blocks import Block, Code, Page, Strong

_TYPES = {".png": "image/png", ".flac": "audio/flac"}


def to_html(page: Page) -> str:
    """The page; reads the files of its plots and examples. Sections without blocks are left out."""
    environment = Environment(
        loader=PackageLoader("toolkit.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    sections = [section for section in page.sections if section.blocks]
    helpers = {"data": _data, "grouped": _grouped, "inline": _inline}
    return environment.get_template("page.html.j2", globals=helpers).render(page=page, sections=sections)


def _grouped(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Neighbours of one kind: plots are set side by side."""
    for kind, group in groupby(blocks, lambda block: "text" if isinstance(block, str) else block.kind):
        yield kind, list(group)


def _data(path: Path) -> str:
    return f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _inline(text: str) -> str:
    tag = "code" if isinstance(text, Code) else "strong" if isinstance(text, Strong) else ""
    return Markup(f"<{tag}>{{}}</{tag}>").format(str(text)) if tag else text
