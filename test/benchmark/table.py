"""The benchmarks' table: RESULTS.md, and a line on the terminal for each record."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from benchmark.harness import Record

_HEAD = ("work", "ours", "theirs", "peer", "ratio [rounds]", "by wall", "target", "met")
_ROOT = Path(__file__).resolve().parents[2]


def ratio(record: Record) -> str:
    """``2.31 [2.2 .. 2.5]``."""
    if record.ratio is None:
        return ""
    return f"{record.ratio:.2f} [{record.low:.2f} .. {record.high:.2f}]"


def cells(record: Record) -> tuple[str, ...]:
    """The record's cells under the columns of the table; a fault stands where the figures would."""
    met = {None: "", True: "yes", False: "**missed**"}[record.met]
    if record.fault:
        return record.row, f"**{record.fault}**", "", record.peer, "", "", record.target, ""
    wall = "" if record.wall is None else f"{record.wall:.2f}"
    return record.row, record.ours, record.theirs, record.peer, ratio(record), wall, record.target, met


def line(record: Record) -> str:
    """One line for the terminal."""
    if record.fault:
        return f"{record.row}: {record.peer}: {record.fault}"
    theirs = f", {record.peer} {record.theirs}" if record.peer else ""
    verdict = {None: "", True: "  met", False: "  MISSED"}[record.met]
    target = f" (target {record.target})" if record.target else ""
    return f"{record.row}: {record.ours}{theirs}  {ratio(record)}{target}{verdict}".rstrip()


def table(records: Sequence[Record]) -> str:
    """The records as a Markdown table."""
    rows = [tuple(cell.replace("|", "\\|") for cell in cells(record)) for record in records]
    rule = ("---", "---:", "---:", "---", "---:", "---:", "---", "---")
    return "\n".join("| " + " | ".join(row) + " |" for row in (_HEAD, rule, *rows)) + "\n"


def summary(records: Sequence[Record]) -> str:
    """How many targets are met, and which are not, in words."""
    aimed = [record for record in records if record.met is not None]
    text = f"{sum(record.met for record in aimed)} of {len(aimed)} targets are met"
    if missed := [f"{record.row} ({record.peer or record.target})" for record in aimed if not record.met]:
        text += "; missed: " + "; ".join(missed)
    if faulty := [f"{record.row} ({record.peer})" for record in records if record.fault]:
        text += "; no figure: " + "; ".join(faulty)
    return text + "."


def page(modules: Sequence[tuple[str, str, Sequence[Record]]], command: str) -> str:
    """RESULTS.md.

    Args:
        modules: file name, title and records of each module.
        command: what was run.
    """
    made = f"Written by `{command}` on {datetime.now(timezone.utc):%Y-%m-%d}, commit {commit()}, on {machine()}."
    how = (
        "CPU time of one thread, ours and the peer's in one process, rounds interleaved; a ratio above 1 says that we "
        "are faster: median [least .. greatest round]. What is compared, and why it is the same work, stands at the "
        "top of each module."
    )
    total = summary([record for _, _, records in modules for record in records])
    parts = ["# Benchmarks", made, how, total]
    for file, title, records in modules:
        parts += [f"## [{title}]({file})", table(records).rstrip("\n")]
    return "\n\n".join(parts) + "\n"


def commit() -> str:
    """Short hash of the checkout, marked when files were changed since."""
    try:
        git = ["git", "-C", str(_ROOT)]
        short = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    others = [name for name in changed.stdout.splitlines() if not name.endswith("test/benchmark/RESULTS.md")]
    return short.stdout.strip() + (" with changes" if others else "")


def machine() -> str:
    """Processor, cores, Python and the libraries that do the arithmetic."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    names = [text.split(":", 1)[1].strip() for text in info.splitlines() if text.startswith("model name")]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy"))
    processor = names[0] if names else platform.machine()
    return f"{processor}, {os.cpu_count()} cores; Python {platform.python_version()}, {libraries}"
