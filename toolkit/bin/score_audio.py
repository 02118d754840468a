"""Score enhanced or extracted speech against its references: tables utt2<metric>, and utt2undefined with reasons.

Example: python -m toolkit.bin.score_audio --in_root exp/se/enhanced --ref_root dump/raw --out_root exp/se/metrics \\
             --metrics si_sdr pesq_wb estoi --input wav --work work.1 --job 1

The estimates are <in_root>/<set>/wav.scp, the references <ref_root>/<set>/spk1.scp. With --input the mixture is scored
as well (utt2<metric>_in), with --interferer utt2wrong_speaker tells where the output is nearer to an interferer. What
is undefined (silence, too short, no utterance found) is nan, and counted by summarise_audio.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from toolkit.io.command_line import Parser, add_job_arguments, add_trust, run
from toolkit.io.errors import InputError, some_of
from toolkit.io.jobs import read_work, write_job_tables
from toolkit.io.progress import progress
from toolkit.metrics.signal.registry import COMPUTED, check_metrics
from toolkit.tasks.enhancement.audio_scoring import Scorer, open_streams, read_scores, said


def get_parser(check: bool = False) -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.score_audio``; with ``check`` only --metrics are needed."""
    parser = Parser(description=__doc__)
    add_job_arguments(parser, required=not check)
    parser.add_argument("--check", action="store_true", help="check --metrics and end")
    parser.add_argument("--ref_root", required=not check, help="folder of the sets with the references, e.g. dump/raw")
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=["si_sdr"],
        help=f"of {' '.join(COMPUTED)}, or energy_left (needs --input); "
        "tsos is the definition with k = 2, whatever the level, tsos_k1 that with k = 1, which depends on it",
    )
    parser.add_argument("--estimate", default="wav", help="stream of in_root that is scored")
    parser.add_argument("--reference", default="spk1", help="stream of ref_root that it should be")
    parser.add_argument("--interferer", nargs="+", default=[], help="streams of ref_root it should not be: spk2 ...")
    parser.add_argument(
        "--absent", action="store_true", help="the target is not in the mixtures: the reference is silence"
    )
    parser.add_argument(
        "--sv_exp", help="verification system (experiment or packed.zip): cosine to the enrolment as well"
    )
    add_trust(parser)
    parser.add_argument("--input", help="stream of ref_root that was processed, e.g. wav: score it as well")
    parser.add_argument(
        "--input_scores", help="folder of the sets whose --input was scored before, as the estimate: not again, then"
    )
    return parser


def scorer_of(args) -> Scorer:
    """What the options ask for."""
    metrics = tuple(dict.fromkeys(word for words in args.metrics for word in words.split()))
    wanted = tuple(name for name in metrics if name != "energy_left")
    check_metrics(wanted)
    if "energy_left" in metrics and not args.input:
        raise InputError("--metrics energy_left is relative to the mixture: give its stream by --input")
    if args.input_scores and not args.input:
        raise InputError("--input_scores are those of a stream of ref_root: give it by --input")
    if args.sv_exp and not args.input:
        raise InputError("--sv_exp measures the mixture as well: give its stream by --input")
    return Scorer(wanted, bool(args.interferer), "energy_left" in metrics, bool(args.input))


def similarity_of(args, name: str, utts: list[str]):
    """What measures likeness to the enrolments of a set; None where no verification system is given."""
    if not args.sv_exp:
        return None
    import torch

    from toolkit.systems.verifier import Verifier
    from toolkit.tasks.enhancement.similarity import Similarity

    torch.set_num_threads(1)
    return Similarity(Verifier.load(args.sv_exp, trust=args.trust), Path(args.ref_root) / name, utts)


def main(argv=None) -> None:
    """Score the ids of a work list."""
    argv = sys.argv[1:] if argv is None else argv
    args = get_parser("--check" in argv).parse_args(argv)
    scorer = scorer_of(args)
    if args.check:
        return
    work = read_work(args.work)
    roles = {"reference": args.reference, "input": args.input}
    roles |= {f"interferer{i or ''}": stream for i, stream in enumerate(args.interferer)}
    with progress(sum(map(len, work.values())), "score") as bar:
        for name, utts in work.items():
            tables = {role: Path(args.ref_root) / name / f"{stream}.scp" for role, stream in roles.items() if stream}
            streams = open_streams(name, utts, estimate=Path(args.in_root) / name / f"{args.estimate}.scp", **tables)
            similarity = similarity_of(args, name, utts)
            before = read_scores(Path(args.input_scores) / name, scorer.metrics, utts) if args.input_scores else {}
            if lost := [utt for utt in utts if args.input_scores and utt not in before]:
                raise InputError(f"{Path(args.input_scores) / name}: lacks {some_of(lost)}; score the set again")
            names = [*scorer.names(), *([] if similarity is None else ["similarity", "similarity_in"])]
            rows = {f"utt2{metric}": {} for metric in [*names, "undefined"]}
            for utt in utts:
                signals, fs = streams.read(utt)
                if args.absent:
                    signals["reference"] = np.zeros_like(signals["estimate"])
                values, undefined = scorer.score(signals, fs, before.get(utt))
                if similarity is not None:
                    of = {"similarity": signals["estimate"], "similarity_in": signals["input"]}
                    for found, more in zip((values, undefined), similarity.score(utt, fs, **of), strict=True):
                        found |= more
                for metric, value in values.items():
                    rows[f"utt2{metric}"][utt] = f"{value:.6f}"
                rows["utt2undefined"][utt] = said(undefined)
                bar.update()
            write_job_tables(args.out_root, name, args.job, **rows)


if __name__ == "__main__":
    sys.exit(run(main))
