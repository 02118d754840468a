"""Is system B better than system A? Differences of EER and minDCF on the same bootstrap samples, with p-values.

Example: python -m toolkit.bin.compare_trials --a exp/a/scores/test --b exp/b/scores/test --utt2spk data/test/utt2spk

Folders hold the scores.txt of score_trials (lines 'enroll test score'). Several folders are several conditions,
compared one by one and in their mean.
"""

import sys

from toolkit.io.command_line import Parser, run
from toolkit.io.errors import InputError
from toolkit.tasks.paired_comparison import add_comparison_arguments, check_comparison, tell, with_progress
from toolkit.tasks.verification.trial_comparison import compare_systems, load_condition

parser = Parser(description=__doc__)
add_comparison_arguments(parser, "the scores")
parser.add_argument("--utt2spk", nargs="+", required=True, help="one for all conditions, or one for each")
parser.add_argument("--enroll2utt", help="if the trials enrol models of several utterances")


def main(argv=None) -> None:
    """Compare."""
    args = parser.parse_args(argv)
    if len(args.a) != len(args.b) or len(args.utt2spk) not in (1, len(args.a)):
        raise InputError(
            f"--a names {len(args.a)} folders, --b {len(args.b)}, --utt2spk {len(args.utt2spk)} files; give as many of "
            "each, or one utt2spk"
        )
    check_comparison(args)
    speakers = args.utt2spk * (len(args.a) if len(args.utt2spk) == 1 else 1)
    conditions = [load_condition(a, b, s, args.enroll2utt) for a, b, s in zip(args.a, args.b, speakers, strict=True)]
    differences = compare_systems(conditions, args.resamples, args.level, args.seed, with_progress)
    tell(args, differences)


if __name__ == "__main__":
    sys.exit(run(main))
