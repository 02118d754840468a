"""Fit the calibration of a development set: scores to log-likelihood ratios, for score_trials --calibration.

Example: python -m toolkit.bin.calibrate_scores --scores exp/a/calibration/dev/scores.txt --trials data/dev/trials \\
             --output exp/a/calibration/calibration.json
"""

import sys

from toolkit.io.command_line import Parser, real_number, run
from toolkit.io.errors import InputError
from toolkit.systems.calibration_file import fit_on, write_calibration

parser = Parser(description=__doc__)
parser.add_argument("--scores", nargs="+", required=True, help="scores.txt of one or more development sets")
parser.add_argument("--trials", nargs="+", required=True, help="their trial lists, in the same order")
parser.add_argument(
    "--p_target",
    type=real_number(0, 1, inside=True),
    default=0.05,
    help="target prior for which the calibration is optimised",
)
parser.add_argument("--output", required=True, help="file to write")


def main(argv=None) -> None:
    """Fit and write."""
    args = parser.parse_args(argv)
    if len(args.scores) != len(args.trials):
        raise InputError(f"--scores names {len(args.scores)} files, --trials {len(args.trials)}; give one for each")
    content = fit_on(args.scores, args.trials, args.p_target)
    write_calibration(args.output, content)
    print(
        f"{args.output}: llr = {content['scale']:.4g} * score {content['offset']:+.4g}, fitted on "
        f"{content['n_target']} target and {content['n_nontarget']} nontarget trials"
    )


if __name__ == "__main__":
    sys.exit(run(main))
