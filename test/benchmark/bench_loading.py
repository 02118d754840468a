"""Training batches.

From a set in the page cache to batches of 16 crops of 2 s, as the trainer asks for them (``load_batches``, in line:
workers only multiply it); utterances are 8 s long. Audio comes from flac in arks, every crop by a plan line that is
rendered. The peer is what one writes with torch alone: a Dataset that seeks in flac files with soundfile, a DataLoader
with its default collation, the same crops in the same order; batches must be equal. It draws and renders nothing, so it
shows what the plan costs. Mixtures on the fly (noise on three of four utterances, a room on one of five, as the recipes
ask) have peers in bench_mixing; here the rate of a core tells how many cores keep eight GPUs busy. Dumped features have
no peer.
"""

import statistics

import numpy as np
import soundfile
import torch
import yaml
from benchmark.corpus import FS, folder, noise, room, speech, write_set
from benchmark.harness import Peer, Record, compare, digits, measure, row
from torch.utils.data import DataLoader, Dataset

from toolkit.data.batches import CropBatches
from toolkit.data.collate import load_batches
from toolkit.data.datasets import FeatureDataset, MixtureDataset
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import DataDir, write_table
from toolkit.simulate.planner import MixturePlanner, Noise

SPEAKERS, UTTS, SECONDS = 16, 4, 8
MIXTURES, GPUS = 2000, 8  # mixtures a second that trainings on these GPUs take together
FRONT = KaldiFbank(FS)


def train_set():
    """``train``, its flac files, and sets of noise and rooms."""
    path = folder() / "train"
    if not path.exists():
        sounds = {f"s{s:02d}-u{u}": speech(SECONDS, UTTS * s + u) for s in range(SPEAKERS) for u in range(UTTS)}
        write_set(path, sounds, {key: key[:3] for key in sounds})
        for key, samples in sounds.items():
            soundfile.write(path / f"{key}.flac", samples, FS, subtype="PCM_16")
        write_set(folder() / "noise", {f"n{n}": noise(20, n) for n in range(8)})
        write_set(folder() / "rooms", {f"r{n}": room(0.5, n) for n in range(8)})
    return path


def opened(data):
    """A dataset over ``train`` and the batches of an epoch."""
    data.open(str(train_set()), FRONT.fs, seed=0)
    return data, CropBatches(batch_size=16, crop_seconds=(2.0, 2.0)).epoch(data.labels, data.seconds, 1, 0, 1)


def epoch_of(data, batches):
    """A callable that makes the batches of an epoch; their samples, or features."""
    return lambda: [batch[data.stream] for batch in load_batches(data, batches, workers=0)]


class PlainCrops(Dataset):
    """Crops of flac files, at the places that ``starts`` gives."""

    def __init__(self, starts: list[tuple[str, int, int]]):
        self.starts = starts

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, index):
        key, start, label = self.starts[index]
        samples, _ = soundfile.read(train_set() / f"{key}.flac", 2 * FS, start, dtype="float32")
        return samples, label


@row("batches of audio, 2 s of flac")
def audio():
    """Crops of clean audio."""
    data, batches = opened(MixtureDataset())
    draws = [draw for batch in batches for draw in batch]
    begins = [data.mixture(draw).sources[0].begin for draw in draws]
    labels = [int(data.labels[draw.index]) for draw in draws]
    plain = PlainCrops(list(zip([data.ids[draw.index] for draw in draws], begins, labels, strict=True)))

    def theirs():
        return [samples for samples, _ in DataLoader(plain, batch_size=len(batches[0]))]

    peer = Peer("plain Dataset of soundfile", lambda: theirs, "soundfile")
    return compare(epoch_of(data, batches), [peer], agree=equal, amount=len(draws), unit="utt/s")


def equal(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    """All batches are the same."""
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@row("batches of mixtures on the fly, 2 s")
def mixtures():
    """Drawn and rendered in the loader."""
    planner = MixturePlanner({"noise": Noise(["noise"], (0, 20))}, 0.75, ["rooms"], 0.2)
    load = epoch_of(*opened(MixtureDataset(planner)))
    load()
    rate = SPEAKERS * UTTS / statistics.median(measure({"": load})[""].cpu)
    cores = MIXTURES / rate
    return [
        Record(
            ours=f"{digits(rate)} utt/s",
            theirs=f"{digits(cores)} cores",
            peer=f"that load {MIXTURES:,} mixtures/s, so that no training waits",
            target=f"<= {GPUS} cores, one a GPU",
            met=cores <= GPUS,
        )
    ]


@row("batches of features, 2 s of fbank 80")
def features():
    """Crops of dumped features."""
    path, source = folder() / "fbank", DataDir(train_set())
    with ArkWriter(path / "feats.1.ark") as ark, torch.inference_mode():
        for key in source.keys():
            wav = torch.from_numpy(soundfile.read(source.path / f"{key}.flac", dtype="float32")[0])
            ark.write(key, FRONT(wav[None])[0][0].numpy())
    write_table(path / "feats.scp", ark.scp)
    write_table(path / "wav.scp", source.table("wav.scp"))
    write_table(path / "utt2spk", source.table("utt2spk"))
    write_table(path / "utt2dur", dict.fromkeys(source.keys(), SECONDS))
    (path / "feats_conf.yaml").write_text(yaml.safe_dump(FRONT.conf()))
    data = FeatureDataset()
    data.read_by(FRONT)
    data.open(str(path), FRONT.fs, seed=0)
    batches = CropBatches(batch_size=16, crop_seconds=(2.0, 2.0)).epoch(data.labels, data.seconds, 1, 0, 1)
    return compare(epoch_of(data, batches), [], agree=equal, amount=SPEAKERS * UTTS, unit="utt/s")
