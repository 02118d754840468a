"""Embed clean speech and variants of it in noise, music and rooms: the training data of embedding enhancement.

Takes --draws crops of every utterance and renders them with the variants of the config (data: AudioPairs). Writes
matrices (draws, D), with clean.scp and an scp for each variant. Speaker labels are not needed.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from toolkit.data.datasets import TrainingDataset
from toolkit.data.item import ItemSpec
from toolkit.data.pairs import CLEAN, VARIANTS, AudioPairs
from toolkit.io.ark import ArkWriter
from toolkit.io.command_line import Parser, add_job_arguments, add_network_choice, positive_int, real_number, run, seed
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.io.extractors import write_extractor
from toolkit.io.jobs import ark_path, each_set, write_job_tables
from toolkit.simulate.sets import check_known_sets
from toolkit.systems.base import parsed
from toolkit.systems.verifier import Verifier

parser = Parser(description=__doc__)
parser.add_argument("--config", required=True, help="config whose key data names the variants, e.g. of training")
check_options = parser.add_argument_group("check of the config only")
check_options.add_argument("--check", action="store_true")
check_options.add_argument("--known_sets", help="[a,b]: names of sets that it may use")
add_job_arguments(parser, required=False)
add_network_choice(parser, required=False)
parser.add_argument("--draws", type=positive_int, default=1, help="crops of each utterance")
parser.add_argument("--crop_seconds", type=real_number(0, 1e5), default=2.015, help="0: whole utterances")
parser.add_argument("--seed", type=seed, default=0, help="of crops, noises and rooms")


def pairs_of(config) -> AudioPairs:
    """The data set of a config; InputError if it is not AudioPairs."""
    data = parsed(config, ("data",), lambda parser: parser.add_argument("--data", type=TrainingDataset)).data
    if not isinstance(data, AudioPairs):
        raise InputError(f"{config}: data must be AudioPairs with variants; it is {type(data).__name__}")
    return data


def check(config: str, known_sets: str | None) -> None:
    """Raise InputError if a config cannot be used; ``known_sets``: ``[a,b]``, the sets that it may name."""
    variants = pairs_of(config).variants
    if known_sets is not None:
        planned, known = load_config(config)["data"]["init_args"]["variants"], known_sets.strip("[]").split(",")
        for name in variants:
            check_known_sets(planned[name], f"data.init_args.variants.{name}", known, Path(), config)


def main(argv=None) -> None:
    """Embed the ids of a work list."""
    args = parser.parse_args(argv)
    if args.check:
        check(args.config, args.known_sets)
        return
    for name in ("in_root", "out_root", "work", "job", "model"):
        if getattr(args, name) is None:
            raise InputError(f"--{name} is missing")
    torch.set_num_threads(1)
    verifier = Verifier.chosen(args)
    pairs = pairs_of(args.config)
    streams = [CLEAN, *pairs.variants]
    for name, keys, bar in each_set(args.work, "pairs"):
        pairs.open(str(Path(args.in_root) / name), verifier.fs, (CLEAN, VARIANTS), args.seed)
        number = {key: i for i, key in enumerate(pairs.ids)}
        with ArkWriter(ark_path(args.out_root, name, "pairs", args.job)) as ark:
            for key in keys:
                rows = embed_crops(verifier, pairs, number[key], args.draws, args.crop_seconds or None)
                for stream, matrix in zip(streams, rows.transpose(1, 0, 2), strict=True):
                    ark.write(f"{key}-{stream}", matrix)
                bar.update()
        tables = {f"{stream}_scp": {key: ark.scp[f"{key}-{stream}"] for key in keys} for stream in streams}
        write_extractor(Path(args.out_root) / name, verifier.identity)
        write_job_tables(args.out_root, name, args.job, **tables)


def embed_crops(verifier: Verifier, pairs: AudioPairs, index: int, num_crops: int, seconds: float | None):
    """(num_crops, 1 + V, D) embeddings of crops of an item of ``pairs``; those of clean speech come first."""
    items: list[Any] = [pairs[ItemSpec(index, epoch=crop, slot=0, seconds=seconds)] for crop in range(num_crops)]
    for item in items:
        if isinstance(item, InputError):
            raise item
    audio = torch.stack([torch.cat([torch.from_numpy(i[CLEAN])[None], torch.from_numpy(i[VARIANTS])]) for i in items])
    return verifier.vectors(audio.flatten(0, 1)).reshape(*audio.shape[:2], -1)


if __name__ == "__main__":
    sys.exit(run(main))
