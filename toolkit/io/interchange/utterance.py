"""Utterances of a data dir as other formats describe them: one after another, from tables of any size."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import numpy as np

from toolkit.io.audio import AudioInfo, audio_info
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError, some_of
from toolkit.io.formatting import SegmentReader, side
from toolkit.io.opening import check_start
from toolkit.io.text import fields

AUDIO_STREAM = re.compile(r"(spk|noise|dereverb|enroll_spk)[1-9][0-9]{0,2}")
FACT = re.compile(r"utt2[a-z0-9_]{1,40}")
DERIVED = {"utt2dur", "utt2num_samples", "utt2spk"}  # made from what the formats hold
LANGUAGE = "utt2lang"


@dataclass(frozen=True)
class Utterance:
    """What is known of an utterance.

    Attributes:
        key: its id.
        recording: id of its recording.
        speaker: its speaker; without one, ``key``.
        begin, end: its place in the recording in seconds; None: the whole recording.
        channel: its channel, from 0, of a recording with several; None: no choice.
        text, gender: where known.
        facts: table ``utt2...`` -> value.
    """

    key: str
    recording: str
    speaker: str
    begin: Decimal | None = None
    end: Decimal | None = None
    channel: int | None = None
    text: str | None = None
    gender: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


class Source:
    """A data dir to read from.

    Args:
        path: the folder. Without ``utt2spk`` each utterance is a speaker.

    Raises:
        InputError: a table is missing or malformed, or has other ids.
    """

    def __init__(self, path):
        self.data = DataDir(path)
        names = self.data.tables()
        self.streams = [name.removesuffix(".scp") for name in names if name.endswith(".scp") and name != "wav.scp"]
        if odd := [name for name in self.streams if not AUDIO_STREAM.fullmatch(name)]:
            raise InputError(f"{self.data.path}: {some_of(odd)}.scp are no audio; give a data dir of recordings")
        self.facts = [name for name in names if FACT.fullmatch(name) and name not in DERIVED]
        own = ["text"] if "text" in self.data else []
        self.ids = self.data.keys()
        streams = [f"{stream}.scp" for stream in self.streams]
        self.data.check_same_keys(*own, *self.facts, *streams, *([] if "segments" in self.data else ["wav.scp"]))
        self.wav = self.data.table("wav.scp")
        check_start(self.data.path / "wav.scp", self.wav)
        known = {*names, *DERIVED, "spk2utt", "spk2gender", "segments", "reco2file_and_channel"}
        others = sorted(path.name for path in self.data.path.glob("[!.]*") if path.is_file() and path.suffix != ".log")
        if others := [name for name in others if name not in known]:
            logging.warning("%s: not taken along: %s", self.data.path, some_of(others))
        self._reader: SegmentReader | None = None

    def _table(self, name: str) -> Mapping[str, str]:
        return self.data.table(name) if name in self.data else {}

    def place(self, key: str) -> tuple[str, Decimal | None, Decimal | None]:
        """Recording, begin and end of an utterance."""
        if "segments" not in self.data:
            return key, None, None
        path = self.data.path / "segments"
        try:
            recording, first, last = fields(self.data.table("segments")[key])
            begin, end = Decimal(first), Decimal(last)
            if not (begin.is_finite() and end.is_finite() and begin >= 0 and (begin < end or end == -1)):
                raise ValueError
        except (KeyError, ValueError, InvalidOperation):
            line = f"'{key} <recording> <begin> <end>', times in seconds"
            raise InputError(f"{path}: {key}: must have a line {line}") from None
        if recording not in self.wav:
            raise InputError(f"{path}: {key}: {recording} is not in wav.scp; run utils/fix_data_dir.sh")
        return recording, begin, None if end == -1 else end

    def channel_of(self, recording: str) -> int | None:
        """The channel that reco2file_and_channel chooses."""
        line = self._table("reco2file_and_channel").get(recording)
        if line is None:
            return None
        try:
            return side(fields(line)[1])
        except (ValueError, IndexError):
            path = self.data.path / "reco2file_and_channel"
            raise InputError(f"{path}: {recording}: must have a file and a channel, A or 1 is the first") from None

    def utterances(self) -> Iterator[Utterance]:
        """All utterances, C-sorted by id."""
        utt2spk, text, gender = map(self._table, ("utt2spk", "text", "spk2gender"))
        facts = {name: self.data.table(name) for name in self.facts}
        for key in self.ids:
            recording, begin, end = self.place(key)
            speaker = utt2spk.get(key, key)
            yield Utterance(
                key,
                recording,
                speaker,
                *(begin, end, self.channel_of(recording)),
                *(text.get(key), gender.get(speaker)),
                facts={name: table[key] for name, table in facts.items()},
            )

    def samples(self, key: str) -> tuple[np.ndarray, int]:
        """Samples (N,), or (N, C) of several channels of which none is chosen, and rate in Hz; cut as stage 2 cuts."""
        if self._reader is None:
            self._reader = SegmentReader(self.data, self.ids, "all")
        return self._reader.read(key)

    def info(self, recording: str) -> AudioInfo:
        """Length, rate and channels of a recording. Raises InputError if it cannot be read, or is a command."""
        return audio_info(self.wav[recording], recording)
