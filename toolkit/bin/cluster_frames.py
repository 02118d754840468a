"""Speech units by k-means: clusters of the frames of data dirs, which task ssl learns to predict.

Frames are MFCC with deltas, or a layer of a trained system (--system, --layer). A uniform sample of them is clustered,
so memory does not grow with the data.

Examples: python -m toolkit.bin.cluster_frames --clusters 100 --output exp/units.safetensors dump/raw/train
          python -m toolkit.bin.cluster_frames --clusters 200 --system exp/ssl_x --layer 4 --output ... dump/raw/train
"""

import logging
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_device, positive_int, rate, run, seed, whole_number
from toolkit.io.errors import InputError

parser = Parser(description=__doc__)
parser.add_argument("data_dirs", nargs="+", help="formatted data dirs (dump/raw/<set>)")
parser.add_argument("--output", required=True, help="file to write")
parser.add_argument("--clusters", type=whole_number(2, 10000), default=100, help="number of units (100)")
parser.add_argument("--system", help="trained system of task ssl, whose layer is clustered (MFCC)")
parser.add_argument("--layer", type=whole_number(0, 1000), help="of --system; 0 is the input of the transformer")
parser.add_argument("--fs", type=rate, default=16000, help="rate in Hz of MFCC (16000)")
parser.add_argument("--hop_ms", type=positive_int, default=20, help="frame shift of MFCC in ms (20)")
parser.add_argument("--most_frames", type=whole_number(1, 10**7), default=200000, help="size of the sample (200000)")
parser.add_argument("--restarts", type=whole_number(1, 100), default=5, help="runs of k-means; the best counts (5)")
parser.add_argument("--seed", type=seed, default=0, help="seed of the sample and of k-means")
add_device(parser)


def main(argv=None) -> None:
    """Write the units; log how well they fit."""
    args = parser.parse_args(argv)
    if (args.system is None) != (args.layer is None):
        raise InputError("--system and --layer go together: give both or neither")
    from toolkit.nn.device import check_device

    check_device(args.device)
    import numpy as np
    import torch

    from toolkit.models.ssl.frame_clusters import FrameSample, cluster
    from toolkit.systems.unit_file import layer_source, unit_features, write_units

    torch.set_num_threads(1)
    source = {"kind": "mfcc", "fs": args.fs, "hop_ms": args.hop_ms}
    if args.system is not None:
        source = layer_source(args.system, args.layer)
    features = unit_features(source).to(args.device).eval()
    sample = FrameSample(args.most_frames, np.random.default_rng(args.seed))
    _read(args, features, sample)
    centroids = cluster(sample.frames(), args.clusters, args.seed, args.restarts)
    Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    write_units(args.output, torch.from_numpy(centroids), source)
    logging.info("%s: %d units of %d of %d frames", args.output, len(centroids), len(sample.frames()), sample.seen)
    print(f"num_units: {len(centroids)}")


def _read(args, features, sample) -> None:
    """Add the frames of all utterances to a sample."""
    import torch

    from toolkit.io.audio import AudioTable
    from toolkit.io.progress import progress
    from toolkit.systems.signals import read_usable

    for path in args.data_dirs:
        audio = AudioTable(path, fs=features.fs)
        with progress(len(audio.keys()), "frames") as bar, torch.inference_mode():
            for key in audio.keys():
                wav = torch.from_numpy(read_usable(audio, key, features.fs))[None].to(args.device)
                sample.add(features(wav)[0][0].float().cpu().numpy())
                bar.update(1)


if __name__ == "__main__":
    sys.exit(run(main))
