"""The mini corpus: synthetic speech, noise, music and rooms, so that a recipe runs offline within minutes.

``<outdir>/speech/<split>/<speaker>/<utterance>.flac``, ``commands/`` likewise, ``music/<split>/<piece>.flac``,
``noise/<split>/<kind>/<recording>.flac``, ``rooms/<split>/<room>.flac``; all 16 kHz, one channel. Further files:
metadata.tsv for speech, commands, noise, music and each bank of rooms, README.txt, and corpus.json, which is written
last and marks a complete corpus.
"""

import json
import logging
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
import soundfile

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import read_json
from toolkit.simulate.minicorpus import espeak
from toolkit.simulate.minicorpus.bank import read_tsv, run_all, write_flac, write_tsv
from toolkit.simulate.minicorpus.commands import say_command
from toolkit.simulate.minicorpus.music import STYLES, make_music
from toolkit.simulate.minicorpus.noise_synthesis import NOISES, RATE, make_noise
from toolkit.simulate.minicorpus.voices import Speaker, draw_speakers, say
from toolkit.simulate.plan import generator
from toolkit.simulate.rooms import make_rooms

SPEECH_SPLITS = ("train", "dev", "test", "babble")
ROOM_SPLITS = ("train", "test")
_README = """The voxsift mini corpus: synthetic speech (espeak-ng), noise, music and room impulse responses.

All is 16 kHz, one channel.

speech/metadata.tsv   path, split, speaker, gender, text, seconds; no speaker is in two splits.
                      "babble": speakers to mix babble from; they are in no trial and in no training.
commands/metadata.tsv path, split, speaker, gender, text, intent, seconds; of the speakers of train, dev and test, where
                      commands were asked for. The intent has three slots: action, object, place.
noise/metadata.tsv    path, split, kind, seconds; no kind is in two splits. "ood": kinds unlike both others.
music/metadata.tsv    path, split, seconds; train and test share no key, timbre or chord progression.
rooms/*/metadata.tsv  path, room, rt60 (s), length, width, height, distance of source to microphone (m).
corpus.json           settings, versions and counts. It is written last: without it the corpus is incomplete.

No voice was recorded: every sample was computed. The same settings and versions give the same samples.
"""


@dataclass(frozen=True)
class Settings:
    """Seed and sizes of a corpus.

    Attributes:
        seed: seed of all random choices.
        train_speakers, dev_speakers, test_speakers, babble_speakers: number of speakers of each split, half female.
        utterances: number of utterances per speaker.
        commands: number of commands per speaker of train, dev and test.
        noises: number of recordings of each noise type.
        pieces: number of pieces of music in each split.
        rooms: number of rooms in train and in test, with three impulse responses each.
    """

    seed: int = 0
    train_speakers: int = 80
    dev_speakers: int = 10
    test_speakers: int = 30
    babble_speakers: int = 8
    utterances: int = 20
    commands: int = 0
    noises: int = 6
    pieces: int = 12
    rooms: int = 30

    def __post_init__(self):
        for field in fields(self):
            if getattr(self, field.name) < (least := int(field.name not in ("seed", "commands"))):
                raise InputError(f"{field.name} {getattr(self, field.name)}: must be {least} or more")


def make_minicorpus(outdir, settings: Settings = Settings(), workers: int = 1) -> bool:
    """Make the corpus, or finish one that was interrupted.

    Args:
        outdir: folder of the corpus, e.g. ``downloads/mini``.
        settings: seed and sizes.
        workers: number of processes; it does not change the samples.

    Returns:
        False if the corpus was complete already.

    Raises:
        InputError: ``outdir`` holds a corpus with other settings, or espeakng-loader is missing.
    """
    outdir = Path(outdir)
    _claim(outdir, settings)
    if (outdir / "corpus.json").is_file():
        logging.info("%s: complete, nothing to do", outdir)
        return False
    tasks = {**_speech_tasks(outdir, settings), **_recording_tasks(outdir, settings)}
    done = iter(run_all([task for some in tasks.values() for task in some], workers, f"speech, noise, music {outdir}"))
    counts = {}
    for sort, some in tasks.items():
        rows = [row for _ in some for row in next(done)]
        write_tsv(outdir / sort / "metadata.tsv", rows)
        counts[sort] = len(rows)
    for split in ROOM_SPLITS:
        rooms = make_rooms(outdir / "rooms" / split, settings.rooms, settings.seed, f"room-{split}", workers=workers)
        counts["rooms"] = counts.get("rooms", 0) + len(rooms)
    _finish(outdir, settings, counts)
    logging.info("%s: %s", outdir, ", ".join(f"{number} files of {sort}" for sort, number in counts.items()))
    return True


def _claim(outdir: Path, settings: Settings) -> None:
    """Write the settings into ``outdir``. Raises InputError if it has a corpus with other settings."""
    claim = outdir / ".settings.json"
    if claim.is_file():
        content = {"commands": 0} | read_json(claim, f"remove the corpus (rm -r {outdir})")  # older ones do not say it
        other = [
            f"{key} {content.get(key)}, not {want}"
            for key, want in asdict(settings).items()
            if content.get(key) != want
        ]
        if other:
            raise InputError(f"{outdir}: holds a corpus with {'; '.join(other)}: remove it (rm -r {outdir})")
        return
    with replacing(claim) as handle:
        json.dump(asdict(settings), handle)


def _speech_tasks(outdir: Path, settings: Settings) -> dict[str, list[tuple]]:
    """One task per speaker, split by split, for utterances and, if there are any, for commands."""
    sizes = [getattr(settings, f"{split}_speakers") for split in SPEECH_SPLITS]
    speakers = draw_speakers(sum(sizes), settings.seed)
    tasks: dict[str, list[tuple]] = {"speech": [], **({"commands": []} if settings.commands else {})}
    for split, speaker in zip(np.repeat(SPEECH_SPLITS, sizes).tolist(), speakers, strict=True):
        tasks["speech"].append((_make_speaker, outdir, "speech", split, speaker, settings.seed, settings.utterances))
        if settings.commands and split != "babble":
            words = ("commands", split, speaker, settings.seed, settings.commands)
            tasks["commands"].append((_make_speaker, outdir, *words))
    return tasks


def _recording_tasks(outdir: Path, settings: Settings) -> dict[str, list[tuple]]:
    """One task per recording, for noise and for music."""
    noise = [
        f"noise/{split}/{kind}/{kind}-{number:03d}.flac"
        for split, kinds in NOISES.items()
        for kind in kinds
        for number in range(1, settings.noises + 1)
    ]
    pieces = range(1, settings.pieces + 1)
    music = [f"music/{split}/music-{split}-{number:03d}.flac" for split in STYLES for number in pieces]
    paths = {"noise": noise, "music": music}
    return {sort: [(_make_recording, outdir, path, settings.seed) for path in some] for sort, some in paths.items()}


def _make_speaker(outdir: Path, sort: str, split: str, speaker: Speaker, seed: int, count: int) -> list[dict]:
    """Make the utterances or commands of a speaker; returns rows of the table. Its table is written last, as a mark."""
    folder = outdir / sort / split / speaker.name
    table = folder / "utterances.tsv"
    if table.is_file():
        return read_tsv(table)
    rows = []
    for number in range(1, count + 1):
        name = f"{speaker.name}-{'c' * (sort == 'commands')}{number:03d}"
        samples, facts = _SAY[sort](speaker, generator("utterance", seed, name))
        write_flac(folder / f"{name}.flac", samples, RATE)
        path = (folder / f"{name}.flac").relative_to(outdir).as_posix()
        row = {"path": path, "split": split, "speaker": speaker.name, "gender": speaker.gender, **facts}
        rows.append({**row, "seconds": f"{len(samples) / RATE:.3f}"})
    write_tsv(table, rows)
    return rows


def _say_sentence(speaker: Speaker, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, str]]:
    samples, text = say(speaker, rng)
    return samples, {"text": text}


def _say_command(speaker: Speaker, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, str]]:
    samples, command = say_command(speaker, rng)
    return samples, {"text": command.text, "intent": command.intent}


_SAY = {"speech": _say_sentence, "commands": _say_command}


def _make_recording(outdir: Path, path: str, seed: int) -> list[dict]:
    """Make a noise or a piece of music, unless its file exists; returns its row of the table."""
    sort, split, *kind = path.split("/")[:-1]
    if not (outdir / path).is_file():
        rng = generator("recording", seed, path)
        samples = make_noise(split, kind[0], rng) if sort == "noise" else make_music(split, rng)
        write_flac(outdir / path, samples, RATE)
    length = f"{soundfile.info(outdir / path).duration:.3f}"
    return [{"path": path, "split": split, **({"kind": kind[0]} if kind else {}), "seconds": length}]


def _finish(outdir: Path, settings: Settings, counts: dict[str, int]) -> None:
    """Remove files that killed processes left; write README.txt and, last, corpus.json."""
    for left in outdir.rglob(".*.tmp.*"):
        left.unlink()
    with replacing(outdir / "README.txt") as handle:
        handle.write(_README)
    packages = {name: version(name) for name in ("espeakng-loader", "numpy", "pyroomacoustics", "soundfile", "soxr")}
    facts = {"settings": asdict(settings), "files": counts, "versions": {"espeak-ng": espeak.version(), **packages}}
    with replacing(outdir / "corpus.json") as handle:
        json.dump(facts, handle, indent=2)
        handle.write("\n")
