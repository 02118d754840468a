"""Every public class of a room that plugs in by ``class_path``, and an instance of each."""

import importlib
import inspect
import pkgutil
import typing

import toolkit


def modules(room: str) -> list:
    """All modules below ``toolkit.<room>``."""
    package = importlib.import_module(f"{toolkit.__name__}.{room}")
    actual = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [package, *(importlib.import_module(module.name) for module in actual)]


def subclasses(base: type) -> list[type]:
    """Public concrete classes of the toolkit that are a ``base``, by name."""
    room = base.__module__.split(".")[1]
    actual = {
        one
        for module in modules(room)
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, base) and not inspect.isabstract(one)
    }
    return sorted((one for one in actual if not one.__name__.startswith("_")), key=lambda one: one.__name__)


def instance(cls: type, **arguments):
    """An instance; arguments that have no default are made of the class that their annotation names."""
    hints = typing.get_type_hints(cls.__init__)
    for name in _needed(cls) - arguments.keys():
        inner = typing.get_args(hints[name])  # dict[str, Part]
        kind = inner[1] if inner else hints[name]
        made = next(one for one in [kind, *subclasses(kind)] if _is_simple(one))()
        arguments[name] = {"one": made} if inner else made
    return cls(**arguments)


def _needed(cls: type) -> set[str]:
    """Arguments without a default."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}


def _is_simple(cls: type) -> bool:
    """It can be made without arguments, and needs no weights from elsewhere."""
    return not (inspect.isabstract(cls) or _needed(cls) or "weights" in inspect.signature(cls).parameters)
