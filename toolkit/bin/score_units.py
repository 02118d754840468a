"""Score predicted units: accuracy on masked frames with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_units --in_root exp/ssl/predictions --ref_root dump/raw --sets test \\
             --out_root exp/ssl/scores

The predictions are <in_root>/<set>/utt2units and utt2predicted, as predict_units writes them; <ref_root>/<set>
names the speakers. utterances.tsv has a line for each utterance, the worst first.
"""

import sys

from toolkit.io.command_line import Parser, add_hypothesis_arguments, run
from toolkit.tasks.label_sets import score_value_sets
from toolkit.tasks.representation.unit_scoring import score_units

parser = Parser(description=__doc__)
add_hypothesis_arguments(parser)


def main(argv=None) -> None:
    """Score each set."""
    score_value_sets(parser.parse_args(argv), score_units)


if __name__ == "__main__":
    sys.exit(run(main))
