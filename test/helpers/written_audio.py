"""Files and arks of one signal."""

import numpy as np
import soundfile

from toolkit.io.ark import ArkWriter

FS, N = 16000, 8000
PCM = np.random.default_rng(5).integers(-20000, 20000, N).astype(np.int16)
EXPECTED = PCM / np.float32(32768)
WAV_HEADER = 44


def write(path, samples=PCM, fs=FS, **options):
    soundfile.write(path, samples, fs, **options)
    return str(path)


def in_ark(folder, before=1):
    """The audio behind ``before`` other entries of an ark."""
    with ArkWriter(folder / "wav.1.ark") as ark:
        for n in range(before):
            ark.write_audio(f"other{n}", -EXPECTED, FS)
        ark.write_audio("a", EXPECTED, FS)
    return ark.scp["a"]


def dangling(path):
    path.symlink_to("/nowhere/a.wav")
    return str(path)


NAN = np.where(np.arange(N) == 4000, np.nan, EXPECTED).astype(np.float32)
