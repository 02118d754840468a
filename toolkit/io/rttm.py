"""Speaker turns in NIST's Rich Transcription Time Marked format (``rttm`` in a data dir).

A line is ``SPEAKER <recording> 1 <onset> <duration> <NA> <NA> <speaker> <NA> <NA>``, times in seconds from the
beginning of the recording; the fields after the speaker are optional. Comments (``;;``) are skipped. A line of another
type (``NON-SPEECH``) marks its recording as annotated, even if it has no turn.
"""

import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.datadir import DataDir, c_sorted
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import fields, read_lines

NAME = "rttm"  # file name in a data dir
_TYPES = ("NON-SPEECH", "SPKR-INFO", "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "FILLER", "EDIT")


class Turn(NamedTuple):
    """A turn of one speaker: onset and duration in seconds, and the speaker's name."""

    onset: float
    duration: float
    speaker: str


def read_rttm(path) -> dict[str, list[Turn]]:
    """Read recording -> its turns, in the order of the file.

    Raises:
        InputError: the file is missing or empty, or a line is malformed (its number is named).
    """
    turns: dict[str, list[Turn]] = {}
    for number, line in read_lines(path):
        words = fields(line)
        if not words or words[0].startswith(";;"):
            continue
        if words[0] in _TYPES and len(words) > 1:
            turns.setdefault(words[1], [])
            continue
        try:
            kind, recording, _, onset, duration, _, _, speaker = words[:8]
            turn = Turn(float(onset), float(duration), speaker)
            if kind != "SPEAKER" or not (0 <= turn.onset < math.inf and 0 <= turn.duration < math.inf):
                raise ValueError
        except ValueError:
            expected = "SPEAKER <recording> 1 <onset> <duration> <NA> <NA> <speaker>"
            raise InputError(
                f"{path}:{number}: must be '{expected}', times in seconds from 0; got {line!r:.200}"
            ) from None
        turns.setdefault(recording, []).append(turn)
    if not turns:
        raise InputError(f"{path}: is empty; add the turns, or remove the file")
    return turns


def write_rttm(path, turns: Mapping[str, Sequence[Turn]]) -> None:
    """Write the turns of recordings, C-sorted, to the millisecond, atomically."""
    with replacing(path) as handle:
        for recording in c_sorted(turns):
            if not turns[recording]:
                handle.write(f"NON-SPEECH {recording} 1 0 0 <NA> other <NA> <NA> <NA>\n")
            for onset, duration, speaker in turns[recording]:
                handle.write(f"SPEAKER {recording} 1 {onset:.3f} {duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n")


def utterance_turns(data: DataDir, utts: Collection[str]) -> dict[str, list[Turn]]:
    """Utterance -> its turns, from the ``rttm`` of its data dir, which names recordings.

    With ``segments`` in the data dir, turns are cut to the segment, and times count from its beginning.

    Raises:
        InputError: ``rttm`` is malformed, lacks a recording, or has no speaker of ``utt2spk``; or ``utt2spk`` lacks an
            utterance.
    """
    path = data.path / NAME
    turns, utt2spk = read_rttm(path), data.table("utt2spk")
    if unknown := [utt for utt in utts if utt not in utt2spk]:
        raise InputError(f"{data.path / 'utt2spk'}: lacks {some_of(unknown, known=utt2spk)}; rerun the earlier stages")
    places = {utt: (utt, 0.0, math.inf) for utt in utts}
    if "segments" in data:
        places = {utt: _place(data.table("segments")[utt]) for utt in utts}
    if lost := [recording for recording, *_ in places.values() if recording not in turns]:
        raise InputError(
            f"{path}: lacks turns of {some_of(c_sorted(set(lost)), known=turns)}; add them, or remove the file"
        )
    speakers = {turn.speaker for of_recording in turns.values() for turn in of_recording}
    if speakers and speakers.isdisjoint(utt2spk.values()):
        raise InputError(
            f"{path}: has none of the speakers of utt2spk; it has {some_of(c_sorted(speakers), 3)}, utt2spk "
            f"{some_of(c_sorted(set(utt2spk.values())), 3)}; use the same names"
        )
    return {utt: _cut(turns[recording], begin, end) for utt, (recording, begin, end) in places.items()}


def _place(line: str) -> tuple[str, float, float]:
    recording, begin, end = fields(line)
    return recording, float(begin), math.inf if float(end) == -1 else float(end)


def _cut(turns: Iterable[Turn], begin: float, end: float) -> list[Turn]:
    cut = []
    for onset, duration, speaker in turns:
        first, last = max(onset, begin), min(onset + duration, end)
        if first < last:
            cut.append(Turn(first - begin, last - first, speaker))
    return cut


def check_inside(path, turns: Mapping[str, Iterable[Turn]], seconds: Mapping[str, str]) -> None:
    """Raise InputError if a turn begins after the end of its utterance (``seconds``: its length)."""
    for utt, of_utterance in turns.items():
        last = max((turn.onset for turn in of_utterance), default=0.0)
        if utt in seconds and last > float(seconds[utt]):
            raise InputError(
                f"{path}: {utt}: a turn begins at {last:g} s, the recording lasts {seconds[utt]} s; times must be "
                "seconds from its beginning"
            )


def intervals(turns: Iterable[Turn], speaker: str) -> np.ndarray:
    """(K, 2) begin and end in seconds of one speaker's turns."""
    of_speaker = [(turn.onset, turn.onset + turn.duration) for turn in turns if turn.speaker == speaker]
    return np.array(of_speaker, dtype=np.float64).reshape(-1, 2)


def carry_rttm(source: DataDir, out, utts: Collection[str], seconds: Mapping[str, str]) -> None:
    """Write the rttm of a data dir into ``out``, for some utterances, with times within the utterance."""
    turns, utt2spk = utterance_turns(source, utts), source.table("utt2spk")
    check_inside(source.path / NAME, turns, seconds)
    named = {turn.speaker for of_recording in read_rttm(source.path / NAME).values() for turn in of_recording}
    if silent := c_sorted({utt2spk[utt] for utt in utts} - named):
        logging.warning("%s: has no turn of %s; these speakers count as silent", source.path / NAME, some_of(silent, 3))
    write_rttm(Path(out) / NAME, turns)
