"""Mixture plans: seeded text that says what every mixture is made of, one JSON object a line.

A plan can be read, compared and cited; ``render`` (next door) turns a line into samples and nothing else does.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError

LEVELS = ("mean", "active")


@dataclass(frozen=True)
class Source:
    """One recording in a mixture. All positions are samples at the mixture's rate, after the change of speed.

    Attributes:
        role: ``spk1`` (the target), ``spk2`` ... (interferers), ``noise1`` ...; babble is several sources of one role.
        utt: id in the wav.scp of the data dirs that the plan was made from.
        length: how many samples of the recording are used.
        begin: the first of them.
        offset: where it starts in the mixture.
        gain: linear factor; None lets the mixture's ``snr`` decide (1 for ``spk1`` and for roles without an SNR).
            A role has an SNR or gains, not both.
        speed: tempo and pitch factor, 1.1 is faster and higher (resampling).
        room: id of an impulse response, or None.
        wrap: repeat the recording to fill ``length``.
    """

    role: str
    utt: str
    length: int
    begin: int = 0
    offset: int = 0
    gain: float | None = None
    speed: float = 1.0
    room: str | None = None
    wrap: bool = False


@dataclass(frozen=True)
class Mixture:
    """One line of a plan.

    Attributes:
        id: utterance id of the mixture.
        fs: rate in Hz.
        length: samples.
        sources: at least one of role ``spk1``.
        snr: role -> dB by which ``spk1`` exceeds the sum of that role's sources; :mod:`toolkit.simulate.render` says
            over which samples.
        level: what counts as the level of speech: ``mean`` or ``active`` (see render).
        speaker: the target's speaker label.
        facts: written as ``utt2<name>`` tables, e.g. ``{"noise": "babble"}``.
        clip: what is beyond full scale is clipped, as in the files of published mixtures; else a mixture that would
            peak above 0.99 is scaled down.
    """

    id: str
    fs: int
    length: int
    sources: tuple[Source, ...]
    speaker: str
    snr: dict[str, float] = field(default_factory=dict)
    level: str = "mean"
    facts: dict[str, str] = field(default_factory=dict)
    clip: bool = False

    def __post_init__(self):
        if any(len(str(word).split()) != 1 for word in (self.id, self.speaker)):
            raise InputError(f"{self.id!r}: id and speaker ({self.speaker!r}) must be words without spaces")
        self._check_positions()
        self._check_levels()

    def _check_positions(self):
        """Raise InputError when a source does not lie in the mixture."""
        numbers = [self.fs, self.length, *(n for s in self.sources for n in (s.length, s.begin, s.offset))]
        if not all(isinstance(n, int) for n in numbers):
            raise InputError(f"{self.id}: fs, lengths, begins and offsets must be whole numbers")
        if min(self.fs, self.length, *(s.length for s in self.sources)) < 1 or min(numbers) < 0:
            raise InputError(f"{self.id}: fs and lengths must be positive, begins and offsets not negative")
        if late := [s.utt for s in self.sources if s.offset >= self.length]:
            raise InputError(f"{self.id}: {late[0]} starts after the mixture's {self.length} samples")
        if not all(0 < s.speed < math.inf for s in self.sources):
            raise InputError(f"{self.id}: speeds must be positive")

    def _check_levels(self):
        """Raise InputError when the roles are not clear, or not what decides their levels."""
        roles = {s.role for s in self.sources}
        if sum(s.role == "spk1" for s in self.sources) != 1:
            raise InputError(f"{self.id}: a mixture has exactly one source of role spk1")
        if taken := roles & {"wav", "dereverb1"}:
            raise InputError(f"{self.id}: no role can be called {taken.pop()}, which is the name of a rendered stream")
        if unknown := set(self.snr) - (roles - {"spk1"}):
            raise InputError(f"{self.id}: snr is given for {sorted(unknown)}; it can be for {sorted(roles - {'spk1'})}")
        gains = [(s.role, s.gain) for s in self.sources if s.gain is not None]
        if twice := {role for role, _ in gains} & set(self.snr):
            raise InputError(f"{self.id}: {sorted(twice)} has both an snr and gains; give one of them")
        if not all(map(math.isfinite, [*self.snr.values(), *(gain for _, gain in gains)])):
            raise InputError(f"{self.id}: SNRs and gains must be finite")
        if self.level not in LEVELS:
            raise InputError(f"{self.id}: level is {self.level!r}, it can be {' or '.join(LEVELS)}")

    def to_json(self) -> str:
        """One line; fields at their default are left out."""
        whole = asdict(self)
        whole["sources"] = [{k: v for k, v in s.items() if v != _DEFAULTS.get(k, ...)} for s in whole["sources"]]
        return json.dumps({k: v for k, v in whole.items() if v != {} and v is not False}, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Mixture":
        """Inverse of :meth:`to_json`; InputError for anything else."""
        try:
            fields = json.loads(line)
            fields["sources"] = tuple(Source(**s) for s in fields["sources"])
            return cls(**fields)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"not a mixture ({error}): {line[:80]}") from None


_DEFAULTS = {"begin": 0, "offset": 0, "gain": None, "speed": 1.0, "room": None, "wrap": False}


def read_plan(path) -> Iterator[Mixture]:
    """The mixtures of a plan, in its order; InputError naming file and line for what is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such plan; simulation (stage 2) writes it") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    # Not splitlines(), which also splits at characters that JSON strings may hold as they are.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        try:
            yield Mixture.from_json(line)
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from None


def write_plan(path, mixtures: Iterable[Mixture]) -> None:
    """Write a plan, whole or not at all."""
    with replacing(path) as handle:
        handle.writelines(m.to_json() + "\n" for m in mixtures)


def generator(*what) -> np.random.Generator:
    """A random generator that depends on the words given and on nothing else (seed, id, epoch, ...)."""
    digest = hashlib.blake2b("\0".join(map(str, what)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
