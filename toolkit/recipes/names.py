"""Names that follow from configs, systems and words."""

import re
from collections.abc import Iterable
from pathlib import Path

_OF_TRAINING = {"loss", "data", "batches", "optimizer", "schedule", "trainer"}  # keys of a config


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


def warnings_of(words: list[str]) -> list[str]:
    """Warnings of a dry run: the folders that options of local/data.sh name and that are not there."""
    from toolkit.simulate.folder_sets import missing_folders  # slow import

    return [f"WARNING {fault}: no such folder; stage 1 would end with this error" for fault in missing_folders(words)]


def is_network_alone(config: str) -> bool:
    """Is a training config of a network that needs no training: does it say nothing of data, loss or optimizer?"""
    from toolkit.io.config import load_config  # slow import

    return Path(config).is_file() and not _OF_TRAINING & load_config(config).keys()
