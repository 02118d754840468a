"""Warn of test sets that share speakers with the training set: error rates there are those of known speakers.

Example: python -m toolkit.bin.known_speakers --expdir exp/sv_x --sets dump/raw/test dump/raw/test_noise_0
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.io.datadir import DataDir, c_sorted
from toolkit.io.errors import counted, some_of
from toolkit.train.inputs import TRAINING, read

parser = Parser(description=__doc__)
trained = parser.add_mutually_exclusive_group(required=True)
trained.add_argument("--train_dir", type=Path, help="training set, before training")
trained.add_argument("--expdir", type=Path, help="trained experiment; without inputs.json there is no warning")
parser.add_argument("--sets", nargs="+", required=True, help="data dirs of the test sets")


def known_speakers(trained: set[str], sets: list[str]) -> list[tuple[list[str], list[str]]]:
    """Names of test sets, and the speakers that they share with ``trained``."""
    sets_by_speakers: dict[tuple[str, ...], list[str]] = {}
    for path in sets:
        if shared := c_sorted(trained & set(DataDir(path).table("utt2spk").values())):
            sets_by_speakers.setdefault(tuple(shared), []).append(Path(path).name)
    return [(names, list(shared)) for shared, names in sets_by_speakers.items()]


def main(argv=None) -> None:
    """Print a line for each group of sets that share the same speakers."""
    args = parser.parse_args(argv)
    if args.train_dir:
        trained = set(DataDir(args.train_dir).table("utt2spk").values())
    else:
        trained = set((read(args.expdir) or {"sets": {TRAINING: {}}})["sets"].get(TRAINING, {}))
    for names, speakers in known_speakers(trained, args.sets):
        of = f"{counted(len(speakers), 'speaker')} of {args.train_dir or f'the training set of {args.expdir}'}"
        print(
            f"WARNING {some_of(names, 2)}: has {of}: {some_of(speakers, 3)}; of unknown speakers, results are worse",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(run(main))
