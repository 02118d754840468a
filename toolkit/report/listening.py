"""Examples to listen to: audio files, spectrograms, and ``listening.json``, which describes them.

Any task can write them. Its page shows them: a row per example, a column per signal.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from toolkit.io.atomic import replacing, replacing_path
from toolkit.io.audio import audio_info, read_audio
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json
from toolkit.report.blocks import Example, Section, Signal, TimeAxis
from toolkit.report.plots import plot_spectrograms

FILE = "listening.json"
_HOP_SECONDS, _WINDOW_SECONDS = 0.01, 0.032  # of spectrograms of audio
_FLOOR = 1e-5  # of an amplitude, so that silence has a level
_RANGE = 70.0  # dB from the loudest to the darkest colour
_PEAK = 0.99
_NOT_IN_NAMES = r"[^\w.-]"  # of files
_COLUMN = {"label": str, "audio": str, "picture": str, "seconds?": float}
_ROW = {"id": str, "facts": {...: str}, "numbers?": {...: (float, None)}, "columns": [_COLUMN]}
_SHAPE = {"note": str, "time_axis?": [float], "rows": [_ROW]}


@dataclass(frozen=True)
class Column:
    """One signal of an example.

    Attributes:
        label: name of the signal.
        samples: (N,) in [-1, 1).
        levels: (T, F) dB, its spectrogram.
    """

    label: str
    samples: np.ndarray
    levels: np.ndarray


@dataclass(frozen=True)
class Row:
    """One example.

    Attributes:
        id: of its utterance.
        facts: name -> text on the page: condition, measured values.
        numbers: name -> measured value, for programs.
        columns: the mixture first; the loudest of all mixtures has the brightest colour.
    """

    id: str
    facts: Mapping[str, str]
    numbers: Mapping[str, float]
    columns: Sequence[Column]


def spectrogram(samples: np.ndarray, fs: int) -> np.ndarray:
    """(N,) samples -> (T, F) levels in dB, of Hann windows of 32 ms, every 10 ms; a shorter signal is padded."""
    size, hop = round(_WINDOW_SECONDS * fs), round(_HOP_SECONDS * fs)
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    window = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window
    return 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) / window.sum() + _FLOOR)


def frequencies(fs: int) -> np.ndarray:
    """(F,) frequencies in Hz of :func:`spectrogram`."""
    return np.fft.rfftfreq(round(_WINDOW_SECONDS * fs), 1 / fs)


def beginning(label: str, value: str, utt: str, max_seconds: float, fs: int = 0) -> tuple[Column, int]:
    """The first seconds of a recording, a scp value, as a column, and its rate in Hz.

    Raises:
        InputError: it is bad, or not at ``fs`` Hz, if that is not 0.
    """
    info = audio_info(value, utt)
    samples, rate = read_audio(value, utt, 0, min(info.frames, round(max_seconds * info.rate)), fs)
    return Column(label, samples, spectrogram(samples, rate)), rate


def write_examples(folder, examples: Sequence[tuple[Row, int]], note: str) -> int:
    """Write examples, each with its rate in Hz, and return their number; of none, remove the list of earlier ones.

    Args:
        folder: to write to.
        examples: their facts name the ``set``.
        note: for the page; ``{sets}`` stands for the names of the sets.

    Raises:
        InputError: they are at several rates.
    """
    if not examples:
        Path(folder, FILE).unlink(missing_ok=True)
        return 0
    rows, (fs, *others) = [row for row, _ in examples], sorted({rate for _, rate in examples})
    if others:
        names = " and ".join(map(str, (fs, *others)))
        raise InputError(f"the test sets' audio is at {names} Hz; format it at one (--fs)")
    sets = ", ".join(dict.fromkeys(row.facts["set"] for row in rows))
    write_listening(folder, rows, fs, frequencies(fs), _HOP_SECONDS, note.format(sets=sets))
    return len(rows)


def write_listening(folder, rows: Sequence[Row], fs: int, hz: np.ndarray, hop_seconds: float, note: str) -> None:
    """Write audio (FLAC), spectrograms (PNG) and listening.json; delete files that only the previous one listed.

    Args:
        folder: to write to.
        rows: the examples; an example that peaks above 0.99 is scaled down as a whole.
        fs: sampling rate in Hz.
        hz: (F,) frequencies of the spectrograms' rows.
        hop_seconds: from frame to frame.
        note: what to listen for; one or two sentences for the page.
    """
    folder, row_records, pictures = Path(folder), [], []
    previous_files = _files(folder)
    peak_level = max(float(row.columns[0].levels.max()) for row in rows)
    for number, row in enumerate(rows, 1):
        scale = min(1.0, _PEAK / max(max(np.abs(column.samples).max() for column in row.columns), 1e-9))
        columns = []
        for column in row.columns:
            stem = f"{number:02d}_{re.sub(_NOT_IN_NAMES, '_', column.label)}"
            audio, picture = folder / f"{stem}.flac", folder / f"{stem}.png"
            with replacing_path(audio) as aside:
                soundfile.write(aside, scale * column.samples, fs, subtype="PCM_16")
            pictures.append((column.levels, picture))
            seconds = (len(column.levels) - 0.5) * hop_seconds  # of the picture
            names = {"label": column.label, "audio": audio.name, "picture": picture.name}
            columns.append({**names, "seconds": seconds})
        # JSON has neither infinity nor NaN.
        numbers = {name: value if math.isfinite(value) else None for name, value in row.numbers.items()}
        row_records.append({"id": row.id, "facts": dict(row.facts), "numbers": numbers, "columns": columns})
    axis = plot_spectrograms(pictures, hz, hop_seconds, (peak_level - _RANGE, peak_level))
    with replacing(folder / FILE) as handle:
        json.dump({"note": note, "time_axis": axis, "rows": row_records}, handle, indent=1, ensure_ascii=False)
    for name in previous_files - _files(folder):
        (folder / name).unlink(missing_ok=True)


def _files(folder: Path) -> set[str]:
    """Names of the files in ``folder`` that its listening.json lists; empty if it cannot be read."""
    with suppress(InputError):
        columns = [column for row in (read_listening(folder) or {"rows": []})["rows"] for column in row["columns"]]
        return {name for c in columns for name in (c["audio"], c["picture"]) if Path(name).name == name}
    return set()


def read_listening(folder) -> dict | None:
    """``{"note", "rows": [{"id", "facts", "numbers", "columns": [{"label", "audio", "picture"}]}]}``; None: no file.

    ``time_axis`` has both ends of the pictures' time axis, as shares of their width, and a column its ``seconds``.

    Raises:
        InputError: it is malformed, or names a missing file.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    content = read_json(path, "make it again (stage 9)")
    if fault := misfit(content, _SHAPE):
        raise InputError(f"{path}: {fault}; make it again (stage 9)")
    columns = [column for row in content["rows"] for column in row["columns"]]
    files = [path.parent / column[what] for column in columns for what in ("audio", "picture")]
    if missing := [file for file in files if not os.path.isfile(file)]:
        raise InputError(f"{path}: names {missing[0].name}, which is not there; make it again (stage 9)")
    return content


def listening_section(folder: Path, heading: str = "Listening") -> Section:
    """The examples that :func:`write_listening` has written; without blocks if there are none."""
    content = read_listening(folder) or {"note": "", "rows": []}
    start, end = content.get("time_axis", (0.0, 1.0))
    examples = [
        Example(
            row["id"],
            row["facts"],
            [
                Signal(
                    column["label"],
                    folder / column["audio"],
                    folder / column["picture"],
                    TimeAxis(start, end, column.get("seconds", 0.0)),
                )
                for column in row["columns"]
            ],
            row.get("numbers", {}),
        )
        for row in content["rows"]
    ]
    return Section(heading, [content["note"], *examples] if examples else [], folded=False)
