"""Score trials by embeddings: scores.txt, and metrics.json with confidence intervals.

Example: python -m toolkit.bin.score_trials --trials data/test/trials --embeddings exp/a/test/embedding.scp \\
             --utt2spk data/test/utt2spk --data_dir data/test --output exp/a/scores/test

With --score_norm as_norm and a cohort, scores are normalised; with --calibration (of calibrate_scores), llr.txt holds
log-likelihood ratios and metrics.json their actDCF and Cllr. EER and minDCF are those of scores.txt.
"""

import sys

from toolkit.io.command_line import Parser, add_summary_arguments, run, whole_number
from toolkit.tasks.verification.scored_set import TOP_N, check_options, score_set
from toolkit.tasks.verification.trial_scoring import SCORE_NORMS, SCORINGS

parser = Parser(description=__doc__)
parser.add_argument("--trials", required=True, help="'enroll test target|nontarget' or VoxCeleb's '1|0 enroll test'")
parser.add_argument(
    "--enroll2utt", help="'model utt1 utt2 ...': trials enrol models; default: beside the trials; or 'none'"
)
parser.add_argument("--embeddings", required=True, help="scp of embeddings, keyed by utterance")
parser.add_argument("--utt2spk", required=True, help="speakers of the utterances, which the bootstrap resamples")
parser.add_argument("--data_dir", help="folder whose utt2noise and utt2snr, if any, give the condition")
parser.add_argument("--name", help="name of the set in reports; default: the name of data_dir, else of output")
parser.add_argument("--output", required=True, help="folder of scores.txt and metrics.json")
parser.add_argument(
    "--scoring", choices=SCORINGS, default="cosine", help="mean_cosine and neg_euclidean: of segments, all pairs"
)
parser.add_argument("--score_norm", choices=SCORE_NORMS, default="none")
parser.add_argument("--cohort", help="scp of the cohort's embeddings, for score_norm")
parser.add_argument("--cohort_utt2spk", help="average the embeddings of the cohort by speaker")
parser.add_argument(
    "--top_n",
    type=whole_number(2),
    help=f"of as_norm: how many of the highest cohort scores count (default: {TOP_N})",
)
parser.add_argument("--calibration", help="calibration.json of a development set (calibrate_scores)")
add_summary_arguments(parser, "gender, duration, or tables spk2<x>, utt2<x> of data_dir")


def main(argv=None) -> None:
    """Score the trials and compute the metrics."""
    args = parser.parse_args(argv)
    check_options(args)
    score_set(args)


if __name__ == "__main__":
    sys.exit(run(main))
