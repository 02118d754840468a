"""Synthetic speakers and their sentences: settings of espeak-ng plus a fixed vocal-tract length and spectral tilt."""

from dataclasses import dataclass

import numpy as np
import soxr

from toolkit.simulate.minicorpus import espeak

RATE = 16000  # Hz
SHORTEST, LONGEST = 2.0, 4.0  # seconds of an utterance
ACCENTS = ("en", "en-029", "en-gb-scotland", "en-gb-x-rp", "en-us")
# Natural variants of espeak-ng, similar enough that the variant does not identify a speaker.
VARIANTS = {"f": ("f1", "f2", "f4", "f5", "linda"), "m": ("m1", "m2", "m3", "m4", "m6", "max")}
_PITCH = {"f": (20, 55), "m": (30, 75)}  # espeak-ng's parameter: about 170..260 and 80..140 Hz
_WARP = {"f": (0.99, 1.10), "m": (0.92, 1.03)}
_WORDS = """
opening: THE | MY | OUR | HIS | HER | THAT | EVERY | ANOTHER | WE HEARD THAT THE | I THINK THE | THEY SAY THE
adjective: OLD | YOUNG | QUIET | CLEVER | GENTLE | HUNGRY | FAMOUS | CAREFUL | NERVOUS | CHEERFUL | LONELY | HONEST
adjective: PATIENT | CURIOUS | BRAVE | TIRED | WEALTHY | STUBBORN | POLITE | FRIENDLY
person: CAPTAIN | FARMER | TEACHER | SAILOR | BAKER | DOCTOR | PAINTER | NEIGHBOUR | GARDENER | JUDGE | MILLER | SINGER
person: LAWYER | SHEPHERD | COUSIN | WRITER | DRIVER | FISHERMAN | TAILOR | STUDENT
verb: CARRIED | BOUGHT | FOUND | PAINTED | REPAIRED | BORROWED | HID | COUNTED | CLEANED | SOLD | BROUGHT | WATCHED
verb: CHOSE | DROPPED | OPENED | SHOWED | MOVED | WASHED | LOST | KEPT
number: TWO | THREE | FOUR | FIVE | SIX | SEVEN | EIGHT | NINE | TEN | TWELVE | SEVERAL | MANY
thing: BASKETS | LETTERS | APPLES | CHAIRS | BLANKETS | BOTTLES | CANDLES | PICTURES | HORSES | JACKETS | KEYS
thing: LANTERNS | MIRRORS | ONIONS | PEARS | ROPES | SHOES | TICKETS | UMBRELLAS | WATCHES
where: NEAR THE | BEHIND THE | BESIDE THE | ABOVE THE | BEFORE THE | OUTSIDE THE | INSIDE THE | AROUND THE
place: MARKET | RIVER | HARBOUR | KITCHEN | STATION | GARDEN | CHURCH | VILLAGE | BRIDGE | LIBRARY | FOREST | TOWER
place: VALLEY | MUSEUM | OFFICE | SCHOOL
time: YESTERDAY | LAST NIGHT | THIS MORNING | IN THE EVENING | ON MONDAY | BEFORE DINNER | AFTER THE STORM
time: IN EARLY SPRING | ONCE AGAIN | ALL SUMMER
"""


def word_lists(text: str) -> dict[str, list[str]]:
    """``name: choice | choice`` lines -> name -> its choices."""
    words: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        name, choices = line.split(": ")
        words.setdefault(name, []).extend(choices.split(" | "))
    return words


WORDS = word_lists(_WORDS)


@dataclass(frozen=True)
class Speaker:
    """Settings of one voice.

    Attributes:
        name: speaker id.
        gender: ``m`` or ``f``.
        voice: language and variant of espeak-ng.
        pitch, pitch_range: parameters of espeak-ng, 0..99.
        words_per_minute: mean speaking rate.
        warp: factor on all frequencies; above 1: a short vocal tract.
        tilt: spectral tilt in dB per octave.
    """

    name: str
    gender: str
    voice: str
    pitch: float
    pitch_range: float
    words_per_minute: float
    warp: float
    tilt: float


def _balanced(rng: np.random.Generator, choices, count: int) -> list:
    """``count`` samples with equal numbers of all choices, plus or minus one."""
    rounds = [rng.permutation(len(choices)) for _ in range(-(-count // len(choices)))]
    return [choices[i] for order in rounds for i in order][:count]


def _spread(rng: np.random.Generator, low: float, high: float, count: int) -> np.ndarray:
    """(count,) values, one in each of ``count`` equal parts of [low, high), in random order."""
    return low + (high - low) * (rng.permutation(count) + rng.uniform(size=count)) / count


def draw_speakers(count: int, seed: int, prefix: str = "spk") -> list[Speaker]:
    """Draw speakers that are spread over all settings (a Latin hypercube for each gender).

    Args:
        count: number of speakers, alternately female and male, so that every part of the list is balanced.
        seed: the same seed and count give the same speakers.
        prefix: names are ``<prefix>001``, ``<prefix>002``, ...
    """
    speakers: dict[int, Speaker] = {}
    for first, gender in enumerate("fm"):
        rng = np.random.default_rng([seed, first])
        places = range(first, count, 2)
        size = len(places)
        columns = zip(
            places,
            _balanced(rng, ACCENTS, size),
            _balanced(rng, VARIANTS[gender], size),
            _spread(rng, *_PITCH[gender], size),
            _spread(rng, 25, 75, size),
            _spread(rng, 150, 190, size),
            _spread(rng, *_WARP[gender], size),
            _spread(rng, -2.5, 2.5, size),
            strict=True,
        )
        for place, accent, variant, *numbers in columns:
            name = f"{prefix}{place + 1:03d}"
            speakers[place] = Speaker(name, gender, f"{accent}+{variant}", *map(float, numbers))
    return [speakers[place] for place in range(count)]


def draw_sentence(rng: np.random.Generator) -> str:
    """A sentence of 6 to 15 words in capitals, without punctuation or digits."""
    parts = ["opening", "adjective", "person", "verb", "number", "thing"]
    if rng.random() < 0.5:
        parts += ["where", "place"]
    if rng.random() < 0.5:
        parts += ["time"]
    return " ".join(WORDS[part][rng.integers(len(WORDS[part]))] for part in parts)


def say(speaker: Speaker, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """One utterance: a sentence of 2 to 4 s, with random rate, pitch, level and microphone.

    Returns:
        (T,) float32 at 16 kHz, and the text in capitals.
    """
    while True:
        text = draw_sentence(rng)
        samples = utter(speaker, text, rng, SHORTEST)
        if samples is not None:
            return samples, text


def utter(speaker: Speaker, text: str, rng: np.random.Generator, shortest: float) -> np.ndarray | None:
    """Speech of a text, with random rate, pitch, level and microphone.

    Returns:
        (T,) float32 at 16 kHz; None if it is not ``shortest`` to ``LONGEST`` seconds long.
    """
    rate = speaker.words_per_minute * rng.uniform(0.92, 1.08)
    warp = speaker.warp * rng.uniform(0.97, 1.03)
    spoken = espeak.speak(
        text.lower(),
        speaker.voice,
        words_per_minute=rate / warp,  # compensates the warp below
        pitch=np.clip(speaker.pitch + rng.normal(0, 8), 0, 99),
        pitch_range=np.clip(speaker.pitch_range + rng.normal(0, 10), 0, 99),
        volume=40,  # no voice clips here
        seed=int(rng.integers(1, 2**31)),
    )
    samples = _trim(soxr.resample(spoken, espeak.RATE * warp, RATE))
    if not shortest <= len(samples) / RATE <= LONGEST:
        return None
    coloured = _colour(samples, speaker.tilt, rng.normal(0, 3, 4))
    return _add_floor(_level(coloured, rng.uniform(-6, 0)), rng)


def _trim(samples: np.ndarray, margin: float = 0.1) -> np.ndarray:
    """Exactly ``margin`` seconds of silence at both ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.003 * np.abs(samples).max())
    return np.pad(samples[loud[0] : loud[-1] + 1], round(margin * RATE))


def _colour(samples: np.ndarray, tilt: float, microphone: np.ndarray) -> np.ndarray:
    """Apply the speaker's tilt in dB per octave around 1 kHz, and a smooth random microphone response in dB.

    The response (cosines over the mel scale) prevents that the mean spectrum alone identifies the speaker.
    """
    size = 1 << len(samples).bit_length()  # a fast length
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    place = np.log1p(frequency / 700) / np.log1p(RATE / 2 / 700)
    waves = np.cos(np.pi * np.arange(1, len(microphone) + 1)[:, None] * place)
    gain = tilt * np.log2(np.maximum(frequency, 100) / 1000) + microphone @ waves
    coloured = np.fft.irfft(np.fft.rfft(samples, size) * 10 ** (gain / 20), size)
    return coloured[: len(samples)].astype(np.float32)


def _level(samples: np.ndarray, db: float, nominal: float = -20.0, peak: float = 0.9) -> np.ndarray:
    """Scale to ``db`` above ``nominal`` dB (rms, full scale 1), or lower if the peak requires it."""
    gain = 10 ** ((nominal + db) / 20) / np.sqrt(np.mean(samples**2))
    return samples * min(gain, peak / np.abs(samples).max())


def _add_floor(samples: np.ndarray, rng: np.random.Generator, floor: float = -70.0) -> np.ndarray:
    """Add room noise at ``floor`` dB, because real recordings have no digital silence."""
    return samples + (10 ** (floor / 20) * rng.standard_normal(len(samples))).astype(np.float32)
