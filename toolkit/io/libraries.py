"""Optional libraries: located or imported, or a message that says which extra installs them."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from toolkit.io.errors import InputError


def library(name: str, extra: str = "se") -> ModuleType:
    """Import an optional library.

    Raises:
        InputError: the library is not installed or cannot be imported; says how to install it.
    """
    find_library(name, extra)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"{name} cannot be imported ({error}): tools/install.sh --extras {extra}") from None


def find_library(name: str, extra: str = "se") -> Path:
    """The folder of an optional library, without importing it.

    Raises:
        InputError: the library is not installed; says how to install it.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module without a spec has this name
        spec = None
    if spec is None or spec.submodule_search_locations is None:
        raise InputError(f"{name} is not installed: tools/install.sh --extras {extra}")
    return Path(spec.submodule_search_locations[0])
