"""Configs: YAML = constructor arguments, typed and checked before any work starts.

A config may name a base, ``base: other.yaml``, and give only what differs. The path is relative to the config (for a
link: to the link). A changed ``class_path`` drops the ``init_args`` of the base. Command-line options such as
``--trainer.epochs 3`` override all files.
A class of the toolkit has a short name, ``class_path: EcapaTdnn``; former paths are accepted too.
"""

import argparse
import inspect
import math
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import get_args, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace

from toolkit.exports import import_room, public_path
from toolkit.io.config_faults import in_plain_words, of_constructor
from toolkit.io.errors import InputError, is_text
from toolkit.io.files import parse_yaml, read_yaml


def load_config(path, _seen: tuple = ()) -> dict:
    """Read a YAML config and its bases, merged.

    Raises:
        InputError: a file is missing, not UTF-8 or not a mapping, or is its own base.
    """
    path = Path(path)
    config, real = with_paths(read_yaml(path)), os.path.realpath(path)
    if real in _seen:
        raise InputError(f"{path}: base: leads back to this file; remove the loop")
    base = config.pop("base", None)
    if not isinstance(base, str | None):
        raise InputError(f"{path}: base: must be one file, got {base!r}")
    return merge(load_config(path.parent / base, (*_seen, real)), config) if base else config


def with_paths(config: dict) -> dict:
    """The config with short class names replaced by their paths, as values of keys and in ``class_path``."""
    return {key: public_path(value) if isinstance(value, str) else _with_paths(value) for key, value in config.items()}


def _with_paths(value):
    if isinstance(value, list):
        return [_with_paths(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = {"class_path": public_path(value["class_path"])} if isinstance(value.get("class_path"), str) else {}
    return {key: _with_paths(item) for key, item in value.items()} | names


def merge(base: dict, over: dict) -> dict:
    """``base`` updated with ``over``, recursively."""
    if "class_path" in over and over["class_path"] != base.get("class_path"):
        return over
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def changed_keys(old: str, new: str, free: tuple[str, ...] = ()) -> list[str]:
    """``key old -> new`` for every value that differs between two YAML configs, except below the ``free`` top keys."""
    before, after = (
        {key: value for key, value in _leaves(parse_yaml(text, "config.yaml")) if key.split(".")[0] not in free}
        for text in (old, new)
    )
    return [
        f"{key} {before.get(key, '(not set)')} -> {after.get(key, '(not set)')}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _leaves(config: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted key and value of every leaf."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


_MOST = 10**10  # largest whole number in a config; a larger one is a mistake that a loop would not survive


class ConfigParser(ArgumentParser):
    """A parser of typed keys that raises InputErrors. jsonargparse also creates one for each nested class."""

    def __init__(self, *args, exit_on_error: bool = False, allow_abbrev: bool = False, **kwargs):
        super().__init__(*args, exit_on_error=exit_on_error, allow_abbrev=allow_abbrev, **kwargs)

    def add_argument(self, *args, **kwargs):
        """As in the base class; imports the classes that the key can name, for its help and their short names."""
        _import_rooms(kwargs.get("type"))
        return super().add_argument(*args, **kwargs)

    def add_class_arguments(self, theclass: type, *args, **kwargs):
        """As in the base class; see add_argument."""
        for cls in theclass.__mro__[:-1]:
            with suppress(NameError, TypeError):  # a name known only to type checkers, or a constructor in C
                _import_rooms(tuple(get_type_hints(vars(cls).get("__init__")).values()))
        return super().add_class_arguments(theclass, *args, **kwargs)

    @classmethod
    def command_line(cls, description: str) -> "ConfigParser":
        """A command line whose options can also come from ``--config`` files."""
        parser = cls(description=description)
        parser.add_argument("--config", action="config", help="YAML file; may be given several times, later ones win")
        return parser

    read_files: tuple[str, ...] = ()  # the values of --config

    def parse(self, argv: list[str] | None = None) -> Namespace:
        """Parse ``argv`` (default: the arguments of the process).

        Raises:
            InputError: a key or an option is unknown, missing or of a wrong type; names it.
        """
        words = sys.argv[1:] if argv is None else list(argv)
        for before, word in zip(["", *words], words, strict=False):
            if not (word and is_text(word)):
                raise InputError(f"{before} {word!a}".strip() + ": must be UTF-8 text, and not empty")
        finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        finder.add_argument("--config", action="append", default=[])
        config: dict = {}
        files: tuple[str, ...] = ()
        options: list[str] = []
        try:
            known, options = finder.parse_known_args(words)
            for file in known.config:
                config = merge(config, load_config(file))
            files = self.read_files = tuple(known.config if config else ())
            self._prepare(config)
            args = self.parse_args(["--config", yaml.safe_dump(config), *options] if config else options)
            _check_numbers(args.as_dict(), "")
            return args
        except ArgumentError as error:
            raise InputError(in_plain_words(str(error), self._options(), options, ", ".join(files))) from None

    def _options(self) -> list[str]:
        return [option for option in self._option_string_actions if option.startswith("--")]

    def validate(self, namespace: Namespace, skip_unset: bool = False, **kwargs) -> None:
        """As in the base class, but also checks ``key: null``, in nested classes too."""
        try:
            super().validate(namespace, skip_unset=skip_unset, **kwargs)
        except Exception:
            super().validate(namespace, skip_unset=True, **kwargs)  # raises a better error if a key is missing
            raise

    def dump(self, namespace: Namespace, skip_validation: bool = True, **kwargs) -> str:
        """As in the base class, without a check: the values have been parsed."""
        return super().dump(namespace, skip_validation=skip_validation, **kwargs)

    def _prepare(self, config: dict) -> None:
        """Refuse empty groups of keys; drop the defaults of classes that ``config`` replaces."""
        defaults = self.get_defaults()
        for key, value in config.items():
            if key in (self.groups or ()) and not isinstance(value, dict):
                raise ArgumentError(None, f"Key '{key}' must be a mapping of keys, got {value!r}")
            # jsonargparse would pass the default's init_args to the new class if it accepts them.
            default, new = defaults.get(key), value.get("class_path") if isinstance(value, dict) else value
            if (
                new
                and isinstance(default, Namespace)
                and public_path(default.get("class_path", new)) != public_path(new)
            ):
                self.set_defaults({key: None})

    def parse_checked(self, config: dict, source: str) -> Namespace:
        """Parse a mapping of keys; InputErrors name ``source``."""
        try:
            config = with_paths(config)
            self._prepare(config)
            args = self.parse_object(config)
            _check_numbers(args.as_dict(), "")
            return args
        except ArgumentError as error:
            raise InputError(in_plain_words(str(error), self._options(), (), source)) from None

    def build(self, args: Namespace) -> Namespace:
        """The parsed values with classes constructed; errors of constructors become InputErrors."""
        try:
            return self.instantiate(args)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(f"{self._files}: {of_constructor(str(error))}") from None
        except Exception as error:  # a size of 0 or 1e9 makes torch raise any type
            last = traceback.extract_tb(error.__traceback__)[-1].name
            raise InputError(f"{self._files}: a value does not fit ({last}: {type(error).__name__}: {error})") from None

    @property
    def _files(self) -> str:
        return ", ".join(self.read_files) or "config"


def _import_rooms(hint) -> None:
    """Import the packages of the classes in a type such as ``Net | None``."""
    if inspect.isclass(hint):
        import_room(hint)
    for inner in hint if isinstance(hint, tuple) else get_args(hint):
        _import_rooms(inner)


def _check_numbers(value, key: str) -> None:
    """Raise InputError if a number of a config is not finite or too large."""
    if isinstance(value, dict | list | tuple):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            _check_numbers(item, f"{key}.{name}".strip("."))
    elif isinstance(value, int) and abs(value) > _MOST:
        raise InputError(f"{key} must be a whole number from -{_MOST} to {_MOST}, got {str(value)[:40]}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{key} must be a finite number, got {value}")
