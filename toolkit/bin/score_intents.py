"""Score intents: exact matches and right slots with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_intents --in_root exp/ic/intents --ref_root dump/raw --sets test \\
             --out_root exp/ic/scores

The hypotheses are <in_root>/<set>/utt2intent, as classify_intents writes it, the references
<ref_root>/<set>/utt2intent. utterances.tsv has a line for each utterance, those that are not recognised first.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_bootstrap_arguments, run
from toolkit.io.conditions import read_condition
from toolkit.io.variants import read_variant
from toolkit.report.enhancement.utterance_values import table_of_utterances
from toolkit.report.summaries import condition_facts
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.enhancement.audio_summary import line_of, summarise_values
from toolkit.tasks.intent.intent_scoring import score_intents
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
        values = score_intents(hypotheses, references)
        facts = condition_facts(read_condition(references)) | {"variant": read_variant(hypotheses)}
        scored[name] = summarise_values(values, bootstrap, **facts), table_of_utterances(values)
    for name, (result, table) in scored.items():
        write_scored(Path(args.out_root) / name, result, table)
        print(f"{name}: {result.n_utterances} utterances of {result.n_speakers} speakers")
        for metric in result.metrics:
            print(f"{name}: {line_of(result.metrics, metric)}")


if __name__ == "__main__":
    sys.exit(run(main))
