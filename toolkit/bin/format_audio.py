"""Format data dirs: resample, cut segments, run commands, keep one channel; FLAC in arks, lengths beside."""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np

from toolkit.bin.cli import Parser, add_job_arguments, channel, rate, real_number, run, seconds, whole_number
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import read_whole, resample
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.jobs import ark_path, read_work, write_job_tables
from toolkit.io.progress import progress
from toolkit.io.text import fields


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.format_audio``."""
    parser = Parser(description=__doc__)
    add_job_arguments(parser)
    parser.add_argument("--fs", type=rate, default=16000, help="rate in Hz to resample to")
    parser.add_argument("--channel", type=channel, help="which to keep: 0, 1, ... or mean; default: refuse several")
    parser.add_argument("--min_seconds", type=real_number(0, 1e9), default=0.1, help="shorter ids are bad")
    parser.add_argument("--max_seconds", type=seconds, default=1e9, help="longer ids are bad")
    parser.add_argument(
        "--allow_bad", type=whole_number(), default=0, help="leave out up to so many bad ids; more end the run"
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
    return parser


class SegmentReader:
    """Samples of an utterance of an unformatted data dir, cut by ``segments`` where there are any.

    Args:
        data: the data dir.
        keys: the utterances that will be read.
        channel: see :func:`toolkit.io.audio.read_whole`.
    """

    def __init__(self, data: DataDir, keys: Collection[str], channel: int | str | None):
        self.path, self.channel = data.path, channel
        self.segments = read_table(data.path / "segments", set(keys)) if "segments" in data else None
        recordings = keys if self.segments is None else [line.split()[0] for line in self.segments.values()]
        self.wav = read_table(data.path / "wav.scp", set(recordings))
        self._last: tuple[str, np.ndarray, int] = ("", np.zeros(0), 0)

    def _place(self, key: str) -> tuple[str, float, float]:
        """Recording of an utterance, its begin and end in seconds."""
        if self.segments is None:
            return key, 0.0, math.inf
        try:
            recording, begin, end = fields(self.segments.get(key, ""))
            # An end of -1: to the end of the recording.
            return recording, float(begin), math.inf if float(end) == -1 else float(end)
        except ValueError:
            line = f"'{key} <recording> <begin> <end>', times in seconds"
            raise InputError(f"{key}: {self.path / 'segments'}: expected a line {line}") from None

    def source(self, key: str) -> str:
        """The scp value that an utterance is cut from."""
        recording = self._place(key)[0]
        if recording not in self.wav:
            raise InputError(f"{key}: {self.path / 'wav.scp'}: lacks {recording}; utils/fix_data_dir.sh mends it")
        return self.wav[recording]

    def read(self, key: str) -> tuple[np.ndarray, int]:
        """Samples (N,) and rate of utterance ``key``."""
        recording, begin, end = self._place(key)
        if self._last[0] != recording:  # segments of one recording stand side by side: decode it once
            self._last = (recording, *read_whole(self.source(key), key, self.channel))
        _, samples, rate = self._last
        if self.segments is None:
            return samples, rate
        seconds = len(samples) / rate
        end = seconds if end == math.inf else end
        if not 0 <= begin < end <= seconds + 0.01:  # times are often rounded to 10 ms
            where = f"{key}: {self.path / 'segments'}"
            raise InputError(f"{where}: {begin:g} to {end:g} s is no part of {recording}, which lasts {seconds:.3f} s")
        return samples[round(begin * rate) : round(end * rate)], rate


def format_one(reader: SegmentReader, key: str, args: argparse.Namespace) -> tuple[np.ndarray, int]:
    """Formatted samples of one id and the rate they were at; InputError when they are silence or of a wrong length."""
    samples, rate = reader.read(key)
    if not samples.any():
        raise InputError(f"{key}: {reader.source(key)}: is digital silence; replace the file or drop the utterance")
    if args.trim_zeros:  # before resampling, which rings into the silence
        sounding = np.flatnonzero(samples)
        samples = samples[sounding[0] : sounding[-1] + 1]
    samples = resample(samples, rate, args.fs, args.resampler)
    seconds = len(samples) / args.fs
    if not args.min_seconds <= seconds <= args.max_seconds:
        raise InputError(
            f"{key}: {reader.source(key)}: lasts {seconds:.3f} s, outside of {args.min_seconds:g} to "
            f"{args.max_seconds:g} s (--min_seconds, --max_seconds; in recipes --min_wav_duration, --max_wav_duration)"
        )
    return samples, rate


def format_set(name: str, keys: list[str], args: argparse.Namespace, bar) -> list[str]:
    """Format ``keys`` of one set; returns the messages of bad ids."""
    reader = SegmentReader(DataDir(Path(args.in_root) / name), keys, args.channel)
    lengths, bad, rates = {}, {}, Counter()
    with ArkWriter(ark_path(args.out_root, name, "wav", args.job)) as ark:
        for key in keys:
            bar.update()
            try:
                samples, rate = format_one(reader, key, args)
            except InputError as error:
                bad[key] = str(error)
                continue
            ark.write_audio(key, samples, args.fs, args.bits)
            lengths[key] = len(samples)
            rates[rate] += 1
        if len(bad) > args.allow_bad:
            raise InputError(
                f"{len(bad)} bad of {len(keys)}, --allow_bad {args.allow_bad}: {some_of(bad.values(), 5)}; "
                "mend or remove them, or raise --allow_bad to leave them out"
            )
    tables = {"dropped": bad} if bad else {}
    seconds = {key: f"{n / args.fs:.4f}" for key, n in lengths.items()}
    if lengths:
        tables |= {"wav_scp": ark.scp, "utt2num_samples": lengths, "utt2dur": seconds}
    write_job_tables(args.out_root, name, args.job, **tables)
    for rate in sorted(set(rates) - {args.fs}):
        empty = f": nothing in them above {rate // 2} Hz" if rate < args.fs else ""
        print(f"note: {rates[rate]} ids of {name} were resampled from {rate} Hz{empty}")
    return list(bad.values())


def main(argv=None) -> None:
    """Format the ids of a work list."""
    args = get_parser().parse_args(argv)
    work = read_work(args.work)
    with progress(sum(map(len, work.values())), "format") as bar:
        for name, keys in work.items():
            for message in format_set(name, keys, args, bar):
                print(f"left out: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run(main))
