"""Embed the utterances of formatted data dirs with a trained system, to arks of (D,) vectors.

With --num_segments 10, ten crops of --segment_seconds are embedded instead, evenly spread over the utterance; with 0,
consecutive crops and the last one. The arks then hold matrices (segments, D). Shorter utterances are repeated.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import (
    Parser,
    add_job_arguments,
    add_network_choice,
    real_number,
    run,
    whole_number,
)
from toolkit.io.extractors import write_extractor
from toolkit.io.jobs import ark_path, each_set, write_job_tables
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.segments import embed_segments

parser = Parser(description=__doc__)
add_job_arguments(parser)
add_network_choice(parser)
parser.add_argument(
    "--num_segments", type=whole_number(0, 10**4), help="segments of an utterance; 0: consecutive segments"
)
parser.add_argument("--segment_seconds", type=real_number(0.01, 1e5), default=4.015, help="length of a segment")


def main(argv=None) -> None:
    """Embed the ids of a work list."""
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    verifier = Verifier.chosen(args)
    embeddings: Iterable[tuple[str, np.ndarray]]
    for name, keys, bar in each_set(args.work, "embed"):
        audio = AudioTable(Path(args.in_root) / name, fs=verifier.fs, only=set(keys))
        with ArkWriter(ark_path(args.out_root, name, "embedding", args.job)) as ark:
            if args.num_segments is None:
                embeddings = verifier.embed_table(audio, keys, bar)
            else:
                segments = args.num_segments, args.segment_seconds
                embeddings = embed_segments(verifier, audio, keys, *segments, bar)
            for key, embedding in embeddings:
                ark.write(key, embedding)
        write_extractor(Path(args.out_root) / name, verifier.identity)
        write_job_tables(args.out_root, name, args.job, embedding_scp=ark.scp)


if __name__ == "__main__":
    sys.exit(run(main))
