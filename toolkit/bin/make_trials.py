"""Draw a seeded trial list over the utterances of data dirs: <data_dir>/trials, ``enroll test target|nontarget``.

With --enroll_utts 3, trials enrol models of three utterances, which <data_dir>/enroll2utt lists.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, positive_int, real_number, run, seed
from toolkit.io.datadir import DataDir
from toolkit.io.enrolment import read_sides, write_enroll2utt
from toolkit.io.model_trials import draw_pairs, draw_with_models
from toolkit.io.trials import Trials, check_kinds, write_trials

parser = Parser(description=__doc__)
parser.add_argument("data_dirs", nargs="+")
parser.add_argument(
    "--targets_per_speaker", type=positive_int, default=100, help="fewer where a speaker has fewer pairs"
)
parser.add_argument(
    "--nontargets_per_target", type=real_number(0, 1e6), default=4.0, help="half of them of one gender (spk2gender)"
)
parser.add_argument("--enroll_utts", type=positive_int, default=1, help="utterances of an enrolment")
parser.add_argument("--seed", type=seed, default=0)
parser.add_argument("--check", action="store_true", help="write nothing: check ids of the lists, and both kinds")


def main(argv=None) -> None:
    """Write the lists."""
    args = parser.parse_args(argv)
    drawn: list[tuple[Path, Trials, dict[str, list[str]] | None]] = []
    for path in map(Path, args.data_dirs):
        data = DataDir(path)
        if args.check:
            for name in sorted(file.name for file in path.glob("trials*")) or ["trials"]:
                trials, sides = read_sides(path, name)
                check_kinds(trials, path / name)
                sides.speakers(data.table("utt2spk"), f"{path}/utt2spk")
        elif args.enroll_utts == 1:
            drawn.append((path, draw_pairs(data, args), None))
        else:
            drawn.append((path, *draw_with_models(data, args)))
    for path, trials, models in drawn:
        if models is None:
            (path / "enroll2utt").unlink(missing_ok=True)
        else:
            write_enroll2utt(path / "enroll2utt", models)
        write_trials(path / "trials", trials)
        targets = int(trials.is_target.sum())
        print(f"{path}/trials: {targets} target and {len(trials) - targets} non-target trials")


if __name__ == "__main__":
    sys.exit(run(main))
