"""What a model that estimates the speech in a mixture says of it, to be heard, seen and measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from toolkit.features.mel_inversion import MelInversion, share_mask, wiener_mask
from toolkit.io.errors import InputError
from toolkit.metrics.signal.intrusive import Undefined, si_sdr
from toolkit.models.sv.embedder import SpeakerEmbedder

DECIBELS = 10 / math.log(10)  # of a natural logarithm of energy


@dataclass(frozen=True)
class Example:
    """One mixture and what a model makes of it.

    Attributes:
        audio: label -> samples (N,), at the mixture's level: ``mixture``, ``estimated speech``, and where there is one
            ``estimated noise`` and the reference ``clean speech``.
        log_mels: label -> (T, F): of mixture and clean speech those of their audio, of the others what the model says.
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
        InputError: it estimates none, or its front end has no way back to audio.
    """

    def __init__(self, embedder: SpeakerEmbedder):
        self.embedder, self.fs = embedder, embedder.frontend.fs
        with torch.inference_mode():
            feats, said = self._estimates(torch.zeros(1, self.fs))
        if "speech" not in said or said["speech"].shape != feats.shape:
            raise InputError(f"{type(embedder.model).__name__} makes no enhanced speech")
        self.resynthesis = MelInversion(embedder.frontend)

    def _estimates(self, wav: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """wav (1, N) -> its log-mel (1, T, F), and what the model says of it."""
        feats, _ = self.embedder.frontend(wav)
        return feats, self.embedder.model.outputs(self.embedder.normalized(feats))

    @torch.inference_mode()
    def hear(self, key: str, mixture: np.ndarray, clean: np.ndarray | None = None) -> Example:
        """One example.

        Args:
            key: utterance id.
            mixture: (N,) samples.
            clean: (N,) the speech in it, at any level; it is brought to the level that it has in the mixture, the
                least-squares one, and what it leaves of the mixture counts as the true noise.

        Raises:
            InputError: an estimate is not finite.
        """
        wav = torch.from_numpy(mixture)[None]
        feats, said = self._estimates(wav)
        if odd := [name for name in ("speech", "noise") if name in said and not said[name].isfinite().all()]:
            raise InputError(f"{key}: the estimated {odd[0]} is not finite; training diverged (loss in metrics.jsonl)")
        if "noise" in said:
            mask = wiener_mask(said["speech"], said["noise"])
            parts = {"estimated noise": (self.resynthesis(wav, 1 - mask), said["noise"])}
        else:
            mask, parts = share_mask(said["speech"], feats), {}
        parts = {"mixture": (wav, feats), "estimated speech": (self.resynthesis(wav, mask), said["speech"]), **parts}
        numbers = {}
        if clean is not None and clean.any():
            level = np.float32(np.dot(clean, mixture) / np.dot(clean, clean))
            truth = torch.from_numpy(clean * level)[None]
            parts["clean speech"] = (truth, self.embedder.frontend(truth)[0])
            numbers = self._numbers(parts)
        audio, log_mels = ({name: pair[i][0].numpy() for name, pair in parts.items()} for i in (0, 1))
        return Example(audio, log_mels, numbers)

    def _numbers(self, parts: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float]:
        """What is measured against ``clean speech``."""
        truth, wanted = parts["clean speech"]
        numbers = {}
        for name in ("mixture", "speech"):
            wav, log_mel = parts[name if name == "mixture" else f"estimated {name}"]
            try:
                numbers[f"si_sdr_{name}"] = si_sdr(wav[0].numpy(), truth[0].numpy())
            except Undefined:
                numbers[f"si_sdr_{name}"] = float("nan")
            numbers[f"mse_{name}"] = float((log_mel - wanted).square().mean())
        if "estimated noise" in parts:
            rest, _ = self.embedder.frontend(parts["mixture"][0] - truth)
            numbers["mse_noise"] = float((parts["estimated noise"][1] - rest).square().mean())
        return numbers
