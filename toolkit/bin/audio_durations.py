"""Durations of recordings from their headers: a wav.scp in, lines '<id> <seconds>' out (utils/get_utt2dur.sh)."""

import argparse
import sys
from pathlib import Path

from toolkit.io.audio import audio_info, read_whole
from toolkit.io.command_line import Parser, run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.progress import progress

parser = Parser(description=__doc__)
parser.add_argument("scp", help="lines '<id> <value>': file, file.ark:offset, or command ending in |")
parser.add_argument("output")
parser.add_argument("--rates", help="also write lines '<id> <Hz>' here")
parser.add_argument("--read_entire_file", action="store_true", help="decode the whole file; do not trust the header")
parser.add_argument(
    "--allow_pipes", action="store_true", help="run the commands; use it only for a table that you trust"
)
parser.add_argument("--permissive", action="store_true", help="leave out unreadable recordings, with a warning")


def length_and_rate(value: str, key: str, args: argparse.Namespace) -> tuple[int, int]:
    """Length in samples (of one channel) and rate in Hz of a recording."""
    if args.read_entire_file:
        samples, rate = read_whole(value, key, "all", args.allow_pipes)
        return len(samples), rate
    info = audio_info(value, key, args.allow_pipes)
    return info.frames, info.rate


def main(argv=None) -> None:
    """Write the table."""
    args = parser.parse_args(argv)
    if args.rates and Path(args.rates).is_dir():  # known before anything is written
        raise InputError(f"--rates {args.rates}: is a directory; give the path of a table")
    table = read_table(args.scp)
    seconds, rates, bad = {}, {}, []
    with progress(len(table), "durations") as bar:
        for key, value in table.items():
            bar.update()
            try:
                frames, rates[key] = length_and_rate(value, key, args)
                seconds[key] = f"{frames / rates[key]:.4f}"
            except InputError as error:
                bad.append(str(error))
    if bad and not args.permissive:
        raise InputError(f"{args.scp}: {len(bad)} of {len(table)} cannot be read: {some_of(bad, 5)}")
    for message in bad:
        print(f"warning: left out: {message}", file=sys.stderr)
    write_table(args.output, seconds)
    if args.rates:
        write_table(args.rates, rates)


if __name__ == "__main__":
    sys.exit(run(main))
