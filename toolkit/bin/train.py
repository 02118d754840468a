"""Train a system from a config; the same command resumes an interrupted training.

Example: python -m toolkit.bin.train se --config conf/train.yaml --train_dir dump/raw/train --expdir exp/se_a ...

The first word names the kind of task; without it ``task:`` of the config does. ``--check`` only builds the
objects of the config, and prints the inputs of training and, with --expdir, its progress.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import run
from toolkit.tasks import registry
from toolkit.tasks.training import check, get_parser, train


def main(argv=None) -> None:
    """Train or check."""
    spec, words = registry.of_command_line(sys.argv[1:] if argv is None else argv, __doc__)
    parser = get_parser(spec, __doc__)
    parser.add_argument("--check", action="store_true", help="check the config, print the stream it reads, and end")
    parser.add_argument(
        "--known_sets", type=list[str] | None, default=None, help="with --check: names of sets that the config may use"
    )
    args = parser.parse(words)
    known_sets = args.pop("known_sets")
    if not args.pop("check"):
        train(spec, parser, args)
        return
    print(check(spec, parser, args, known_sets))
    if args.expdir:
        from toolkit.train.experiment import refuse_other, state_of

        refuse_other(parser, parser.dump(args, skip_default=False), Path(args.expdir))
        print(state_of(Path(args.expdir), args.trainer.epochs))


if __name__ == "__main__":
    sys.exit(run(main))
