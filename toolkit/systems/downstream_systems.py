"""Systems behind a front end: which kind one is, by its config, and the facts that reports tell."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.io.config import load_config
from toolkit.io.config_facts import ssl_names
from toolkit.io.errors import InputError
from toolkit.systems.kinds import system_class, task_of
from toolkit.systems.off_the_shelf import POCKETSPHINX, STAND_IN, OffTheShelf, check_name, is_off_the_shelf
from toolkit.systems.packing import CONFIG, unpack

KINDS = ("asr", "sv", "ic")


def name_of(system: str, kind: str) -> str:
    """A folder's name for it: ``asr_x``, ``whisper_medium``."""
    if is_off_the_shelf(system):
        library, _, model = system.partition(":")
        return "_".join(filter(None, (library, re.sub(r"[^\w.-]", "_", Path(model).stem if "/" in model else model))))
    name = Path(system.rstrip("/").removesuffix("/packed.zip")).name.removesuffix(".zip")
    return name if name.startswith(f"{kind}_") else f"{kind}_{name}"


def config_of(system: str) -> Mapping:
    """The config of an experiment or of a packed.zip. Raises InputError if there is none."""
    path = Path(system)
    if (path / CONFIG).is_file():
        return load_config(path / CONFIG)
    if not path.is_file():
        raise InputError(
            f"{system}: must be the folder of an experiment, a packed.zip, whisper:<model> or pocketsphinx"
        )
    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder), None)
        return load_config(Path(folder, CONFIG))


def kind_of(system: str) -> str:
    """``asr``, ``sv`` or ``ic``, by the system's config; a recogniser that others trained is ``asr``.

    Raises:
        InputError: there is no such system, or it is of another kind.
    """
    if is_off_the_shelf(system):
        check_name(system)
        return "asr"
    kind = task_of(config_of(system)) or ""
    if kind not in KINDS:
        raise InputError(f"{system}: is for task {kind or 'unknown'}; must be for {', '.join(KINDS)}")
    return kind


def check_systems(systems: Sequence[str], fs: int | None, trust: bool = False) -> dict[str, str]:
    """Name -> kind of each; loads those of the toolkit.

    Raises:
        InputError: see :func:`kind_of`; or a system cannot be loaded, is for another rate than ``fs`` in Hz, or two
            have one name.
    """
    kinds: dict[str, str] = {}
    for system in systems:
        kind = kind_of(system)
        name = name_of(system, kind)
        if name in kinds:
            raise InputError(f"{system}: another system is named {name}, too; rename one of their folders")
        known = is_off_the_shelf(system)
        rate = OffTheShelf.fs if known else system_class(kind).load(system, trust=trust).fs
        if fs not in (None, rate):
            raise InputError(f"{system}: is for {rate} Hz, the recordings are at {fs} Hz (--fs)")
        kinds[name] = kind
    return kinds


def facts_of(system: str) -> dict:
    """``kind``, ``ssl`` (the self-supervised model that it reads, if any), ``noise_robust`` and ``note``."""
    facts = {"kind": kind_of(system), "ssl": "", "noise_robust": False, "note": ""}
    if is_off_the_shelf(system):
        return facts | ({"note": STAND_IN} if system == POCKETSPHINX else {})
    config = config_of(system)
    facts["ssl"] = next(ssl_names(config.get("frontend")), "")
    planner = ((config.get("data") or {}).get("init_args") or {}).get("planner") or {}
    facts["noise_robust"] = bool((planner.get("init_args") or planner).get("noises"))
    return facts
