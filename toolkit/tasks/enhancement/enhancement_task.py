"""Speech enhancement and target speaker extraction: what a training step and a validation are.

Both make a signal of a mixture, and differ in what they are given: extraction has an enrolment besides.
"""

from abc import abstractmethod
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches
from toolkit.data.datasets import TrainingDataset
from toolkit.data.extraction import fixed_enrolments
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.losses.enhancement.waveform import EnhancementLoss
from toolkit.metrics.cost.complexity import noise
from toolkit.metrics.signal.intrusive import Undefined, si_sdr
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.simulate.enrolments import STREAM
from toolkit.tasks.base import Task
from toolkit.train.probe import call, check_loss, check_module, check_padding, check_tensor, name_of


def check_classes_of(model: nn.Module, loss: EnhancementLoss) -> None:
    """Raise InputError where classes of a user's own are not made as their base classes ask."""
    check_module("model", model)
    check_module("loss", loss)
    if type(getattr(model, "fs", None)) is not int or model.fs < 1:
        raise InputError(f"{name_of('model', model)}: its constructor must set fs, a whole number in Hz")


class SignalTask(Task):
    """A network from mixture to signal and its loss; validated by the loss on whole held-out mixtures.

    Args:
        model: what is deployed.
        loss: between estimate and reference; ``setup`` is called here.
        batches: how an epoch is cut.
        train: the training mixtures, opened.
        valid: data dirs of rendered mixtures with the streams; models are ranked by the mean of their losses.
        reference: the stream that the estimate should be: ``spk1``, or ``dereverb1``.
    """

    metric = ("loss", "min")
    signals = 1  # that the network is given

    def __init__(
        self,
        model,
        loss: EnhancementLoss,
        batches: Batches,
        train: TrainingDataset,
        valid: list[str],
        reference: str = "spk1",
    ):
        super().__init__()
        check_classes_of(model, loss)
        self.model, self.loss, self.reference = model, loss, reference
        call("loss", loss, loss.setup, model.fs)
        self._batches, self._train, self.valid_streams = batches, train, self.streams(reference)
        self._valid = {Path(path).name: ValidationMixtures(path, model.fs, self.valid_streams) for path in valid}

    @classmethod
    @abstractmethod
    def streams(cls, reference: str) -> tuple[str, ...]:
        """What of a mixture it trains on."""

    @abstractmethod
    def estimate(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The network's output (B, N) for a batch with ``wav`` (B, N)."""

    @property
    def dataset(self) -> TrainingDataset:
        """The training mixtures."""
        return self._train

    def batches(self, seed: int, epoch: int):
        """See Batches.epoch."""
        return self._batches.epoch(self._train.labels, self._train.seconds, self.per_speaker, seed, epoch)

    def deployed(self):
        """The network."""
        return self.model

    def one_second(self) -> tuple[nn.Module, tuple]:
        """The network, and a second of all that it hears."""
        return self.model, (noise(1.0, self.model.fs),) * self.signals

    def check_contracts(self, batch: dict) -> nn.Module:
        """Network and loss."""
        wav, who, loss = batch["wav"], name_of("model", self.model), name_of("loss", self.loss)
        estimate = self._checked_output(batch, "the output")
        if not estimate.requires_grad and any(one.requires_grad for one in self.model.parameters()):
            raise InputError(f"{who}: the output must have a gradient; neither detach it, nor run under torch.no_grad")
        for lengths in ({"lengths": batch["lengths"]}, {}):  # validation gives none
            found = call("loss", self.loss, partial(self.loss, **lengths), estimate, batch[self.reference])
            check_loss(loss, found)
        if not isinstance(getattr(self.loss, "parts", None), dict):
            raise InputError(f"{loss}: has no dict `parts`; its constructor must call super().__init__()")
        for name, part in self.loss.parts.items():
            check_tensor(loss, f"parts[{name!r}]", part, ())
        self.eval()
        # Whole recordings come in every length, digital silence among them.
        odd = {name: x[:, : x.shape[1] - 1] if name == "wav" else x for name, x in batch.items()}
        with torch.no_grad():
            self._checked_output(odd, "in eval mode, of other lengths, the output")
            self._checked_output(batch | {"wav": torch.zeros_like(wav)}, "of a silent input, the output")
        return self.model

    def _checked_output(self, batch: dict, what: str) -> torch.Tensor:
        estimate = call("model", self.model, self.estimate, batch)
        return check_tensor(name_of("model", self.model), what, estimate, tuple(batch["wav"].shape), torch.float32)

    def forward(self, batch: dict) -> tuple[torch.Tensor, dict[str, float]]:
        """``wav`` (B, N), the reference (B, N), ``lengths`` (B,)|None -> loss, its parts."""
        loss = self.loss(self.estimate(batch), batch[self.reference], batch["lengths"])
        return loss, {name: float(part) for name, part in self.loss.parts.items()}

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """``loss`` and its parts, SI-SDR and its improvement over the mixture in dB: means over sets of their means."""
        device = next(self.model.parameters()).device
        found = {name: self._measure(valid, device) for name, valid in self._valid.items()}
        names = dict.fromkeys(name for values in found.values() for name in values)
        means = {name: float(np.mean([values[name] for values in found.values()])) for name in names}
        if len(found) > 1:
            means |= {f"{name}_{one}": values[name] for one, values in found.items() for name in ("loss", "si_sdri")}
        return means

    def _measure(self, valid: "ValidationMixtures", device: torch.device) -> dict[str, float]:
        rows = []
        for key in valid.keys:
            item = valid.item(key)
            batch = {name: torch.from_numpy(samples)[None].to(device) for name, samples in item.items()}
            estimate = self.estimate(batch)
            row = {"loss": float(self.loss(estimate, batch[self.reference]))}
            row |= {name: float(part) for name, part in self.loss.parts.items()}
            after = _si_sdr(estimate[0].float().cpu().numpy(), item[self.reference])
            before = _si_sdr(item["wav"], item[self.reference])
            rows.append(row | {"si_sdr": after, "si_sdri": after - before})
        # A mixture that equals its reference has no improvement.
        return {name: _finite_mean([row[name] for row in rows]) for name in rows[0]}


def _si_sdr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """In dB; NaN where one is silent, as outputs of a young network may be."""
    try:
        return si_sdr(estimate, reference)
    except Undefined:
        return float("nan")


def _finite_mean(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


class EnhancementTask(SignalTask):
    """A SpeechEnhancer: mixture in, speech out."""

    model: SpeechEnhancer

    @classmethod
    def streams(cls, reference: str) -> tuple[str, ...]:
        """Mixture and reference."""
        return ("wav", reference)

    def estimate(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """``wav`` (B, N) -> (B, N)."""
        return self.model(batch["wav"])


class ExtractionTask(SignalTask):
    """A SpeakerExtractor: mixture and enrolment in, what the enrolled speaker says out."""

    model: SpeakerExtractor
    signals = 2

    @classmethod
    def streams(cls, reference: str) -> tuple[str, ...]:
        """Mixture, reference, enrolment."""
        return ("wav", reference, STREAM)

    def check_contracts(self, batch: dict) -> nn.Module:
        """Network and loss; an enrolment padded in a batch must have the effect that it has alone."""
        super().check_contracts(batch)
        wav, enrolled, sizes = batch["wav"][:2, : self.model.fs], batch[STREAM], batch.get(f"{STREAM}_lengths")
        shortest = enrolled.shape[1] if sizes is None else int(sizes.min())
        self.eval()
        check_padding(
            ("model", self.model),
            "enrolment_lengths",
            lambda enrolment, lengths: self.model(wav[-len(enrolment) :], enrolment, lengths),
            enrolled[:2, : min(shortest, 2 * self.model.fs)],
        )
        return self.model

    def estimate(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """``wav`` (B, N), ``enroll_spk1`` (B, M), ``enroll_spk1_lengths`` (B,)|None -> (B, N)."""
        return self.model(batch["wav"], batch[STREAM], batch.get(f"{STREAM}_lengths"))


class ValidationMixtures:
    """Whole rendered mixtures.

    Args:
        path: formatted data dir with a scp for every stream.
        fs: rate in Hz that its audio must have.
        streams: what is read.

    Raises:
        InputError: a stream is missing; says how to make it.
    """

    def __init__(self, path: str, fs: int, streams: tuple[str, ...]):
        data = DataDir(path)
        if missing := [name for name in streams if f"{name}.scp" not in data]:
            raise InputError(
                f"{path}/{missing[0]}.scp: no such file; validation takes rendered mixtures with {', '.join(streams)} "
                "(--simulate_valid_config at stage 2)"
            )
        self._tables = {name: AudioTable(path, fs=fs, stream=name) for name in streams if name != STREAM}
        if STREAM in streams:
            self._tables[STREAM] = fixed_enrolments(path, fs)
        self.keys = data.keys()

    def item(self, key: str) -> dict[str, np.ndarray]:
        """Stream -> samples (N,), of the enrolment (M,)."""
        return {name: table.read(key) for name, table in self._tables.items()}
