"""Dump features of formatted data dirs to arks, and their configuration to ``feats_conf.yaml``."""

import sys
from pathlib import Path

import torch
import yaml

from toolkit.io.ark import ArkWriter
from toolkit.io.atomic import replacing
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import Parser, add_job_arguments, run
from toolkit.io.jobs import ark_path, each_set, write_job_tables
from toolkit.systems.verifier import Verifier

parser = Parser(description=__doc__)
add_job_arguments(parser)
parser.add_argument("--config", required=True, help="training config; its `frontend` computes the features")
# Kaldi's other methods have fixed ranges, which features exceed.
compression = "Kaldi's method: 3 is int16, half the size; 2 and 5 are one byte, a quarter; default float32"
parser.add_argument("--compression", type=int, choices=[2, 3, 5], help=compression)


@torch.inference_mode()
def main(argv=None) -> None:
    """Dump the ids of a work list."""
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    frontend = Verifier.build_frontend(args.config).eval()
    for name, keys, bar in each_set(args.work, "features"):
        audio, frames = AudioTable(Path(args.in_root) / name, fs=frontend.fs, only=set(keys)), {}
        with ArkWriter(ark_path(args.out_root, name, "feats", args.job), args.compression) as ark:
            for key in keys:
                feats, _ = frontend(torch.from_numpy(audio.read(key))[None])
                ark.write(key, feats[0].numpy())
                frames[key] = feats.shape[1]
                bar.update()
        with replacing(Path(args.out_root) / name / "feats_conf.yaml") as handle:
            yaml.safe_dump(frontend.conf(), handle, sort_keys=False)
        write_job_tables(args.out_root, name, args.job, feats_scp=ark.scp, utt2num_frames=frames)


if __name__ == "__main__":
    sys.exit(run(main))
