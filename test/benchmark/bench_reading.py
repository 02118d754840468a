"""Reading and writing.

Audio: utterances from the page cache to float32 samples in memory, whole or a crop of 2 s out of the middle; samples
must be equal bit for bit. Ours is what every stage and the loader call, ``AudioTable.read``, which also checks length,
rate, channels and finiteness. The peers: ``torchaudio.load`` (which decodes by torchcodec and ffmpeg),
``soundfile.read`` (the library beneath ours, so parity is what can be had; 0.8 is asked for, as checks cost something)
and, for arks, kaldiio, which knows no crops and decodes the whole entry.

Arks: feature matrices (300, 80) float32, 100 of them, written with their scp and read back by its values in order. Ours
writes aside, syncs and renames, and refuses values that are not finite; kaldiio does neither.
"""

import kaldiio
import numpy as np
import soundfile
from benchmark.corpus import FS, folder, speech
from benchmark.harness import Peer, compare, row

from toolkit.io.ark import ArkWriter, read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import write_table

PARITY = 0.8
FILES = 8  # different ones, read in turn


def table_of(kind: str, seconds: float) -> AudioTable:
    """A data dir of recordings, as files or in an ark."""
    path = folder() / f"{kind}-{seconds:g}"
    if not path.exists():
        path.mkdir()
        scp = {}
        with ArkWriter(path / "wav.1.ark") as ark:
            for n in range(FILES):
                key, samples = f"utt{n}", speech(seconds, n)
                if kind == "ark":
                    ark.write_audio(key, samples, FS)
                else:
                    scp[key] = f"{path}/{key}.{kind}"
                    soundfile.write(scp[key], samples, FS, subtype="PCM_16")
        write_table(path / "wav.scp", scp or ark.scp)
    return AudioTable(path, fs=FS)


def reading(kind: str, seconds: float, peers, start: int = 0, frames: int = -1):
    """Read every file of a table; ``peers(values, start, frames)`` gives the peers."""
    table = table_of(kind, seconds)

    def ours():
        return [table.read(key, start, frames) for key in table.values]

    amount = FILES * (frames / FS if frames > 0 else seconds)
    return compare(
        ours,
        peers(list(table.values.values()), start, frames),
        agree=np.testing.assert_array_equal,
        amount=amount,
        unit="x real time",
        seconds=0.05,
    )


def torchaudio_peer(target: float | None):
    """``torchaudio.load``."""

    def make(values, start, frames):
        import torchaudio

        def load():
            return [torchaudio.load(value, frame_offset=start, num_frames=frames)[0][0].numpy() for value in values]

        return load

    return lambda *crop: Peer("torchaudio.load", lambda: make(*crop), "torchcodec", target)


def soundfile_peer(values, start, frames):
    """``soundfile.read``."""

    def read():
        return [soundfile.read(value, frames, start, dtype="float32")[0] for value in values]

    return Peer("soundfile.read", lambda: read, "soundfile", PARITY)


def kaldiio_peer(values, start, frames):
    """``kaldiio.load_mat`` of the whole entry, then the crop."""
    stop = None if frames < 0 else start + frames

    def read():
        return [(kaldiio.load_mat(value)[1][start:stop]).astype(np.float32) for value in values]

    return Peer("load_mat", lambda: read, "kaldiio", PARITY if frames < 0 else 2)


CROP = {"start": 29 * FS + 123, "frames": 2 * FS}


@row("wav file of 10 s")
def wav():
    """Whole."""
    return reading("wav", 10, lambda *crop: [torchaudio_peer(15)(*crop), soundfile_peer(*crop)])


@row("flac file of 10 s")
def flac():
    """Whole."""
    return reading("flac", 10, lambda *crop: [torchaudio_peer(None)(*crop), soundfile_peer(*crop)])


@row("flac of 10 s in an ark")
def flac_in_ark():
    """Whole."""
    return reading("ark", 10, lambda *crop: [kaldiio_peer(*crop)])


@row("2 s of a wav file of 60 s")
def wav_crop():
    """Crop."""
    return reading("wav", 60, lambda *crop: [torchaudio_peer(None)(*crop), soundfile_peer(*crop)], **CROP)


@row("2 s of a flac file of 60 s")
def flac_crop():
    """Crop."""
    return reading("flac", 60, lambda *crop: [torchaudio_peer(None)(*crop), soundfile_peer(*crop)], **CROP)


@row("2 s of a flac of 60 s in an ark")
def flac_in_ark_crop():
    """Crop."""
    return reading("ark", 60, lambda *crop: [kaldiio_peer(*crop)], **CROP)


def matrices() -> dict[str, np.ndarray]:
    """What is written and read."""
    rng = np.random.default_rng(0)
    return {f"utt{n:03d}": rng.standard_normal((300, 80), np.float32) for n in range(100)}


@row("features to an ark")
def write_features():
    """Write all."""
    feats = matrices()

    def ours():
        with ArkWriter(folder() / "ours.ark") as ark:
            for key, matrix in feats.items():
                ark.write(key, matrix)
        write_table(folder() / "ours.scp", ark.scp)
        return folder() / "ours.scp"

    def theirs():
        with kaldiio.WriteHelper(f"ark,scp:{folder()}/theirs.ark,{folder()}/theirs.scp") as writer:
            for key, matrix in feats.items():
                writer(key, matrix)
        return folder() / "theirs.scp"

    def agree(ours, theirs):
        one, two = kaldiio.load_scp(str(ours)), kaldiio.load_scp(str(theirs))
        assert set(one) == set(two)
        for key in one:
            np.testing.assert_array_equal(one[key], two[key])

    peer = Peer("WriteHelper", lambda: theirs, "kaldiio", 1)
    return compare(ours, [peer], agree=agree, amount=megabytes(feats), unit="MB/s")


@row("features from an ark")
def read_features():
    """Read all."""
    feats = matrices()
    with ArkWriter(folder() / "read.ark") as ark:
        for key, matrix in feats.items():
            ark.write(key, matrix)
    return compare(
        lambda: [read_array(value, key) for key, value in ark.scp.items()],
        [Peer("load_mat", lambda: lambda: [kaldiio.load_mat(value) for value in ark.scp.values()], "kaldiio", 1)],
        agree=np.testing.assert_array_equal,
        amount=megabytes(feats),
        unit="MB/s",
    )


def megabytes(feats: dict[str, np.ndarray]) -> float:
    """Size in memory."""
    return sum(matrix.nbytes for matrix in feats.values()) / 1e6
