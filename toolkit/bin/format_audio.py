"""Format data dirs: resample, cut segments, run commands, keep one channel; 16-bit FLAC in arks, lengths beside."""

import argparse
import sys
from pathlib import Path

import numpy as np

from toolkit.bin.cli import add_job_arguments, progress, run
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import read_whole
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError, some_of
from toolkit.io.jobs import ark_path, read_work, write_job_tables


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.format_audio``."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_job_arguments(parser)
    parser.add_argument("--fs", type=int, default=16000, help="rate in Hz to resample to")
    parser.add_argument("--channel", default=None, help="channel to keep (0, 1, ...) or 'mean'; default: refuse several")
    parser.add_argument("--min_seconds", type=float, default=0.1, help="shorter ids are bad")
    parser.add_argument("--max_seconds", type=float, default=1e9, help="longer ids are bad")
    parser.add_argument("--allow_bad", type=int, default=0, help="leave out up to so many bad ids; more end the run")
    parser.add_argument("--trim_zeros", action="store_true", help="cut digital silence off both ends (padded noises)")
    return parser


def resample(samples: np.ndarray, rate: int, fs: int) -> np.ndarray:
    """(N,) at ``rate`` Hz -> (round up N * fs / rate,) at ``fs`` Hz, soxr's high quality."""
    if rate == fs:
        return samples
    import soxr

    return soxr.resample(samples, rate, fs)


class SegmentReader:
    """Samples of an utterance of an unformatted data dir, cut by ``segments`` where there are any.

    Args:
        data: the data dir.
        channel: see :func:`toolkit.io.audio.read_whole`.
    """

    def __init__(self, data: DataDir, channel: str | None):
        self.wav, self.channel = data.table("wav.scp"), channel
        self.segments = data.table("segments") if "segments" in data else None
        self.path = data.path
        self._last: tuple[str, np.ndarray, int] = ("", np.zeros(0), 0)

    def _recording(self, name: str) -> tuple[np.ndarray, int]:
        if name not in self.wav:
            raise InputError(f"{self.path / 'wav.scp'}: has no line for {name}; utils/fix_data_dir.sh mends it")
        if self._last[0] != name:  # segments of one recording stand side by side: decode it once
            self._last = (name, *read_whole(self.wav[name], name, self.channel))
        return self._last[1:]

    def read(self, key: str) -> tuple[np.ndarray, int]:
        """Samples (N,) and rate of utterance ``key``."""
        if self.segments is None:
            return self._recording(key)
        fields = self.segments.get(key, "").split()
        if len(fields) != 3:
            raise InputError(f"{self.path / 'segments'}: {key}: expected '<recording> <start> <end>'")
        samples, rate = self._recording(fields[0])
        start, end = (round(float(t) * rate) for t in fields[1:])
        if not 0 <= start < end <= len(samples) + rate // 100:
            raise InputError(f"{self.path / 'segments'}: {key}: {fields[1]}-{fields[2]} s lies outside of {fields[0]}")
        return samples[start:end], rate


def format_one(reader: SegmentReader, key: str, args: argparse.Namespace) -> np.ndarray:
    """Formatted samples of one id; InputError when the audio is bad or its length is out of bounds."""
    samples, rate = reader.read(key)
    samples = resample(samples, rate, args.fs)
    if args.trim_zeros:
        sounding = np.flatnonzero(samples)
        samples = samples[sounding[0] : sounding[-1] + 1] if len(sounding) else samples[:0]
    seconds = len(samples) / args.fs
    if not args.min_seconds <= seconds <= args.max_seconds:
        raise InputError(
            f"{key}: {reader.wav.get(key, 'segment')}: lasts {seconds:.3f} s, outside of {args.min_seconds:g} to "
            f"{args.max_seconds:g} s (--min_wav_duration, --max_wav_duration)"
        )
    return samples


def format_set(name: str, keys: list[str], args: argparse.Namespace, bar) -> list[str]:
    """Format ``keys`` of one set; returns the messages of bad ids."""
    reader = SegmentReader(DataDir(Path(args.in_root) / name), args.channel)
    lengths, bad = {}, {}
    with ArkWriter(ark_path(args.out_root, name, "wav", args.job)) as ark:
        for key in keys:
            bar.update()
            try:
                samples = format_one(reader, key, args)
            except InputError as error:
                bad[key] = str(error)
                continue
            ark.write_audio(key, samples, args.fs)
            lengths[key] = len(samples)
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
