"""Fixtures that run the helper scripts and make small data dirs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from test.utils.slurm import Slurm

UTILS = Path(__file__).resolve().parents[2] / "utils"

# Two speakers with two utterances each.
UTTS = ["a-1", "a-2", "b-1", "b-2"]
UTT2SPK = "a-1 a\na-2 a\nb-1 b\nb-2 b\n"
SPK2UTT = "a a-1 a-2\nb b-1 b-2\n"
WAIVED = ["--no-feats", "--no-text", "--no-wav-check"]  # the tables below name files that nobody made
WAV = "a-1 a1.wav\na-2 a2.wav\nb-1 sox b1.wav -t wav - |\nb-2 all.ark:123\n"


@pytest.fixture
def utils():
    """The folder of the scripts that ``call`` runs."""
    return UTILS


@pytest.fixture(scope="module")
def warm_utils(tmp_path_factory, python):
    """A copy of utils/ in a checkout whose python3 starts programs fast."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(UTILS, root / "utils", symlinks=True)
    (root / "toolkit").symlink_to(UTILS.parent / "toolkit")
    (root / "tools").mkdir()
    (root / "tools/activate.sh").write_text(f"export PATH={python.parent}:$PATH\n")
    return root / "utils"


@pytest.fixture
def call(tmp_path, utils):
    """``call(script, *args, code=0)``: run utils/script in tmp_path, expect the exit code, return the process."""

    def _call(script, *args, code=0, stdin="", env=None):
        command = [utils / script, *map(str, args)]
        environment = {**os.environ, **(env or {})}
        done = subprocess.run(
            command, cwd=tmp_path, input=stdin, capture_output=True, text=True, env=environment, timeout=60
        )
        assert done.returncode == code, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
        return done

    return _call


@pytest.fixture
def complaints(call):
    """``complaints(dir, *options)``: what stderr says of an invalid data dir."""
    return lambda path, *options: call("validate_data_dir.sh", *WAIVED, *options, path, code=1).stderr


@pytest.fixture
def data_dir(tmp_path):
    """``data_dir(name, tables)``: valid, four utterances; tables are added, replaced or (None) left out."""

    def _data_dir(name="data", tables=None):
        path = tmp_path / name
        path.mkdir()
        for file, text in {"utt2spk": UTT2SPK, "spk2utt": SPK2UTT, "wav.scp": WAV, **(tables or {})}.items():
            if text is not None:
                (path / file).write_bytes(text.encode())
        return path

    return _data_dir


@pytest.fixture
def segmented(data_dir):
    """As ``data_dir``, but two recordings r1, r2 with two segments each."""

    def _segmented(name="data", tables=None):
        segments = "a-1 r1 0 1.5\na-2 r1 1.5 2\nb-1 r2 0 1\nb-2 r2 2 3e0\n"
        return data_dir(name, {"wav.scp": "r1 1.wav\nr2 2.wav\n", "segments": segments, **(tables or {})})

    return _segmented


# A mixture set: what the microphone got, its streams, the enrolments, the facts; "X" is an id.
MIXTURE = {
    **dict.fromkeys(["spk1.scp", "spk2.scp", "noise1.scp", "dereverb1.scp"], "X mix.1.ark:7"),
    "wav.scp": "X mix.1.ark:3",
    "enroll_spk1.scp": "X *X S",
    "enroll_spk2.scp": "X other.flac",
    "utt2snr": "X -2.5",
    "utt2noise": "X babble",
    "utt2enroll": "X X",
    "mix.jsonl": '{"id": "X", "fs": 16000, "length": 9, "sources": [{"role": "spk1", "utt": "u"}], "speaker": "S"}',
}
CONF = "data:\n- dump/raw/train\nrooms: []\nfs: 16000\nseed: 0\n"


@pytest.fixture
def mixture(data_dir):
    """As ``data_dir``, but a mixture set of ``utts`` (what precedes the ``-`` is the speaker)."""

    def _mixture(name="data", tables=None, utts=("a-1", "a-2", "b-1", "b-2")):
        speaker = {utt: utt.split("-")[0] for utt in utts}
        spk2utt = {s: " ".join(u for u in utts if speaker[u] == s) for s in sorted(set(speaker.values()))}
        made = {"utt2spk": "".join(f"{u} {s}\n" for u, s in speaker.items()), "mix_conf.yaml": CONF}
        made["spk2utt"] = "".join(f"{s} {us}\n" for s, us in spk2utt.items())
        for file, line in MIXTURE.items():
            made[file] = "".join(line.replace("X", u).replace("S", speaker[u]) + "\n" for u in utts)
        return data_dir(name, made | (tables or {}))

    return _mixture


@pytest.fixture
def slurm(tmp_path_factory):
    return Slurm(tmp_path_factory.mktemp("fake"))


@pytest.fixture
def submit(call, slurm):
    """``submit(*args, code=0, **environment)``: call slurm.pl."""

    def _submit(*args, code=0, **environment):
        return call("slurm.pl", *args, code=code, env={**slurm.environment, **environment})

    return _submit
