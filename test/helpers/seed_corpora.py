"""LibriTTS-R, Libri-Light, VoxConverse and VoxSRC 2023 in miniature, in the layouts in which they are published."""

import itertools
import shutil
from pathlib import Path

from conftest import voice  # the shared voices of test/conftest.py
from helpers.voxceleb1_corpora import write, write_corpora

LONG = 31.7  # seconds of a chapter of Libri-Light


def write_libritts_r(root: Path) -> None:
    """Three readers in two parts, two sentences each, at 24 kHz, with texts beside."""
    for part, readers in (("train-clean-100", (19, 103)), ("train-clean-360", (1034,))):
        for reader in readers:
            for number in range(2):
                stem = f"{reader}_198_000000_00000{number}"
                write(root / part / str(reader) / "198" / f"{stem}.wav", voice(reader % 7, number, 1.2, 24000), 24000)
                (root / part / str(reader) / "198" / f"{stem}.normalized.txt").write_text("text\n")


def write_librilight(root: Path) -> None:
    """Two readers, one of them known from LibriTTS-R; chapters of different books have one name."""
    for reader, book, seconds in ((19, "sea_fairies", LONG), (100, "sea_fairies", 2.0), (100, "emma_64kb", 2.0)):
        path = root / "small" / str(reader) / book / "01_chapter_64kb.flac"
        write(path, voice(reader % 7, 5, seconds))
        path.with_suffix(".json").write_text("{}\n")


def write_voxconverse(root: Path) -> None:
    """Three talkers of a recording, two utterances each; the list compares all pairs, those of one talker with 1."""
    names = [f"abjxc/{talker}_{number}.wav" for talker in "abc" for number in range(2)]
    for number, name in enumerate(names):
        write(root / name, voice(number // 2, number, 1.0))
    lines = [f"{int(one[:7] == two[:7])} {one} {two}" for one, two in itertools.combinations(names, 2)]
    (root / "trials_wo_overlap.txt").write_text("\n".join(lines) + "\n")


def write_voxsrc23(root: Path) -> None:
    """Five files in a folder; a-b and b-c are of one speaker, d-e of another; a and c stand in no trial together."""
    for number, name in enumerate("abcde"):
        write(root / "VoxSRC2023_val" / f"{name}.wav", voice(number // 3, number, 1.0))
    pairs = {"ab": 1, "bc": 1, "de": 1, "ad": 0, "ce": 0}
    (root / "VoxSRC2023_val.txt").write_text("".join(f"{label} {a}.wav {b}.wav\n" for (a, b), label in pairs.items()))


def write_seed_corpora(root: Path) -> Path:
    """All that SEED needs, under the names of db.sh; returns ``root``."""
    write_corpora(root)
    shutil.copy(root / "VoxCeleb1/list_test_all2.txt", root / "VoxCeleb1/list_test_hard2.txt")
    write_libritts_r(root / "LibriTTS_R")
    write_librilight(root / "librilight")
    write_voxconverse(root / "voxconverse_test_SV")
    write_voxsrc23(root / "VoxSRC2023")
    return root
