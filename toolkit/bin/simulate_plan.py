"""Plan mixtures of a formatted data dir: seeded text, one mixture a line, and the tables of the mixture set.

With --snrs: a set <prefix>_<kind>_<snr> for each kind of noise in the config and each SNR, ids as in the data dir, so
that one trial list serves every condition. Without: one set, whose noise, SNR, room and speed are drawn by the config.
"""

import sys
from pathlib import Path
from typing import Literal

import yaml

from toolkit.io.command_line import run
from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.simulate.mixture_sets import check_options, plan_sets
from toolkit.simulate.planner import MixturePlanner
from toolkit.simulate.sets import check_known_sets


def get_parser() -> ConfigParser:
    """Options of ``python -m toolkit.bin.simulate_plan``."""
    parser = ConfigParser.command_line(__doc__)
    parser.add_class_arguments(MixturePlanner, "planner")
    parser.add_argument("--data", type=str, required=True, help="formatted data dir of the targets, e.g. dump/raw/test")
    parser.add_argument("--out_root", type=str, default="data", help="folder of the sets to write")
    parser.add_argument("--name", type=str, required=True, help="name of the set, or prefix of the sets with --snrs")
    parser.add_argument("--snrs", type=list[float] | None, default=None, help="SNRs in dB, e.g. [0,10,20]")
    parser.add_argument("--kinds", type=list[str] | None, default=None, help="kinds of noise; default: the config's")
    parser.add_argument(
        "--codecs",
        type=list[str] | None,
        default=None,
        help="with --snrs: all sets again through each of these codecs of the config, <prefix>_<codec>_<kind>_<snr>, "
        "and <prefix>_<codec> without noise; the sets without a codec in their name have none",
    )
    parser.add_argument("--copies", type=int, default=1, help="mixtures of each utterance (without --snrs)")
    parser.add_argument(
        "--num_mixtures",
        type=int | None,
        default=None,
        help="mixtures in all, of utterances drawn at random, none twice before all are used (without --snrs)",
    )
    parser.add_argument(
        "--enroll",
        type=Literal["none", "fixed", "draw"],
        default="none",
        help="of target speaker extraction: choose another utterance of the target's speaker for each mixture (fixed), "
        "or leave it to training to draw one in every epoch (draw)",
    )
    parser.add_argument("--enroll_from", type=str | None, default=None, help="data dir of enrolments; default: --data")
    parser.add_argument("--each_speed", action="store_true", help="a copy at each speed instead of a drawn one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--known_sets", type=list[str] | None, default=None, help="with --check: names of sets that configs may draw on"
    )
    parser.add_argument("--check", action="store_true", help="check the config, say whether it mixes, and end")
    return parser


def main(argv=None) -> None:
    """Write the plans."""
    parser = get_parser()
    args = parser.parse(argv)
    check_options(args)
    planner: MixturePlanner = parser.build(args).planner
    if unknown := [kind for kind in args.kinds or [] if kind not in planner.noises]:
        raise InputError(f"--kinds {unknown[0]}: the config knows {', '.join(planner.noises) or 'none'}")
    if unknown := [codec for codec in args.codecs or [] if codec not in planner.codecs]:
        raise InputError(f"--codecs {unknown[0]}: the config knows {', '.join(planner.codecs) or 'none'}")
    if args.check:
        if args.known_sets is not None:
            config = yaml.safe_load(parser.dump(args))["planner"]
            noises = config.get("noises") or {}
            config["noises"] = {kind: noises[kind] for kind in args.kinds or noises}
            root, where = Path(args.data).parent, ", ".join(parser.read_files)
            check_known_sets(config, "planner", args.known_sets, root, where)
        print("plan: mixing" if planner.noises or planner.interferer else "plan: one talker alone")
        return
    plan_sets(args, planner)


if __name__ == "__main__":
    sys.exit(run(main))
