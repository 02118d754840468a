"""LibriSpeech, WHAM's noises and Libri2Mix's metadata in miniature, in the layouts in which they are published.

``mixed`` says what the files of Libri2Mix hold, from the description of how they are made.
"""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import soundfile
from conftest import voice  # the shared voices of test/conftest.py
from scipy.signal import resample_poly

from toolkit.bin import format_audio
from toolkit.io.datadir import DataDir
from toolkit.io.jobs import merge

RATE = 16000
GRID = 1 / 32768
ALL = "--conditions mix_single mix_clean mix_both"
SPEAKERS = {
    "train-clean-100": ["26", "103", "1034"],
    "dev-clean": ["84", "1272", "1462"],
    "test-clean": ["61", "121", "1089"],
}
GENDERS = dict(zip((s for some in SPEAKERS.values() for s in some), "MFFMMFFMF", strict=True))
WHAM = {"train-clean-100": "tr", "dev-clean": "cv", "test-clean": "tt"}
COLUMNS = ["mixture_ID", "source_1_path", "source_1_gain", "source_2_path", "source_2_gain", "noise_path", "noise_gain"]


def write(path: Path, samples: np.ndarray, **how) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16", **how)


def write_librispeech(root: Path) -> dict[str, list[str]]:
    """Three utterances of each speaker, 1.5 to 2.6 s, some after digital silence; part -> paths, utterances in turn."""
    paths: dict[str, list[str]] = {}
    for part, speakers in SPEAKERS.items():
        for number in range(3):
            for s, speaker in enumerate(speakers):
                utt = f"{speaker}-12{number}-{number:04d}"
                samples = voice(int(speaker) % 7, number, 1.5 + 0.31 * number + 0.0937 * s)
                samples[: 700 * (number == 1)] = 0
                path = f"{part}/{speaker}/12{number}/{utt}.flac"
                write(root / path, samples, format="FLAC")
                paths.setdefault(part, []).append(path)
    lines = [f"{spk:5}| {sex} | train-clean-100  | 25.03 | A. B. | C" for spk, sex in GENDERS.items()]
    (root / "SPEAKERS.TXT").write_text("\n".join([";ID  |SEX| SUBSET           |MINUTES| NAME", *lines]) + "\n")
    return paths


def write_noises(root: Path) -> dict[str, list[str]]:
    """Stereo noises: too short, long enough, and, of training, one that is to be made slower."""
    rng, paths = np.random.default_rng(4), {}
    for folder in WHAM.values():
        for number, seconds in enumerate((1.1, 1.30005, 3.0)):
            write(
                root / folder / f"01do030{number}_0.1_02{number}.wav",
                0.1 * rng.standard_normal((int(seconds * RATE), 2)),
            )
            paths.setdefault(folder, []).append(f"{folder}/01do030{number}_0.1_02{number}.wav")
    paths["tr"].append("tr/01do0301_0.1_021sp08.wav")
    return paths


def write_corpora(root: Path) -> Path:
    """All of them, under the names of db.sh; returns ``root``. The last mixture of a part is beyond full scale."""
    speech, noises = write_librispeech(root / "LibriSpeech"), write_noises(root / "wham_noise")
    rng = np.random.default_rng(5)
    folder = root / "LibriMix/metadata/Libri2Mix"
    folder.mkdir(parents=True)
    for part, paths in speech.items():
        rows = []
        for number in range(6):
            one, two = paths[number], paths[(number + 4) % 9]  # of two speakers
            gains = rng.uniform(0.3, 1.8, 3) * (4 if number == 5 else 1)
            some = noises[WHAM[part]]
            key = "_".join(Path(path).stem for path in (one, two))
            rows.append([key, one, gains[0], two, gains[1], some[number % len(some)], gains[2]])
        with open(folder / f"libri2mix_{part}.csv", "w", newline="") as handle:
            csv.writer(handle).writerows([COLUMNS, *rows])
        (folder / f"libri2mix_{part}_info.csv").write_text("mixture_ID,speaker_1_ID,speaker_1_sex\n")
    return root


def read_rows(corpora: Path, part: str) -> list[dict[str, str]]:
    """The metadata of a part."""
    with open(corpora / f"LibriMix/metadata/Libri2Mix/libri2mix_{part}.csv", newline="") as handle:
        return list(csv.DictReader(handle))


def lengthened(noise: np.ndarray, length: int) -> np.ndarray:
    """As Libri2Mix does it: while it is too short, its last half second fades out as its first one fades in again."""
    falling = np.hanning(RATE + 1)[RATE // 2 :]
    fade, out = len(falling), noise
    while len(out) < length:
        out = np.concatenate([out, noise[fade:]])
        seam = slice(len(out) - len(noise), len(out) - len(noise) + fade)
        out[seam] = out[seam] * falling + noise[:fade] * falling[::-1]
    return out[:length]


def mixed(corpora: Path, row: dict[str, str], fs: int, mode: str) -> dict[str, np.ndarray]:
    """s1, s2, noise and the mixtures of a line of the metadata, before they are rounded to 16 bits."""
    sounds = [soundfile.read(corpora / "LibriSpeech" / row[f"source_{n}_path"])[0] for n in (1, 2)]
    longest = max(map(len, sounds))
    noise = soundfile.read(corpora / "wham_noise" / row["noise_path"])[0][:longest, 0]
    sounds.append(lengthened(noise, longest))
    gains = (float(row[f"{name}_gain"]) for name in ("source_1", "source_2", "noise"))
    sounds = [resample_poly(sound * gain, fs, RATE) for sound, gain in zip(sounds, gains, strict=True)]
    length = (min if mode == "min" else max)(map(len, sounds))
    s1, s2, noise = (np.pad(sound, (0, max(0, length - len(sound))))[:length] for sound in sounds)
    mixtures = {"mix_clean": s1 + s2, "mix_both": s1 + s2 + noise, "mix_single": s1 + noise}
    return {"s1": s1, "s2": s2, "noise": noise, **mixtures}


def folders(corpora: Path) -> dict[str, str]:
    """Variables of db.sh."""
    names = {"LIBRISPEECH": "LibriSpeech", "WHAM_NOISE": "wham_noise"}
    names["LIBRI2MIX_METADATA"] = "LibriMix/metadata/Libri2Mix"
    names["LIBRI2MIX_TEST"] = "LibriMix/metadata/Libri2Mix/libri2mix_test-clean.csv"
    names["LIBRI2TALKER"] = "target_speaker_verification/egs/Libri2Mix/data"
    return {variable: str(corpora / name) for variable, name in names.items()}


def write_lists(corpora: Path) -> dict[str, list[tuple[dict[str, str], int, str]]]:
    """Libri-2talker's lists: of train and dev both talkers of two and one mixtures, of test of all six.

    Metadata of train-clean-360 is made, too: it is that of dev-clean, whose mixtures no other part has.

    Returns:
        Set -> row of the metadata, talker (1 or 2) and enrolment of each line, in the order of mix.scp.
    """
    folder = corpora / "LibriMix/metadata/Libri2Mix"
    (folder / "libri2mix_train-clean-360.csv").write_bytes((folder / "libri2mix_dev-clean.csv").read_bytes())
    rows = {part: read_rows(corpora, part) for part in SPEAKERS}
    sets = {"tr": [rows["train-clean-100"][0], rows["dev-clean"][5]], "cv": rows["dev-clean"][:1]}
    targets: dict[str, list[tuple[dict[str, str], int, str]]] = {}
    for name, chosen in {**sets, "tt": rows["test-clean"]}.items():
        lists: dict[str, list[str]] = {"mix": [], "ref": [], "aux": []}
        for row, talker in ((row, talker) for row in chosen for talker in (1, 2)):
            path = Path(row[f"source_{talker}_path"])
            others = sorted((corpora / "LibriSpeech" / path.parts[0] / path.parts[1]).rglob("*.flac"))
            aux = next(file for file in others if file.stem != path.stem)
            targets.setdefault(name, []).append((row, talker, aux.stem))
            key, root = f"s0c1r0n0_{row['mixture_ID']}_{aux.stem}", "/there/Libri2Mix/wav8k/min/part"
            lists["mix"].append(f"{key} {root}/mix_clean/{row['mixture_ID']}.wav")
            lists["ref"].insert(0, f"{key} {root}/s{talker}/{row['mixture_ID']}.wav")  # in another order
            lists["aux"].append(f"{key} /there/LibriSpeech/{aux.relative_to(corpora / 'LibriSpeech')}")
        for stem, lines in lists.items():
            path = corpora / folders(corpora)["LIBRI2TALKER"] / name / f"{stem}.scp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
    return targets


def load_program(dataset: str = "libri2mix"):
    """The module egs/<dataset>/prepare_data.py; other datasets have files of these names."""
    path = Path(__file__).parents[2] / "egs" / dataset / "prepare_data.py"
    spec = importlib.util.spec_from_file_location(f"{dataset}_prepare_data", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parents[1] / "libri2mix"))
    spec.loader.exec_module(module)
    del sys.path[0]
    for name in ("sources", "listed", "mixtures"):
        del sys.modules[name]
    return module


def format_sources(root: Path, fs: int) -> None:
    """Stage 2 as run.sh has it done: ``data`` -> ``dump/raw``."""
    for path in [*root.glob("data/librispeech_*"), *root.glob("data/wham_*")]:
        work = root / f"work.{path.name}"
        work.write_text("".join(f"{path.name} {key}\n" for key in DataDir(path).keys()))
        words = ["--in_root", f"{root}/data", "--out_root", f"{root}/dump/raw", "--work", str(work), "--job", "1"]
        words += ["--fs", str(fs), "--channel", "0", "--no-trim_zeros", "--resampler", "polyphase", "--bits", "24"]
        format_audio.main(words)
        merge(root / "data", root / "dump/raw", path.name, 1, ["wav"])
