"""Mixtures of Libri2Mix: its metadata, the utterances and noises that they are made of, their plans."""

import argparse
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sources import at_rate, length_of, make_noise, mapped, power, unsped

from toolkit.io.corpora import (
    add_corpus_arguments,
    check_count,
    corpus,
    incomplete,
    librispeech_root,
    recording,
    speaker_of,
    write_data_dir,
)
from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.files import read_csv
from toolkit.simulate.enrolments import FACT, STREAM, target_of
from toolkit.simulate.mix_conf import write_mix_conf
from toolkit.simulate.mixture_sets import genders_of, write_set
from toolkit.simulate.plan import Mixture, Source

METADATA = "github JorisCos/LibriMix (its folder metadata/Libri2Mix)"
WHAM_NOISE = "wham.whisper.ai (wham_noise, the 16 kHz one)"
PARTS = {  # metadata, its mixtures
    "train-100": ("libri2mix_train-clean-100.csv", 13900),
    "train-360": ("libri2mix_train-clean-360.csv", 50800),
    "dev": ("libri2mix_dev-clean.csv", 3000),
    "test": ("libri2mix_test-clean.csv", 3000),
}
_SOURCES = ("source_1", "source_2", "noise")
COLUMNS = ("mixture_ID", *(f"{source}_{what}" for source in _SOURCES for what in ("path", "gain")))


def add_common_arguments(parser: argparse.ArgumentParser, fs: int) -> None:
    """Options of every program that plans these mixtures; ``fs`` is the default rate in Hz."""
    add_corpus_arguments(parser)
    parser.add_argument("--dumpdir", type=Path, default=Path("dump"), help="the recipe's, of formatted audio")
    parser.add_argument("--fs", type=int, default=fs, help="rate of the mixtures in Hz")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")


@dataclass(frozen=True)
class Row:
    """A line of the metadata.

    Attributes:
        id: the mixture.
        speech: files of the two talkers.
        noise: file of the noise.
        gains: factors of the talkers and the noise.
    """

    id: str
    speech: tuple[Path, Path]
    noise: Path
    gains: tuple[float, float, float]

    def longest(self) -> int:
        """Samples of the longer talker, which the noise is cut or extended to."""
        return max(map(length_of, self.speech))

    def key(self, target: int) -> str:
        """Id of the mixture with talker 0 or 1 as target; begins with the speaker, as those of the metadata do."""
        return f"{self.speech[1].stem}_in_{self.id}" if target else self.id


def read_metadata(path: Path, noisy: bool) -> Iterator[Row]:
    """The lines of a part; checks noises only if ``noisy``."""
    speech, wham = librispeech_root(), corpus("WHAM_NOISE", WHAM_NOISE, "wham_noise") if noisy else Path()
    if not path.is_file():
        raise InputError(f"{path}: no such file; is LIBRI2MIX_METADATA the folder metadata/Libri2Mix of LibriMix?")
    seen = set()
    for number, row in read_csv(path, COLUMNS, "download the file again"):
        key, one, gain_one, two, gain_two, noise, gain_noise = (row[column] for column in COLUMNS)
        try:
            gains = tuple(map(float, (gain_one, gain_two, gain_noise)))
            good = len(key.split()) == 1 and key not in seen and all(map(math.isfinite, gains))
        except ValueError:
            good = False
        if not good:
            expected = f"a new mixture_ID, then paths and gains ({', '.join(COLUMNS)})"
            raise InputError(f"{path}:{number}: expected {expected}; download the file again")
        seen.add(key)
        yield Row(key, (recording(speech / one), recording(speech / two)), wham / noise, gains)


def read_part(part: str, noisy: bool, partial: bool) -> tuple[Path, list[Row]]:
    """Metadata of a part and its lines; reports a number that differs from the published one."""
    path = corpus("LIBRI2MIX_METADATA", METADATA) / PARTS[part][0]
    rows = list(read_metadata(path, noisy))
    check_count(f"{path}: {len(rows)} mixtures", len(rows), PARTS[part][1], partial)
    return path, rows


def with_audio(rows: list[Row], path: Path, noisy: bool, partial: bool) -> list[Row]:
    """The mixtures with existing audio; reports what is missing."""
    there = {}
    for row in rows:
        for file in (*row.speech, *([row.noise] if noisy else [])):
            if file not in there:
                there[file] = unsped(file)[0].is_file()
    missing = [file for file, is_there in there.items() if not is_there]
    if missing:
        kept = [row for row in rows if all(there.get(file, True) for file in (*row.speech, row.noise))]
        lost = f"{len(rows) - len(kept)} of {len(rows)} mixtures"
        incomplete(f"{path}: {len(missing)} audio files are missing, which {lost} need: {some_of(missing, 3)}", partial)
        rows = kept
    if not rows:
        raise InputError(f"{path}: no mixture has its audio; fix LIBRISPEECH and WHAM_NOISE in db.sh")
    return rows


def write_noises(path: Path, rows: list[Row], workers: int) -> dict[str, Path]:
    """Write a noise for each mixture, as long as its longer talker; returns mixture -> file.

    Long enough recordings are cut by ``segments``; the others are written to ``audio``.
    """
    wav, segments, jobs, files = {}, {}, [], {}
    for row in rows:
        length, name, file = row.longest(), "-".join(row.noise.with_suffix("").parts[-2:]), row.noise
        if not file.is_file() or length_of(file) < length:
            file, name = path.resolve() / "audio" / f"{row.id}.flac", row.id
            jobs.append((file, row.noise, length))
        wav[name], files[row.id] = file, file
        segments[f"noise_{row.id}"] = f"{name} 0 {length / 16000:.6f}"
    mapped(make_noise, jobs, workers, f"noises of {path.name}")
    write_data_dir(path, wav, {utt: utt for utt in segments}, segments=segments)
    print(f"{path}: {len(segments)} noises, {len(jobs)} of them extended or changed in speed")
    return files


def levels(rows: list[Row], noises: dict[str, Path], mode: str, workers: int) -> dict[str, list[float]]:
    """Mixture -> level of the talkers and of its noise in dB, over their samples in the mixture."""
    jobs = []
    for row in rows:
        cut = min(map(length_of, row.speech)) if mode == "min" else row.longest()
        files = [*row.speech, *([noises[row.id]] if noises else [])]
        jobs += [(file, gain, cut) for file, gain in zip(files, row.gains, strict=False)]
    decibels = [10 * math.log10(max(value, 1e-12)) for value in mapped(power, jobs, workers, "levels")]
    each = len(decibels) // len(rows)
    return {row.id: decibels[i * each : (i + 1) * each] for i, row in enumerate(rows)}


def mixture_of(row: Row, target: int, condition: str, args: argparse.Namespace) -> Mixture:
    """The plan of a mixture with talker ``target`` as target."""
    utts, lengths = [path.stem for path in row.speech], [at_rate(length_of(path), args.fs) for path in row.speech]
    whole = min(lengths) if args.mode == "min" else max(lengths)
    other = 1 - target
    sources = [Source("spk1", utts[target], min(whole, lengths[target]), gain=row.gains[target])]
    facts = {"noise": "clean"}
    if condition != "mix_single":
        sources.append(Source("spk2", utts[other], min(whole, lengths[other]), gain=row.gains[other]))
        facts["interferer"] = speaker_of(utts[other])
    if condition != "mix_clean":
        sources.append(Source("noise1", f"noise_{row.id}", whole, gain=row.gains[2]))
        facts["noise"] = "wham"
    return Mixture(row.key(target), args.fs, whole, tuple(sources), speaker_of(utts[target]), facts=facts, clip=True)


def with_levels(mixture: Mixture, target: int, decibels: list[float]) -> Mixture:
    """The mixture with SIR and SNR among its facts."""
    facts, talker = dict(mixture.facts), decibels[:2]
    if "interferer" in facts:
        facts["sir"] = f"{talker[target] - talker[1 - target]:.1f}"
    if facts["noise"] != "clean":
        facts["snr"] = f"{talker[target] - decibels[2]:.1f}"
    return replace(mixture, facts=facts)


def plan_set(
    path: Path,
    condition: str,
    targets: list[tuple[Row, int]],
    choose: Callable[[Mixture], str] | None,
    decibels: dict[str, list[float]],
    sources: list[Path],
    args: argparse.Namespace,
) -> None:
    """Write a set of planned mixtures.

    Args:
        path: data dir to write.
        condition: ``mix_clean``, ``mix_both`` or ``mix_single``.
        targets: mixtures and their target talker, 0 or 1.
        choose: function from a mixture to its enrolment utterance; None: training draws enrolments.
        decibels: see levels; empty: no facts on levels.
        sources: data dirs of the recordings, the talkers' first.
        args: fs, mode, seed and dumpdir.
    """
    mixtures = []
    for row, target in targets:
        mixture = mixture_of(row, target, condition, args)
        if decibels:
            mixture = with_levels(mixture, target, decibels[row.id])
        mixtures.append(replace(mixture, facts={**mixture.facts, FACT: choose(mixture)}) if choose else mixture)
    utts, speech = [target_of(mixture) for mixture in mixtures], DataDir(sources[0])
    write_set(path, mixtures, speech, utts, genders_of([str(speech.path)]))
    (path / f"{STREAM}.scp").unlink(missing_ok=True)
    if choose is None:
        drawn = {m.id: f"*{utt} {m.speaker}" for m, utt in zip(mixtures, utts, strict=True)}
        write_table(path / f"{STREAM}.scp", drawn)
    data = [str(args.dumpdir / "raw" / source.name) for source in sources]
    write_mix_conf(path, data, [], args.fs, args.seed, data[:1])
    print(f"{path}: {len(mixtures)} mixtures planned")
