"""Convert data dirs from and to the formats of Lhotse, WebDataset and VERSA.

Example: voxsift convert data/train --to lhotse -o manifests/
         voxsift convert data/train --to webdataset -o shards/
         voxsift convert enhanced/test --to versa --reference dump/raw/test/spk1.scp -o lists/
         voxsift convert manifests/ -o data/train
         voxsift convert corpus_recordings_train.jsonl.gz corpus_supervisions_train.jsonl.gz -o data/train
         voxsift convert shards/ -o data/train

The format of the input is recognised: a data dir has wav.scp, manifests are .jsonl or .jsonl.gz files, shards are .tar
files, the lists of VERSA are pred.scp, gt.scp and text. The output must be a new folder; it is complete or absent.
Memory does not grow with the number of utterances. The inputs are data: no command is run and nothing is unpickled.
"""

import argparse

from toolkit.cli.shared.options import add_json
from toolkit.io.command_line import real_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift convert``."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="a data dir, manifests, shards or lists of VERSA")
    parser.add_argument("-o", "--output", required=True, help="folder to write")
    parser.add_argument("--to", choices=("kaldi", "lhotse", "webdataset", "versa"), help="default: kaldi, a data dir")
    parser.add_argument("--reference", help="versa: the true audio: a scp file, or a data dir; default: spk1.scp")
    parser.add_argument("--shard_mb", type=real_number(1e-3, 1e6), default=500, help="webdataset: megabytes of a shard")
    parser.add_argument("--root", default="", help="lhotse: folder that relative paths begin at; default: this one")
    parser.add_argument(
        "--speaker_prefix", action="store_true", help="to kaldi: put the speaker before ids that do not begin with it"
    )
    add_json(parser)


def main(args: argparse.Namespace) -> None:
    """Convert."""
    from toolkit.cli.shared.interchange import interchange

    interchange(args)
