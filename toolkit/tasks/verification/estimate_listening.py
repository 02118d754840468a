"""Examples of a model that estimates the speech in mixtures: audio, spectrograms and error measures."""

import argparse
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.features.mel_inversion import MelInversion, centres, share_mask, wiener_mask
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError, some_of
from toolkit.metrics.signal.intrusive import Undefined, si_sdr
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.report.listening import Column, Row, write_listening
from toolkit.simulate.plan import generator

_NOTE = (
    "Pictures: log-mel spectrograms on one scale of colours, of estimates what the model says. Sounds: the mixture, "
    "its bins weighted by the estimates' share of the energy, its phase kept. Numbers, against the clean speech: of "
    "the mixture → of the estimate."
)
DECIBELS = 10 / math.log(10)  # of a natural logarithm of energy


@dataclass(frozen=True)
class Example:
    """One mixture and a model's estimates of it.

    Attributes:
        audio: label -> samples (N,), at the mixture's level: ``mixture``, ``estimated speech``, and where there is one
            ``estimated noise`` and the reference ``clean speech``.
        log_mels: label -> (T, F): of mixture and clean speech those of their audio, of the others the model's outputs.
        numbers: with a reference: ``si_sdr_mixture``, ``si_sdr_speech`` in dB; ``mse_mixture``, ``mse_speech`` and
            ``mse_noise``, mean squared errors of log-mels (natural logarithm) against those of the reference.
    """

    audio: Mapping[str, np.ndarray]
    log_mels: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]


class Listener:
    """From mixtures to examples.

    Args:
        embedder: in eval mode; its model estimates ``speech`` (B, T, F) log-mel, perhaps ``noise``.

    Raises:
        InputError: it estimates no speech, or its front end cannot be inverted to audio.
    """

    def __init__(self, embedder: SpeakerEmbedder):
        self.embedder, self.fs = embedder, embedder.frontend.fs
        with torch.inference_mode():
            feats, outputs = self._estimates(torch.zeros(1, self.fs))
        if "speech" not in outputs or outputs["speech"].shape != feats.shape:
            raise InputError(f"{type(embedder.model).__name__} makes no enhanced speech")
        self.mel_inversion = MelInversion(embedder.frontend)

    def _estimates(self, wav: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """wav (1, N) -> its log-mel (1, T, F), and the model's outputs."""
        feats, _ = self.embedder.frontend(wav)
        return feats, self.embedder.model.outputs(self.embedder.normalized(feats))

    @torch.inference_mode()
    def hear(self, key: str, mixture: np.ndarray, clean: np.ndarray | None = None) -> Example:
        """One example.

        Args:
            key: utterance id.
            mixture: (N,) samples.
            clean: (N,) the speech in it, at any level; it is scaled to its least-squares level in the mixture, and the
                rest of the mixture counts as the true noise.

        Raises:
            InputError: an estimate is not finite.
        """
        wav = torch.from_numpy(mixture)[None]
        feats, outputs = self._estimates(wav)
        if not_finite := [
            name for name in ("speech", "noise") if name in outputs and not outputs[name].isfinite().all()
        ]:
            raise InputError(
                f"{key}: the estimated {not_finite[0]} is not finite; training diverged (loss in metrics.jsonl)"
            )
        if "noise" in outputs:
            mask = wiener_mask(outputs["speech"], outputs["noise"])
            parts = {"estimated noise": (self.mel_inversion(wav, 1 - mask), outputs["noise"])}
        else:
            mask, parts = share_mask(outputs["speech"], feats), {}
        parts = {
            "mixture": (wav, feats),
            "estimated speech": (self.mel_inversion(wav, mask), outputs["speech"]),
            **parts,
        }
        numbers = {}
        if clean is not None and clean.any():
            level = np.float32(np.dot(clean, mixture) / np.dot(clean, clean))
            truth = torch.from_numpy(clean * level)[None]
            parts["clean speech"] = (truth, self.embedder.frontend(truth)[0])
            numbers = self._numbers(parts)
        audio, log_mels = ({name: pair[i][0].numpy() for name, pair in parts.items()} for i in (0, 1))
        return Example(audio, log_mels, numbers)

    def _numbers(self, parts: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float]:
        """Error measures against ``clean speech``."""
        truth, clean = parts["clean speech"]
        numbers = {}
        for name in ("mixture", "speech"):
            wav, log_mel = parts[name if name == "mixture" else f"estimated {name}"]
            try:
                numbers[f"si_sdr_{name}"] = si_sdr(wav[0].numpy(), truth[0].numpy())
            except Undefined:
                numbers[f"si_sdr_{name}"] = float("nan")
            numbers[f"mse_{name}"] = float((log_mel - clean).square().mean())
        if "estimated noise" in parts:
            rest, _ = self.embedder.frontend(parts["mixture"][0] - truth)
            numbers["mse_noise"] = float((parts["estimated noise"][1] - rest).square().mean())
        return numbers


class ListeningSet:
    """A data dir of mixtures, with their clean speech where it is known.

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
        self._dry = "spk1.scp" not in data  # a clean set holds the speech itself, not what reached the microphone
        self._clean: AudioTable | None = None
        if not self._dry:
            self._clean = AudioTable(path, fs=fs, stream="spk1")
        else:
            matching = [clean for clean in cleans if path.name == clean.name or path.name.startswith(f"{clean.name}_")]
            matching = sorted(matching, key=lambda clean: len(clean.name))[-1:] or cleans
            if len(matching) > 1:
                raise InputError(f"{path}: --clean names several sets, and it is named after none of them; give one")
            if matching:
                self._clean = AudioTable(*matching, fs=fs)

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
        facts = {"set": self.name}
        for fact, name, unit in (("noise", "noise", ""), ("snr", "SNR", " dB")):
            if key in self._tables.get(fact, {}):
                facts[name] = self._tables[fact][key] + unit
        return facts


def chosen(sets: list[ListeningSet], args: argparse.Namespace) -> Iterator[tuple[ListeningSet, str]]:
    """The examples. A random number ranks each id, so sets of the same utterances get the same examples."""
    if args.ids and (
        unknown := [key for key in args.ids if not any(key in listening_set.keys for listening_set in sets)]
    ):
        raise InputError(f"--ids: in none of the sets: {some_of(unknown)}")
    for listening_set in sets:
        ranked = sorted(listening_set.keys, key=lambda key: generator(args.seed, key).random())[: args.per_set]
        yield from (
            (listening_set, key)
            for key in ([key for key in args.ids if key in listening_set.keys] if args.ids else ranked)
        )


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


def write_examples(args: argparse.Namespace, listener: Listener, frontend: KaldiFbank | LogMelSpectrogram) -> None:
    """Write the folder of examples by the options of ``listen_trials``."""
    sets = [ListeningSet(path, args.clean, listener.fs) for path in args.sets]
    rows, without_clean = [], 0
    for listening_set, key in chosen(sets, args):
        mixture, clean = listening_set.read(key, args.max_seconds)
        rows.append(row_of(listener.hear(key, mixture, clean), key, listening_set.facts(key)))
        without_clean += clean is None
    write_listening(args.output, rows, listener.fs, centres(frontend).numpy(), frontend.hop / listener.fs, _NOTE)
    print(
        f"{args.output}: {len(rows)} examples"
        + (f", {without_clean} of them without clean speech" if without_clean else "")
    )
