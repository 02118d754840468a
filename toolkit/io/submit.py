"""Jobs of a stage through run.pl or slurm.pl: their progress, their warnings, and why they failed."""

import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit.io.errors import InputError, counted

_PROGRESS = re.compile(r"[0-9]%|(^| )epoch [0-9]")
_FAULT = re.compile(r"^error: |Error|signal")
_KILLED = re.compile(r"^# (Ended \(code 137|Finished .* status 137)", re.MULTILINE)
_NOTE = re.compile(r"note: ([0-9]+) +(.*)")


def say(text: str) -> None:
    """A line of the run's log, with the time."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)


def submit(cmd: str, folder: Path, words: Sequence[str], dry_run: bool = False) -> None:
    """Run a job, or an array of them, and show its progress every 15 s.

    Args:
        cmd: run.pl or slurm.pl and options, separated by blanks.
        folder: of the logs.
        words: the rest of its command line: ``JOB=1:n``, the log, the program.
        dry_run: only show how the jobs would be run.

    Raises:
        InputError: a job failed. What its log says of it was printed.
    """
    if dry_run:
        done = subprocess.run([*cmd.split(), "--dry-run", "true", *words], capture_output=True, text=True)
        print("".join(f"        {line}\n" for line in (done.stdout + done.stderr).splitlines()), end="", flush=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    began = time.time()
    jobs = int(words[0][len("JOB=1:") :]) if words[0].startswith("JOB=1:") else 1
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(folder, jobs, began, ended), daemon=True)
    watcher.start()
    # Jobs inherit the locks of this process (toolkit.io.stage.writing).
    with subprocess.Popen([*cmd.split(), *words], close_fds=False) as process:
        status = _status(process)
    ended.set()
    watcher.join()
    if status:
        _say_failure(folder, began)
        raise InputError(f"failed (exit {status}); logs are in {folder}")


def _status(process: subprocess.Popen) -> int:
    """Wait for a process; on Ctrl-C, which it gets as well, until it has ended its jobs."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise


def _watch(folder: Path, jobs: int, began: float, ended: threading.Event) -> None:
    shown: list[str] = []
    while not ended.wait(15):
        lines = progress_lines(folder, jobs, began)
        if lines and lines != shown:
            shown = lines
            more = f"    ... {counted(len(lines) - 4, 'more job')}\n" if len(lines) > 4 else ""
            print("".join(f"    {line}\n" for line in lines[:4]) + more, end="", flush=True)


def progress_lines(folder: Path, jobs: int, began: float) -> list[str]:
    """The last line of progress in each log that was written after ``began`` (seconds), with the job before it."""
    lines = []
    for path in sorted(_logs(folder, began), key=_natural):
        name, _, number = path.stem.rpartition(".")
        label = f"{name} {number}/{jobs}" if jobs > 1 else path.stem
        with open(path, "rb") as handle:
            handle.seek(max(0, path.stat().st_size - 400))
            tail = handle.read().decode(errors="replace")
        shares = [line for line in re.split(r"[\r\n]", tail) if _PROGRESS.search(line)]
        if shares and " 100%" not in shares[-1]:
            lines.append(f"{label}: {shares[-1].lstrip(' ')}")
    return lines


def _natural(path: Path) -> list:
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"([0-9]+)", path.name)]


def _logs(folder: Path, began: float) -> list[Path]:
    """Logs in a folder that were written after a time; clocks of file systems tick slowly."""
    return [path for path in folder.glob("*.log") if path.stat().st_mtime > began - 0.05]


def _say_failure(folder: Path, began: float) -> None:
    texts = [path.read_text(errors="replace") for path in _logs(folder, began)]
    faults = {line for text in texts for line in text.splitlines() if _FAULT.search(line)}
    faults = faults or {line for text in texts for line in text.splitlines()[-20:]}
    print("".join(f"{line}\n" for line in sorted(faults)[-20:]), end="", file=sys.stderr)
    if any(map(_KILLED.search, texts)):
        cause = "killed by hand, or by the system for want of memory: dmesg tells; then lower --nj"
        print(f"(137, signal 9: {cause})", file=sys.stderr)


def say_notes(logs: Iterable[Path]) -> None:
    """Print the sums of what jobs count (``note: <number> <what>``)."""
    sums: Counter[str] = Counter()
    for path in logs:
        for match in map(_NOTE.fullmatch, path.read_text(errors="replace").splitlines()):
            if match:
                sums[match[2]] += int(match[1])
    for what, count in sums.items():
        print(f"    {count} {what}", flush=True)


def say_warnings(logs: Iterable[Path], most: int = 3) -> None:
    """Print the first warnings of jobs, each once."""
    logs = list(logs)
    lines = [
        line for path in logs for line in path.read_text(errors="replace").splitlines() if not line.startswith("#")
    ]
    warnings = list(dict.fromkeys(f"WARNING {line.split(' WARNING ', 1)[1]}" for line in lines if " WARNING " in line))
    for warning in warnings[:most]:
        print(warning, file=sys.stderr)
    if len(warnings) > most:
        print(f"... {counted(len(warnings) - most, 'more warning')} in {logs[0].parent}", file=sys.stderr)
