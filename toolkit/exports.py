"""Public names of a package, under the package's own path; their modules are imported on first use."""

import functools
import importlib
import pkgutil
import sys
from collections.abc import Callable, Mapping

import toolkit
from toolkit import aliases


def exports(room: str, modules: Mapping[str, str]) -> tuple[list[str], Callable, Callable]:
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Args:
        room: ``__name__`` of the package.
        modules: module in the package -> its public names, separated by blanks.

    Example::

        __all__, __getattr__, __dir__ = exports(__name__, {"ecapa_tdnn": "EcapaTdnn"})
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str):
        if name not in homes:
            if (former := room.removeprefix("toolkit.")) in aliases.MODULES:
                return aliases.attribute(former, name)
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    names = sorted(homes)
    return names, get, lambda: names


@functools.cache
def public_names() -> dict[str, str]:
    """Name of every exported class -> its path, such as ``toolkit.models.sv.EcapaTdnn``; imports no other module."""
    packages = [module.name for module in pkgutil.walk_packages(toolkit.__path__, "toolkit.") if module.ispkg]
    rooms = [name for name in packages if "._" not in name]
    exported = {room: getattr(importlib.import_module(room), "__all__", ()) for room in rooms}
    paths: dict[str, str] = {}  # a package before its subpackages, whose classes it may export too
    for room, names in exported.items():
        paths = {name: f"{room}.{name}" for name in names if name[0].isupper()} | paths
    return paths


def public_path(name: str) -> str:
    """The path of a class in configs, from its short, former or full name; other names are returned unchanged.

    Example::

        >>> public_path("EcapaTdnn")
        'toolkit.models.sv.EcapaTdnn'
        >>> public_path("toolkit.losses.margin.AAMSoftmax")  # its former path
        'toolkit.losses.speaker.AAMSoftmax'
    """
    module, _, last = name.rpartition(".")
    if module and not module.startswith("toolkit."):
        return name
    inner = module.removeprefix("toolkit.")
    present = aliases.MODULES.get(inner, inner)
    former = not module or present != inner
    renamed, names = aliases.NAMES.get(last, last), public_names()
    path = names.get(renamed, "") if former or last not in names else names[last]
    room = path.rpartition(".")[0]
    return path if path and (not module or f"toolkit.{present}.".startswith(f"{room}.")) else name


def import_room(cls: type) -> None:
    """Import all modules that the package of a class exports, so that its subclasses are known."""
    room = cls.__module__
    while room.startswith("toolkit.") and not hasattr(sys.modules[room], "__all__"):
        room = room.rpartition(".")[0]
    if room.startswith("toolkit."):
        inner = [module.name for module in pkgutil.iter_modules(sys.modules[room].__path__, f"{room}.") if module.ispkg]
        for module in (sys.modules[room], *map(importlib.import_module, inner)):
            for name in getattr(module, "__all__", ()):
                getattr(module, name)
