"""``mix_conf.yaml`` of a mixture set: the data dirs of its plan."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_yaml


def write_mix_conf(
    path: Path, data: list[str], rooms: list[str], fs: int, seed: int, enrolments: Sequence[str] = ()
) -> None:
    """Write the data dirs of recordings, impulse responses and enrolments, the sampling rate in Hz and the seed."""
    conf = {"data": list(dict.fromkeys(map(str, data))), "rooms": list(map(str, rooms)), "fs": fs, "seed": seed}
    if enrolments:
        conf["enrolments"] = list(enrolments)
    with replacing(path / "mix_conf.yaml") as handle:
        yaml.safe_dump(conf, handle, sort_keys=False)


def read_mix_conf(path: Path) -> dict:
    """Read the mix_conf.yaml of a set.

    Raises:
        InputError: the file is missing, or lacks data, rooms or fs.
    """
    conf = read_yaml(path / "mix_conf.yaml", "is it a planned set (stage 3)?")
    if fault := misfit(conf, {"data": [str], "rooms": [str], "fs": int, "enrolments?": [str]}):
        raise InputError(f"{path}/mix_conf.yaml: {fault}; plan again (stage 3)")
    return conf


def enrolment_dirs(path: Path) -> list[str]:
    """The data dirs of a set's enrolments, from its mix_conf.yaml; empty if it names none."""
    return read_mix_conf(path).get("enrolments", []) if (path / "mix_conf.yaml").is_file() else []
