"""Open a mixture set: its plan and its source audio."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.simulate.enrolments import FACT
from toolkit.simulate.mix_conf import read_mix_conf
from toolkit.simulate.plan import Mixture, read_plan

ROOMS_KEPT = 512  # impulse responses cached in memory, about 20 MB


def check_known_sets(config: Mapping, key: str, known: Sequence[str], root: Path, where: str) -> None:
    """Raise InputError if a planner config names a set that is not in ``known`` and not a data dir below ``root``.

    Args:
        config: config of a MixturePlanner.
        key: its key in the config file.
        known: names of the recipe's sets.
        root: folder of formatted sets.
        where: the config file, for messages.
    """
    lists = {f"noises.{kind}.data": noise["data"] for kind, noise in (config.get("noises") or {}).items()}
    lists |= {"interferer.data": (config.get("interferer") or {}).get("data"), "rooms": config.get("rooms")}
    for name, sets in lists.items():
        for set_name in sets or []:
            if set_name not in known and not (root / set_name).is_dir():
                near = get_close_matches(set_name, known, 1)
                raise InputError(
                    f"{where}: {key}.{name}: unknown set {set_name}{f' (did you mean {near[0]}?)' if near else ''}; "
                    "must be one of --train_set, --valid_sets, --test_sets, --extra_sets or --room_sets: "
                    f"{', '.join(known) or 'none'}"
                )


def open_set(
    path: Path, ids: Collection[str] | None = None
) -> tuple[dict[str, Mixture], AudioTable, AudioTable | None]:
    """The plan by id, its source audio, and the impulse responses; with ``ids`` only what these need.

    Raises:
        InputError: a file is missing or malformed, or the plan has a duplicate id.
    """
    conf = read_mix_conf(path)
    mixtures: dict[str, Mixture] = {}
    for mixture in read_plan(path / "mix.jsonl", None if ids is None else set(ids)):
        if mixture.id in mixtures:
            raise InputError(f"{path}/mix.jsonl: duplicate id {mixture.id}; plan again (stage 3)")
        mixtures[mixture.id] = mixture
    fs, utts, responses = conf["fs"], None, None
    if ids is not None:
        sources = [source for mixture in mixtures.values() for source in mixture.sources]
        utts = {source.utt for source in sources} | {m.facts[FACT] for m in mixtures.values() if FACT in m.facts}
        responses = {source.room for source in sources if source.room is not None}
    rooms = AudioTable(*conf["rooms"], fs=fs, keep=ROOMS_KEPT, only=responses) if conf["rooms"] else None
    return mixtures, AudioTable(*conf["data"], fs=fs, only=utts), rooms
