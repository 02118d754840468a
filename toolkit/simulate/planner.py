"""Draw mixtures by seed: noise, room, speed and interferer of an utterance."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, repeat
from pathlib import Path

import numpy as np

from toolkit.io.datadir import values_of
from toolkit.io.errors import InputError, some_of
from toolkit.simulate.codecs import Codec, check_codec
from toolkit.simulate.plan import LEVELS, SPEEDS, Mixture, Source, generator
from toolkit.simulate.recordings import Recordings

DRAWN = "drawn"  # a codec that the config draws
_TAP = 3 / 8  # largest coefficient of a random filter


@dataclass
class Noise:
    """One type of noise.

    Args:
        data: sets of its recordings, e.g. ``noise_train`` (see MixturePlanner.open).
        snr: minimum and maximum SNR in dB; uniform.
        talkers: minimum and maximum number of recordings to sum: 1 for noise and music, e.g. 3 to 6 for babble.
        weight: relative frequency of this type.
    """

    data: list[str]
    snr: tuple[float, float] = (0.0, 20.0)
    talkers: tuple[int, int] = (1, 1)
    weight: float = 1.0


@dataclass
class Interferer:
    """A second talker.

    Args:
        data: sets of the talkers, with ``utt2spk`` (see MixturePlanner.open).
        sir: minimum and maximum target-to-interferer ratio in dB; uniform.
        length: ``min`` cuts both to the shorter, ``max`` keeps both whole, ``target`` cuts or pads to the target.
    """

    data: list[str]
    sir: tuple[float, float] = (-5.0, 5.0)
    length: str = "min"


class MixturePlanner:
    """Draws the mixture of an utterance; the same seed words give the same line, in any order of calls.

    Args:
        noises: noise type -> its recordings and SNRs.
        noise_prob: share of mixtures with a noise.
        rooms: sets of impulse responses, with the room of each in ``utt2spk``. All sources of a mixture are in one
            room.
        room_prob: share of mixtures in a room.
        speeds: speed factors, drawn uniformly.
        new_speakers: treat a changed speed as a new speaker (label ``sp0.9-<speaker>``).
        interferer: second talker, or None.
        level: definition of the speech level, ``mean`` or ``active`` (see toolkit.simulate.render).
        codecs: name (``opus``, ``mp3``, ``gsm``, ``ulaw``, ``alaw``, ``narrowband``) -> its bit rates. Only the mixture
            is coded; targets stay unchanged.
        codec_prob: share of mixtures with a codec.
        filter_prob: share of mixtures with a random filter on each recording, other ones for speech and noise: all four
            coefficients of two zeros and two poles uniform in +-3/8 (Valin 2018, MMSP, "A Hybrid DSP/Deep Learning
            Approach to Real-Time Full-Band Speech Enhancement", eq. 7). It stands for other microphones.
        gain_db: minimum and maximum gain of the mixture in dB; uniform. None: recordings keep their level.

    Raises:
        InputError: a value is out of its range.
    """

    def __init__(
        self,
        noises: dict[str, Noise] | None = None,
        noise_prob: float = 1.0,
        rooms: list[str] | None = None,
        room_prob: float = 0.0,
        speeds: list[float] | None = None,
        new_speakers: bool = False,
        interferer: Interferer | None = None,
        level: str = "mean",
        codecs: dict[str, Codec] | None = None,
        codec_prob: float = 1.0,
        filter_prob: float = 0.0,
        gain_db: tuple[float, float] | None = None,
    ):
        # Sorted by name: a config that was saved and read again may have another order.
        self.noises, self.rooms = dict(sorted((noises or {}).items())), rooms or []
        self.noise_prob, self.room_prob, self.level = noise_prob, room_prob, level
        self.speeds, self.new_speakers, self.interferer = speeds or [1.0], new_speakers, interferer
        self.codecs, self.codec_prob = dict(sorted((codecs or {}).items())), codec_prob
        self.filter_prob, self.gain_db = filter_prob, gain_db
        self._check()

    def open(self, root="") -> "MixturePlanner":
        """Find the recordings; returns ``self``.

        Args:
            root: folder of the sets in the config, e.g. ``dump/raw``; not needed for absolute paths.

        Raises:
            InputError: a set is missing or empty, or talkers have no ``utt2spk``.
        """
        self._root = Path(root)
        self._recordings = {
            kind: Recordings(self._below_root(n.data), f"noises.{kind}.data") for kind, n in self.noises.items()
        }
        if self.interferer:
            self._talkers = Recordings(self._below_root(self.interferer.data), "interferer.data")
            speakers = values_of(self._talkers.speaker, self._talkers.ids)
            if unknown := [key for key, speaker in zip(self._talkers.ids, speakers, strict=True) if speaker is None]:
                raise InputError(f"interferer.data: no utt2spk names the speaker of {some_of(unknown)}")
        self._rooms = Recordings(self.room_dirs(), "rooms").by_speaker() if self.rooms else []
        return self

    def _below_root(self, sets: list[str]) -> list[str]:
        return [str(self._root / name) for name in sets]

    def _check(self) -> None:
        """Raise InputError if a value is out of its range."""
        for kind, noise in self.noises.items():
            if not 1 <= noise.talkers[0] <= noise.talkers[1]:
                raise InputError(
                    f"noises.{kind}.talkers is {noise.talkers}; must be two numbers from 1, the lower first"
                )
            _check_levels(f"noises.{kind}.snr", noise.snr)
            _check_weight(f"noises.{kind}.weight", noise.weight)
        for name, codec in self.codecs.items():
            check_codec(name, codec.kbps, f"codecs.{name}")
            _check_weight(f"codecs.{name}.weight", codec.weight)
        for key in ("noise_prob", "room_prob", "codec_prob", "filter_prob"):
            if not 0 <= getattr(self, key) <= 1:
                raise InputError(f"{key} is {getattr(self, key)}; must be from 0 to 1")
        if (self.room_prob > 0) != bool(self.rooms):
            raise InputError("rooms and room_prob go together: give both or neither")
        if not all(SPEEDS[0] <= speed <= SPEEDS[1] for speed in self.speeds):
            raise InputError(f"speeds are {self.speeds}; must be from {SPEEDS[0]:g} to {SPEEDS[1]:g}")
        if self.level not in LEVELS:
            raise InputError(f"level is {self.level!r}; must be {' or '.join(LEVELS)}")
        if self.interferer and self.interferer.length not in ("min", "max", "target"):
            raise InputError(f"interferer.length is {self.interferer.length!r}; must be min, max or target")
        if self.interferer:
            _check_levels("interferer.sir", self.interferer.sir)
        if self.gain_db is not None:
            _check_levels("gain_db", self.gain_db)

    def data_dirs(self) -> list[str]:
        """Data dirs of the audio in mixtures, except the targets."""
        names = [name for noise in self.noises.values() for name in noise.data]
        return self._below_root(names + (self.interferer.data if self.interferer else []))

    def room_dirs(self) -> list[str]:
        """Data dirs of the impulse responses."""
        return self._below_root(self.rooms)

    def speaker_label(self, speaker: str, speed: float) -> str:
        """The label of a speaker at a speed."""
        return speaker if speed == 1.0 or not self.new_speakers else f"sp{speed:g}-{speaker}"

    def draw(
        self,
        seed_words: tuple,
        mixture_id: str,
        utt: str,
        speaker: str,
        num_samples: int,
        fs: int,
        crop: int | None = None,
        speed: float | None = None,
        kind: str | None = None,
        snr: float | None = None,
        repeat: bool = True,
        codec: str | None = DRAWN,
    ) -> Mixture:
        """Plan one mixture.

        Args:
            seed_words: seed of the random choices, e.g. ``(seed, epoch, utt)``.
            num_samples: length of the target recording, samples at ``fs``.
            crop: use a random part of this number of samples; None: all. A shorter recording is repeated (also an
                interferer, unless it is cut or padded to the target), or with ``repeat`` False left short.
            speed: fixed factor; None: random. The same for the noise type ``kind`` and its ``snr`` in dB.
            codec: name of the codec, or None for none; DRAWN: random.
        """
        rng = generator(*seed_words)
        target = self._draw_target(rng, utt, num_samples, crop, speed)
        if target.wrap and not repeat:
            target = replace(target, length=max(1, int(num_samples / target.speed)), wrap=False)
        room = self._draw_room(rng)
        if (response := next(room)) is not None:
            target = replace(target, room=response)
        sources, ratios, facts, length = [target], {}, {"noise": "clean"}, target.length
        if self.interferer:
            target, other, ratios["spk2"] = self._draw_interferer(
                rng, target, speaker, next(room), bool(crop and repeat)
            )
            sources, length = [target, other], max(target.length, other.length)
            facts |= {"interferer": self._talkers.speaker_of(other.utt), "sir": f"{ratios['spk2']:g}"}
        if self.noises and (kind or rng.random() < self.noise_prob):
            kind = kind or _drawn(rng, self.noises)
            sources += self._draw_noise(rng, kind, {speaker, utt}, length, room)
            level = round(float(rng.uniform(*self.noises[kind].snr)), 2)
            ratios["noise1"] = level if snr is None else float(snr)
            facts |= {"noise": kind, "snr": f"{ratios['noise1']:g}"}
        codec, kbps = self._draw_codec(rng, codec)
        channel = {"room": target.room, "codec": codec, "kbps": kbps and f"{kbps:g}"}
        facts |= {name: value for name, value in channel.items() if value}
        label, heard = self.speaker_label(speaker, target.speed), self._with_channel(rng, sources)
        return Mixture(mixture_id, fs, length, heard, label, ratios, self.level, facts, codec=codec, kbps=kbps)

    def _draw_codec(self, rng: np.random.Generator, name: str | None) -> tuple[str | None, float | None]:
        """A codec and its bit rate. Drawn last, so that codecs change nothing else of a mixture."""
        if name == DRAWN and self.codecs and rng.random() < self.codec_prob:
            name = _drawn(rng, self.codecs)
        if name is None or name == DRAWN:
            return None, None
        rates = self.codecs[name].kbps
        return name, None if rates is None else round(float(rng.uniform(*rates)), 1)

    def _with_channel(self, rng: np.random.Generator, sources: list[Source]) -> tuple[Source, ...]:
        """The sources with filters and the gain of the mixture; the levels of all others follow the target's."""
        if self.filter_prob and rng.random() < self.filter_prob:
            taps = rng.uniform(-_TAP, _TAP, (len(sources), 4)).round(4).tolist()
            sources = [replace(source, taps=tuple(own)) for source, own in zip(sources, taps, strict=True)]
        if self.gain_db is not None:
            gain = round(float(10 ** (rng.uniform(*self.gain_db) / 20)), 5)
            sources = [replace(sources[0], gain=gain), *sources[1:]]
        return tuple(sources)

    def _draw_target(self, rng: np.random.Generator, utt: str, num_samples: int, crop: int | None, speed: float | None):
        """The source of the target, with speed and crop."""
        speed = self.speeds[rng.integers(len(self.speeds))] if speed is None else speed
        whole = max(1, int(num_samples / speed))
        length = crop or whole
        begin = int(rng.integers(whole - length + 1)) if whole > length else 0
        return Source("spk1", utt, length, begin, speed=speed, wrap=length > whole)

    def _draw_room(self, rng: np.random.Generator):
        """Endless impulse responses of one room, repeated only if all are used; Nones without a room."""
        if not self._rooms or rng.random() >= self.room_prob:
            yield from repeat(None)
        responses = self._rooms[rng.integers(len(self._rooms))]
        order = rng.permutation(len(responses))
        while True:
            yield from (responses[i] for i in order)

    def _draw_noise(self, rng, kind: str, without: set[str], length: int, room) -> list[Source]:
        """The recordings of one noise, all of different speakers, repeated if too short."""
        noise, recordings, without = self.noises[kind], self._recordings[kind], set(without)
        sources = []
        for _ in range(int(rng.integers(noise.talkers[0], noise.talkers[1] + 1))):
            key = recordings.draw(rng, without)
            if noise.talkers[1] > 1:
                without.add(recordings.speaker_of(key))
            have = recordings.audio.num_samples(key)
            begin = int(rng.integers(have - length + 1)) if have > length else int(rng.integers(have))
            sources.append(Source("noise1", key, length, begin, room=next(room), wrap=have < begin + length))
        return sources

    def _draw_interferer(self, rng, target: Source, speaker: str, room, fills: bool) -> tuple[Source, Source, float]:
        """Target and interferer cut by the length mode (``fills``: to the target's length), and their ratio in dB."""
        assert self.interferer is not None
        how = self.interferer.length
        key = self._talkers.draw(rng, {speaker})
        have = self._talkers.audio.num_samples(key)
        sir = round(float(rng.uniform(*self.interferer.sir)), 2)
        if fills and how != "target":
            begin = int(rng.integers(have - target.length + 1)) if have > target.length else 0
            return target, Source("spk2", key, target.length, begin, room=room, wrap=have < target.length), sir
        shortest = min(have, target.length)
        if how == "min":
            target = replace(target, length=shortest)
        length = have if how == "max" else shortest
        begin = int(rng.integers(have - length + 1)) if have > length else 0
        return target, Source("spk2", key, length, begin, room=room), sir


def _check_levels(key: str, levels: tuple[float, float]) -> None:
    """Raise InputError if a range in dB is invalid."""
    if not -math.inf < levels[0] <= levels[1] < math.inf:
        raise InputError(f"{key} is {levels} dB; must be two finite numbers, the lower first")


def _check_weight(key: str, weight: float) -> None:
    """Raise InputError if a weight is invalid."""
    if not 0 < weight < 1e9:
        raise InputError(f"{key} is {weight}; must be positive and below 1e9")


def _drawn(rng: np.random.Generator, choices: Mapping[str, Noise | Codec]) -> str:
    """A random name, by weight: that of ``rng.choice`` with probabilities, in a fraction of its time."""
    ends = list(accumulate(choice.weight for choice in choices.values()))
    return list(choices)[bisect_right([end / ends[-1] for end in ends], rng.random())]
