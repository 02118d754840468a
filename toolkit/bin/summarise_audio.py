"""Means of the metrics that score_audio wrote, with confidence intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.summarise_audio --in_root exp/se/metrics --sets test --data_root dump/raw \\
             --out_root exp/se/scores --breakdown gender utt2noise utt2snr

If the mixture was scored, too (--input of score_audio, or --input_root), the results include its value and the
improvement (si_sdri). Undefined and infinite values are left out of means and counted. utterances.tsv has a line for
each utterance, the worst first: the values that reports and comparisons read. The tables of score_audio are what the
jobs made; from them a set is summarised again, by other groups or resamples, without being scored again.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_summary_arguments, check_summary_arguments, run
from toolkit.io.conditions import read_condition
from toolkit.io.datadir import DataDir
from toolkit.io.variants import read_variant
from toolkit.metrics.signal.registry import METRICS
from toolkit.report.enhancement.utterance_values import table_of_utterances
from toolkit.report.summaries import SetSummary, condition_facts
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.enhancement.audio_summary import group_values, line_of, load_values, summarise_values
from toolkit.tasks.verification.trial_summary import Bootstrap

parser = Parser(description=__doc__)
parser.add_argument("--in_root", required=True, help="folder of the sets' tables from score_audio")
parser.add_argument("--sets", nargs="+", required=True)
parser.add_argument("--out_root", help="folder of the results; default: in_root")
parser.add_argument("--data_root", help="folder of the sets whose tables give groups and condition; default: in_root")
parser.add_argument("--input_root", help="the mixtures' tables, if they were scored separately")
add_summary_arguments(parser, "gender, gender_pair, duration, or tables spk2<x>, utt2<x>")


def summarise(args, name: str) -> tuple[SetSummary, str]:
    """The summary of a set, and its table of utterances."""
    folder = Path(args.in_root) / name
    values = load_values(folder, Path(args.input_root) / name if args.input_root else None)
    data = DataDir(Path(args.data_root or args.in_root) / name)
    groupings = [group_values(fact, data, values, args.duration_edges, args.fs) for fact in args.breakdown]
    facts = condition_facts(read_condition(data.path)) | {"variant": read_variant(folder)}
    bootstrap = Bootstrap(args.resamples, args.level, args.seed)
    return summarise_values(values, bootstrap, groupings, **facts), table_of_utterances(values)


def main(argv=None) -> None:
    """Summarise each set."""
    args = parser.parse_args(argv)
    check_summary_arguments(args)
    summaries = {name: summarise(args, name) for name in args.sets}
    write_scored(
        args.out_root or args.in_root,
        summaries,
        lambda result: (line_of(result.metrics, name) for name in METRICS if name in result.metrics),
    )


if __name__ == "__main__":
    sys.exit(run(main))
