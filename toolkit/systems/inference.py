"""Signals made by a trained network: the one path that recipes and Python API take, to enhance or to extract."""

import logging
from collections.abc import Callable
from numbers import Real
from pathlib import Path

import numpy as np
import soundfile
import torch

from toolkit.io.ark import ArkWriter
from toolkit.io.atomic import replacing_path
from toolkit.io.audio import AudioTable, check_usable, from_integers, read_file, resample
from toolkit.io.errors import InputError
from toolkit.io.jobs import ark_path, read_work, write_job_tables
from toolkit.io.progress import progress
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.chunked import home, overlapped
from toolkit.models.tse.base import SpeakerExtractor

CHUNK_SECONDS = 30.0  # a longer mixture is extracted in chunks of so much, a quarter shared with the next
PEAK = 0.99


def enhance(model: SpeechEnhancer, wav: np.ndarray, observation: float = 0.0) -> np.ndarray:
    """The speech in a recording.

    Args:
        model: in eval mode.
        wav: (N,) samples at the model's rate, see :func:`signal_of`.
        observation: beta of observation adding (SSL-MSE, section 4.3): the output is (1 - beta) times the estimate plus
            beta times the recording; 0 adds nothing, 1 gives the recording back.

    Returns:
        (N,) float32.

    Raises:
        InputError: ``model`` is no enhancer, ``wav`` no signal (see :func:`signal_of`), or ``observation`` not in
            [0, 1].
    """
    if not isinstance(model, SpeechEnhancer):
        raise InputError(f"{type(model).__name__} is not an enhancer; use load_enhancer")
    if not (isinstance(observation, Real) and 0 <= observation <= 1):
        raise InputError(f"observation {observation!r:.80} must be a number from 0 to 1")
    wav = signal_of(wav, "recording", model.fs)
    estimate = model.enhance(torch.from_numpy(wav)).numpy()
    return ((1 - observation) * estimate + observation * wav).astype(np.float32)


@torch.inference_mode()
def extract(model: SpeakerExtractor, mixture: np.ndarray, enrolment: np.ndarray) -> np.ndarray:
    """What the enrolled speaker says in a mixture.

    Networks that are trained by a scale-invariant loss give any level; here the estimate gets the gain at which it
    explains most of the mixture (least squares), which is right where what is left does not depend on it.

    Args:
        model: in eval mode.
        mixture: (N,) samples at the model's rate, see :func:`signal_of`.
        enrolment: (M,) samples at the same rate.

    Returns:
        (N,) float32.

    Raises:
        InputError: ``model`` is no extractor, or one of the signals is none (see :func:`signal_of`).
    """
    if not isinstance(model, SpeakerExtractor):
        raise InputError(f"{type(model).__name__} is not an extractor; use load_extractor")
    mixture, enrolment = signal_of(mixture, "mixture", model.fs), signal_of(enrolment, "enrolment", model.fs)
    voice = torch.from_numpy(enrolment)[None].to(home(model) or "cpu")
    wav, chunk = torch.from_numpy(mixture), round(CHUNK_SECONDS * model.fs)
    estimate = overlapped(_Enrolled(model, voice), wav, chunk, chunk // 4).float().numpy()
    power = float(np.square(estimate, dtype=np.float64).sum())
    gain = float(estimate.astype(np.float64) @ mixture) / power if power > 0 else 1.0
    return (gain * estimate).astype(np.float32)


def signal_of(samples, what: str, fs: int) -> np.ndarray:
    """Samples (N,) as float32.

    Args:
        samples: array or tensor of floats in [-1, 1], or of int16 or int32, which are scaled as files of them are.
        what: it is, in messages.
        fs: rate in Hz.

    Raises:
        InputError: it is empty, has several channels, is of another type, or is unusable (toolkit.io.audio.unusable):
            not finite, silent, constant, too short, far beyond full scale.
    """
    try:
        array = np.asarray(samples.detach().cpu() if isinstance(samples, torch.Tensor) else samples)
    except (ValueError, TypeError, RuntimeError) as error:  # of tensors: sparse, without data, of a foreign type
        raise InputError(f"the {what} must be an array of samples ({' '.join(str(error).split())[:100]})") from None
    if array.ndim != 1 or not array.size:
        raise InputError(f"the {what} has the shape {array.shape}; samples of one channel are wanted, (N,)")
    if array.dtype in (np.int16, np.int32):
        array = from_integers(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"the {what} is of {array.dtype}; must be floats in [-1, 1], or int16 or int32")
    check_usable(array, fs, f"the {what}")
    return np.ascontiguousarray(array, dtype=np.float32)


class _Enrolled(torch.nn.Module):
    """An extractor with its enrolment."""

    def __init__(self, model: SpeakerExtractor, enrolment: torch.Tensor):
        super().__init__()
        self.model, self.enrolment = model, enrolment

    def forward(self, wav: torch.Tensor) -> torch.Tensor:
        """(B, N) mixtures -> (B, N), all of one enrolment (1, M)."""
        return self.model(wav, self.enrolment.expand(len(wav), -1))


def check_signal(samples: np.ndarray, name: str, what: str = "output") -> np.ndarray:
    """Samples within the 16-bit range, where need be at a lower level, and that is said.

    Raises:
        InputError: they are not finite.
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


def read_signal(
    path, fs: int, channel: int | str | None = None, what: str = "recording"
) -> tuple[np.ndarray, int, int]:
    """An audio file for a network: samples at ``fs`` (N,), the file's rate in Hz and its length in samples.

    Raises:
        InputError: the file is missing or bad, has several channels and none is chosen, or is unusable
            (toolkit.io.audio.unusable).
    """
    samples, rate = read_file(path, channel=channel)
    check_usable(samples, rate, f"{path}: the {what}")
    return resample(samples, rate, fs), rate, len(samples)


def convert_file(
    path,
    output,
    fs: int,
    make: Callable[[np.ndarray], np.ndarray],
    channel: int | str | None = None,
    others=(),
    what: str = "recording",
):
    """Read a recording of any rate and length, make another of it, write that at the same rate and length.

    Args:
        path: audio that soundfile reads.
        output: file to write; its suffix (wav, flac, ...) says how.
        fs: rate in Hz that ``make`` works at.
        make: (N,) -> (N,).
        channel: which of several channels (from 0), or ``"mean"``.
        others: more recordings that were read, not to be overwritten.
        what: it is, in messages.

    Raises:
        InputError: the recording is bad, or ``output`` is one of those read or cannot be written as its suffix says.
    """
    for one in (path, *others):
        if Path(output).exists() and Path(one).exists() and Path(output).samefile(one):
            raise InputError(f"{output}: is to be read and to be written; name another output")
    samples, rate, length = read_signal(path, fs, channel, what)
    made = resample(check_signal(make(samples), str(path)), fs, rate)
    made = np.pad(made[:length], (0, max(0, length - len(made))))
    kind = Path(output).suffix.lstrip(".").upper() or "WAV"
    if kind not in soundfile.available_formats():
        raise InputError(f"{output}: {kind} is no format of audio files; end it in .wav or .flac")
    with replacing_path(output) as aside:
        try:
            soundfile.write(aside, np.clip(made, -1, 1), rate, format=kind)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{output}: cannot be written ({error.error_string.strip()})") from None


def convert_sets(args, fs: int, what: str, of_set: Callable[[Path, list[str]], Callable]) -> None:
    """A job: make a signal of every recording of a work list; out come data dirs of them (toolkit.io.jobs).

    Args:
        args: ``in_root``, ``out_root``, ``work``, ``job``.
        fs: rate in Hz that the recordings must have.
        what: is done, for the progress bar.
        of_set: (data dir, its ids that are asked for) -> (id, samples (N,)) -> samples (N,).
    """
    torch.set_num_threads(1)
    work = read_work(args.work)
    with progress(sum(map(len, work.values())), what) as bar:
        for name, keys in work.items():
            path = Path(args.in_root) / name
            audio, make = AudioTable(path, fs=fs, only=set(keys)), of_set(path, keys)
            with ArkWriter(ark_path(args.out_root, name, "wav", args.job)) as ark:
                for key in keys:
                    recording = audio.read(key)
                    check_usable(recording, fs, f"{key}: {audio.values[key]}:", "replace it or drop the utterance")
                    ark.write_audio(key, check_signal(make(key, recording), key), fs)
                    bar.update()
            lengths = {key: audio.num_samples(key) for key in keys}
            write_job_tables(args.out_root, name, args.job, wav_scp=ark.scp, utt2num_samples=lengths)
