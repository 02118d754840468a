"""What a published table was made of, in one JSON file beside it, from which the table can be made again.

Bootstrap samples are kept in steps of 1/50000, so a table is made of the file in the first place: then it is the same
whenever it is made.
"""

import argparse
import base64
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.bootstrap_store import NAME as SAMPLES_FILE
from toolkit.io.bootstrap_store import read_samples, write_samples
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json, read_text

_STEPS = 50_000
_MOST = 10**6  # samples of a metric
_SCORES = ("scores*/*/metrics.json", f"scores*/*/{SAMPLES_FILE}", "scores*/*/result.json", "scores*/*/utterances.tsv")
_OF_EXPERIMENT = ("config.yaml", "train_info.json", "cost*.json", "sampling*.json", *_SCORES)
_OF_OUTPUTS = tuple(f"{folder}/{name}" for folder in ("sv_*/enhanced*", "downstream/*/*") for name in _SCORES)
_BESIDE = tuple(f"{folder}/{name}" for folder in ("sv_*/noisy", "sv_*/clean", "downstream/*/*") for name in _SCORES)
_BESIDE += ("downstream/*/system.json", *(f"downstream/clean_audio/{name}" for name in _SCORES))
_SAMPLES = {"identity": {}, "samples": {...: {"type": str, "zlib": str}}}
_TABLE = {"expdir": str, "compare": [str], "ood": [str], "scores?": str, "command": str}
_SHAPE = {"table": _TABLE, "files": {...: {"time": float}}}


def keep(args: argparse.Namespace, command: str) -> None:
    """Write all that the tables of a report need to ``args.archive``.

    Args:
        args: of a report; its experiments lie below the current folder.
        command: that made it.

    Raises:
        InputError: an experiment lies elsewhere, or a file is damaged.
    """
    files: dict[str, dict] = {}
    for file in sorted(set(_files([args.expdir, *args.compare]))):
        content = {"samples": _packed(file)} if file.name == SAMPLES_FILE else {"text": _text(file)}
        files[_below(file)] = {"time": file.stat().st_mtime, **content}
    table = {"expdir": _below(args.expdir), "compare": [_below(path) for path in args.compare], "ood": args.ood}
    table |= {"scores": args.scores} if "scores" in args else {}
    with replacing(args.archive) as handle:
        json.dump({"table": {**table, "command": command}, "files": files}, handle, indent=0)


def _below(path: Path) -> str:
    name = Path(os.path.relpath(path)).as_posix()
    if name.startswith("../"):
        raise InputError(f"{path}: lies outside the current folder; run the report where all experiments are below it")
    return name


def _files(experiments: Iterable[Path]) -> Iterator[Path]:
    for expdir in experiments:
        for folder, patterns in ((expdir, (*_OF_EXPERIMENT, *_OF_OUTPUTS)), (expdir.parent, _BESIDE)):
            for pattern in patterns:
                yield from folder.glob(pattern)


def _text(file: Path) -> str:
    text = read_text(file)
    if file.name != "metrics.json":
        return text
    return json.dumps({**json.loads(text), "det": {"fpr": [], "fnr": []}})  # of plots, which tables have none of


def _packed(file: Path) -> dict:
    samples, identity = read_samples(file)
    packed = {}
    for name, values in samples.items():
        steps = np.round(values * _STEPS)
        kind = "<u2" if steps.min() >= 0 and steps.max() < 2**16 else "<f4"
        numbers = (steps if kind == "<u2" else values).astype(kind)
        packed[name] = {"type": kind, "zlib": base64.b64encode(zlib.compress(numbers.tobytes(), 9)).decode()}
    return {"identity": identity, "samples": packed}


@contextmanager
def unpacked(path) -> Iterator[dict]:
    """Put the files of an archive into a new folder, which is the current one meanwhile.

    Yields:
        ``expdir``, ``compare``, ``ood``, ``scores`` of the report's options, ``command`` that made it.

    Raises:
        InputError: the file is missing, damaged or not an archive, or a name in it leads elsewhere.
    """
    remedy = "name one that a report has written (--archive)"
    content = read_json(path, remedy)
    if fault := misfit(content, _SHAPE):
        raise InputError(f"{path}: {fault}; {remedy}")
    before = Path.cwd()
    with TemporaryDirectory(prefix="report-") as folder:
        table = content["table"]
        for name in (*content["files"], table["expdir"], *table["compare"], table.get("scores", "scores")):
            place = PurePosixPath(name)
            if place.is_absolute() or ".." in place.parts or not name.isprintable() or "\\" in name:
                raise InputError(f"{path}: {name!r:.80}: must be a name below the current folder")
        for name, file in content["files"].items():
            _write(Path(folder, name), file, f"{path}: {name}")
        os.chdir(folder)
        try:
            yield table
        finally:
            os.chdir(before)


def _write(place: Path, file: Mapping, where: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(file.get("text"), str):
        place.write_text(file["text"], encoding="utf-8")
    elif misfit(file.get("samples"), _SAMPLES):
        raise InputError(f"{where}: has neither text nor samples")
    else:
        packed = file["samples"]
        try:
            samples = {name: _numbers(entry) for name, entry in packed["samples"].items()}
        except (ValueError, zlib.error) as error:
            raise InputError(f"{where}: samples are damaged ({error})") from None
        write_samples(place, samples, packed["identity"])
    os.utime(place, (file["time"], file["time"]))


def _numbers(entry: Mapping) -> np.ndarray:
    kind = np.dtype({"<u2": "<u2", "<f4": "<f4"}.get(entry["type"], "V"))
    size = _MOST * max(kind.itemsize, 1)
    inflate = zlib.decompressobj()
    data = inflate.decompress(base64.b64decode(entry["zlib"], validate=True), size)
    if kind.kind == "V" or not inflate.eof:
        raise ValueError(f"type {entry['type']!r:.20}, cut short, or more than {_MOST} numbers")
    numbers = np.frombuffer(data, kind).astype(np.float64)
    return numbers / _STEPS if kind.kind == "u" else numbers
