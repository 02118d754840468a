"""Open a mixture set: its plan and its source audio."""

import json
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError
from toolkit.simulate.enrolments import FACT
from toolkit.simulate.mix_conf import read_mix_conf
from toolkit.simulate.plan import Mixture, id_of_line, parsed_line, plan_lines

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


class Plan(Mapping[str, Mixture]):
    """The mixtures of a plan by id. In memory are the places of their lines; a mixture is parsed when it is read.

    Args:
        path: the plan.
        ids: mixtures to read; None: all.
        fact: of a mixture whose value is an utterance, e.g. ``enroll``.

    Attributes:
        utts: the recordings that the mixtures name.
        rooms: the impulse responses.

    Raises:
        InputError: the plan is missing, a line is not JSON of a mixture, or an id occurs twice; names file and line.
            Other faults of a line are raised when it is read.

    Example::

        mixtures = Plan("dump/raw/mix/mix.jsonl")
        length = mixtures["a-1"].length
    """

    def __init__(self, path, ids: Container[str] | None = None, fact: str = ""):
        self._path, self._fact = path, fact
        self._places: dict[str, int] = {}
        self.utts: set[str] = set()
        self.rooms: set[str] = set()
        place = 0
        for number, line in plan_lines(path):
            if ids is None or (key := id_of_line(line)) is None or key in ids:
                try:
                    key = self._add(line)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    parsed_line(line, path, number)
                    raise InputError(f"{path}:{number}: not a mixture ({error}); plan again (stage 3)") from None
                if ids is None or key in ids:
                    if key in self._places:
                        raise InputError(f"{path}: duplicate id {key}; plan again (stage 3)")
                    self._places[key] = place
            place += len(line) + 1

    def _add(self, line: bytes) -> str:
        """Note the recordings of a line; returns its id."""
        content = json.loads(line.decode())
        for source in content["sources"]:
            self.utts.add(source["utt"])
            if source.get("room") is not None:
                self.rooms.add(source["room"])
        if self._fact in (facts := content.get("facts") or {}):
            self.utts.add(facts[self._fact])
        hash(content["id"])
        return content["id"]

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, key: str) -> Mixture:
        place = self._places[key]
        with open(self._path, "rb") as handle:
            handle.seek(place)
            line = handle.readline().removesuffix(b"\n")
            try:
                mixture = parsed_line(line, self._path, None)
            except InputError:
                handle.seek(0)
                mixture = parsed_line(line, self._path, handle.read(place).count(b"\n") + 1)
        if mixture.id != key:
            raise InputError(f"{self._path}: has changed since it was opened; run the command again")
        return mixture


def open_set(path: Path, ids: Collection[str] | None = None) -> tuple[Plan, AudioTable, AudioTable | None]:
    """The plan by id, its source audio, and the impulse responses; with ``ids`` only what these need.

    Raises:
        InputError: a file is missing or malformed, or the plan has a duplicate id.
    """
    conf = read_mix_conf(path)
    plan = Plan(path / "mix.jsonl", None if ids is None else set(ids), FACT)
    fs, (utts, responses) = conf["fs"], (None, None) if ids is None else (plan.utts, plan.rooms)
    rooms = AudioTable(*conf["rooms"], fs=fs, keep=ROOMS_KEPT, only=responses) if conf["rooms"] else None
    return plan, AudioTable(*conf["data"], fs=fs, only=utts), rooms
