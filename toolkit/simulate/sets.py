"""A mixture set on disk: its plan, and ``mix_conf.yaml``, which says where the plan's recordings are."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.simulate.plan import Mixture, read_plan

ROOMS_KEPT = 512  # impulse responses in memory, some 20 MB


def write_mix_conf(
    path: Path, data: list[str], rooms: list[str], fs: int, seed: int, enrolments: Sequence[str] = ()
) -> None:
    """Write what made the plan: data dirs of recordings, of impulse responses and of enrolments, rate in Hz, seed."""
    conf = {"data": list(dict.fromkeys(map(str, data))), "rooms": list(map(str, rooms)), "fs": fs, "seed": seed}
    if enrolments:
        conf["enrolments"] = list(enrolments)
    with replacing(path / "mix_conf.yaml") as handle:
        yaml.safe_dump(conf, handle, sort_keys=False)


def enrolment_dirs(path: Path) -> list[str]:
    """The data dirs that a set's enrolments are drawn from, by its mix_conf.yaml; none where it does not say."""
    conf = path / "mix_conf.yaml"
    return (yaml.safe_load(conf.read_text()) or {}).get("enrolments", []) if conf.is_file() else []


def open_set(path: Path) -> tuple[dict[str, Mixture], AudioTable, AudioTable | None]:
    """The plan by id, the audio it draws on, and the impulse responses.

    Raises:
        InputError: a file is missing or malformed, or an id stands in the plan twice.
    """
    try:
        conf = yaml.safe_load((path / "mix_conf.yaml").read_text())
        data, rooms, fs = (conf[key] for key in ("data", "rooms", "fs"))
    except FileNotFoundError:
        raise InputError(f"{path}/mix_conf.yaml: no such file; is it a planned set (stage 2)?") from None
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{path}/mix_conf.yaml: does not tell data, rooms and fs ({error}); plan again") from None
    mixtures: dict[str, Mixture] = {}
    for mixture in read_plan(path / "mix.jsonl"):
        if mixture.id in mixtures:
            raise InputError(f"{path}/mix.jsonl: id {mixture.id} stands twice; plan again")
        mixtures[mixture.id] = mixture
    return mixtures, AudioTable(*data, fs=fs), AudioTable(*rooms, fs=fs, keep=ROOMS_KEPT) if rooms else None
