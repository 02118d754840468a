"""A data dir of the distinct recordings of several sets, and tables that map each utterance to its recording.

Sets of one speech at several SNRs share the clean stream of most mixtures (those that would have peaked are quieter).
Writes <output>/distinct/{wav.scp,utt2spk,spk2utt}, and <output>/<set>/utt2distinct: utterance -> id in distinct.

Example: python -m toolkit.bin.distinct_audio --data_root dump/raw --sets test_rain_0 test_rain_5 --stream spk1 \\
             --output exp/sv_x/clean/audio
"""

import hashlib
import sys
from pathlib import Path

from toolkit.io.audio import AudioTable
from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import write_data_dir
from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError
from toolkit.io.progress import progress

NAME, TABLE = "distinct", "utt2distinct"


parser = Parser(description=__doc__)
parser.add_argument("--data_root", type=Path, required=True, help="folder of the sets, e.g. dump/raw")
parser.add_argument("--sets", nargs="+", required=True)
parser.add_argument("--stream", default="wav", help="of mixtures: wav, or spk1, noise1, ...")
parser.add_argument("--output", type=Path, required=True, help="folder of the data dir and the tables")


def main(argv=None) -> None:
    """Write both."""
    args = parser.parse_args(argv)
    ids: dict[tuple[str, bytes], str] = {}  # utterance and its samples' hash -> id
    distinct_ids: dict[str, dict[str, str]]
    wav, utt2spk, distinct_ids = {}, {}, {}
    for name in args.sets:
        table = AudioTable(args.data_root / name, stream=args.stream)
        speakers, distinct_ids[name] = DataDir(args.data_root / name).table("utt2spk"), {}
        utts = table.keys()
        with progress(len(utts), f"compare {name}") as bar:
            for utt in utts:
                key = utt, hashlib.sha256(table.read(utt).tobytes()).digest()
                if utt not in speakers:
                    raise InputError(
                        f"{args.data_root / name}/utt2spk: lacks {utt}, which {args.stream}.scp has; fix it"
                    )
                if key not in ids:
                    ids[key] = utt if utt not in wav else f"{utt}-in-{name}"
                    wav[ids[key]], utt2spk[ids[key]] = table.values[utt], speakers[utt]
                distinct_ids[name][utt] = ids[key]
                bar.update()
    write_data_dir(args.output / NAME, wav, utt2spk)
    for name, rows in distinct_ids.items():
        write_table(args.output / name / TABLE, rows)
    total = sum(map(len, distinct_ids.values()))
    print(f"{args.output / NAME}: {len(wav)} different recordings of {total} utterances of {len(distinct_ids)} sets")


if __name__ == "__main__":
    sys.exit(run(main))
