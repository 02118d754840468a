"""Start of the programs.

CPU time of a whole process, from the page cache: a program that shows its help, after which it has imported what it
needs. Training and embedding have to import torch and may take 0.7 s more than ``import torch`` alone; the programs of
the data stages do without and may take 0.6 s in all.
"""

import numpy as np
from benchmark.harness import Record, child, digits, measure, row

TORCH, WITHOUT = 0.7, 0.6  # CPU-s: beyond torch, in all
ROUNDS = 3


@row("start of programs that compute with torch")
def with_torch():
    """Against ``import torch``."""
    programs = ("train", "embed_utterances")
    times = measure({"torch": child("python", "-c", "import torch"), **helps(programs)}, ROUNDS, seconds=0)
    torch = np.median(times["torch"].cpu)
    records = []
    for name in programs:
        beyond = np.subtract(times[name].cpu, times["torch"].cpu)
        ours = f"{digits(np.median(times[name].cpu))} CPU-s"
        records.append(
            Record(ours, f"{digits(torch)} CPU-s", "import torch", target=f"<= {TORCH} s more", row=f"{name} --help")
        )
        records[-1].met = bool(np.median(beyond) <= TORCH)
    return records


@row("start of programs of the data stages")
def without_torch():
    """Alone."""
    programs = ("format_audio", "simulate_plan", "simulate_render", "make_trials", "score_trials", "report")
    times = measure(helps(programs), ROUNDS, seconds=0)
    records = []
    for name in programs:
        seconds = float(np.median(times[name].cpu))
        met, target = seconds <= WITHOUT, f"<= {WITHOUT} CPU-s"
        records.append(Record(f"{digits(seconds)} CPU-s", target=target, met=met, row=f"{name} --help"))
    return records


def helps(programs):
    """Each program showing its help."""
    return {name: child("python", "-m", f"toolkit.bin.{name}", "--help") for name in programs}
