"""Simulation: mixtures, rooms, augmentation.

Recordings are 16 bits, in the page cache: wav files that both sides read, or flac, ours in the arks that stage 2
writes, the peer's as files.

Mixtures on the fly: 3 s out of 8 s of a talker, the first 3 s of another one at a drawn ratio, 3 s out of 20 s of noise
at a drawn SNR, summed, kept below full scale, on the 16-bit grid. Ours is what the training loader does,
``MixturePlanner.draw`` and ``render``. The peer is the loop that toolkits write for it with soundfile and numpy: ESPnet
and wespeaker decode an utterance and take their chunk of it, ESPnet seeks in noises; the loop that seeks everywhere is
there to show what is left. For the same draws the mixtures must be equal to one step of the grid.

Convolution: 3 s of speech with a response of 0.5 s, cut to 3 s; equal to 1e-5 of the peak.

Augmentation of 3 s out of 8 s of speech, by noise or by a room, against a loop in wespeaker's manner: it decodes whole
recordings, takes its chunks from them and computes in double precision (``scipy.signal.convolve``). For the same draws
the results must be equal to one step of the grid. In a room ours makes the dereverberated reference (direct path and
early reflections), too, so the target is for a loop that does likewise; the one that does not is there for comparison.
By a room and noise, against audiomentations (``ApplyImpulseResponse``, ``AddBackgroundNoise``); both read their 3 s of
speech and keep the responses in memory, ours alone makes the reference. As audiomentations draws for itself, only the
lengths are compared.
"""

import functools
import random
from dataclasses import replace

import numpy as np
import soundfile
from benchmark.corpus import FS, folder, noise, room, speech, write_set
from benchmark.harness import Peer, compare, row

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import write_table
from toolkit.simulate.plan import Mixture
from toolkit.simulate.planner import Interferer, MixturePlanner, Noise
from toolkit.simulate.render import EARLY_SECONDS, convolve, render
from toolkit.simulate.sets import ROOMS_KEPT

SECONDS, COUNT = 3, 16  # of a mixture; mixtures in a call
LENGTH = SECONDS * FS
SPEAKERS, UTTS = 6, 3


@functools.cache
class Corpus:
    """Speech, noise and rooms: as sets below ``root``, and as files by id.

    Args:
        kind: ``wav``, or ``flac``, which the sets have in arks.
    """

    def __init__(self, kind: str):
        self.root = folder() / kind
        talkers = {f"s{s}-u{u}": speech(8, UTTS * s + u) for s in range(SPEAKERS) for u in range(UTTS)}
        self.utt2spk = {key: key[:2] for key in talkers}
        sets = {
            "speech": (talkers, self.utt2spk),
            "noise": ({f"n{n}": noise(20, n) for n in range(8)}, None),
            "rooms": ({f"r{n}": room(0.5, n) for n in range(8)}, None),
        }
        self.files: dict[str, str] = {}
        for name, (sounds, utt2spk) in sets.items():
            (self.root / "files" / name).mkdir(parents=True)
            for key, samples in sounds.items():
                self.files[key] = f"{self.root}/files/{name}/{key}.{kind}"
                soundfile.write(self.files[key], samples, FS, subtype="PCM_16")
            write_set(self.root / name, sounds, utt2spk)
            if kind == "wav":
                write_table(self.root / name / "wav.scp", {key: self.files[key] for key in sounds})
        self.names = {name: list(sounds) for name, (sounds, _) in sets.items()}
        self.audio = AudioTable(self.root / "speech", self.root / "noise", fs=FS)
        self.rooms = AudioTable(self.root / "rooms", fs=FS, keep=ROOMS_KEPT)


def on_the_fly(corpus: Corpus, planner: MixturePlanner, dry_noise: bool = False):
    """Ours: a callable that draws and renders; ``[(line, mixture), ...]``. ``dry_noise`` takes it out of the room."""
    calls = 0

    def call():
        nonlocal calls
        calls += 1
        made = []
        for n in range(COUNT):
            key = corpus.names["speech"][(calls * COUNT + n) % (SPEAKERS * UTTS)]
            have, speaker = corpus.audio.num_samples(key), corpus.utt2spk[key]
            line = planner.draw((calls, n, key), key, key, speaker, have, FS, LENGTH)
            if dry_noise:
                line = replace(line, sources=(line.sources[0], replace(line.sources[1], room=None)))
            made.append((line, render(line, corpus.audio, corpus.rooms, ("wav",))["wav"]))
        return made

    return call


def near_plain(plain, within: float):
    """A check that the peer makes our mixtures of our draws."""

    def agree(ours, theirs) -> None:
        assert len(ours) == len(theirs)
        for line, mixture in ours:
            np.testing.assert_allclose(plain(line), mixture, rtol=0, atol=within)

    return agree


class PlainMixing:
    """The usual loop: choose files, read, scale, add.

    Args:
        seek: read parts of utterances; else they are decoded whole and cut.
    """

    def __init__(self, corpus: Corpus, seek: bool):
        self.corpus, self.seek, self.random = corpus, seek, random.Random(0)

    def __call__(self):
        """Draw and mix, as often as ours."""
        corpus, draw, made = self.corpus, self.random, []
        for n in range(COUNT):
            key = corpus.names["speech"][n % (SPEAKERS * UTTS)]
            other = draw.choice(corpus.names["speech"])
            while corpus.utt2spk[other] == corpus.utt2spk[key]:
                other = draw.choice(corpus.names["speech"])
            sir, snr = draw.uniform(-5, 5), draw.uniform(0, 20)
            made.append(self.mix((key, None), (other, None), (draw.choice(corpus.names["noise"]), None), sir, snr))
        return made

    def read(self, key: str, start: int | None) -> np.ndarray:
        """3 s of a recording, from a random place when ``start`` is None."""
        if not self.seek and not key.startswith("n"):
            samples = soundfile.read(self.corpus.files[key], dtype="float32")[0]
            start = self.random.randint(0, len(samples) - LENGTH) if start is None else start
            return samples[start : start + LENGTH]
        with soundfile.SoundFile(self.corpus.files[key]) as file:
            file.seek(self.random.randint(0, file.frames - LENGTH) if start is None else start)
            return file.read(LENGTH, dtype="float32")

    def mix(self, target, interferer, background, sir, snr) -> np.ndarray:
        """One mixture of three (recording, where it begins)."""
        target, interferer, background = (self.read(*part) for part in (target, interferer, background))
        power = np.mean(target**2)
        interferer = interferer * np.sqrt(power / np.mean(interferer**2) / 10 ** (sir / 10))
        background = background * np.sqrt(power / np.mean(background**2) / 10 ** (snr / 10))
        mixture = target + interferer + background
        mixture *= min(1.0, 0.99 / max(np.abs(part).max() for part in (mixture, target, interferer, background)))
        return np.rint(mixture * 32768) / np.float32(32768)

    def of_line(self, line: Mixture) -> np.ndarray:
        """The mixture of our draw."""
        parts = ((source.utt, source.begin) for source in line.sources)
        return self.mix(*parts, line.snr["spk2"], line.snr["noise1"])


@row("mixtures on the fly: 2 talkers and noise, 3 s, from wav")
def mixtures_from_wav():
    """Draw and render."""
    return mixtures("wav")


@row("mixtures on the fly: 2 talkers and noise, 3 s, from flac")
def mixtures_from_flac():
    """Draw and render."""
    return mixtures("flac")


def mixtures(kind: str):
    """Ours and the loops."""
    corpus = Corpus(kind)
    planner = MixturePlanner({"noise": Noise(["noise"], (0, 20))}, interferer=Interferer(["speech"], (-5, 5)))
    whole, seeking = PlainMixing(corpus, seek=False), PlainMixing(corpus, seek=True)
    return compare(
        on_the_fly(corpus, planner.open(corpus.root)),
        [
            Peer("loop in ESPnet's manner", lambda: whole, "soundfile", target=1),
            Peer("loop that seeks", lambda: seeking, "soundfile"),
        ],
        agree=near_plain(whole.of_line, 1.01 / 32768),
        amount=COUNT,
        unit="mixtures/s",
    )


@row("convolution with a room: 3 s, 0.5 s")
def convolution():
    """Convolve."""
    dry, response = speech(SECONDS), room(0.5)

    def fftconvolve():
        from scipy.signal import fftconvolve

        return lambda: fftconvolve(dry, response)[: len(dry)]

    def agree(ours, theirs):
        assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()

    peer = Peer("scipy.signal.fftconvolve", fftconvolve, "scipy", target=2)
    return compare(lambda: convolve(dry, response)[0], [peer], agree=agree, amount=1, unit="utt/s")


class PlainAugmentation:
    """Noise or reverberation in wespeaker's manner: decode all, take a chunk.

    Args:
        what: ``noise``, ``room``, or ``reference``: a room, and the speech with its early reflections only.
    """

    def __init__(self, corpus: Corpus, what: str):
        self.corpus, self.what, self.random = corpus, what, random.Random(0)

    def __call__(self):
        """Draw and augment, as often as ours."""
        names, draw = self.corpus.names, self.random
        if self.what == "noise":
            rows = [(key, None, draw.choice(names["noise"]), None, draw.uniform(0, 20)) for key in names["speech"]]
            return [self.add_noise(*one) for one in rows[:COUNT]]
        return [self.reverberate(key, None, draw.choice(names["rooms"])) for key in names["speech"][:COUNT]]

    def chunk(self, key: str, start: int | None) -> np.ndarray:
        """3 s of a recording."""
        samples = soundfile.read(self.corpus.files[key])[0]
        start = self.random.randint(0, len(samples) - LENGTH) if start is None else start
        return samples[start : start + LENGTH]

    def reverberate(self, key: str, start: int | None, room_key: str) -> np.ndarray:
        """An utterance in a room."""
        from scipy.signal import convolve as scipy_convolve

        response = soundfile.read(self.corpus.files[room_key])[0]
        response = response / np.sqrt(np.sum(response[:40] ** 2))  # of the direct path, as ours
        dry = self.chunk(key, start)
        if self.what == "reference":
            scipy_convolve(dry, response[: round(EARLY_SECONDS * FS)], mode="full")[:LENGTH]
        return scipy_convolve(dry, response, mode="full")[:LENGTH]

    def add_noise(self, key: str, start: int | None, noise_key: str, noise_start: int | None, snr: float) -> np.ndarray:
        """An utterance and a noise."""
        clean, background = self.chunk(key, start), self.chunk(noise_key, noise_start)
        decibel, noise_decibel = (10 * np.log10(np.mean(part**2)) for part in (clean, background))
        return clean + np.sqrt(10 ** ((decibel - noise_decibel - snr) / 10)) * background

    def of_line(self, line: Mixture) -> np.ndarray:
        """The result for our draw, at the level of ours."""
        one = line.sources[0]
        if self.what != "noise":
            return self.reverberate(one.utt, one.begin, one.room)
        two = line.sources[1]
        return self.add_noise(one.utt, one.begin, two.utt, two.begin, line.snr["noise1"])


@row("augmentation with noise, 3 s")
def with_noise():
    """Noise only."""
    return augmentation(["noise"], MixturePlanner({"noise": Noise(["noise"], (0, 20))}))


@row("augmentation with rooms, 3 s")
def with_rooms():
    """Reverberation only."""
    return augmentation(["reference", "room"], MixturePlanner(rooms=["rooms"], room_prob=1.0))


def augmentation(manners: list[str], planner: MixturePlanner):
    """Ours and plain loops, the first of them with the target."""
    corpus = Corpus("wav")
    loops = [PlainAugmentation(corpus, what) for what in manners]
    titles = {"noise": "", "room": ", no reference", "reference": ", with the reference"}
    peers = [
        Peer(f"loop in wespeaker's manner{titles[loop.what]}", lambda loop=loop: loop, "scipy", None if number else 2)
        for number, loop in enumerate(loops)
    ]
    agree = near_plain(loops[0].of_line, 1.01 / 32768)
    return compare(on_the_fly(corpus, planner.open(corpus.root)), peers, agree=agree, amount=COUNT, unit="utt/s")


@row("augmentation with noise and rooms, 3 s")
def with_both():
    """Reverberation and noise against audiomentations."""
    corpus, snr = Corpus("wav"), 10.0
    planner = MixturePlanner({"noise": Noise(["noise"], (snr, snr))}, rooms=["rooms"], room_prob=1.0)
    files, draw = [corpus.files[key] for key in corpus.names["speech"][:COUNT]], random.Random(0)

    def audiomentations():
        from audiomentations import AddBackgroundNoise, ApplyImpulseResponse, Compose

        reverb = ApplyImpulseResponse(f"{corpus.root}/files/rooms", p=1.0)
        chain = Compose([reverb, AddBackgroundNoise(f"{corpus.root}/files/noise", snr, snr, p=1.0)])

        def crop(file):
            return soundfile.read(file, LENGTH, draw.randint(0, 8 * FS - LENGTH), dtype="float32")[0]

        return lambda: [chain(crop(file), sample_rate=FS) for file in files]

    def agree(ours, theirs):
        assert len(ours) == len(theirs)
        assert all(len(mixture) == LENGTH for mixture in [*theirs, *(mixture for _, mixture in ours)])

    peer = Peer("reverberation and noise", audiomentations, "audiomentations", target=1)
    ours = on_the_fly(corpus, planner.open(corpus.root), dry_noise=True)
    return compare(ours, [peer], agree=agree, amount=COUNT, unit="utt/s")
