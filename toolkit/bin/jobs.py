"""The two ends of a parallel stage: list the work of some sets, merge the output of the jobs (toolkit.io.jobs)."""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, positive_int, run, whole_number
from toolkit.io.datadir import read_table
from toolkit.io.jobs import merge, write_work

parser = Parser(description=__doc__)
parser.add_argument("action", choices=["list", "merge"])
parser.add_argument("--in_root", required=True)
parser.add_argument("--sets", nargs="+", required=True)
parser.add_argument("--work", help="list: file to write")
parser.add_argument("--out_root", help="merge: folder of the sets that the jobs wrote")
parser.add_argument("--num_jobs", type=positive_int)
parser.add_argument("--stems", nargs="+", default=["wav"], help="merge: ark names of the stage")
parser.add_argument("--allow_bad", type=whole_number(), default=0, help="merge: how many ids of a set may be left out")


def main(argv=None) -> None:
    """Run one of the two."""
    args = parser.parse_args(argv)
    for option in ("work",) if args.action == "list" else ("out_root", "num_jobs"):
        if getattr(args, option) is None:
            parser.error(f"{args.action} needs --{option}")
    if args.action == "list":
        print(write_work(args.work, args.in_root, args.sets))
        return
    for name in args.sets:
        count = merge(args.in_root, args.out_root, name, args.num_jobs, args.stems, args.allow_bad)
        dropped = Path(args.out_root) / name / "dropped"
        left_out = f", {len(read_table(dropped))} left out (see {dropped})" if dropped.is_file() else ""
        print(f"{args.out_root}/{name}: {count} ids{left_out}")


if __name__ == "__main__":
    sys.exit(run(main))
