"""MUSAN, Nonspeech100 and RIRS_NOISES, as published -> data dirs of noises and rooms; prepare_data.py calls it."""

import argparse
import re
import sys
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing_path
from toolkit.io.audio import file_info, read_file
from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import add_corpus_arguments, by_id, check_count, corpus, incomplete, write_sounds
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import audio_files
from toolkit.io.progress import progress

MUSAN_FILES = {"music": 660, "noise": 930, "speech": 426}
NONSPEECH_FILES = 100
SIMULATED_ROOMS = ("smallroom", "mediumroom", "largeroom")
SIMULATED_FILES = 60000
WINDOW, HOP, LEAST = 5, 3, 0.1  # seconds: of a window, between windows, of sound that a window must have
# First file of each class; "n1" to "n17" are crowds, and so on.
NONSPEECH_CLASSES = {
    "crowd": 1, "machine": 18, "alarm": 30, "traffic": 44, "animal": 47, "water": 56, "wind": 70, "bell": 79,
    "cough": 83, "clap": 86, "snore": 87, "click": 88, "laugh": 89, "yawn": 91, "cry": 93, "shower": 94,
    "toothbrush": 95, "footsteps": 96, "door": 98, "phone": 99,
}  # fmt: skip


def prepare_musan(outdir: Path, partial: bool) -> None:
    """noise, music and babble (speech), each _train and _test: even and odd file numbers, in windows.

    Windows of five seconds begin every three seconds; a file that is too short for one is kept whole. Windows without
    any sound are left out.
    """
    root = corpus("MUSAN", "openslr.org/17", "musan")
    files = {kind: by_id(audio_files(root / kind).values()) for kind in MUSAN_FILES}
    with progress(sum(map(len, files.values())), "musan", "file") as bar:
        for kind, published in MUSAN_FILES.items():
            check_count(f"MUSAN={root}: {kind}: {len(files[kind])} files", len(files[kind]), published, partial)
            parts, silent = {"train": [], "test": []}, 0
            for name, path in files[kind].items():
                number = re.search(r"-(\d{4})$", name)
                if not number:
                    raise InputError(f"{path}: expected a name such as {kind}-fma-0000.wav; is it a file of MUSAN?")
                windows = sounding_windows(*read_file(path, name))
                silent += windows.count(None)
                parts["test" if int(number[1]) % 2 else "train"].append((path, [w for w in windows if w]))
                bar.update()
            for part, recordings in parts.items():
                write_windows(outdir / f"{'babble' if kind == 'speech' else kind}_{part}", recordings)
            if silent:
                print(f"MUSAN {kind}: {silent} windows are digital silence, left out")


def sounding_windows(samples: np.ndarray, rate: int) -> list[tuple[float, float] | None]:
    """Begin and end of the windows of a recording (N,) in seconds; None for one without sound."""
    size, windows = WINDOW * rate, []
    for start in range(0, max(len(samples) - size, 0) + 1, HOP * rate):
        sound = np.flatnonzero(samples[start : start + size])
        end = min(start + size, len(samples))
        heard = len(sound) and sound[-1] - sound[0] >= LEAST * rate
        windows.append((start / rate, end / rate) if heard else None)
    return windows


def write_windows(path: Path, recordings: list[tuple[Path, list[tuple[float, float]]]]) -> None:
    """A set whose utterances are windows ``<recording>-<begin in seconds>``."""
    recordings = [(file, windows) for file, windows in recordings if windows]
    if not recordings:
        raise InputError(f"{path}: no recording is left for it; is the corpus complete?")
    segments, group = {}, {}
    for file, windows in recordings:
        for begin, end in windows:
            utt = f"{file.stem}-{round(begin):05d}"
            segments[utt], group[utt] = f"{file.stem} {begin:g} {end:.6f}", file.stem
    write_sounds(path, {file.stem: file for file, _ in recordings}, group, segments)


def prepare_nonspeech(outdir: Path, partial: bool) -> None:
    """nonspeech_test: n1 ... n100 of Hu and Wang; ids are ``<class>-n001``, the "speaker" is the class."""
    root = corpus("NONSPEECH100", "web.cse.ohio-state.edu/pnl/corpus/HuNonspeech/HuCorpus.html")
    files = by_id(audio_files(root).values(), lambda p: p.stem.lower())
    paths = {n: files[f"n{n}"] for n in range(1, NONSPEECH_FILES + 1) if f"n{n}" in files}
    if not paths:
        raise InputError(f"NONSPEECH100={root}: holds none of n1.wav to n100.wav")
    if missing := [f"n{n}" for n in range(1, NONSPEECH_FILES + 1) if n not in paths]:
        incomplete(f"NONSPEECH100={root}: lacks {some_of(missing)}", partial)
    kind = {n: [name for name, first in NONSPEECH_CLASSES.items() if first <= n][-1] for n in paths}
    wav = {f"{kind[n]}-n{n:03d}": path for n, path in paths.items()}
    write_sounds(outdir / "nonspeech_test", wav, {utt: utt.rsplit("-", 1)[0] for utt in wav})


def prepare_rirs(outdir: Path, partial: bool) -> None:
    """rirs_simulated, and rirs_real: of its responses of several channels the first, copied to a file of its own.

    The noises of this corpus (pointsource_noises, *_noise_*) are not responses and are not taken.
    """
    root = corpus("RIRS_NOISES", "openslr.org/28", "RIRS_NOISES")
    simulated = [p for size in SIMULATED_ROOMS for p in audio_files(root / "simulated_rirs" / size).values()]
    wav = by_id(simulated, lambda p: f"{p.parents[1].name}-{p.stem}")
    room = {utt: f"{path.parents[1].name}-{path.parent.name}" for utt, path in wav.items()}
    check_count(f"RIRS_NOISES={root}: simulated_rirs: {len(wav)} files", len(wav), SIMULATED_FILES, partial)
    write_sounds(outdir / "rirs_simulated", wav, room)
    real = root / "real_rirs_isotropic_noises"
    paths = [path for path in audio_files(real).values() if re.match(r"air_", path.stem) or "_rir_" in path.stem]
    if not paths:
        raise InputError(f"{real}: holds no impulse response (air_* or *_rir_*)")
    responses, copies = by_id(paths), outdir / "rirs_real/audio"
    write_sounds(
        outdir / "rirs_real", {utt: first_channel(p, copies) for utt, p in responses.items()}, {u: u for u in responses}
    )


def first_channel(path: Path, folder: Path) -> Path:
    """The file itself, or, if it has several channels, a copy of its first below ``folder``."""
    import soundfile

    if file_info(path, path.stem).channels == 1:
        return path
    samples, rate = read_file(path, path.stem, channel=0)
    copy = folder / f"{path.stem}.wav"
    with replacing_path(copy) as aside:
        soundfile.write(aside, samples, rate, subtype="FLOAT")
    return copy


PREPARE = {"musan": prepare_musan, "nonspeech100": prepare_nonspeech, "rirs_noises": prepare_rirs}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options shared with prepare_data.py."""
    add_corpus_arguments(parser)
    parser.add_argument("--corpora", nargs="*", choices=list(PREPARE), default=["musan", "nonspeech100"])


def prepare(args: argparse.Namespace) -> None:
    """Write the sets of ``args.corpora``."""
    for name in args.corpora:
        PREPARE[name](args.outdir, args.partial)


def main(argv=None) -> None:
    """Write the sets of noises and rooms."""
    parser = Parser("local/data.sh", description=__doc__)
    add_arguments(parser)
    prepare(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(run(main))
