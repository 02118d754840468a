"""Format the recordings of a data dir: cut segments, choose a channel, resample, check, write to arks."""

import argparse
import math
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import numpy as np

from toolkit.io.ark import ArkWriter
from toolkit.io.audio import read_whole
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.jobs import ark_path, write_job_tables
from toolkit.io.samples import resample, unusable
from toolkit.io.text import fields

FULL = 32767 / 32768  # highest 16-bit sample
SLACK = 0.01  # seconds by which a segment may exceed its recording: times are often rounded to 10 ms


def side(text: str) -> int:
    """Channel number, from 0, of a channel in reco2file_and_channel (A or 1: the first). Raises ValueError."""
    return "ABCDEFGH".index(text) if len(text) == 1 and text.isalpha() else range(1, 1025).index(int(text))


class SegmentReader:
    """Reader of the utterances of an unformatted data dir; cuts them by ``segments`` if the table exists.

    Args:
        data: the data dir. Its reco2file_and_channel chooses the channel, if the table exists.
        keys: the utterances that will be read.
        channel: channel otherwise; see :func:`toolkit.io.audio.read_whole`.
        allow_pipes: run recordings that are commands.
        stream: ``wav``; other tables, such as ``enroll_spk1``, name a whole recording for each utterance.
    """

    def __init__(
        self,
        data: DataDir,
        keys: Collection[str],
        channel: int | str | None,
        allow_pipes: bool = False,
        stream: str = "wav",
    ):
        self.path, self.channel, self.allow_pipes = data.path, channel, allow_pipes
        self.scp, own = data.path / f"{stream}.scp", stream == "wav"
        self.segments = read_table(data.path / "segments", set(keys)) if own and "segments" in data else None
        recordings = set(keys if self.segments is None else [fields(line)[0] for line in self.segments.values()])
        self.wav = read_table(self.scp, recordings)
        sides = "reco2file_and_channel"
        self.sides = read_table(data.path / sides, recordings) if own and sides in data else None
        self._last: tuple[str, np.ndarray, int] = ("", np.zeros(0), 0)

    def _place(self, key: str) -> tuple[str, float, float]:
        """Recording of an utterance, its begin and end in seconds."""
        if self.segments is None:
            return key, 0.0, math.inf
        try:
            recording, begin, end = fields(self.segments.get(key, ""))
            if math.isinf(float(end)):
                raise ValueError("no time")
            # An end of -1 is the end of the recording.
            return recording, float(begin), math.inf if float(end) == -1 else float(end)
        except ValueError:
            line = f"'{key} <recording> <begin> <end>', times in seconds"
            raise InputError(f"{key}: {self.path / 'segments'}: expected a line {line}") from None

    def source(self, key: str) -> str:
        """The scp value of an utterance's recording."""
        recording = self._place(key)[0]
        if recording not in self.wav:
            raise InputError(f"{key}: {self.scp}: lacks {recording}; run utils/fix_data_dir.sh")
        return self.wav[recording]

    def _recording(self, recording: str, key: str) -> tuple[np.ndarray, int]:
        """Samples (N,) and rate of a recording; of a call with a channel per side, the channel of this side."""
        value = self.source(key)
        if self.sides is None:
            return read_whole(value, key, self.channel, self.allow_pipes)
        samples, rate = read_whole(value, key, "all", self.allow_pipes)
        where = f"{key}: {self.path / 'reco2file_and_channel'}"
        try:
            _, named = fields(self.sides.get(recording, ""))
            channel = side(named)
        except ValueError:
            line = f"'{recording} <file> <channel>', the channel A, B, ... or a number from 1"
            raise InputError(f"{where}: expected a line {line}") from None
        if samples.shape[1] == 1:  # the file or command holds only this side
            if value in self._shared:
                raise InputError(
                    f"{where}: {value} has one channel but is listed for several sides; give one file per side"
                )
            return samples[:, 0], rate
        if channel >= samples.shape[1]:
            raise InputError(f"{where}: {value} has {samples.shape[1]} channels, not {named}")
        return np.ascontiguousarray(samples[:, channel]), rate

    @cached_property
    def _shared(self) -> set[str]:
        """Values of wav.scp that several sides share; from the whole table, so all jobs agree."""
        sides: dict[str, set[str]] = {}
        table = read_table(self.path / "reco2file_and_channel")
        for recording, value in read_table(self.path / "wav.scp").items():
            sides.setdefault(value, set()).add(table.get(recording, "").rpartition(" ")[2])
        return {value for value, named in sides.items() if len(named) > 1}

    def read(self, key: str) -> tuple[np.ndarray, int]:
        """Samples (N,) and rate of utterance ``key``."""
        recording, begin, end = self._place(key)
        if self._last[0] != recording:  # segments of a recording are consecutive: decode it once
            self._last = (recording, *self._recording(recording, key))
        _, samples, rate = self._last
        if self.segments is None:
            return samples, rate
        seconds = len(samples) / rate
        end = seconds if end == math.inf else end
        if not 0 <= begin < end <= seconds + SLACK:
            where = f"{key}: {self.path / 'segments'}"
            raise InputError(f"{where}: {begin:g} to {end:g} s is outside {recording}, which lasts {seconds:.3f} s")
        return samples[round(begin * rate) : round(end * rate)], rate


def format_one(reader: SegmentReader, key: str, args: argparse.Namespace, notes: Counter) -> np.ndarray:
    """Formatted samples (N,) of one id. Raises InputError if they are unusable or have a wrong length.

    Args:
        notes: counts of the changes to the samples, for the log.
    """
    samples, rate = reader.read(key)
    where = f"{key}: {reader.source(key)}:"
    if why := unusable(samples, rate, 0):
        raise InputError(f"{where} {why}; replace the file or drop the utterance")
    if args.trim_zeros:  # before resampling, whose filter rings into the silence
        sounding = np.flatnonzero(samples)
        samples = samples[sounding[0] : sounding[-1] + 1]
    loud = np.abs(samples).max() > 1
    samples = resample(samples, rate, args.fs, args.resampler)
    seconds = len(samples) / args.fs
    if not args.min_seconds <= seconds <= args.max_seconds:
        raise InputError(
            f"{where} lasts {seconds:.3f} s, expected {args.min_seconds:g} to "
            f"{args.max_seconds:g} s (--min_seconds, --max_seconds; in recipes --min_wav_duration, --max_wav_duration)"
        )
    if why := unusable(samples, args.fs, 0):
        raise InputError(f"{where} {why} at {args.fs} Hz; replace the file or drop the utterance")
    if rate != args.fs:
        empty = f", so they hold nothing above {rate // 2} Hz" if rate < args.fs else ""
        notes[f"ids of {{}} were resampled from {rate} Hz{empty}"] += 1
    peak = np.abs(samples).max()
    if loud and peak > 1:
        notes["ids of {} exceeded full scale and were scaled down"] += 1
        samples = samples * np.float32(FULL / peak)
    elif clipped := np.count_nonzero(np.abs(samples) > 1) if peak > 1 else 0:
        notes["samples of {} were clipped: resampling raised them above full scale"] += clipped
    return samples


def _enrolments(data: DataDir, keys: Collection[str], channel: int | str | None) -> dict[str, SegmentReader]:
    """Stream -> reader of the enrolments of a set that are audio (not drawn ones, not embeddings)."""
    streams = [table.removesuffix(".scp") for table in data.tables() if table.startswith("enroll_")]
    readers = {stream: SegmentReader(data, keys, channel, stream=stream) for stream in streams}
    return {
        stream: reader
        for stream, reader in readers.items()
        if not any(value.startswith("*") or value.endswith(".npy") for value in reader.wav.values())
    }


def format_set(name: str, keys: list[str], args: argparse.Namespace, bar) -> list[str]:
    """Format ``keys`` of one set; returns the error messages of bad ids."""
    data = DataDir(Path(args.in_root) / name)
    readers = {"wav": SegmentReader(data, keys, args.channel, args.allow_pipes)} | _enrolments(data, keys, args.channel)
    lengths: dict[str, int] = {}
    bad: dict[str, str] = {}
    notes: Counter[str] = Counter()
    with ExitStack() as stack:
        arks = {
            stream: stack.enter_context(ArkWriter(ark_path(args.out_root, name, stream, args.job)))
            for stream in readers
        }
        for key in keys:
            bar.update()
            try:
                samples = {stream: format_one(reader, key, args, notes) for stream, reader in readers.items()}
            except InputError as error:
                bad[key] = str(error)
                continue
            for stream, ark in arks.items():
                ark.write_audio(key, samples[stream], args.fs, args.bits)
            lengths[key] = len(samples["wav"])
        if len(bad) > args.allow_bad:
            raise InputError(
                f"{len(bad)} bad of {len(keys)}, --allow_bad {args.allow_bad}: {some_of(bad.values(), 5)}; "
                "fix or remove them, or raise --allow_bad to leave them out"
            )
    tables: dict[str, Mapping[str, object]] = {"dropped": bad} if bad else {}
    seconds = {key: f"{n / args.fs:.4f}" for key, n in lengths.items()}
    if lengths:
        tables |= {f"{stream}_scp": ark.scp for stream, ark in arks.items()}
        tables |= {"utt2num_samples": lengths, "utt2dur": seconds}
    write_job_tables(args.out_root, name, args.job, **tables)
    for note, count in notes.items():
        print(f"note: {count} {note.format(name)}")
    return list(bad.values())
