"""Read published lists of enrolments: lines ``<mixture> <path>``, utterances or sources of other mixtures."""

import re
from pathlib import Path

from sources import length_of

from toolkit.io.corpora import librispeech_root, recording
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import fields, read_lines

_KEY = re.compile(r"(?:(s[12])/)?([^/]+?)(?:\.wav)?")  # MIXTURE, or s1/MIXTURE.wav
_SOURCE = re.compile(r"(?:^|/)(s[12])/([^/]+)\.wav$")
_UTTERANCE = re.compile(r"(?:^|/)([^/]+/(\d+)/(\d+)/(\2-\3-\d+)\.flac)$")


def read_list(path: str | None, rows: list, both: bool, speech: Path) -> tuple[dict, list]:
    """Read the enrolments of a list.

    Args:
        path: the list; None: no enrolments.
        rows: the mixtures of the part.
        both: whether each talker is a target once.
        speech: data dir for sources of other mixtures.

    Returns:
        Id of each mixture -> (utterance, file); jobs of sources.make_source.

    Raises:
        InputError: a line or a file is wrong, or a target has no enrolment.
    """
    if path is None:
        return {}, []
    by_id, enrolments, jobs = {row.id: row for row in rows}, {}, []
    for number, line in read_lines(path, "no such file (--enroll_lists)"):
        words = fields(line, 1) or [""]
        key = _KEY.fullmatch(words[0]) if len(words) == 2 else None
        if key is None:
            raise InputError(f"{path}:{number}: expected '<mixture> <path>', got {line!r}")
        talker = int((key[1] or "s1")[1]) - 1
        if (row := by_id.get(key[2])) is None or (talker and not both):
            continue  # a list may have more mixtures than the set
        try:
            utt, file, job = _enrolment(words[1].rstrip(), by_id, speech)
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from None
        target = row.speech[talker].stem
        if utt.split("-")[0] != target.split("-")[0] or utt.split("_")[0] == target:
            raise InputError(
                f"{path}:{number}: {utt} cannot enrol {target}; must be another utterance of the same speaker"
            )
        enrolments[row.key(talker)] = (utt, file)
        jobs += job
    keys = [row.key(talker) for talker in ((0, 1) if both else (0,)) for row in rows]
    if missing := [key for key in keys if key not in enrolments]:
        raise InputError(f"{path}: lacks the enrolments of {len(missing)} mixtures: {some_of(missing, 3)}; add them")
    return enrolments, list({job[0]: job for job in jobs}.values())


def _enrolment(value: str, by_id: dict, speech: Path) -> tuple[str, Path, list]:
    """Utterance and file of a path in a list, and the jobs that make the file."""
    if source := _SOURCE.search(value):
        if (row := by_id.get(source[2])) is None:
            raise InputError(f"{value}: no such mixture in the metadata, or its audio is missing")
        talker = int(source[1][1]) - 1
        utt = f"{row.speech[talker].stem}_of_{row.id}"
        file = speech.resolve() / "audio" / f"{utt}.flac"
        job = (file, row.speech[talker], row.gains[talker], min(map(length_of, row.speech)))
        return utt, file, [job]
    if not (utterance := _UTTERANCE.search(value)):
        raise InputError(f"{value}: must end in <part>/<speaker>/<chapter>/<utterance>.flac or s1/<mixture>.wav")
    return utterance[4], of_librispeech(utterance[1]), []


def of_librispeech(path: str) -> Path:
    """A file of LibriSpeech, by the end of its path; InputError if it is missing."""
    if not (file := recording(librispeech_root() / path)).is_file():
        raise InputError(f"{file}: no such file; is LibriSpeech complete?")
    return file
