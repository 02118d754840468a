"""Options of recipes: name, default, help and check of each in one place; usage texts; values from command lines.

A class of options is a section of the usage text. Its fields are the options; their types are the types of values:
``str``, ``int``, ``bool`` (true or false) and ``list[str]`` (words separated by blanks).

Example::

    @dataclass
    class Training(Options):
        title: ClassVar[str] = "Training"
        epochs: int = option(3, "number of epochs", COUNT)

    Training.parse(["--epochs", "5"]).epochs  # 5
"""

import os
import re
import subprocess
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from toolkit.io.errors import InputError, is_text, nearest

T = TypeVar("T", bound="Options")
Check = Callable[[str, str], None]  # of the name and the text of an option; raises InputError


@dataclass(frozen=True)
class Words:
    """A check: each word of a value matches a pattern; ``whole``: the value is one word, blanks and all."""

    pattern: str
    what: str
    whole: bool = False

    def __call__(self, name: str, text: str) -> None:
        """Raise InputError at the first word that does not match."""
        for word in [text] if self.whole else text.split():
            if word and not re.fullmatch(self.pattern, word):
                hint = f'; separate by spaces: --{name} "{" ".join(re.split("[, ]+", text))}"' if "," in word else ""
                raise InputError(f"--{name} {text}: {word} must be a {self.what}{hint}")


@dataclass(frozen=True)
class Choice:
    """A check: a value is one of these."""

    values: tuple[str, ...]

    def __call__(self, name: str, text: str) -> None:
        """Raise InputError if it is not."""
        if text not in self.values:
            raise InputError(f"--{name} {text}: must be {', '.join(self.values[:-1])} or {self.values[-1]}")


@dataclass(frozen=True)
class System:
    """A check: a value is empty, the folder of an experiment, or a packed.zip; ``kind``: of which task."""

    kind: str = ""

    def __call__(self, name: str, text: str) -> None:
        """Raise InputError if it is not."""
        if text and not (Path(text) / "config.yaml").is_file() and not Path(text).is_file():
            what = f"experiment, nor packed zip, of {self.kind}" if self.kind else "experiment or packed.zip"
            raise InputError(f"--{name} {text}: no such {what}")


@dataclass(frozen=True)
class Files:
    """A check: each word of a value, or with ``whole`` the value, is a file."""

    whole: bool = False

    def __call__(self, name: str, text: str) -> None:
        """Raise InputError at the first that is not."""
        for path in [text] if self.whole else text.split():
            if path and not Path(path).is_file():
                raise InputError(f"--{name} {text}: {'' if path == text else f'{path}: '}no such file")


FILE, FILES = Files(whole=True), Files()
LIST = Words("[^,]+", "word")  # words that no comma joins
COUNT = Words("[1-9][0-9]{0,8}", "whole number from 1 to 999999999")
COUNT_OR_0 = Words("[0-9]{1,9}", "whole number from 0 to 999999999")
NUMBER = Words(r"-?([0-9]+[.]?[0-9]*|[.][0-9]+)", "number")
POSITIVE = Words("[0-9]*[1-9][0-9]*[.]?[0-9]*|[0-9]*[.][0-9]*[1-9][0-9]*", "number above 0")
PROBABILITY = Words("0?[.][0-9]*[1-9][0-9]*", "number between 0 and 1", whole=True)
FOLDER = Words("[A-Za-z0-9_.+=,-]+", "name of a folder (letters, digits, _ . + -)", whole=True)
CHANNEL = Words("[0-9]+|mean", "channel from 0, or mean", whole=True)


def option(default: Any, help_text: str, check: Check | None = None, shown: str | None = None) -> Any:
    """A field that is an option.

    Args:
        default: its value; of a list, its words.
        help_text: what it is, for the usage text.
        check: of its name and its text.
        shown: the default as the usage text has it (default: the value, or "none").
    """
    metadata = {"help": help_text, "check": check, "shown": shown if shown is not None else as_text(default) or "none"}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def as_text(value: Any) -> str:
    """A value as a word of a command line: ``true``, ``a b``."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


class HelpRequest(Exception):
    """The words request the usage text."""


class UsageError(InputError):
    """An option that every run needs is missing; the usage text explains it."""


@dataclass
class Options:
    """Base class of options."""

    title: ClassVar[str] = ""

    @classmethod
    def parse(cls: type[T], words: Sequence[str]) -> T:
        """The options that words give, checked.

        Raises:
            HelpRequest: for --help.
            InputError: an option is unknown or has a wrong value, or a word belongs to no option.
        """
        known = {entry.name: entry for entry in fields(cls)}
        given_texts, configs = _texts_of(words, known)
        defaults = cls()
        texts = {name: as_text(getattr(defaults, name)) for name in known}
        for path in configs:
            texts |= {name: text for name, text in _sourced(path, texts).items() if name in known}
        texts |= given_texts
        return cls(**{name: _value(known[name], text) for name, text in texts.items()})

    @classmethod
    def usage(cls) -> str:
        """Titles and options of all sections, in the order of definition."""
        lines: list[str] = []
        left = {entry.name: entry for entry in fields(cls)}
        for section in (base for base in cls.__mro__[::-1] if issubclass(base, Options)):
            own = [left.pop(name) for name in vars(section).get("__annotations__", {}) if name in left]
            if own:
                lines += [section.title, *(line for entry in own for line in _help_lines(entry))]
        return "\n".join(lines)


def _help_lines(entry: Field) -> list[str]:
    default = f" ({entry.metadata['shown']})" if entry.metadata["shown"] else ""
    head = f"  --{entry.name}"
    head = head.ljust(29) if len(head) < 29 else head
    return textwrap.wrap(
        f"{head} {entry.metadata['help']}{default}", 118, subsequent_indent=" " * 30, break_on_hyphens=False
    )


def _texts_of(words: Sequence[str], known: dict[str, Field]) -> tuple[dict[str, str], list[str]]:
    """Name -> text of the options of a command line, and files of --config."""
    texts: dict[str, str] = {}
    configs: list[str] = []
    rest = list(words)
    for word in words:
        if not is_text(word):
            raise InputError(f"{word!a}: must be UTF-8 text")
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if word in ("--help", "-h"):
            raise HelpRequest
        if word == "--" or not word.startswith("--"):
            rest = rest if word == "--" else [word, *rest]
            break
        if has_value:
            raise InputError(f"write '{name} {value}' instead of '{word}'")
        if not rest:
            raise InputError(f"option {word} needs a value")
        key, text = word[2:].replace("-", "_"), rest.pop(0)
        if key == "config":
            configs.append(text)
        elif key in known:
            texts[key] = text
        else:
            near = nearest(f"--{key}", [f"--{known_name}" for known_name in known])
            raise InputError(f"unknown option {word} {text} (see --help){near}")
    if rest:
        hint = "only options are understood (./run.sh --help); quote a value of several words"
        raise InputError(f"{' '.join(rest)}: {hint}")
    return texts, configs


def _sourced(path: str, texts: dict[str, str]) -> dict[str, str]:
    """Variables after a file of shell assignments, which finds those of ``texts`` set."""
    if not Path(path).is_file() or not os.access(path, os.R_OK):
        raise InputError(f"--config {path}: no such file")
    script = 'set -ae; . "$1" >/dev/null 2>&1 </dev/null; env -0'
    words = ["bash", "-c", script, "bash", str(Path(path).resolve())]
    done = subprocess.run(words, env={**os.environ, **texts}, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"--config {path}: must be a file of shell assignments, name=value, a line each")
    return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if "=" in pair)


def _value(entry: Field, text: str) -> Any:
    """The value that an option's text is; InputError names what is wrong."""
    if check := entry.metadata["check"]:
        check(entry.name, text)
    if entry.type is bool:
        if text not in ("true", "false"):
            raise InputError(f"option --{entry.name} takes true or false, got '{text}'")
        return text == "true"
    if entry.type is int:
        if not text.strip().isdigit():
            raise InputError(f"--{entry.name} {text}: must be a number")
        return int(text)
    return text.split() if entry.type == list[str] else text
