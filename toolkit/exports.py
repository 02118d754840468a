"""What a room exports: public names under the room's own path, imported when they are used."""

import importlib
import sys
from collections.abc import Callable, Mapping


def exports(room: str, modules: Mapping[str, str]) -> tuple[list[str], Callable, Callable]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Args:
        room: ``__name__`` of the package.
        modules: module in the room -> its public names, separated by blanks.

    Example::

        __all__, __getattr__, __dir__ = exports(__name__, {"ecapa_tdnn": "EcapaTdnn"})
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str):
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    names = sorted(homes)
    return names, get, lambda: names
