"""Score audio, trials or text by the metrics of stage 8.

Example: voxsift score --reference clean/ enhanced/ --metrics si_sdr pesq_wb estoi
         voxsift score --reference dump/raw/test/spk1.scp -- enhanced/wav.scp
         voxsift score --metrics dnsmos_ovrl -- enhanced/*.wav
         voxsift score --trials data/test/trials scores.txt --utt2spk data/test/utt2spk
         voxsift score --transcripts data/test/text recognised/text

Audio is paired by its path below a folder, without extension, or by its id in a .scp file. Trials are
lines 'enroll test target|nontarget', scores 'enroll test score'. Intervals are over speakers, and need --utt2spk.
"""

import argparse

from toolkit.cli.shared.options import INPUTS, add_channel, add_json
from toolkit.io.command_line import add_bootstrap_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift score``."""
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help=f"results: a score file, a table 'text', or {INPUTS}"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--reference", nargs="+", metavar="INPUT", help="what the audio should be")
    kind.add_argument("--trials", help="trial list: error rates of a score file")
    kind.add_argument("--transcripts", help="table 'text' of references: error rates of recognised text")
    parser.add_argument("--metrics", nargs="+", default=["si_sdr"], help="of audio: si_sdr, pesq_wb, estoi, ...")
    parser.add_argument("--utt2spk", help="speakers: intervals over them")
    parser.add_argument("--calibration", help="calibration.json: actDCF and Cllr of the scores")
    add_bootstrap_arguments(parser, 0)
    add_json(parser)
    add_channel(parser, "channels must be equal")


def main(args: argparse.Namespace) -> None:
    """Score."""
    from toolkit.cli.shared import scoring

    if args.trials or args.transcripts:
        if len(args.inputs) > 1:
            scoring.refuse_several(args.inputs)
        (scoring.score_trials if args.trials else scoring.score_texts)(args)
    else:
        scoring.score_audio(args)
