"""Some mixtures and what a system's model makes of them: audio, spectrograms and listening.json for report.html.

Of a model that estimates the speech in a mixture (ParaNoise-SV), the estimated log-mels are drawn, and heard as a mask
on the mixture's spectrum. Other models make no enhanced speech: that is said, and nothing is written.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from toolkit.features.mel_inversion import centres
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import Parser, add_network_choice, check_device, positive_int, real_number, run, seed
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError, some_of
from toolkit.report.listening import Column, Row, write_listening
from toolkit.simulate.plan import generator
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.estimate_listening import DECIBELS, Example, Listener

_NOTE = (
    "Pictures: log-mel spectrograms on one scale of colours, of estimates what the model says. Sounds: the mixture, "
    "its bins weighted by the estimates' share of the energy, its phase kept. Numbers, against the clean speech: of "
    "the mixture → of the estimate."
)


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.listen_trials``."""
    parser = Parser(description=__doc__)
    add_network_choice(parser)
    parser.add_argument("--sets", type=Path, nargs="+", required=True, help="formatted data dirs of mixtures")
    parser.add_argument(
        "--clean",
        type=Path,
        nargs="*",
        default=[],
        help="data dirs of the same utterances without noise; sets are named <clean>_<noise>_<snr>, or one serves all. "
        "A set with spk1.scp needs none",
    )
    parser.add_argument(
        "--per_set", type=positive_int, default=1, help="examples of each set, the same utterances in all"
    )
    parser.add_argument("--ids", nargs="+", help="utterances, instead of drawn ones")
    parser.add_argument("--seed", type=seed, default=0, help="of the draw")
    parser.add_argument(
        "--max_seconds",
        type=real_number(0.1, 1e9, inside=True),
        default=10.0,
        help="no more than the beginning of an utterance",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    return parser


class MixtureSet:
    """A data dir of mixtures, with the clean speech in them where it is known.

    Args:
        path: the mixtures.
        cleans: data dirs that may hold the same utterances without noise.
        fs: rate in Hz of all of them.
    """

    def __init__(self, path: Path, cleans: list[Path], fs: int):
        self.name, self._fs, data = path.name, fs, DataDir(path)
        self._audio = AudioTable(path, fs=fs)
        self.keys = self._audio.keys()
        self._tables = {fact: data.table(f"utt2{fact}") for fact in ("noise", "snr", "room") if f"utt2{fact}" in data}
        self._dry = "spk1.scp" not in data  # a clean set holds what was said, not what reached the microphone
        if not self._dry:
            self._clean = AudioTable(path, fs=fs, stream="spk1")
        else:
            named = [clean for clean in cleans if path.name == clean.name or path.name.startswith(f"{clean.name}_")]
            named = sorted(named, key=lambda clean: len(clean.name))[-1:] or cleans
            if len(named) > 1:
                raise InputError(f"{path}: --clean names several sets, and it is named after none of them; give one")
            self._clean = AudioTable(*named, fs=fs) if named else None

    def read(self, key: str, max_seconds: float) -> tuple[np.ndarray, np.ndarray | None]:
        """Mixture, and clean speech or None; the beginnings of both."""
        length, clean = self._audio.num_samples(key), None
        frames = min(length, round(max_seconds * self._fs))
        if self._clean is not None and key in self._clean.values and self._clean.num_samples(key) == length:
            in_room = self._dry and self._tables.get("room", {}).get(key, "none") != "none"
            clean = None if in_room else self._clean.read(key, frames=frames)
        return self._audio.read(key, frames=frames), clean

    def facts(self, key: str) -> dict[str, str]:
        """Set, kind of noise and SNR of an utterance."""
        said = {"set": self.name}
        for fact, name, unit in (("noise", "noise", ""), ("snr", "SNR", " dB")):
            if key in self._tables.get(fact, {}):
                said[name] = self._tables[fact][key] + unit
        return said


def chosen(sets: list[MixtureSet], args: argparse.Namespace) -> Iterator[tuple[MixtureSet, str]]:
    """The examples. A draw ranks the ids, so sets of the same utterances get the same ones."""
    if args.ids and (unknown := [key for key in args.ids if not any(key in one.keys for one in sets)]):
        raise InputError(f"--ids: in none of the sets: {some_of(unknown)}")
    for one in sets:
        ranked = sorted(one.keys, key=lambda key: generator(args.seed, key).random())[: args.per_set]
        yield from ((one, key) for key in ([key for key in args.ids if key in one.keys] if args.ids else ranked))


def row_of(example: Example, key: str, facts: dict[str, str]) -> Row:
    """An example as the page shows it."""
    n = example.numbers
    if n:
        facts |= {"SI-SDR": f"{n['si_sdr_mixture']:.1f} → {n['si_sdr_speech']:.1f} dB"}
        facts |= {"speech log-mel MSE": f"{n['mse_mixture']:.2f} → {n['mse_speech']:.2f}"}
    if "mse_noise" in n:
        facts |= {"noise log-mel MSE": f"{n['mse_noise']:.2f}"}
    columns = [Column(name, wav, DECIBELS * example.log_mels[name]) for name, wav in example.audio.items()]
    return Row(key, facts, n, columns)


def main(argv=None) -> None:
    """Write the examples."""
    args = get_parser().parse_args(argv)
    torch.set_num_threads(1)
    check_device(args.device)
    embedder = Verifier.load(args.model, args.weights, args.trust, args.device).network
    frontend = embedder.frontend
    try:
        listener = Listener(embedder)
    except InputError as reason:
        logging.info("%s: no listening page", reason)
        return
    sets = [MixtureSet(path, args.clean, listener.fs) for path in args.sets]
    rows, alone = [], 0
    for one, key in chosen(sets, args):
        mixture, clean = one.read(key, args.max_seconds)
        rows.append(row_of(listener.hear(key, mixture, clean), key, one.facts(key)))
        alone += clean is None
    write_listening(args.output, rows, listener.fs, centres(frontend).numpy(), frontend.hop / listener.fs, _NOTE)
    print(f"{args.output}: {len(rows)} examples" + (f", {alone} of them without clean speech" if alone else ""))


if __name__ == "__main__":
    sys.exit(run(main))
