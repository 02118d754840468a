"""Read small files: text, JSON, YAML. Every fault raises an InputError that names the file."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from toolkit.io.errors import InputError
from toolkit.io.text import refuse_fifo

_KINDS = {float: "a number", int: "a whole number", str: "text", None: "null"}
_MOST_NODES = 1_000_000  # of a YAML file with its aliases expanded


def read_text(path, remedy: str = "") -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Args:
        path: the file.
        remedy: what to do if the file is missing.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        refuse_fifo(Path(path))
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file{remedy and f'; {remedy}'}") from None
    except OSError as error:
        raise InputError(f"{_printable(path)}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or an invalid path
        raise InputError(f"{_printable(path)}: cannot be read: {error}") from None


def read_csv(path, columns: Sequence[str], remedy: str, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """The number and the fields by name of each line of a table whose first line names its columns.

    Raises:
        InputError: the file is missing or cannot be read, lacks one of ``columns``, or a line has another number of
            fields than the first.
    """
    rows = csv.reader(io.StringIO(read_text(path, remedy), newline=""), delimiter=delimiter)
    try:
        names = next(rows, [])
        if missing := [column for column in columns if column not in names]:
            raise InputError(f"{path}: has no column {missing[0]}; {remedy}")
        for row in filter(None, rows):
            if len(row) != len(names):
                number = f"{path}:{rows.line_num}"
                raise InputError(f"{number}: expected {len(names)} fields, as in the header, got {len(row)}; {remedy}")
            yield rows.line_num, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: is not a table ({error}); {remedy}") from None


def _printable(path) -> str:
    """A path for a message; a very long one is cut."""
    name = str(path).encode("unicode_escape", "backslashreplace").decode() if not str(path).isprintable() else str(path)
    return name if len(name) <= 500 else f"{name[:200]}...{name[-100:]}"


def parse_json(text: str, where: str) -> dict:
    """The mapping of names to values in a JSON text.

    Raises:
        InputError: the text is not JSON, or not a mapping; names ``where``.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply to be read") from None
    except ValueError as error:
        raise InputError(f"{where}: is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{where}: must hold a mapping of names to values, got a {type(content).__name__}")
    return content


def read_json(path, remedy: str = "write it again") -> dict:
    """The mapping of names to values in a JSON file. Raises InputError if it holds anything else."""
    text = read_text(path, remedy)
    try:
        return parse_json(text, str(path))
    except InputError as error:
        raise InputError(f"{error}; {remedy}") from None


def misfit(value, shape, name: str = "") -> str:
    """The first fault of a JSON value, ``metrics.eer must be a number``; empty if the value has the shape.

    Args:
        value: a value read by json.
        shape: for a mapping ``{key: shape}``: ``key?`` may be missing, ``...`` gives the shape of all values. For a
            list ``[shape]``. Else a type, None or a word, or a tuple of these. A float is any finite number.
        name: dotted name of the value, for the message.
    """
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{name or 'the content'} must be a mapping"
        parts = [(key.removesuffix("?"), inner) for key, inner in shape.items() if key is not ...]
        parts = [(key, inner) for key, inner in parts if key in value or f"{key}?" not in shape]
        parts += [(key, shape[...]) for key in value if ... in shape]
        prefix = f"{name}." if name else ""
        faults = (f"{prefix}{key} is missing" if key not in value else misfit(value[key], inner, prefix + key)
                for key, inner in parts)  # fmt: skip
        return next(filter(None, faults), "")
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{name} must be a list"
        return next(filter(None, (misfit(item, shape[0], f"{name}[{i}]") for i, item in enumerate(value))), "")
    kinds = shape if isinstance(shape, tuple) else (shape,)
    if (inner := next((kind for kind in kinds if type(kind) is type(value) in (dict, list)), None)) is not None:
        return misfit(value, inner, name)
    if any(_is(value, kind) for kind in kinds):
        return ""
    expected = " or ".join(_kind_text(kind) for kind in kinds)
    return f"{name} must be {expected}, got {str(value)[:40]!r}"


def _kind_text(kind) -> str:
    if isinstance(kind, dict | list):
        return "a mapping" if isinstance(kind, dict) else "a list"
    return _KINDS.get(kind, str(kind))


def _is(value, kind: type | str | None) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e18
    return isinstance(value, kind) if isinstance(kind, type) else value == kind


def parse_yaml(text: str, where: str) -> dict:
    """The mapping of keys to values in a YAML text.

    Raises:
        InputError: the text is not YAML or not a mapping, has a duplicate key, holds itself through an alias, or is
            huge with its aliases expanded; names ``where``.
    """
    try:
        content = yaml.load(text, _StrictLoader)
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply to be read") from None
    except yaml.YAMLError as error:
        raise InputError(f"{where}: is not valid YAML: {' '.join(str(error).split())}") from None
    except Exception as error:  # constructors raise any type of error: `!!timestamp x`, `!!int ""`
        raise InputError(f"{where}: holds a value that YAML cannot construct ({error!r})") from None
    if not isinstance(content, dict):
        raise InputError(f"{where}: must be a mapping of keys to values")
    return content


def read_yaml(path, remedy: str = "") -> dict:
    """The mapping of keys to values in a YAML file, see :func:`parse_yaml`; ``remedy``: what to do if it is missing."""
    return parse_yaml(read_text(path, remedy), str(path))


class _StrictLoader(yaml.SafeLoader):
    """Refuses alias bombs and duplicate keys, of which PyYAML would silently keep the last."""

    def get_single_node(self):
        node = super().get_single_node()
        if node is not None and _size(node, {}) > _MOST_NODES:
            raise yaml.constructor.ConstructorError(None, None, "its aliases make it too large", node.start_mark)
        return node

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a word or a number", key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _size(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Number of nodes below a node, aliases expanded. Raises ConstructorError if it holds itself."""
    if id(node) not in known:
        known[id(node)] = None  # in progress
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        nested = parts if isinstance(node, yaml.CollectionNode) else ()
        known[id(node)] = 1 + sum(_size(part, known) for part in nested)
    size = known[id(node)]
    if size is None:
        raise yaml.constructor.ConstructorError(None, None, "a value holds itself (alias)", node.start_mark)
    return size
