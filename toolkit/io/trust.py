"""Check configs of other authors: without the user's trust they may build only toolkit classes with plain arguments.

The config parser imports every named class and would call a named function, so names are checked before parsing.
"""

import inspect
import pydoc
import re
from collections.abc import Collection, Iterator, Mapping

from toolkit.io.errors import InputError

NETWORK_KEYS = ("frontend", "model", "normalize")  # the deployed part of a training config
_MOST_VALUES = 10_000  # aliases can expand one line to millions
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PLAIN = re.compile(r"[\w+-]*|[+-]?[\d.]+(e[+-]?\d+)?", re.ASCII)  # no module, path or nested YAML
_REMEDY = "use --trust (in Python: trust=True) if you trust the author of this model; it runs the author's code"


def check_classes(config: Mapping, source, keys: Collection[str] = NETWORK_KEYS) -> None:
    """Refuse a network with classes from outside the toolkit, before any class is imported.

    Args:
        config: a loaded training config.
        source: its file, for messages.
        keys: top-level keys that will be built.

    Raises:
        InputError: the config names another module, a function or a file, or is not the config of a network.
    """
    network = {key: config[key] for key in keys if key in config}
    classes = {key: value for key, value in network.items() if key != "normalize" and isinstance(value, str)}
    for key, value in _values(network | {key: {"class_path": name} for key, name in classes.items()}, source):
        if not (isinstance(key, str) and _NAME.fullmatch(key)):
            raise InputError(f"{source}: {key!r:.200} must be a name of letters and digits")
        if key == "class_path":
            if not (isinstance(value, str) and (_NAME.fullmatch(value) or _is_ours(value))):
                raise InputError(f"{source}: {value!r:.200} is not a class of the toolkit; {_REMEDY}")
        # A file of weights is not read where a network is loaded (toolkit.nn.pretrained).
        elif key != "weights" and isinstance(value, str) and not _PLAIN.fullmatch(value):
            raise InputError(f"{source}: {key}: {value!r:.200} must be a plain word; {_REMEDY}")


def _values(network: Mapping, source) -> Iterator[tuple[object, object]]:
    """Each key with its value, at any depth; list items have the key of the list."""
    todo, count = list(network.items()), 0
    while todo:
        key, value = todo.pop()
        yield key, value
        if isinstance(value, Mapping):
            inner = list(value.items())
        else:
            inner = [(key, item) for item in value] if isinstance(value, list | tuple | set) else []
        count += len(inner)
        if count > _MOST_VALUES:
            raise InputError(f"{source}: has more than {_MOST_VALUES} values, which no config of a network has")
        todo += inner


def _is_ours(path: str) -> bool:
    """Whether ``path`` is a toolkit class, or an unknown toolkit name (the parser reports that one better)."""
    if not path.startswith("toolkit.") or not all(map(_NAME.fullmatch, path.split("."))):
        return False
    try:
        located = pydoc.locate(path)
    except pydoc.ErrorDuringImport:
        return True
    return located is None or (inspect.isclass(located) and located.__module__.startswith("toolkit."))
