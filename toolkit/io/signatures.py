"""Signatures of inputs and states of outputs: work that finished with the same two is not repeated."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from toolkit.io.errors import InputError

_ROOT = Path(__file__).parents[2]


def signature(folder, words: str, files: list[str]) -> str:
    """16 hex digits that identify the output of a stage on a data dir.

    They depend on the command (``words``), the tables of ``folder``, size and time of the audio and arks in its scps,
    the state of the sets in its ``mix_conf.yaml``, and the content of ``files``, configs with their bases.

    Raises:
        InputError: a file is missing or a YAML file is malformed.
    """
    digest = hashlib.sha256(words.encode())
    for part in (*_of_set(Path(folder)), *map(_of_file, files)):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def state(paths: Iterable) -> str:
    """16 hex digits that depend on name, size and time of the files in ``paths``, and of files in folders among them.

    Logs, hidden files and packages (``*.zip``) in folders are ignored; pass a package by its path to include it.
    """
    digest = hashlib.sha256()
    for path in map(Path, paths):
        files = [path] if not path.is_dir() else sorted(_files_in(path))
        for file in files:
            status = os.stat(file) if file.exists() else None
            digest.update(f"{file} {status and (status.st_size, status.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


def _files_in(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "logs" and not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not re.match(r"\.|.*\.(log|zip)$", name))


def named(words: Iterable[str]) -> Iterator[str]:
    """Files among the words, and config and weights of the experiments among them."""
    for word in words:
        for name in filter(None, re.split(r"[\s\[\]{},'\"]+", word)):
            if len(name) < 4096 and (path := Path(name)).is_file():
                yield name
            elif len(name) < 4096 and (path / "config.yaml").is_file():
                yield from map(str, [path / "config.yaml", *sorted(path.glob("*.pth"))])


def sources_of(packages: Iterable[str]) -> list[str]:
    """Source files of packages of the toolkit, e.g. ``toolkit.report``."""
    return sorted(str(path) for package in packages for path in Path(_ROOT, *package.split(".")).rglob("*.py"))


def done_before(mark, signed: str) -> bool:
    """Whether the file ``mark`` holds this signature."""
    try:
        return bool(signed) and Path(mark).read_text(errors="replace").split("\n")[0] == signed
    except FileNotFoundError:
        return False


def _of_set(folder: Path, sources: bool = True) -> Iterator[bytes]:
    for path in sorted(path for path in folder.glob("[!.]*") if path.is_file() and path.suffix != ".log"):
        data = path.read_bytes()
        yield path.name.encode() + b"\0" + data
        if path.suffix == ".scp":
            yield _states(data)
    yield from _marks(folder)
    if sources and (folder / "mix_conf.yaml").is_file():
        for source in _sources(folder / "mix_conf.yaml"):
            # A formatted set has a mark; other sets are examined.
            yield from list(_marks(source)) or _of_set(source, sources=False)


def _marks(folder: Path) -> Iterator[bytes]:
    """The marks of finished stages."""
    for path in sorted(folder.glob(".done.*")):
        yield path.name.encode() + b"\0" + path.read_bytes()


def _states(scp: bytes) -> bytes:
    """Name, size and time of the files in a scp, also of files that are words of its commands."""
    values = {line.split(maxsplit=1)[1].strip() for line in scp.splitlines() if len(line.split(maxsplit=1)) == 2}
    names = {_without_offset(value) for value in values if not value.endswith(b"|")}
    names.update(word.strip(b"\"'") for value in values if value.endswith(b"|") for word in value[:-1].split())
    states = []
    for name in sorted(names):
        try:
            state = os.stat(name)
        except (OSError, ValueError):  # the stage itself reports the fault
            continue
        if stat.S_ISDIR(state.st_mode):
            continue
        states.append(b"%s %d %d" % (name, state.st_size, state.st_mtime_ns))
    return b"\n".join(states)


def _without_offset(name: bytes) -> bytes:
    path, _, offset = name.rpartition(b":")
    return path if path and offset.isdigit() else name


def _sources(conf: Path) -> list[Path]:
    """The source sets of a plan."""
    from toolkit.io.files import read_yaml  # YAML takes its time to load

    content = read_yaml(conf, "plan again (stage 3)")
    listed = [content.get(key) or [] for key in ("data", "rooms", "enrolments")]
    return [Path(name) for names in listed for name in ([names] if isinstance(names, str) else names)]


def _of_file(name: str) -> bytes:
    """Content of a file; of a config, with its bases."""
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}; run the earlier stages") from None
    if name.endswith((".yaml", ".yml")) and (b"base" in data or b"\\" in data):
        from toolkit.io.config import load_config  # slow import

        content = json.loads(json.dumps(load_config(name), default=str))  # makes keys text, so they can be sorted
        return json.dumps(content, sort_keys=True).encode()
    return hashlib.sha256(data).digest()
