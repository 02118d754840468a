"""A report in Markdown: RESULTS.md."""

import os
from pathlib import Path

from toolkit.report.blocks import Block, Code, Page, Plot, Section, Strong, Table


def to_markdown(page: Page, folder=".") -> str:
    """The page; ``folder``, where it will be written, is where links to its plots start. Examples have no Markdown."""
    parts = [f"# {page.title}", page.verdict, *(section_markdown(section, folder) for section in page.sections)]
    return "\n\n".join(part for part in parts if part) + "\n"


def section_markdown(section: Section, folder=".") -> str:
    """Heading and blocks; empty if Markdown shows none of them."""
    blocks = [] if section.only_html else section.blocks
    shown = [text for block in blocks if (text := block_markdown(block, folder))]
    return "\n\n".join([f"## {section.heading}", *shown]) if shown else ""


def block_markdown(block: Block, folder=".") -> str:
    """One block, without a newline at its end."""
    if isinstance(block, str):
        return _inline(block)
    if isinstance(block, Table):
        rule = ["---"] * block.text_columns + ["---:"] * (len(block.header) - block.text_columns)
        rows = [[_inline(cell).replace("|", "\\|") for cell in row] for row in block.rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in (block.header, rule, *rows))
    if isinstance(block, Plot):
        return f"![{block.caption}]({Path(os.path.relpath(block.path, folder)).as_posix()})"
    return ""


def _inline(text: str) -> str:
    if isinstance(text, Strong):
        return f"**{text}**"
    return f"`{text}`" if isinstance(text, Code) else text
