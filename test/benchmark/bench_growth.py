"""Cost as work grows: programs of the stages at 1x, 10x and 100x.

Each figure is CPU time and memory of a program in a process of its own. The exponent is that of what a program takes
beyond its start: (t(100x) - t(1x)) / (t(10x) - t(1x)) is 11 for work that grows as its input does (exponent 1). Memory
is that of the largest run. All recordings are one file of a second under many ids.

The lines "on paper" multiply these costs, of an utterance and of a second of audio, by the size of published corpora:
core hours of one pass, and its wall time: of stages with many jobs on all cores of some nodes, of others on one core.
Training, which GPUs do, is not in them.
"""

import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import yaml
from benchmark.corpus import FS, folder, speech
from benchmark.harness import Record, digits, row

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table
from toolkit.io.jobs import merge

GROWTH = (1, 10, 100)
RUNS, ENOUGH_SECONDS = 3, 2.0  # short programs run several times, and the median counts: most of it is their start
LEAST_SECONDS = 0.2  # beyond the start at 10x: less is lost in what a start varies
MOST = 1.05  # of an exponent; a start that takes longer now and then is in it
AUDIO, TRIALS = 50, 2000  # recordings, and utterances of trials, at 1x
DIM, PER_SPEAKER = 192, 10
LONG, LONG_SECONDS = 200, 10.0  # recordings that show what a further second costs
NODES, CORES = 4, 32
JOBS = ("format", "render", "embed")  # stages of many jobs; the others are one process
SCORES = ("score", "score with AS-norm", "score with 50 bootstrap samples")
CONFIG = {"model": {"class_path": "toolkit.models.sv.MeanFbank"}, "normalize": "none"}
PLANNER = {"planner": {"noises": {"noise": {"data": ["noise"], "snr": [0, 20]}}, "noise_prob": 1.0}}


class Corpus(NamedTuple):
    """A published corpus: utterances, hours, stages that make sense for it, and where these numbers are from."""

    utterances: int
    hours: float
    stages: tuple[str, ...]
    source: str

    @property
    def seconds(self) -> float:
        """Mean length of an utterance."""
        return 3600 * self.hours / self.utterances


CORPORA = {
    "VoxCeleb2": Corpus(1_128_246, 2442, (*JOBS, "plan", *SCORES), "Chung et al. 2018, table 2"),
    "Libri-Light": Corpus(60_000 * 3600 // 15, 60_000, (*JOBS, "plan"), "Kahn et al. 2020, in pieces of 15 s"),
}


class Cost(NamedTuple):
    """CPU seconds: of an item (with a second of audio), and of each further second."""

    item: float
    second: float = 0.0


COSTS: dict[str, Cost] = {}  # by stage, of the rows that have run


def ids_of(count: int, kind: str = "s") -> dict[str, str]:
    """Utterance -> speaker."""
    speakers = [f"{kind}{i // PER_SPEAKER:06d}" for i in range(count)]
    return {f"{speaker}-{i % PER_SPEAKER:02d}": speaker for i, speaker in enumerate(speakers)}


def data_dir(path: Path, count: int, seconds: float) -> None:
    """A data dir of many ids of one recording, and a work list."""
    wav, utt2spk = folder() / f"{seconds:g}s.wav", ids_of(count, path.name[0])
    soundfile.write(wav, speech(seconds), FS)
    write_table(path / "wav.scp", dict.fromkeys(utt2spk, str(wav)))
    write_table(path / "utt2spk", utt2spk)
    (path.parent.parent / f"work.{path.name}").write_text("".join(f"{path.name} {utt}\n" for utt in utt2spk))


@cache
def audio_root(count: int, seconds: float = 1.0) -> Path:
    """``data/test`` and ``data/noise``, formatted into ``dump``; a system; a planner."""
    root = folder() / f"audio.{count}.{seconds:g}"
    for name, size in (("test", count), ("noise", 20)):
        data_dir(root / "data" / name, size, seconds)
    (root / "exp").mkdir()
    (root / "exp/config.yaml").write_text(yaml.safe_dump(CONFIG))
    (root / "planner.yaml").write_text(yaml.safe_dump(PLANNER))
    cost(root, "format_audio --in_root data --out_root dump --work work.noise --job 1")
    merge(root / "data", root / "dump", "noise", 1, ["wav"])
    return root


def audio_roots() -> list[Path]:
    """All of them."""
    return [*(audio_root(AUDIO * times) for times in GROWTH), audio_root(LONG, LONG_SECONDS)]


@cache
def trial_root(count: int) -> Path:
    """Trials of ``count`` utterances, three for each, with embeddings, and a cohort of 500 speakers."""
    root, rng, utt2spk = folder() / f"trials.{count}", np.random.default_rng(0), ids_of(count)
    for name, utts in (("embedding", list(utt2spk)), ("cohort", [f"c{i}" for i in range(500)])):
        with ArkWriter(root / f"{name}.ark") as ark:
            for utt in utts:
                ark.write(utt, rng.standard_normal(DIM, dtype=np.float32))
        write_table(root / f"{name}.scp", ark.scp)
    write_table(root / "utt2spk", utt2spk)
    enroll, step = rng.integers(count, size=3 * count), rng.integers(1, PER_SPEAKER, size=3 * count)
    near = enroll // PER_SPEAKER * PER_SPEAKER + (enroll + step) % PER_SPEAKER
    test, utts = np.where(rng.random(3 * count) < 0.3, near, rng.integers(count, size=3 * count)), list(utt2spk)
    label = np.where(enroll // PER_SPEAKER == test // PER_SPEAKER, "target", "nontarget").tolist()
    pairs = zip(enroll.tolist(), test.tolist(), label, strict=True)
    (root / "trials").write_text("".join(f"{utts[a]} {utts[b]} {kind}\n" for a, b, kind in pairs))
    return root


# The kernel's figure for a child includes the memory of its parent, from which it was forked; this one does not.
MEASURED = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    print("", *(line for line in open("/proc/self/status") if line.startswith("VmHWM")), sep="\\n")
"""


def cost(root: Path, command: str) -> tuple[float, float]:
    """CPU seconds and MiB of a program of ``toolkit.bin``."""
    program, *words = shlex.split(command)
    with subprocess.Popen(
        [sys.executable, "-c", MEASURED, f"toolkit.bin.{program}", *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as job:
        message = job.stdout.read()
        _, status, usage = os.wait4(job.pid, 0)
        job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise RuntimeError(f"{program}: {message[-300:]}")
    return usage.ru_utime + usage.ru_stime, int(message.rpartition("VmHWM:")[2].split()[0]) / 1024


def grown(stage: str, root_of, least: int, command: str) -> list[Record]:
    """The record of a program at ``least`` items and more."""
    seconds, mib = [], []
    for times in GROWTH:
        runs = [cost(root_of(least * times), command)]
        while len(runs) < RUNS and sum(cpu for cpu, _ in runs) < ENOUGH_SECONDS:
            runs.append(cost(root_of(least * times), command))
        seconds.append(statistics.median(cpu for cpu, _ in runs))
        mib.append(max(peak for _, peak in runs))
    first, whole = seconds[1] - seconds[0], seconds[2] - seconds[0]
    is_clear = min(first, whole / 11) > LEAST_SECONDS
    exponent = math.log(whole / first) / math.log(99 / 9) if is_clear else None
    print(json.dumps({"command": command, "items": least, "seconds": seconds, "mib": mib}), file=sys.stderr)
    text, item = " / ".join(f"{digits(value)} s" for value in seconds), whole / (99 * least)
    COSTS[stage] = Cost(item)
    if root_of is audio_root:
        long = cost(audio_root(LONG, LONG_SECONDS), command)[0] - (seconds[0] - least * item)
        COSTS[stage] = Cost(item, max(0.0, long / LONG - item) / (LONG_SECONDS - 1))
    return [
        Record(
            ours=f"{text}, {mib[2]:.0f} MiB",
            theirs="exponent not clear" if exponent is None else f"exponent {exponent:.2f}",
            peer=f"{least:,} to {100 * least:,} items; {digits(item * 1e6 / 3600)} h a million",
            target=f"<= {MOST}",
            met=None if exponent is None else exponent <= MOST,
        )
    ]


JOB = "--work work.{0} --job 1"
SCORE = "score_trials --trials trials --embeddings embedding.scp --utt2spk utt2spk --output out "


@row("format recordings of 1 s (stage 2)")
def formatting():
    """Flac in arks."""
    return grown("format", audio_root, AUDIO, "format_audio --in_root data --out_root dump " + JOB.format("test"))


@row("plan mixtures (stage 3)")
def planning():
    """A noise for each utterance."""
    for root in audio_roots():
        merge(root / "data", root / "dump", "test", 1, ["wav"])
    plan = "simulate_plan --config planner.yaml --data dump/test --name mix --out_root sim"
    return grown("plan", audio_root, AUDIO, plan)


@row("render mixtures of 1 s (stage 3)")
def rendering():
    """Of the plan above."""
    for root in audio_roots():
        (root / "work.mix").write_text((root / "work.test").read_text().replace("test ", "mix "))
    return grown("render", audio_root, AUDIO, "simulate_render --in_root sim --out_root dump " + JOB.format("mix"))


@row("embed recordings of 1 s by a mean of fbank (stage 7)")
def embedding():
    """Reading, features, writing: all but a network."""
    return grown(
        "embed", audio_root, AUDIO, "embed_utterances --model exp --in_root dump --out_root emb " + JOB.format("test")
    )


@row("score trials, three an utterance (stage 8)")
def scoring():
    """Text and arks in, text out."""
    return grown("score", trial_root, TRIALS, SCORE + "--resamples 0")


@row("score trials with AS-norm by 500 speakers (stage 8)")
def as_norm():
    """As above, with a cohort."""
    return grown(
        "score with AS-norm",
        trial_root,
        TRIALS,
        SCORE + "--resamples 0 --score_norm as_norm --top_n 300 --cohort cohort.scp",
    )


@row("score trials with 50 bootstrap samples (stage 8)")
def bootstrap():
    """As above, with intervals."""
    return grown("score with 50 bootstrap samples", trial_root, TRIALS, SCORE + "--resamples 50")


@row("on paper")
def on_paper():
    """The costs above, of whole corpora."""
    records = []
    for name, corpus in CORPORA.items():
        for stage, one in COSTS.items():
            if stage not in corpus.stages:
                continue
            hours = corpus.utterances * (one.item + (corpus.seconds - 1) * one.second) / 3600
            workers, where = (NODES * CORES, f"{NODES} nodes of {CORES} cores") if stage in JOBS else (1, "one core")
            records.append(
                Record(
                    row=f"on paper: {stage} of {name}: {corpus.utterances:,} utterances of {corpus.seconds:.1f} s",
                    ours=f"{digits(hours)} core hours",
                    theirs=f"{digits(60 * hours / workers)} min",
                    peer=f"wall time on {where}; size: {corpus.source}",
                )
            )
    return records
