"""Embed the utterances of formatted data dirs with a trained system, to arks of (D,) vectors."""

import argparse
import sys
from pathlib import Path

import torch

from toolkit.bin.cli import add_job_arguments, run
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.io.jobs import ark_path, read_work, write_job_tables
from toolkit.io.progress import progress
from toolkit.tasks.embedding import embed_audio
from toolkit.tasks.packing import load_embedder


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.sv_embed``."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_job_arguments(parser)
    parser.add_argument("--system", required=True, help="experiment folder or packed zip")
    parser.add_argument("--model", default="valid.eer.ave.pth", help="which weights of the folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    return parser


def main(argv=None) -> None:
    """Embed the ids of a work list."""
    args = get_parser().parse_args(argv)
    torch.set_num_threads(1)
    if args.device != "cpu" and not torch.cuda.is_available():
        raise InputError(f"--device {args.device}: no such device here; use --gpu_inference false")
    embedder = load_embedder(args.system, args.model).to(args.device)
    work = read_work(args.work)
    with progress(sum(map(len, work.values())), "embed") as bar:
        for name, keys in work.items():
            audio = AudioTable(Path(args.in_root) / name, fs=embedder.frontend.fs)
            with ArkWriter(ark_path(args.out_root, name, "embedding", args.job)) as ark:
                for key, vector in embed_audio(embedder, audio, keys, bar):
                    ark.write(key, vector)
            write_job_tables(args.out_root, name, args.job, embedding_scp=ark.scp)


if __name__ == "__main__":
    sys.exit(run(main))
