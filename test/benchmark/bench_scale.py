"""Sets of millions of utterances.

A synthetic data dir (ids of 24 bytes, 100 utterances a speaker, places in arks) is opened as training opens it, as
``MixtureDataset``: first without an index, then with the one that the first opening kept. Memory is what a process
takes beyond its imports. The number of utterances is ``VOXSIFT_BENCH_UTTS`` (default: 1 million); the targets are those
of 10 million.
"""

import os
import time
from pathlib import Path

from benchmark.corpus import FS, folder
from benchmark.harness import Record, digits, peak_mib, row

from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec

UTTS = int(os.environ.get("VOXSIFT_BENCH_UTTS", 1_000_000))
PER_SPEAKER = 100
SECONDS, MB = 5, 200  # targets


def large_set(utts: int = UTTS) -> Path:
    """A data dir without audio: wav.scp, utt2spk, utt2num_samples."""
    path = folder() / f"large_{utts}"
    if not path.exists():
        path.mkdir()
        with (
            open(path / "wav.scp", "w") as wav,
            open(path / "utt2spk", "w") as spk,
            open(path / "utt2num_samples", "w") as samples,
        ):
            for i in range(utts):
                speaker = f"id{i // PER_SPEAKER:06d}"
                utt = f"{speaker}-v{i // 10 % 10:04d}-{i % 10:07d}"
                wav.write(f"{utt} dump/raw/train/data/wav.{i % 32 + 1}.ark:{i * 70000}\n")
                spk.write(f"{utt} {speaker}\n")
                samples.write(f"{utt} {64000 + i * 7919 % 160000}\n")
    return path


def opened() -> MixtureDataset:
    """The set, as a training opens it."""
    return MixtureDataset().open(str(large_set()), FS)


def timed() -> str:
    """CPU and wall seconds of an opening, as text."""
    cpu, wall = time.process_time(), time.perf_counter()
    assert len(opened()) == UTTS
    return f"{digits(time.process_time() - cpu)} s CPU, {digits(time.perf_counter() - wall)} s wall"


def worker() -> None:
    """Open the set and plan items at random places, as a worker of the loader does."""
    data = opened()
    for slot in range(1000):
        data.mixture(ItemSpec(slot * 7919 % UTTS, 1, slot, 2.0))


@row(f"open a training set of {UTTS:,} utterances")
def open_large():
    """Time with and without an index, and memory."""
    for index in large_set().glob(".*.index"):
        index.unlink()
    records = []
    for peer in ("first opening, which makes the indexes", "with kept indexes"):
        cpu = time.process_time()
        text = timed()
        cpu = time.process_time() - cpu
        records.append(Record(ours=text, peer=peer, target=f"< {SECONDS} s CPU", met=cpu < SECONDS))
    mb = peak_mib(worker) * 1.048576
    records.append(Record(ours=f"{digits(mb)} MB", peer="a worker's memory", target=f"< {MB} MB", met=mb < MB))
    return records
