"""Data dirs from your own folders: audio by speaker (<speech>/<speaker>/.../*.wav); noises, music, room responses.

Speakers are split by seed into train, valid and test (unless --test_speech or --trials name the test speakers),
recordings of noise into noise_train and noise_test, of music into music_train and music_test; rooms are rirs_train.
Without --speech, the options of the previous call are used.
"""

import argparse
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, real_number, run, seed, whole_number
from toolkit.simulate.folder_sets import options_of, write_sets

layout = argparse.RawDescriptionHelpFormatter
parser = Parser("local/data.sh", description=__doc__, formatter_class=layout, allow_abbrev=False)
parser.add_argument("--speech", nargs="+", help="a folder for each speaker, audio at any depth below")
parser.add_argument("--test_speech", nargs="+", help="likewise; its speakers are the test set, those of --speech none")
parser.add_argument("--transcripts", action="store_true", help="the text of <name>.wav is in <name>.txt beside it")
parser.add_argument("--intents", action="store_true", help="the slots of <name>.wav are in <name>.intent beside it")
parser.add_argument("--noise", nargs="+", help="audio at any depth")
parser.add_argument("--need_noise", action="store_true", help="of tasks on mixtures: --noise must be given")
parser.add_argument("--music", nargs="+", help="audio at any depth: a second kind of noise")
parser.add_argument("--rooms", nargs="+", help="impulse responses at any depth; those of one folder are one room's")
parser.add_argument("--trials", nargs="+", help="your own list; names are paths below the speech folder, or ids")
parser.add_argument(
    "--segment_seconds",
    type=real_number(0.5, 1e9),
    help="cut recordings into equal pieces of about this many seconds, for speakers with few, long ones; trials "
    "may then compare pieces of one recording, which is easier than recordings of two days",
)
parser.add_argument(
    "--allow_bad", type=whole_number(), default=0, help="how many unreadable files --segment_seconds leaves out"
)
parser.add_argument("--valid_share", type=real_number(0, 1, inside=True), default=0.1, help="of the speakers")
parser.add_argument(
    "--test_share",
    type=real_number(0, 1, inside=True),
    default=0.2,
    help="of the speakers, of the noises, of the music",
)
parser.add_argument("--seed", type=seed, default=0)
parser.add_argument("--outdir", type=Path, default=Path("data"))


def main(argv=None) -> None:
    """Write the sets."""
    args, options = options_of(parser, argv)
    write_sets(args, options)


if __name__ == "__main__":
    sys.exit(run(main))
