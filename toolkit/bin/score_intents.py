"""Score intents: exact matches and right slots with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_intents --in_root exp/ic/intents --ref_root dump/raw --sets test \\
             --out_root exp/ic/scores

The hypotheses are <in_root>/<set>/utt2intent, as classify_intents writes it, the references
<ref_root>/<set>/utt2intent. utterances.tsv has a line for each utterance, those that are not recognised first.
"""

import sys

from toolkit.io.command_line import Parser, add_hypothesis_arguments, run
from toolkit.tasks.intent.intent_scoring import score_intents
from toolkit.tasks.label_sets import score_value_sets

parser = Parser(description=__doc__)
add_hypothesis_arguments(parser)


def main(argv=None) -> None:
    """Score each set."""
    score_value_sets(parser.parse_args(argv), score_intents)


if __name__ == "__main__":
    sys.exit(run(main))
