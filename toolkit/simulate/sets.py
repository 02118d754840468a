"""A mixture set on disk: its plan, and ``mix_conf.yaml``, which says where the plan's recordings are."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_yaml
from toolkit.simulate.enrolments import FACT
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


def read_mix_conf(path: Path) -> dict:
    """The mix_conf.yaml of a set.

    Raises:
        InputError: it is missing, or does not say data, rooms and fs.
    """
    conf = read_yaml(path / "mix_conf.yaml", "is it a planned set (stage 2)?")
    if fault := misfit(conf, {"data": [str], "rooms": [str], "fs": int, "enrolments?": [str]}):
        raise InputError(f"{path}/mix_conf.yaml: {fault}; plan again (stage 2)")
    return conf


def check_known_sets(config: Mapping, key: str, known: Sequence[str], root: Path, where: str) -> None:
    """Raise InputError where a planner config names a set that is none of ``known``, and no data dir below ``root``.

    Args:
        config: of a MixturePlanner.
        key: under which the config has it.
        known: names of the sets that a recipe makes.
        root: folder of formatted sets.
        where: the config file, which the message names first.
    """
    lists = {f"noises.{kind}.data": noise["data"] for kind, noise in (config.get("noises") or {}).items()}
    lists |= {"interferer.data": (config.get("interferer") or {}).get("data"), "rooms": config.get("rooms")}
    for name, sets in lists.items():
        for one in sets or []:
            if one not in known and not (root / one).is_dir():
                near = get_close_matches(one, known, 1)
                raise InputError(
                    f"{where}: {key}.{name}: unknown set {one}{f' (did you mean {near[0]}?)' if near else ''}; must "
                    "be one of --train_set, --valid_sets, --test_sets, --extra_sets or --room_sets: "
                    f"{', '.join(known) or 'none'}"
                )


def enrolment_dirs(path: Path) -> list[str]:
    """The data dirs that a set's enrolments are drawn from, by its mix_conf.yaml; none where it does not say."""
    return read_mix_conf(path).get("enrolments", []) if (path / "mix_conf.yaml").is_file() else []


def open_set(
    path: Path, ids: Collection[str] | None = None
) -> tuple[dict[str, Mixture], AudioTable, AudioTable | None]:
    """The plan by id, the audio it draws on, and the impulse responses; of some ``ids`` what these need alone.

    Raises:
        InputError: a file is missing or malformed, or an id is in the plan twice.
    """
    conf = read_mix_conf(path)
    mixtures: dict[str, Mixture] = {}
    for mixture in read_plan(path / "mix.jsonl", None if ids is None else set(ids)):
        if mixture.id in mixtures:
            raise InputError(f"{path}/mix.jsonl: duplicate id {mixture.id}; plan again (stage 2)")
        mixtures[mixture.id] = mixture
    fs, utts, responses = conf["fs"], None, None
    if ids is not None:
        sources = [source for mixture in mixtures.values() for source in mixture.sources]
        utts = {source.utt for source in sources} | {m.facts[FACT] for m in mixtures.values() if FACT in m.facts}
        responses = {source.room for source in sources if source.room is not None}
    rooms = AudioTable(*conf["rooms"], fs=fs, keep=ROOMS_KEPT, only=responses) if conf["rooms"] else None
    return mixtures, AudioTable(*conf["data"], fs=fs, only=utts), rooms
