"""Score recognised text: word and character error rates with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_text --in_root exp/asr/transcripts --ref_root dump/raw --sets test \\
             --out_root exp/asr/scores

The hypotheses are <in_root>/<set>/text, as transcribe_audio writes it (<empty> stands for no words), the references
<ref_root>/<set>/text. Texts are compared as they are written, case and punctuation included. utterances.tsv has a line
for each utterance, the one with the most word errors first.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_hypothesis_arguments, run
from toolkit.report.recognition.utterance_errors import table_of_errors
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.recognition.text_scoring import line_of, score_texts, summarise_errors
from toolkit.tasks.verification.trial_summary import Bootstrap

parser = Parser(description=__doc__)
add_hypothesis_arguments(parser)


def main(argv=None) -> None:
    """Score each set."""
    args = parser.parse_args(argv)
    bootstrap, scored = Bootstrap(args.resamples, args.level, args.seed), {}
    for name in args.sets:
        hypotheses, references = Path(args.in_root) / name, Path(args.ref_root) / name
        errors = score_texts(hypotheses, references)
        scored[name] = summarise_errors(errors, bootstrap, hypotheses, references), table_of_errors(errors)
    write_scored(args.out_root, scored, lambda result: (line_of(result, name) for name in result.metrics))


if __name__ == "__main__":
    sys.exit(run(main))
