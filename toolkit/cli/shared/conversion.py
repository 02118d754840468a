"""Recordings in, recordings out: the loop of the verbs enhance and extract."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import numpy as np

from toolkit.cli.shared.failures import Failures
from toolkit.cli.shared.inputs import Input, inputs_of, readable
from toolkit.cli.shared.outputs import STDOUT, check_table, is_kept, json_text, output_paths, table_path
from toolkit.io.audio import AudioInfo
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.io.progress import progress
from toolkit.io.samples import unusable
from toolkit.metrics.signal.recording_quality import recording_quality
from toolkit.systems.signals import Recording, crossfaded, write_signal

BLOCK_SECONDS = 300.0  # of a recording in memory
BLOCK_CHANNELS = 8  # of more channels blocks are shorter, so that memory does not grow with their number
OVERLAP_SECONDS = 2.0  # that a block shares with the one before; there they are cross-faded
Make = Callable[[Recording], np.ndarray]


def convert(args, fs: int, what: str, make: Make) -> None:
    """Make a recording from each input.

    A fault of one input is reported, and the others go on.

    Args:
        args: options of toolkit.cli.shared.options.add_audio_output, and ``inputs``.
        fs: rate in Hz of the system, for warnings.
        what: name of the work, for the progress bar.
        make: recording of one channel -> (N,) samples at its rate.

    Raises:
        InputError: the outputs cannot be named, or an input failed.
    """
    if args.json and args.output == STDOUT:
        raise InputError("--json and --output - both write to standard output; give a file or a folder")
    inputs = inputs_of(args.inputs)
    paths = output_paths(inputs, args.output, args.format)
    table, listed = table_path(inputs, args.output), dict(zip((i.key for i in inputs), paths, strict=True))
    if table and not args.overwrite:
        check_table(table, listed)
    results, failures = [], Failures(inputs)
    kept_paths = [is_kept(path, args.overwrite) for path in paths]
    with ExitStack() as stack:
        jobs = list(zip(stack.enter_context(readable(inputs)), paths, kept_paths, strict=True))
        bar = stack.enter_context(progress(_seconds(jobs), what, "s"))
        for recording, path, kept in jobs:
            result = {"input": recording.name, "output": path, "kept": kept, "warnings": [], "error": None}
            results.append(result)
            if kept:
                continue
            with failures.of(recording):
                result |= convert_one(recording, path, args.channel, fs, make, bar)
            result["error"] = failures.messages.get(recording.name)
    _report(results, args)
    if table and not failures.messages:
        write_table(table, listed)
    failures.check()


def _seconds(jobs: Sequence[tuple[Input, str, bool]]) -> int:
    """Of audio that is to be converted; what cannot be read counts nothing, and is reported in its turn."""
    total = 0.0
    for recording, _, kept in jobs:
        try:
            info = None if kept else recording.info()
        except InputError:
            continue
        total += info.frames / info.rate if info else 0
    return round(total)


def convert_one(recording: Input, path: str, channel, fs: int, make: Make, bar) -> dict:
    """Convert one recording; its facts, with ``warnings``. Arguments as of :func:`convert`; ``bar`` counts seconds.

    Raises:
        InputError: it cannot be read, or the output is not finite.
    """
    info = recording.info()
    faults: list[str] = []
    write_signal(path, _outputs(recording, info, channel, fs, make, bar, faults), info.rate, recording.name)
    channels = 1 if channel is not None else info.channels
    return {"seconds": info.frames / info.rate, "fs": info.rate, "channels": channels, "warnings": faults}


def _outputs(recording: Input, info: AudioInfo, channel, fs: int, make: Make, bar, faults: list[str]) -> Iterator:
    """Blocks (N_i,) or (N_i, C) of the output; ``faults`` gets what is wrong with the first block of the input."""
    overlap, silent = round(OVERLAP_SECONDS * info.rate), "is digital silence"
    channel = _channel_of(channel, info)
    seconds = BLOCK_SECONDS / max(1, info.channels / BLOCK_CHANNELS if channel == "all" else 1)

    def make_columns(window: np.ndarray) -> np.ndarray:
        columns = window[:, None] if window.ndim == 1 else window
        out = np.zeros_like(columns)
        for i, samples in enumerate(columns.T):
            samples = np.ascontiguousarray(samples)
            if unusable(samples, info.rate) != silent:  # silence stays silence
                out[:, i] = make(Recording(samples, info.rate, f"{recording.name}: the recording"))
        return out[:, 0] if window.ndim == 1 else out

    def watched() -> Iterator[np.ndarray]:
        for number, block in enumerate(recording.blocks(seconds, channel)):
            if not number:
                mono = block if block.ndim == 1 else block.mean(1)
                faults.extend(recording_quality(mono, info.rate).warnings(fs, 0.5))
                for fault in faults:
                    logging.warning("%s: %s", recording.name, fault)
            yield block
            bar.update(round(len(block) / info.rate))

    return crossfaded(watched(), make_columns, overlap)


def _channel_of(channel, info: AudioInfo) -> int | str | None:
    return "all" if channel is None and info.channels > 1 else channel


def _report(results: Sequence[dict], args) -> None:
    """Outputs on standard output, or results as JSON."""
    if args.json:
        print(json_text(list(results)))
    elif args.output != STDOUT:
        for result in results:
            if not result["error"]:
                print(f"{result['output']}{' (kept, --overwrite writes it again)' if result['kept'] else ''}")
