"""Score predicted units: accuracy on masked frames with intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.score_units --in_root exp/ssl/predictions --ref_root dump/raw --sets test \\
             --out_root exp/ssl/scores

The predictions are <in_root>/<set>/utt2units and utt2predicted, as predict_units writes them; <ref_root>/<set>
names the speakers. utterances.tsv has a line for each utterance, the worst first.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_hypothesis_arguments, run
from toolkit.io.conditions import read_condition
from toolkit.io.variants import read_variant
from toolkit.report.enhancement.utterance_values import table_of_utterances
from toolkit.report.summaries import condition_facts
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.enhancement.audio_summary import line_of, summarise_values
from toolkit.tasks.representation.unit_scoring import score_units
from toolkit.tasks.verification.trial_summary import Bootstrap

parser = Parser(description=__doc__)
add_hypothesis_arguments(parser)


def main(argv=None) -> None:
    """Score each set."""
    args = parser.parse_args(argv)
    bootstrap, scored = Bootstrap(args.resamples, args.level, args.seed), {}
    for name in args.sets:
        hypotheses, references = Path(args.in_root) / name, Path(args.ref_root) / name
        values = score_units(hypotheses, references)
        facts = condition_facts(read_condition(references)) | {"variant": read_variant(hypotheses)}
        scored[name] = summarise_values(values, bootstrap, **facts), table_of_utterances(values)
    write_scored(args.out_root, scored, lambda result: (line_of(result.metrics, name) for name in result.metrics))


if __name__ == "__main__":
    sys.exit(run(main))
