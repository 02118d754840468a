"""Score recognised text: word and character error rates with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_text --in_root exp/asr/transcripts --ref_root dump/raw --sets test \\
             --out_root exp/asr/scores

The hypotheses are <in_root>/<set>/text, as transcribe_audio writes it (<empty>: no words), the references
<ref_root>/<set>/text. Texts are compared as they are written, case and punctuation included, unless --normalize says
otherwise. utterances.tsv has a line for each utterance, the one with the most word errors first.
"""

import sys
from functools import partial

from toolkit.io.command_line import Parser, add_hypothesis_arguments, run
from toolkit.tasks.label_sets import score_sets
from toolkit.tasks.recognition.text_scoring import line_of, scored_texts

parser = Parser(description=__doc__)
add_hypothesis_arguments(parser)
parser.add_argument(
    "--normalize",
    choices=("none", "words", "english"),
    default="none",
    help="compare texts as they are written; in small letters without punctuation; or by Whisper's English normaliser",
)


def main(argv=None) -> None:
    """Score each set."""
    args = parser.parse_args(argv)
    score = partial(scored_texts, normalize=args.normalize)
    score_sets(args, score, lambda result: (line_of(result, name) for name in result.metrics))


if __name__ == "__main__":
    sys.exit(run(main))
