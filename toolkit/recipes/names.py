"""Names that follow from configs, systems and words."""

import re
from collections.abc import Iterable
from pathlib import Path


def yaml_list(words: Iterable[str]) -> str:
    """``[a,b]``."""
    return f"[{','.join(words)}]"


def stem_of(config: str) -> str:
    """Name of a config without folder and ending."""
    return Path(config).name.removesuffix(".yaml")


def name_of(system: str) -> str:
    """Name of an experiment's folder or of a packed.zip."""
    return Path(system.removesuffix("/packed.zip")).name.removesuffix(".zip")


def tag_of(args: str) -> str:
    """What more options of training add to the name of an experiment."""
    return "_" + re.sub("[^A-Za-z0-9]+", "_", args.removeprefix("--")) if args else ""


def marks_of(folder: str) -> list[str]:
    """Marks of the stages that have finished a set."""
    return sorted(map(str, Path(folder).glob(".done.*")))
