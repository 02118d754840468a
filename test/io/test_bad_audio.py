"""Audio that is damaged, cut off, or made by a command that fails is named with id and file."""

import os
import re
import shlex

import numpy as np
import pytest
from helpers.written_audio import EXPECTED, NAN, PCM, WAV_HEADER, dangling, in_ark, write

from toolkit.io.audio import audio_info, read_audio, read_whole
from toolkit.io.errors import InputError
from toolkit.io.opening import is_command


def cut(path, size):
    with open(path, "r+b") as handle:
        handle.truncate(size)
    return path


def unknown_length(path):
    """A flac whose header says 0 samples in all, as encoders write to a pipe."""
    write(path)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    return str(path)


def garbage(path):
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return str(path)


def truncated_ark(folder):
    value = in_ark(folder)
    cut(folder / "wav.1.ark", (folder / "wav.1.ark").stat().st_size - 9)
    return value


FAULTS = {
    "missing": (lambda d: str(d / "a.wav"), "no such file"),
    "dangling link": (lambda d: dangling(d / "a.wav"), "no such file"),
    "missing ark": (lambda d: f"{d}/wav.1.ark:12", "no such file"),
    "an offset beyond any": (lambda d: in_ark(d) + "0" * 18, "no such file"),
    "directory": (str, "is a folder"),
    "0 bytes": (lambda d: cut(write(d / "a.wav"), 0), "is empty"),
    "0 samples": (lambda d: write(d / "a.wav", PCM[:0]), "holds no samples"),
    "truncated wav": (lambda d: cut(write(d / "a.wav"), WAV_HEADER + 9000), "truncated"),
    "truncated 24-bit wav": (lambda d: cut(write(d / "a.wav", subtype="PCM_24"), 9000), "truncated"),
    "truncated aiff": (lambda d: cut(write(d / "a.aiff"), 9000), "truncated"),
    "wav with a header only": (lambda d: cut(write(d / "a.wav"), WAV_HEADER), "truncated"),
    "truncated flac": (lambda d: cut(write(d / "a.flac"), 9000), "cannot be decoded"),
    "truncated ark": (truncated_ark, "holds no audio"),
    "flac of unknown length": (lambda d: unknown_length(d / "a.flac"), "does not say how long"),
    "NaN": (lambda d: write(d / "a.wav", NAN, subtype="FLOAT"), "NaN"),
    "infinity": (lambda d: write(d / "a.wav", np.nan_to_num(NAN, nan=np.inf), subtype="FLOAT"), "infinite"),
    "stereo": (lambda d: write(d / "a.wav", PCM.reshape(-1, 2)), "2 channels"),
    "without a header": (lambda d: garbage(d / "a.raw"), "without a header"),
    "a pipe": (lambda d: os.mkfifo(d / "a.wav") or str(d / "a.wav"), "is a pipe"),
    "a device": (lambda d: "/dev/zero", "is a device"),
    "a long name": (lambda d: f"{d}/{'a' * 300}.wav", "too long"),
    "a NUL in the name": (lambda d: f"{d}/a\0.wav", "null"),
    "garbage": (lambda d: garbage(d / "a.wav"), "cannot be decoded"),
    "offset to elsewhere": (lambda d: in_ark(d).rsplit(":", 1)[0] + ":77", "holds no audio"),
    "command": (lambda d: f"cat {write(d / 'a.wav')} |", "stage 2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_audio_is_named_with_id_and_file(tmp_path, fault):
    make, complaint = FAULTS[fault]
    value = make(tmp_path)
    with pytest.raises(InputError, match=complaint) as caught:
        read_audio(value, "utt-a")
    assert str(caught.value).startswith("utt-a: ")
    assert value in str(caught.value)


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in ("stereo", "command")])
def test_the_format_stage_refuses_it_too_whatever_the_channel(tmp_path, fault):
    make, complaint = FAULTS[fault]
    with pytest.raises(InputError, match=complaint):
        read_whole(make(tmp_path), "utt-a", "mean")


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_commands_are_run_by_the_format_stage(tmp_path, kind):
    value = f"cat {shlex.quote(write(tmp_path / f'a b.{kind}'))} | cat | "
    assert is_command(value)
    np.testing.assert_array_equal(read_whole(value, "a", allow_pipes=True)[0], EXPECTED)
    for door in (read_whole, read_audio, audio_info):
        with pytest.raises(InputError, match="utt-a: is a command .*--allow_pipes"):
            door(value, "utt-a")


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("echo no disk >&2; exit 3 |", "failed (exit 3): echo no disk >&2; exit 3 : no disk"),
        ("cat /nowhere/a.wav | cat |", "failed (exit 1): cat /nowhere/a.wav | cat : cat: /nowhere/a.wav: No such file"),
        ("no-such-program a.wav |", "failed (exit 127): no-such-program a.wav : "),
        ("true |", "printed nothing: true"),
        ("cat |", "printed nothing: cat"),
        ("echo this is no audio |", "output: echo this is no audio |: cannot be decoded"),
    ],
)
def test_bad_commands_are_named_with_the_id(command, complaint):
    with pytest.raises(InputError, match=f"^utt-a: command.*{re.escape(complaint)}"):
        read_whole(command, "utt-a", allow_pipes=True)


def test_a_command_that_prints_a_truncated_wav(tmp_path):
    with pytest.raises(InputError, match="utt-a: .*head .* truncated"):
        read_whole(f"head -c 9000 {write(tmp_path / 'a.wav')} |", "utt-a", allow_pipes=True)
