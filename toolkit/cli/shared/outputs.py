"""Where results go: audio files beside one another, kept unless they may be overwritten; lines or JSON to a person."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.cli.shared.inputs import Input, check_keys
from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import AUDIO_SUFFIXES
from toolkit.io.opening import OTHER_SUFFIXES

STDOUT = "-"


def output_paths(inputs: Sequence[Input], output: str, form: str | None) -> list[str]:
    """The file that each input's output goes to; ``/dev/stdout`` for standard output.

    Raises:
        InputError: several inputs go to one file, or an output, or its table, is an input.
    """
    check_keys(inputs)
    is_file = _is_file(output)
    if Path(output).suffix.lower() in OTHER_SUFFIXES and not Path(output).is_dir():
        raise InputError(f"--output {output}: this format is not written; use a name that ends in .wav or .flac")
    if is_file and len(inputs) > 1:
        raise InputError(f"--output {output}: is one file for {len(inputs)} inputs; give a folder")
    if output == STDOUT:
        return ["/dev/stdout"]
    paths = [Path(output)] if is_file else [Path(output) / f"{i.key}.{form or _format_of(i)}" for i in inputs]
    table = table_path(inputs, output)
    sources = {os.path.realpath(source) for i in inputs for source in (i.value, i.table) if source}
    for path in [*paths, *([table] if table else [])]:
        if os.path.realpath(path) in sources:
            raise InputError(f"{path}: is an input and an output; give another folder")
    return list(map(str, paths))


def _is_file(output: str) -> bool:
    return output == STDOUT or (Path(output).suffix.lower() in AUDIO_SUFFIXES and not Path(output).is_dir())


def table_path(inputs: Sequence[Input], output: str) -> Path | None:
    """The ``wav.scp`` that lists the outputs in a folder; None unless all inputs are of tables."""
    return Path(output) / "wav.scp" if all(i.table for i in inputs) and not _is_file(output) else None


def check_table(table: Path, outputs: Mapping[str, str]) -> None:
    """Raise InputError if the table of an earlier run lists other outputs, which writing it again would lose."""
    listed = read_table(table) if table.exists() else {}
    absolute = {key: os.path.abspath(path) for key, path in outputs.items()}
    if others := [key for key, path in listed.items() if os.path.abspath(path) != absolute.get(key)]:
        raise InputError(f"{table}: lists other recordings ({some_of(others, 3)}); give another folder, or --overwrite")


def _format_of(recording: Input) -> str:
    return "flac" if Path(recording.value).suffix.lower() == ".flac" else "wav"


def is_kept(path: str, overwrite: bool) -> bool:
    """Is there an output of an earlier run that stays?"""
    return not overwrite and not path.startswith("/dev/") and Path(path).exists()


def json_text(value) -> str:
    """Strict JSON: null in the place of NaN and infinity, arrays as lists."""
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False)


def _plain(value):
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
