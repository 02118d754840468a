"""Is system B better than system A? Differences of mean SI-SDR, PESQ, ... on the same bootstrap samples, with p-values.

Example: python -m toolkit.bin.compare_audio --a exp/one/scores/test --b exp/two/scores/test

Folders hold the utterances.tsv of summarise_audio. An utterance for which one system has no value is left out for
both. Several folders are several conditions, compared one by one and in their mean.
"""

import sys

from toolkit.io.command_line import Parser, run
from toolkit.io.errors import InputError
from toolkit.tasks.enhancement.audio_comparison import compare_audio_values, load_audio_condition
from toolkit.tasks.paired_comparison import add_comparison_arguments, check_comparison, tell

parser = Parser(description=__doc__)
add_comparison_arguments(parser, "utterances.tsv")


def main(argv=None) -> None:
    """Compare."""
    args = parser.parse_args(argv)
    if len(args.a) != len(args.b):
        raise InputError(f"--a names {len(args.a)} folders, --b {len(args.b)}; give as many of each")
    check_comparison(args)
    conditions = [load_audio_condition(a, b) for a, b in zip(args.a, args.b, strict=True)]
    differences = compare_audio_values(conditions, args.resamples, args.level, args.seed)
    tell(args, differences)


if __name__ == "__main__":
    sys.exit(run(main))
