"""VoxCeleb1, MUSAN, RIRS_NOISES and Nonspeech100 in miniature, in the layouts in which they are published."""

import itertools
from pathlib import Path

import numpy as np
import soundfile
from conftest import FS, voice  # the shared voices of test/conftest.py

DEV, TEST = [f"id1000{n}" for n in range(1, 7)], ["id10270", "id10271", "id10309"]
LISTS = ("veri_test2.txt", "veri_test.txt", "list_test_all2.txt", "list_test_hard.txt")


def write(path: Path, samples: np.ndarray, rate: int = FS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def write_voxceleb(root: Path, folders: dict[str, list[str]]) -> None:
    """Speakers below their folders, two utterances in each of three videos; meta file and lists beside."""
    for folder, speakers in folders.items():
        for spk in speakers:
            for number in range(6):
                file = root / folder / spk / f"-x_{number // 2}-y" / f"{number % 2 + 1:05d}.wav"
                write(file, voice(int(spk[-3:]) % 7, number, 1.0))
                file.with_suffix(".txt").write_text("frames\n")  # lies beside some releases' files
    rows = [f"{s}\tA.B._C\t{'mf'[i % 2]}\tIreland\t{'dev' if s in DEV else 'test'}" for i, s in enumerate(DEV + TEST)]
    header = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet"
    (root / "vox1_meta.csv").write_text("\n".join([header, *rows]) + "\n")
    for name in LISTS:
        speakers = TEST if name.startswith("veri") else DEV[:3] + TEST
        utts = [f"{spk}/-x_{video}-y/00001.wav" for spk in speakers for video in range(3)]
        pairs = list(itertools.combinations(utts, 2))
        lines = [f"{int(a[:7] == b[:7])} {a} {b}" for a, b in (pairs if "2" in name else pairs[:-1])]
        (root / name).write_text("\n".join(lines) + "\n")


def write_musan(root: Path) -> None:
    """Even and odd files of each kind, of speech enough for babble; one of 12 s, which falls silent, others of 2 s."""
    rng = np.random.default_rng(1)
    for kind, source, count in (("noise", "free-sound", 4), ("music", "fma", 4), ("speech", "librivox", 12)):
        for number in range(count):
            sound = 0.1 * rng.standard_normal((12 if number == 0 else 2) * FS)
            sound[5 * FS + 10 :] = 0
            write(root / kind / source / f"{kind}-{source}-{number:04d}.wav", sound)
        (root / kind / "ANNOTATIONS").write_text("not audio\n")


def write_rooms(root: Path) -> None:
    """A room of each size with two responses, a real response of two channels, and noises, which are no rooms."""
    rng = np.random.default_rng(2)
    response = np.exp(-np.arange(1600) / 200) * rng.standard_normal(1600) * 0.1
    for size in ("small", "medium", "large"):
        for number in (1, 2):
            write(root / f"simulated_rirs/{size}room/Room001/Room001-{number:05d}.wav", response)
    real = root / "real_rirs_isotropic_noises"
    write(real / "RVB2014_type1_rir_largeroom1_far_angla.wav", np.stack([response, 0 * response], 1))
    write(real / "air_type1_air_phone_office_hfrp.wav", response)
    write(real / "RVB2014_type1_noise_largeroom1_1.wav", np.stack([response] * 8, 1))
    write(root / "pointsource_noises/noise-free-sound-0000.wav", response)


def write_corpora(root: Path) -> Path:
    """All of them, under the names of db.sh; returns ``root``."""
    write_voxceleb(root / "VoxCeleb1", {"vox1_dev_wav/wav": DEV, "vox1_test_wav/wav": TEST})
    write_musan(root / "musan")
    write_rooms(root / "RIRS_NOISES")
    rng = np.random.default_rng(3)
    for number in (1, 17, 18, 100):
        write(root / f"Nonspeech/n{number}.wav", 0.1 * rng.standard_normal(20000), 20000)
    return root
