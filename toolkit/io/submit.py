"""Run the jobs of a stage through run.pl or slurm.pl; show progress, warnings and errors."""

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


def log_line(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)


def submit(cmd: str, folder: Path, words: Sequence[str], dry_run: bool = False) -> None:
    """Run a job or an array of jobs; show progress every 15 s.

    Args:
        cmd: run.pl or slurm.pl and options, separated by blanks.
        folder: folder of the logs.
        words: the rest of the command line: ``JOB=1:n``, the log, the program.
        dry_run: only show how the jobs would be run.

    Raises:
        InputError: a job failed; the errors in its log have been printed.
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
    # close_fds=False: jobs inherit the locks of this process (toolkit.io.stage.writing).
    with subprocess.Popen([*cmd.split(), *words], close_fds=False) as process:
        status = _status(process)
    ended.set()
    watcher.join()
    if status:
        _print_failure(folder, began)
        raise InputError(f"failed (exit {status}); logs are in {folder}")


def _status(process: subprocess.Popen) -> int:
    """Wait for a process. After Ctrl-C, which the process gets too, wait until it has ended its jobs."""
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
    """The last progress line, after the job's name, of each log written after ``began`` (seconds)."""
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
    """Logs in a folder that were written after ``began``; file systems round their times."""
    return [path for path in folder.glob("*.log") if path.stat().st_mtime > began - 0.05]


def _print_failure(folder: Path, began: float) -> None:
    texts = [path.read_text(errors="replace") for path in _logs(folder, began)]
    faults = {line for text in texts for line in text.splitlines() if _FAULT.search(line)}
    faults = faults or {line for text in texts for line in text.splitlines()[-20:]}
    print("".join(f"{line}\n" for line in sorted(faults)[-20:]), end="", file=sys.stderr)
    if any(map(_KILLED.search, texts)):
        cause = "killed by a user, or by the system because memory was full (see dmesg); if so, lower --nj"
        print(f"(137, signal 9: {cause})", file=sys.stderr)


def print_notes(logs: Iterable[Path]) -> None:
    """Sum and print the counts in the logs of jobs (``note: <number> <what>``)."""
    sums: Counter[str] = Counter()
    for path in logs:
        for match in map(_NOTE.fullmatch, path.read_text(errors="replace").splitlines()):
            if match:
                sums[match[2]] += int(match[1])
    for what, count in sums.items():
        print(f"    {count} {what}", flush=True)


def print_warnings(logs: Iterable[Path], most: int = 3) -> None:
    """Print the first distinct warnings of jobs."""
    logs = list(logs)
    lines = [
        line for path in logs for line in path.read_text(errors="replace").splitlines() if not line.startswith("#")
    ]
    warnings = list(dict.fromkeys(f"WARNING {line.split(' WARNING ', 1)[1]}" for line in lines if " WARNING " in line))
    for warning in warnings[:most]:
        print(warning, file=sys.stderr)
    if len(warnings) > most:
        print(f"... {counted(len(warnings) - most, 'more warning')} in {logs[0].parent}", file=sys.stderr)
