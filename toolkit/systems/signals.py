"""Audio input and output of systems: recordings from files or arrays, signals to files and data dirs."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from toolkit.io.ark import ArkWriter
from toolkit.io.atomic import replacing_path
from toolkit.io.audio import AudioTable, file_info, read_file
from toolkit.io.errors import InputError
from toolkit.io.jobs import ark_path, read_work, write_job_tables
from toolkit.io.progress import progress
from toolkit.io.samples import check_usable, from_integers, resample

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
        x: path of a file that soundfile reads; or samples (N,) or (1, N), as :func:`samples_of` takes them; or a
            Recording, with its rate and name.
        fs: sampling rate of samples in Hz; for a file None, or the rate of the file.
        what: name for messages.
        channel: channel of a multichannel file, from 0, or ``"mean"``.

    Raises:
        InputError: the file is missing or malformed, samples are empty or have no rate, or the recording is unusable
            (toolkit.io.samples.unusable): not finite, silent, constant, too short, far beyond full scale.
    """
    if isinstance(x, Recording):
        check_usable(x.samples, x.fs, x.name)
        return x
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
        if hasattr(x, "detach"):  # a tensor
            x = x.detach().cpu()
            x = x.float() if str(x.dtype) == "torch.bfloat16" else x  # numpy has no such type
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
    gain = _gain(float(np.abs(samples).max(initial=0.0)), name, what)  # the largest of NaN and numbers is NaN
    return samples if gain == 1 else samples * np.float32(gain)


def _gain(peak: float, name: str, what: str) -> float:
    """The factor that brings a signal with this peak into the 16-bit range; InputError where it is not finite."""
    if not np.isfinite(peak):
        raise InputError(
            f"{name}: the {what} is not finite; training diverged (see loss and grad_norm in metrics.jsonl)"
        )
    if peak <= PEAK:
        return 1.0
    gain = PEAK / peak
    logging.warning("%s: the %s peaks at %.2f of full scale; written at %.2f of its level", name, what, peak, gain)
    return gain


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
    write_signal(output, [make()], file_info(path).rate, str(path))


def write_signal(output, blocks: Iterable[np.ndarray], fs: int, name: str) -> None:
    """Write a signal that comes in consecutive blocks, whole or not at all; memory is that of a block.

    Args:
        output: file to write; its suffix (wav, flac, ...) is the format; none: wav.
        blocks: samples (N_i,), or (N_i, C) of several channels. They lie in a temporary file until the peak is known.
        fs: rate in Hz.
        name: of the recording, for messages.

    Raises:
        InputError: a sample is not finite, or ``output`` cannot be written in its format.
    """
    kind = Path(output).suffix.lstrip(".").upper() or "WAV"
    if kind not in soundfile.available_formats():
        raise InputError(f"{output}: unknown audio format {kind}; use a name that ends in .wav or .flac")
    with tempfile.TemporaryFile() as store:
        peak, counts = 0.0, []
        shape: tuple[int, ...] = ()
        for block in blocks:
            peak, shape = float(np.maximum(peak, np.abs(block).max(initial=0.0))), block.shape[1:]
            counts.append(block.size)
            store.write(np.ascontiguousarray(block, np.float32).tobytes())
        gain = np.float32(_gain(peak, name, "output"))
        store.seek(0)
        try:
            with (
                replacing_path(output) as aside,
                soundfile.SoundFile(aside, "w", fs, shape[0] if shape else 1, format=kind) as file,
            ):
                for count in counts:
                    samples = np.frombuffer(store.read(4 * count), np.float32).reshape(-1, *shape)
                    file.write(np.clip(gain * samples, -1, 1))
        except soundfile.LibsndfileError as error:
            raise InputError(f"{output}: cannot be written ({error.error_string.strip()})") from None


def crossfaded(
    blocks: Iterable[np.ndarray], make: Callable[[np.ndarray], np.ndarray], overlap: int
) -> Iterator[np.ndarray]:
    """Process a long recording block by block; each block is processed with the end of the one before.

    Args:
        blocks: consecutive samples (N_i,), or (N_i, C) of several channels.
        make: (N,) -> (N,), or (N, C) -> (N, C).
        overlap: samples that a block shares with the one before; there the earlier output fades out, the later one in.

    Yields:
        Consecutive outputs, together as long as ``blocks``. A single block gives ``make(block)``.

    Example::

        out = np.concatenate(list(crossfaded([noisy[:8000], noisy[8000:]], lambda x: enhancer.enhance(x, 16000), 800)))
    """
    tail = held = np.zeros(0, np.float32)
    for block in blocks:
        window = np.concatenate([tail, block]) if len(tail) else block
        out = make(window)
        if shared := len(held):
            fade = np.linspace(0, 1, shared + 2, dtype=np.float32)[1:-1].reshape(-1, *[1] * (out.ndim - 1))
            out = np.concatenate([held + fade * (out[:shared] - held), out[shared:]])
        keep = min(overlap, len(out))
        tail, held = window[len(window) - keep :], out[len(out) - keep :]
        if keep < len(out):
            yield out[: len(out) - keep]
    if len(held):
        yield held


def regrouped(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Consecutive blocks (N_i,) as blocks of ``size`` samples, the last of which may be shorter."""
    waiting: list[np.ndarray] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= size:
            joined = np.concatenate(waiting)
            whole = len(joined) // size * size
            yield from joined[:whole].reshape(-1, size)
            waiting = [joined[whole:]]
    if rest := sum(map(len, waiting)):
        yield np.concatenate(waiting)[:rest]


def read_usable(audio: AudioTable, key: str, fs: int) -> np.ndarray:
    """Samples (N,) of an id. Raises InputError, with the id, if they are unusable (toolkit.io.samples.unusable)."""
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
    import torch  # here, so that verbs on ONNX models need none

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
