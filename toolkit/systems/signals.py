"""Audio input and output of systems: recordings from files or arrays, signals to files and data dirs."""

import logging
import os
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from toolkit.io.ark import ArkWriter
from toolkit.io.atomic import replacing_path
from toolkit.io.audio import AudioTable, check_usable, file_info, from_integers, read_file, resample
from toolkit.io.errors import InputError
from toolkit.io.jobs import ark_path, read_work, write_job_tables
from toolkit.io.progress import progress

PEAK = 0.99
_RATES = 1000, 1_000_000  # Hz


class Recording(NamedTuple):
    """Samples (N,) float32 at ``fs`` Hz, and their name for messages."""

    samples: np.ndarray
    fs: int
    name: str

    def at(self, fs: int) -> np.ndarray:
        """The samples at another rate in Hz. Raises InputError if they are unusable at that rate."""
        samples = resample(self.samples, self.fs, fs)
        if fs != self.fs:
            check_usable(samples, fs, f"{self.name}, at {fs} Hz,")
        return np.require(samples, np.float32, ["C", "W"])

    def like(self, made: np.ndarray, fs: int) -> np.ndarray:
        """Convert an output ``made`` at ``fs`` Hz to the rate and length of this recording, float32.

        Raises:
            InputError: the output is not finite.
        """
        if not np.isfinite(made).all():
            raise InputError(f"{self.name}: the output is not finite; training diverged (see loss in metrics.jsonl)")
        made = resample(made.astype(np.float32, copy=False), fs, self.fs)[: len(self.samples)]
        return np.pad(made, (0, len(self.samples) - len(made)))


def is_path(x) -> bool:
    """Whether ``x`` is the path of a file, not samples."""
    return isinstance(x, str | os.PathLike)


def recording_of(x, fs: int | None, what: str = "recording", channel: int | str | None = None) -> Recording:
    """A recording from a file, an array or a tensor.

    Args:
        x: path of a file that soundfile reads; or samples (N,) or (1, N), as :func:`samples_of` takes them.
        fs: sampling rate of samples in Hz; for a file None, or the rate of the file.
        what: name for messages.
        channel: channel of a multichannel file, from 0, or ``"mean"``.

    Raises:
        InputError: the file is missing or malformed, samples are empty or have no rate, or the recording is unusable
            (toolkit.io.audio.unusable): not finite, silent, constant, too short, far beyond full scale.
    """
    if is_path(x):
        samples, rate = read_file(x, channel=channel)
        if fs is not None and check_rate(fs) != rate:
            raise InputError(f"{x}: the {what} is at {rate} Hz, fs={fs} is given; leave fs out for files")
        name = f"{x}: the {what}"
    else:
        samples, name = samples_of(x, what), f"the {what}"
        if fs is None:
            raise InputError(f"{name} is an array: give its rate in Hz, fs=16000 for example")
        if channel is not None:
            raise InputError(f"channel={channel!r:.20} is for files; give an array of one channel, (N,)")
        rate = check_rate(fs)
    check_usable(samples, rate, name)
    return Recording(np.require(samples, np.float32, ["C", "W"]), rate, name)


def check_rate(fs) -> int:
    """The sampling rate in Hz as a whole number. Raises InputError if it is not."""
    least, most = _RATES
    rate = float(fs) if isinstance(fs, Real) else 0.0
    if not (least <= rate <= most and rate.is_integer()):
        raise InputError(f"fs={fs!r:.40} must be a rate in Hz, a whole number from {least} to {most}")
    return int(rate)


def samples_of(x, what: str = "recording") -> np.ndarray:
    """Samples (N,) as floats, with their precision.

    Args:
        x: array, list or tensor (N,) or (1, N): floats in [-1, 1], or int16 or int32, which are scaled like files of
            these types.
        what: name for messages.

    Raises:
        InputError: ``x`` is empty, has several channels, or is of another type.
    """
    try:
        if isinstance(x, torch.Tensor):
            x = x.detach().cpu()
            x = x.float() if x.dtype == torch.bfloat16 else x  # numpy has no such type
        array = np.asarray(x)
    except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:  # sparse, without data, ragged, ...
        raise InputError(f"the {what} must be an array of samples ({' '.join(str(error).split())[:100]})") from None
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1 or not array.size:
        raise InputError(
            f"the {what} has the shape {array.shape}; must be samples of one channel, (N,) or (1, N); use one "
            "channel, samples[:, 0], or the mean, samples.mean(1)"
        )
    if array.dtype.kind == "i" and array.dtype.itemsize in (2, 4):
        return from_integers(array)
    if array.dtype.kind != "f" or np.ma.isMaskedArray(x):
        kind = "masked" if np.ma.isMaskedArray(x) else array.dtype
        raise InputError(f"the {what} is of {kind}; must be floats in [-1, 1], or int16 or int32")
    return array


def check_signal(samples: np.ndarray, name: str, what: str = "output") -> np.ndarray:
    """Samples within the 16-bit range; if necessary scaled down, with a warning.

    Raises:
        InputError: the samples are not finite.
    """
    if not np.isfinite(samples).all():
        raise InputError(
            f"{name}: the {what} is not finite; training diverged (see loss and grad_norm in metrics.jsonl)"
        )
    peak = float(np.abs(samples).max(initial=0.0))
    if peak <= PEAK:
        return samples
    gain = PEAK / peak
    logging.warning("%s: the %s peaks at %.2f of full scale; written at %.2f of its level", name, what, peak, gain)
    return samples * np.float32(gain)


def convert_file(path, output, make: Callable[[], np.ndarray], others=()) -> None:
    """Compute a signal from a recording and write it at the rate of the recording.

    Args:
        path: the recording.
        output: file to write; its suffix (wav, flac, ...) is the format.
        make: () -> samples (N,) at the recording's rate.
        others: other inputs of ``make``, which must not be overwritten.

    Raises:
        InputError: ``make`` refuses the recording, or ``output`` is an input or cannot be written in its format.
    """
    for source in (path, *others):
        if Path(output).exists() and Path(source).exists() and Path(output).samefile(source):
            raise InputError(f"{output}: is an input and the output; name another output")
    samples = check_signal(make(), str(path))
    kind = Path(output).suffix.lstrip(".").upper() or "WAV"
    if kind not in soundfile.available_formats():
        raise InputError(f"{output}: unknown audio format {kind}; use a name that ends in .wav or .flac")
    with replacing_path(output) as aside:
        try:
            soundfile.write(aside, np.clip(samples, -1, 1), file_info(path).rate, format=kind)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{output}: cannot be written ({error.error_string.strip()})") from None


def read_usable(audio: AudioTable, key: str, fs: int) -> np.ndarray:
    """Samples (N,) of an id. Raises InputError, with the id, if they are unusable (toolkit.io.audio.unusable)."""
    samples = audio.read(key)
    check_usable(samples, fs, f"{key}: {audio.values[key]}:", "replace it or drop the utterance")
    return samples


def convert_sets(args, fs: int, what: str, of_set: Callable[[Path, list[str]], Callable]) -> None:
    """A job: compute a signal for every recording of a work list, and write data dirs (toolkit.io.jobs).

    Args:
        args: ``in_root``, ``out_root``, ``work``, ``job``.
        fs: rate in Hz that the recordings must have.
        what: name of the work, for the progress bar.
        of_set: (data dir, its ids in the work list) -> (id, samples (N,)) -> samples (N,).
    """
    torch.set_num_threads(1)
    work = read_work(args.work)
    with progress(sum(map(len, work.values())), what) as bar:
        for name, keys in work.items():
            path = Path(args.in_root) / name
            audio, make = AudioTable(path, fs=fs, only=set(keys)), of_set(path, keys)
            with ArkWriter(ark_path(args.out_root, name, "wav", args.job)) as ark:
                for key in keys:
                    ark.write_audio(key, check_signal(make(key, read_usable(audio, key, fs)), key), fs)
                    bar.update()
            lengths = {key: audio.num_samples(key) for key in keys}
            write_job_tables(args.out_root, name, args.job, wav_scp=ark.scp, utt2num_samples=lengths)
