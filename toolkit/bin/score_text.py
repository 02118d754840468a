"""Score recognised text: word and character error rates with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_text --in_root exp/asr/transcripts --ref_root dump/raw --sets test \\
             --out_root exp/asr/scores

The hypotheses are <in_root>/<set>/text, as transcribe_audio writes it (<empty> stands for no words), the references
<ref_root>/<set>/text. Texts are compared as they are written, case and punctuation included. utterances.tsv has a line
for each utterance, the one with the most word errors first.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_bootstrap_arguments, run
from toolkit.report.recognition.utterance_errors import table_of_errors
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.recognition.text_scoring import line_of, score_texts, summarise_errors
from toolkit.tasks.verification.trial_summary import Bootstrap

parser = Parser(description=__doc__)
parser.add_argument("--in_root", required=True, help="folder of the sets with the hypotheses")
parser.add_argument("--ref_root", required=True, help="folder of the sets with the references, e.g. dump/raw")
parser.add_argument("--sets", nargs="+", required=True)
parser.add_argument("--out_root", required=True, help="folder of the results")
add_bootstrap_arguments(parser, 0)


def main(argv=None) -> None:
    """Score each set."""
    args = parser.parse_args(argv)
    bootstrap, scored = Bootstrap(args.resamples, args.level, args.seed), {}
    for name in args.sets:
        hypotheses, references = Path(args.in_root) / name, Path(args.ref_root) / name
        errors = score_texts(hypotheses, references)
        scored[name] = summarise_errors(errors, bootstrap, hypotheses, references), table_of_errors(errors)
    for name, (result, table) in scored.items():
        write_scored(Path(args.out_root) / name, result, table)
        print(f"{name}: {result.n_utterances} utterances of {result.n_speakers} speakers")
        for metric in result.metrics:
            print(f"{name}: {line_of(result, metric)}")


if __name__ == "__main__":
    sys.exit(run(main))
