"""Mixture plans: seeded text with the sources of every mixture, one JSON object per line.

A plan can be read, compared and cited. Only :mod:`toolkit.simulate.render` turns its lines into samples.
"""

import hashlib
import json
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.text import is_word, refuse_fifo
from toolkit.simulate.codecs import check_codec

LEVELS = ("mean", "active")
SPEEDS = (0.1, 10.0)
MOST_SAMPLES = 2**31  # longest mixture; a larger number is a mistake and would exhaust the memory
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_ID = b'{"id": "'
# In a JSON string a quote has a backslash before it, so this pattern always matches a key.
_ROLE = re.compile(rb'"role"\s*:\s*"([A-Za-z0-9_-]+)"')
MOST_DB = 200  # limit of SNRs and gains, below the overflow of float32


@dataclass(frozen=True)
class Source:
    """One recording in a mixture. Positions are samples at the rate of the mixture, after the change of speed.

    Attributes:
        role: ``spk1`` (the target), ``spk2`` ... (interferers), ``noise1`` ...; babble is several sources of one role.
        utt: id in the wav.scp of the plan's data dirs.
        length: number of samples to use.
        begin: first sample to use.
        offset: position of the first sample in the mixture.
        gain: linear factor; None lets the mixture's ``snr`` decide (1 for ``spk1`` and for roles without an SNR).
            A role has an SNR or gains, not both.
        speed: tempo and pitch factor, 1.1 is faster and higher (resampling).
        room: id of an impulse response, or None.
        wrap: repeat the recording to fill ``length``.
        taps: (b1, b2, a1, a2) of the filter (1 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2), applied to the recording before
            the room, or None.
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
    taps: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Mixture:
    """One line of a plan.

    Attributes:
        id: utterance id of the mixture.
        fs: sampling rate in Hz.
        length: number of samples.
        sources: the recordings; exactly one has the role ``spk1``.
        snr: role -> dB by which ``spk1`` exceeds the sum of that role's sources; :mod:`toolkit.simulate.render` says
            over which samples.
        level: definition of the speech level: ``mean`` or ``active`` (see render).
        speaker: the target's speaker label.
        facts: written as ``utt2<name>`` tables, e.g. ``{"noise": "babble"}``.
        clip: clip samples beyond full scale, as in the files of published mixtures; False: scale a mixture with a peak
            above 0.99 down.
        codec: codec of the mixture, a name in :data:`toolkit.simulate.codecs.FORMATS`, or None. Its other streams are
            not coded.
        kbps: bit rate of the codec in kbit/s; None for a codec with a single rate.
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
    codec: str | None = None
    kbps: float | None = None

    def __post_init__(self):
        if not is_word(self.id) or not is_word(self.speaker):
            raise InputError(f"{self.id!r}: id and speaker ({self.speaker!r}) must be words without spaces")
        self._check_words()
        self._check_positions()
        self._check_levels()
        for source in self.sources:
            _check_taps(source, self.id)
        if self.codec is not None:
            check_codec(self.codec, None if self.kbps is None else (self.kbps, self.kbps), self.id)
        elif self.kbps is not None:
            raise InputError(f"{self.id}: kbps is the bit rate of a codec, and none is given")

    def _check_words(self):
        """Raise InputError if a name cannot be the name of a table or a stream."""
        named = [*(s.role for s in self.sources), *self.facts]
        if invalid := [word for word in named if not (isinstance(word, str) and _NAME.fullmatch(word))]:
            raise InputError(
                f"{self.id}: roles and names of facts must be of letters, digits, - and _, got {invalid[0]!r}"
            )
        texts = [*self.facts.values(), *(s.utt for s in self.sources), *(s.room for s in self.sources if s.room)]
        if invalid := [text for text in texts if not isinstance(text, str)]:
            raise InputError(f"{self.id}: ids and facts must be text, got {invalid[0]!r}")
        if not_bool := [flag for flag in (self.clip, *(s.wrap for s in self.sources)) if not isinstance(flag, bool)]:
            raise InputError(f"{self.id}: clip and wrap must be true or false, got {not_bool[0]!r}")

    def _check_positions(self):
        """Raise InputError if a source is not inside the mixture."""
        numbers = [self.fs, self.length, *(n for s in self.sources for n in (s.length, s.begin, s.offset))]
        if not all(isinstance(n, int) for n in numbers):
            raise InputError(f"{self.id}: fs, lengths, begins and offsets must be whole numbers")
        if min(self.fs, self.length, *(s.length for s in self.sources)) < 1 or min(numbers) < 0:
            raise InputError(f"{self.id}: fs and lengths must be positive, begins and offsets not negative")
        if max(numbers) > MOST_SAMPLES:
            raise InputError(f"{self.id}: {max(numbers)} samples; must be {MOST_SAMPLES} or fewer")
        if late := [s.utt for s in self.sources if s.offset >= self.length]:
            raise InputError(f"{self.id}: {late[0]} starts after the mixture's {self.length} samples")
        if not all(SPEEDS[0] <= s.speed <= SPEEDS[1] for s in self.sources):
            raise InputError(f"{self.id}: speeds must be from {SPEEDS[0]} to {SPEEDS[1]}")

    def _check_levels(self):
        """Raise InputError if roles or their levels are inconsistent."""
        roles = {s.role for s in self.sources}
        if sum(s.role == "spk1" for s in self.sources) != 1:
            raise InputError(f"{self.id}: must have exactly one source with role spk1")
        if taken := roles & {"wav", "dereverb1"}:
            raise InputError(f"{self.id}: role {taken.pop()}: must not be the name of a rendered stream")
        if unknown := set(self.snr) - (roles - {"spk1"}):
            raise InputError(f"{self.id}: snr is given for {sorted(unknown)}; must be for {sorted(roles - {'spk1'})}")
        gains = [(s.role, s.gain) for s in self.sources if s.gain is not None]
        if twice := {role for role, _ in gains} & set(self.snr):
            raise InputError(f"{self.id}: {sorted(twice)} has both an snr and gains; give one of the two")
        if not all(abs(snr) <= MOST_DB for snr in self.snr.values()):
            raise InputError(f"{self.id}: SNRs must be finite, from {-MOST_DB} to {MOST_DB} dB")
        if not all(abs(gain) <= 10 ** (MOST_DB / 20) for _, gain in gains):
            raise InputError(f"{self.id}: gains must be finite, {10 ** (MOST_DB / 20):g} ({MOST_DB} dB) at most")
        if self.level not in LEVELS:
            raise InputError(f"{self.id}: level is {self.level!r}; must be {' or '.join(LEVELS)}")

    def to_json(self) -> str:
        """One line of JSON; fields with default values are omitted."""
        whole = asdict(self)
        whole["sources"] = [{k: v for k, v in s.items() if v != _DEFAULTS.get(k, ...)} for s in whole["sources"]]
        given = {k: v for k, v in whole.items() if v not in ({}, None) and v is not False}
        return json.dumps(given, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Mixture":
        """Inverse of :meth:`to_json`. Raises InputError for other text."""
        try:
            fields = json.loads(line)
            fields["sources"] = tuple(_source(s) for s in fields["sources"])
            return cls(**fields)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(f"not a mixture ({error}): {line[:80]}") from None


_DEFAULTS = {"begin": 0, "offset": 0, "gain": None, "speed": 1.0, "room": None, "wrap": False, "taps": None}


def _source(given: dict) -> Source:
    """A source from its JSON object."""
    return Source(**given | ({"taps": tuple(given["taps"])} if given.get("taps") is not None else {}))


def _check_taps(source: Source, mixture_id: str) -> None:
    """Raise InputError if ``taps`` is not four numbers of a stable filter (triangle of a second-order denominator)."""
    taps = source.taps
    if taps is None:
        return
    numbers = [tap for tap in taps if isinstance(tap, int | float) and abs(tap) <= 2]  # NaN fails the comparison
    if len(taps) != 4 or len(numbers) != 4:
        raise InputError(f"{mixture_id}: taps of {source.utt} are {taps}; must be four numbers from -2 to 2")
    if not (abs(taps[3]) < 1 and abs(taps[2]) < 1 + taps[3]):
        raise InputError(f"{mixture_id}: taps of {source.utt}: 1 + {taps[2]}/z + {taps[3]}/z^2 is not a stable filter")


def read_plan(path, ids: Container[str] | None = None) -> Iterator[Mixture]:
    """Read the mixtures of a plan in order; with ``ids`` only these, which skips other lines after their id.

    Raises:
        InputError: the plan is missing, or a line is not a mixture; names file and line.
    """
    for number, line in plan_lines(path):
        if ids is None or (key := id_of_line(line)) is None or key in ids:
            mixture = parsed_line(line, path, number)
            if ids is None or mixture.id in ids:
                yield mixture


def parsed_line(line: bytes, path, number: int | None) -> Mixture:
    """The mixture of a line. Raises InputError, with file and line."""
    try:
        return Mixture.from_json(line.decode())
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: cannot be read: {error}") from None
    except InputError as error:
        raise InputError(f"{path}:{number}: {error}") from None


def contents_of(path, fact: str) -> tuple[set[str], bool]:
    """The roles in a plan, and whether any mixture has the fact, without parsing the lines."""
    roles, key, known = set(), re.compile(rb'"%b"\s*:' % fact.encode()), False
    for _, line in plan_lines(path):
        roles.update(_ROLE.findall(line))
        known = known or bool(key.search(line))
    return {role.decode() for role in roles}, known


def plan_lines(path) -> Iterator[tuple[int, bytes]]:
    """Numbers and lines of a plan, as bytes: text lines would also end at characters that JSON strings may hold."""
    try:
        refuse_fifo(Path(path))
        with open(path, "rb") as handle:
            for number, line in enumerate(handle, 1):
                yield number, line.removesuffix(b"\n")
    except FileNotFoundError:
        raise InputError(f"{path}: no such plan; run the simulation (stage 3)") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def id_of_line(line: bytes) -> str | None:
    """The id of a line in the format of to_json; None for another format or an id with escapes."""
    end = line.find(b'"', len(_ID)) if line.startswith(_ID) else -1
    word = line[len(_ID) : end]
    try:
        return None if end < 0 or b"\\" in word else word.decode()
    except UnicodeDecodeError:
        return None


def write_plan(path, mixtures: Iterable[Mixture]) -> None:
    """Write a plan atomically."""
    with replacing(path) as handle:
        handle.writelines(m.to_json() + "\n" for m in mixtures)


def generator(*what) -> np.random.Generator:
    """A random generator that depends only on the given words (seed, id, epoch, ...)."""
    digest = hashlib.blake2b("\0".join(map(str, what)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
