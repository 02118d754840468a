"""The format stage, on sounds of a test."""

import numpy as np
import soundfile

from toolkit.bin import format_audio
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table
from toolkit.io.jobs import merge, write_work

FS = 16000


def noise(seconds, fs=FS, seed=0, channels=1):
    shape = (round(seconds * fs), channels) if channels > 1 else round(seconds * fs)
    return np.random.default_rng(seed).integers(-9000, 9000, shape).astype(np.int16)


def write_sounds(root, sounds, **tables):
    """Write ``data/train`` of sounds, each a PCM array or (array, rate)."""
    (root / "audio").mkdir()
    wav = {}
    for key, sound in sounds.items():
        samples, fs = sound if isinstance(sound, tuple) else (sound, FS)
        wav[key] = root / "audio" / f"{key}.wav"
        soundfile.write(wav[key], samples, fs)
    tables = {"wav.scp": wav, "utt2spk": dict.fromkeys(tables.get("segments", wav), "spk"), **tables}
    for name, rows in tables.items():
        write_table(root / "data/train" / name, rows)
    return wav


def merged(root, out="raw", nj=1, allow=0) -> int:
    """The output of the jobs joined -> exit code."""
    return run(lambda _: merge(root / "data", root / out, "train", nj, ["wav"], allow), [])


def stage(root, *options, nj=1, out="raw"):
    """The format stage on ``data/train`` as a recipe runs it -> exit code of the first program that fails."""
    write_work(root / "work", root / "data", ["train"])
    lines = (root / "work").read_text().splitlines(keepends=True)
    for job, part in enumerate(np.array_split(lines, nj), 1):
        (root / f"work.{job}").write_text("".join(part))
        paths = ["--in_root", f"{root}/data", "--out_root", f"{root}/{out}", "--work", f"{root}/work.{job}"]
        if code := run(format_audio.main, [*paths, "--job", str(job), *options]):
            return code
    allow = options[options.index("--allow_bad") + 1] if "--allow_bad" in options else 0
    return merged(root, out, nj, int(allow))


def formatted(root, out="raw"):
    table = AudioTable(root / out / "train", fs=FS)
    return {key: table.read(key) for key in table.keys()}


def visible(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


CALL = np.stack([noise(2.0, seed=1), noise(2.0, seed=2)], 1)
