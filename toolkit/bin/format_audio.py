"""Format data dirs: resample, cut segments, keep one channel; write FLAC in arks, and lengths.

Where a data dir has reco2file_and_channel, it names the channel of recordings with several (A or 1 is the first) and
overrides --channel. Values of wav.scp that are commands (ending in |) are run only with --allow_pipes: use it only
for data dirs that you trust. A recording of floats that peaks beyond full scale is scaled down as a whole. One that
exceeds full scale by far is bad, as is one that is silent, constant or too short. Enrolments that are files
(enroll_spk1.scp) are formatted likewise; an utterance whose enrolment is bad is bad.
"""

import argparse
import sys

from toolkit.io.command_line import Parser, add_job_arguments, channel, rate, real_number, run, seconds, whole_number
from toolkit.io.formatting import format_set
from toolkit.io.jobs import each_set
from toolkit.io.samples import LEAST_SECONDS

parser = Parser(description=__doc__)
add_job_arguments(parser)
parser.add_argument("--fs", type=rate, default=16000, help="rate in Hz to resample to")
parser.add_argument("--channel", type=channel, help="which to keep: 0, 1, ... or mean; default: refuse several")
parser.add_argument("--allow_pipes", action="store_true", help="run the commands in wav.scp")
parser.add_argument("--min_seconds", type=real_number(0, 1e9), default=LEAST_SECONDS, help="shorter ids are bad")
parser.add_argument("--max_seconds", type=seconds, default=1e9, help="longer ids are bad")
parser.add_argument(
    "--allow_bad", type=whole_number(), default=0, help="leave out up to this many bad ids; more end the run"
)
parser.add_argument(
    "--trim_zeros",
    action=argparse.BooleanOptionalAction,
    default=False,
    help="cut digital silence off both ends (padded noises)",
)
parser.add_argument("--resampler", choices=["soxr", "polyphase"], default="soxr", help="polyphase: scipy's")
parser.add_argument(
    "--bits", type=int, choices=[16, 24], default=16, help="24: what a mixture multiplies is not rounded before"
)


def main(argv=None) -> None:
    """Format the ids of a work list."""
    args = parser.parse_args(argv)
    for name, keys, bar in each_set(args.work, "format"):
        for message in format_set(name, keys, args, bar):
            print(f"left out: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run(main))
