"""``import voxsift``: the package ``toolkit`` under the name of its distribution (see setup.py).

If another package named ``toolkit`` comes first on the path, the import fails with a message.
"""

import importlib
import importlib.util
from types import ModuleType


def _toolkit() -> ModuleType:
    """The package; ImportError if it is missing, or another ``toolkit`` comes first."""
    try:
        package, cause = importlib.import_module("toolkit"), None
    except Exception as error:  # the other package may need missing modules
        package, cause = None, error
    if package is not None and getattr(package, "_DISTRIBUTION", None) == "voxsift":
        return package
    spec = getattr(package, "__spec__", None) or importlib.util.find_spec("toolkit")
    if spec is None:
        raise ImportError("voxsift: its package toolkit is not found; install voxsift again") from cause
    path = spec.origin or next(iter(spec.submodule_search_locations or []), "unknown")
    raise ImportError(
        f"voxsift: another package named toolkit comes first on Python's path: {path}; remove its folder from "
        "PYTHONPATH and sys.path, start Python in another folder, or install voxsift into a separate environment"
    ) from cause


_package = _toolkit()
__all__, __version__ = list(_package.__all__), _package.__version__


def __getattr__(name: str):
    return getattr(_package, name)


def __dir__() -> list[str]:
    return __all__
