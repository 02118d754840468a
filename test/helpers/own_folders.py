"""Data dirs of a user's folders, by the program that makes them."""

import numpy as np
import soundfile

from toolkit.bin import prepare_folder
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table


def prepare(folder, *words, speech="speech", noise="noise"):
    roots = ["--speech", str(folder / speech), "--noise", str(folder / noise), "--outdir", str(folder / "data")]
    return run(prepare_folder.main, [*roots, *map(str, words)])


def tone(path, seconds, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * rate)), rate)


def speakers(folder, name):
    return set(read_table(folder / f"data/{name}/utt2spk").values())
