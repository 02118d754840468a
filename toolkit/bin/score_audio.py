"""Score enhanced or extracted speech against its references: tables utt2<metric>, and utt2undefined with reasons.

Example: python -m toolkit.bin.score_audio --in_root exp/se/enhanced --ref_root dump/raw --out_root exp/se/metrics \\
             --metrics si_sdr pesq_wb estoi --input wav --work work.1 --job 1

The estimates are <in_root>/<set>/wav.scp, the references <ref_root>/<set>/spk1.scp. The metrics of real recordings
need none: dnsmos_*, and timing_*, which compare with the turns of the speakers (<ref_root>/<set>/rttm). With --input
the mixture is scored as well (utt2<metric>_mix); with --interferer, utt2speaker_confusion tells where the output is
nearer to an interferer. Undefined values (silence, too short, no utterance found) are nan; summarise_audio counts them.
"""

import argparse
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_job_arguments, add_trust, run
from toolkit.io.errors import InputError
from toolkit.io.jobs import each_set, write_job_tables
from toolkit.io.variants import carry_variant
from toolkit.metrics.signal.registry import COMPUTED, names_that_need
from toolkit.tasks.enhancement.audio_scoring import score_set, scorer_of


def get_parser(check: bool = False) -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.score_audio``; with ``check`` only --metrics are needed."""
    parser = Parser(description=__doc__)
    add_job_arguments(parser, required=not check)
    parser.add_argument("--check", action="store_true", help="check --metrics and end")
    parser.add_argument("--no_reference", action="store_true", help="with --check: of recordings without a target")
    parser.add_argument("--ref_root", required=not check, help="folder of the sets with the references, e.g. dump/raw")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=["si_sdr"],
        help=f"of {' '.join(COMPUTED)}, or residual_energy (needs --input), similarity (--sv_exp); "
        "tsos is the definition with k = 2, whatever the level, tsos_k1 that with k = 1, which depends on it",
    )
    parser.add_argument("--estimate", default="wav", help="stream of in_root that is scored")
    parser.add_argument("--reference", default="spk1", help="stream of ref_root that the estimate should match")
    parser.add_argument("--interferer", nargs="+", default=[], help="streams of ref_root with interferers: spk2 ...")
    parser.add_argument(
        "--absent", action="store_true", help="the target is not in the mixtures: the reference is silence"
    )
    parser.add_argument(
        "--sv_exp", help="verification system (experiment or packed.zip): cosine to the enrolment as well"
    )
    add_trust(parser)
    parser.add_argument("--input", help="stream of ref_root that was processed, e.g. wav: score it as well")
    parser.add_argument(
        "--input_scored", action="store_true", help="--input was scored as the estimate of other tables; skip it here"
    )
    return parser


def main(argv=None) -> None:
    """Score the ids of a work list."""
    argv = sys.argv[1:] if argv is None else argv
    args = get_parser("--check" in argv).parse_args(argv)
    scorer = scorer_of(args)
    if args.check:
        if args.no_reference and scorer.needs_reference:
            wrong = names_that_need("reference", scorer.metrics)
            raise InputError(f"--metrics {wrong[0]}: needs the target alone, which real recordings lack; leave it out")
        return
    for name, utts, bar in each_set(args.work, "score"):
        rows = score_set(args, scorer, name, utts, bar)
        write_job_tables(args.out_root, name, args.job, **rows)
        carry_variant(Path(args.in_root) / name, Path(args.out_root) / name)


if __name__ == "__main__":
    sys.exit(run(main))
