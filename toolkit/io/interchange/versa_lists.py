"""Lists of VERSA's scorer: ``pred.scp`` and ``gt.scp`` with audio, ``text`` with transcripts, all with the same ids."""

import os
from collections.abc import Mapping
from pathlib import Path

from toolkit.io.ark import split_place
from toolkit.io.audio import audio_info
from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.interchange.new_data_dir import NewDataDir, new_folder
from toolkit.io.interchange.utterance import Source, Utterance
from toolkit.io.opening import is_command

PRED, GT, TEXT = "pred.scp", "gt.scp", "text"


def write_versa(data_dir, output, reference=None) -> tuple[int, str]:
    """Write the lists of a data dir.

    Args:
        data_dir: its ``wav.scp`` is predicted audio; its ``text`` is taken along.
        output: folder to write.
        reference: scp of the true audio, or a data dir with ``wav.scp``; default: ``spk1.scp`` of the data dir, if it
            is there.

    Returns:
        Number of utterances, and what to give to ``--io`` of VERSA: ``kaldi`` or ``soundfile``.

    Raises:
        InputError: ids differ, audio is cut by segments, or files and arks are mixed.
    """
    source = Source(data_dir)
    if "segments" in source.data:
        raise InputError(f"{data_dir}: has segments; run stage 2, which cuts them, and give its data dir")
    own = source.data.table("spk1.scp") if "spk1" in source.streams else None
    truth = _table(Path(reference)) if reference else own
    tables = {PRED: source.wav} | ({GT: truth} if truth is not None else {})
    if truth is not None and (missing := [key for key in source.ids if key not in truth]):
        raise InputError(f"{reference}: lacks {some_of(missing)} of {data_dir}; give the true audio of each")
    kinds = set()
    with new_folder(output) as (aside, _):
        for name, table in tables.items():
            with open(aside / name, "w", encoding="utf-8") as file:
                for key in source.ids:
                    value = _absolute(table[key], key)
                    kinds.add(split_place(value)[1] is None)
                    file.write(f"{key} {value}\n")
        if "text" in source.data:
            with open(aside / TEXT, "w", encoding="utf-8") as file:
                file.writelines(f"{key} {source.data.table('text')[key]}\n" for key in source.ids)
        if len(kinds) > 1:
            raise InputError(f"{data_dir}: VERSA reads files or arks, not both at once; format both sets (stage 2)")
    return len(source.ids), "soundfile" if kinds == {True} else "kaldi"


def _table(path: Path) -> Mapping[str, str]:
    return read_table(path / "wav.scp" if path.is_dir() else path)


def _absolute(value: str, key: str) -> str:
    if is_command(value):
        raise InputError(f"{key}: is a command ({value}); run stage 2, and give its data dir in dump/raw")
    audio_info(value, key)
    path, offset = split_place(value)
    return os.path.abspath(path) + ("" if offset is None else f":{offset}")


def read_versa(folder, output) -> int:
    """Write a data dir of VERSA's lists: ``wav.scp``, ``spk1.scp`` (the true audio), ``text``; each utterance is a
    speaker. Returns the number of utterances.

    Raises:
        InputError: a list is malformed, names no readable audio, or lacks ids of the others.
    """
    folder = Path(folder)
    predicted = read_table(folder / PRED)
    others = {name: read_table(folder / name) for name in (GT, TEXT) if (folder / name).exists()}
    for name, table in others.items():
        if missing := [key for key in predicted if key not in table]:
            raise InputError(f"{folder / name}: lacks {some_of(missing)} of {PRED}; the lists must have the same ids")
    with new_folder(output) as (aside, _), NewDataDir(aside) as new:
        for key, value in predicted.items():
            new.line("wav.scp", key, _absolute(value, key), str(folder / PRED))
            if GT in others:
                new.line("spk1.scp", key, _absolute(others[GT][key], key), str(folder / GT))
            text = others[TEXT][key] if TEXT in others else None
            new.add(Utterance(key, key, key, text=text), str(folder / PRED), whole=True)
    return new.count
