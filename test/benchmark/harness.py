"""Compare our speed with that of peers: same work, same inputs, one process, one thread, rounds interleaved.

A row of the table is a function that a module ``bench_*.py`` registers; it returns a list of records, usually what
:func:`compare` makes of our callable and the peers'::

    @row("EER and minDCF of 580k trials")
    def eer_580k():
        target, nontarget = scores(580_000)  # the inputs are made outside of what is timed

        def sklearn():  # called when the row runs: a peer that is not installed is a fault of the row, not of the run
            from sklearn.metrics import roc_curve
            return lambda: eer_of(*roc_curve(labels, both)[:2])

        return compare(
            lambda: verification_metrics(target, nontarget)["eer"],
            [Peer("roc_curve", sklearn, package="scikit-learn", target=2)],
            agree=lambda ours, theirs: np.testing.assert_allclose(ours, theirs, atol=1e-6),
            amount=0.58, unit="M trials/s",
        )

Rows run by ``cd test && python -m benchmark --only EER`` (all: ``ci/benchmark.sh``). The environment there is one
thread for every library. Shared machines make wall time useless, so CPU time of the process and of its finished
children counts, and a ratio is the median over rounds in each of which everyone ran, in rotating order. A ratio above 1
says that we are faster. Memory is compared with :func:`peak_mib`, child processes are timed through :func:`child`;
what is no ratio of times goes into a :class:`Record` of your own, made from :func:`measure`.
"""

import gc
import importlib.metadata
import math
import os
import resource
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROWS: dict[str, Callable[[], "list[Record]"]] = {}


@dataclass
class Record:
    """A line of the table: we and one peer.

    Attributes:
        ours, theirs: what was measured, with its unit: ``1234 utt/s``, ``1.2 s``.
        peer: whom we are compared with, and its version; empty when the target is a figure.
        ratio: how many times faster we are (or how much less memory we take), median over rounds.
        low, high: least and greatest ratio of a round.
        wall: the ratio by wall time.
        target: what is asked for, e.g. ``>= 2``; empty when nothing is.
        met: is it reached? None without a target.
        fault: why there is no figure: results disagree, the peer is missing, the row crashed.
        row: the row's name; the runner fills it in.
    """

    ours: str = ""
    theirs: str = ""
    peer: str = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    wall: float | None = None
    target: str = ""
    met: bool | None = None
    fault: str = ""
    row: str = ""


@dataclass
class Peer:
    """Whom we are compared with.

    Args:
        name: as the table shows it.
        make: imports what is needed and returns the callable that is timed. An ImportError, OSError or RuntimeError
            says that the peer cannot be had here.
        package: distribution whose version the table shows.
        target: smallest accepted ratio, or None.
        agree: check of this peer's results, when it is another than the row's.
    """

    name: str
    make: Callable[[], Callable[[], object]]
    package: str = ""
    target: float | None = None
    agree: Callable[[object, object], None] | None = None

    def title(self) -> str:
        """Name and version."""
        return f"{self.name} ({self.package} {importlib.metadata.version(self.package)})" if self.package else self.name


@dataclass
class Times:
    """Seconds a call, one entry a round."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


def row(name: str):
    """Register a function without arguments that returns the records of a row."""

    def register(function):
        if name in ROWS:
            raise ValueError(f"two rows are called {name!r}")
        ROWS[name] = function
        return function

    return register


def compare(
    ours: Callable[[], object],
    peers: Sequence[Peer],
    *,
    agree: Callable[[object, object], None],
    amount: float | None = None,
    unit: str = "s",
    rounds: int = 7,
    seconds: float = 0.1,
) -> list[Record]:
    """Time our callable and the peers', and check that they compute the same.

    Args:
        ours: does the work once and returns its result; peers' callables likewise.
        peers: one record is made for each; without any, one record of our own figure.
        agree: called as ``agree(our result, peer's result)``; raises AssertionError when they are not the same.
        amount: work in a call, in ``unit``; None shows the time of a call in seconds.
        unit: of throughput (``utt/s``).
        rounds, seconds: see :func:`measure`.

    Returns:
        A record for each peer. Where one is missing or its result differs, the record says so in ``fault``.
    """
    result, records, calls, peer_of = ours(), [], {"": ours}, {}
    for peer in peers:
        records.append(Record(peer=peer.name, target=f">= {peer.target:g}" if peer.target else ""))
        try:
            records[-1].peer = peer.title()
            call = peer.make()
            theirs = call()
        except (ImportError, OSError, RuntimeError) as error:
            records[-1].fault = f"missing: {_in_a_line(error)}"
            continue
        try:
            (peer.agree or agree)(result, theirs)
        except AssertionError as error:
            records[-1].fault = f"results disagree: {_in_a_line(error)}"
            continue
        calls[str(len(records))], peer_of[str(len(records))] = call, (peer, records[-1])
    times = measure(calls, rounds, seconds)
    for key, (peer, record) in peer_of.items():
        _fill(record, times[""], times[key], peer.target, amount, unit)
    return records or [Record(ours=_figure(times[""], amount, unit))]


def _fill(record: Record, ours: Times, theirs: Times, target: float | None, amount: float | None, unit: str) -> None:
    """Write the figures of a comparison into its record."""
    ratios = np.divide(theirs.cpu, ours.cpu)
    record.ratio, record.low, record.high = float(np.median(ratios)), float(ratios.min()), float(ratios.max())
    record.wall = float(np.median(np.divide(theirs.wall, ours.wall)))
    record.ours, record.theirs = _figure(ours, amount, unit), _figure(theirs, amount, unit)
    record.met = None if target is None else record.ratio >= target


def _figure(times: Times, amount: float | None, unit: str) -> str:
    once = float(np.median(times.cpu))
    return f"{digits(once if amount is None else amount / once)} {unit}"


def digits(value: float) -> str:
    """Three significant digits, without an exponent."""
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{places}f}"


def _in_a_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (": ".join(lines[:3]) or type(error).__name__)[:200]


def measure(calls: dict[str, Callable[[], object]], rounds: int = 7, seconds: float = 0.1) -> dict[str, Times]:
    """Interleaved timing: in every round everyone runs, each time another one first.

    Args:
        calls: name -> what is timed; each has run once already.
        rounds: how often; use an odd number.
        seconds: CPU time that one measurement lasts at least; a quick callable is called as often as that takes.
    """
    loops = {name: _loops(call, seconds) for name, call in calls.items()}
    times = {name: Times() for name in calls}
    for turn in range(rounds):
        for name in rotated(list(calls), turn):
            cpu, wall = _timed(calls[name], loops[name])
            times[name].cpu.append(cpu / loops[name])
            times[name].wall.append(wall / loops[name])
    return times


def rotated(names: list[str], turn: int) -> list[str]:
    """The order of a round: the next one is first each time."""
    turn %= len(names)
    return names[turn:] + names[:turn]


def _loops(call: Callable[[], object], seconds: float) -> int:
    """How many calls last ``seconds``."""
    loops = 1
    while (cpu := _timed(call, loops)[0]) < seconds and loops < 1 << 20:
        loops = max(loops + 1, min(10 * loops, math.ceil(1.1 * loops * seconds / max(cpu, 1e-9))))
    return loops


def _timed(call: Callable[[], object], loops: int) -> tuple[float, float]:
    """CPU and wall seconds of some calls, without garbage collection."""
    gc.collect()
    gc.disable()
    try:
        cpu, wall = _cpu_seconds(), time.perf_counter()
        for _ in range(loops):
            call()
        return _cpu_seconds() - cpu, time.perf_counter() - wall
    finally:
        gc.enable()


def _cpu_seconds() -> float:
    """User and system time of this process, all its threads, and its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def child(*command: str) -> Callable[[], None]:
    """A callable that runs a command to its end (``python`` is this one); its time counts. A failure is an error."""
    argv = [sys.executable if word == "python" else word for word in command]

    def call():
        done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")

    return call


def peak_mib(function: Callable[[], object]) -> float:
    """Memory in MiB that a call takes at its peak beyond what was there before; it runs in a forked child."""
    receive, send = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            before = _resident_kib("VmRSS")
            function()
            os.write(send, f"{(_resident_kib('VmHWM') - before) / 1024}".encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(send)
    os.waitpid(pid, 0)
    with os.fdopen(receive) as pipe:
        message = pipe.read()
    if not message:
        raise RuntimeError("the child process whose memory was measured has died")
    return float(message)


def _resident_kib(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status has no {key}")


def run_rows(names: Sequence[str]) -> list[Record]:
    """Run registered rows; one that raises becomes a record with a fault."""
    records = []
    for name in names:
        try:
            made = ROWS[name]()
        except Exception as error:
            traceback.print_exc()
            made = [Record(fault=f"crashed: {type(error).__name__}: {_in_a_line(error)}")]
        for record in made:
            record.row = record.row or name
        records += made
    return records
