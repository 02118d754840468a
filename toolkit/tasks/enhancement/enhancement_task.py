"""Speech enhancement: config keys, contracts and validation, which extraction shares."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches, CropBatches, check_whole
from toolkit.data.datasets import MixtureDataset, TrainingDataset
from toolkit.data.extraction import EMBEDDING, fixed_enrolments
from toolkit.data.item import TargetEncoder
from toolkit.data.text_units import TEXT
from toolkit.io.ark import read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss
from toolkit.losses.enhancement.waveform import SNR
from toolkit.metrics.signal.intrusive import Undefined, si_sdr
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.simulate.enrolments import STREAM
from toolkit.tasks.base import Task
from toolkit.tasks.training_statistics import LevelStatistics
from toolkit.train.experiment import default
from toolkit.train.probe import check_loss, check_tensor, checked_outputs, name_of
from toolkit.train.schedule import Constant

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 5e-4}}


_Network = SpeechEnhancer | SpeakerExtractor


class EnhancementTask(Task[_Network]):
    """A network from mixture to speech and its loss; validated by the loss on whole held-out mixtures (see Task).

    Args:
        loss: ``compare_with`` has named its reference, the stream that the output should be.
        valid: data dirs of rendered mixtures with the streams; models are ranked by the mean of their losses.
    """

    metric = ("loss", "min")
    set_terms = ("loss", "si_sdri")
    defaults = MappingProxyType(
        {
            "loss": default(SNR),
            "data": default(MixtureDataset),
            "batches": default(CropBatches, batch_size=8, crop_seconds=[4.0, 4.0]),
            "optimizer": ADAM,
            "schedule": default(Constant),
        }
    )

    def __init__(self, network: _Network, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]):
        super().__init__(network, loss, batches, train, valid)
        self.valid_streams, self.valid_lists = self.streams(network, loss), train.lists
        self.reference = loss.streams[0]
        self.valid_sets = {
            Path(path).name: ValidationMixtures(path, network.fs, self.valid_streams, train.encoders) for path in valid
        }

    @classmethod
    def add_arguments(cls, parser) -> None:
        """See Task."""
        parser.add_argument("--reference", type=str, default="spk1", help="what the output should be: spk1, dereverb1")

    @classmethod
    def build_network(cls, built) -> _Network:
        """See Task."""
        return built.model

    @classmethod
    def check_classes(cls, network: _Network, loss: Loss) -> None:
        """See Task."""
        super().check_classes(network, loss)
        if type(getattr(network, "fs", None)) is not int or network.fs < 1:
            raise InputError(f"{name_of('model', network)}: its constructor must set fs, a whole number in Hz")
        if not loss.streams:
            raise InputError(f"{name_of('loss', loss)}: must name the streams that it compares with, e.g. spk1")

    @classmethod
    def check_config(cls, built, network: _Network) -> None:
        """See Task."""
        if TEXT in built.loss.streams:
            check_whole(built.batches, "transcripts")

    @classmethod
    def item_statistics(cls, network: _Network) -> LevelStatistics:
        """Level of the mixtures."""
        return LevelStatistics()

    def check_contracts(self, batch: dict) -> nn.Module:
        """Network and loss."""
        model_name, wav = name_of("model", self.network), batch["wav"]
        outputs = self._checked_outputs(batch, "the output")
        if not outputs["speech"].requires_grad and any(
            parameter.requires_grad for parameter in self.network.parameters()
        ):
            raise InputError(
                f"{model_name}: the output must have a gradient; neither detach it, nor run under torch.no_grad"
            )
        for lengths in (batch["lengths"], None):  # validation gives none
            check_loss(self.loss, outputs, batch | {"lengths": lengths})
        self.eval()
        # Whole recordings come in every length, digital silence among them.
        shortened = {name: x[:, : x.shape[1] - 1] if name == "wav" else x for name, x in batch.items()}
        with torch.no_grad():
            self._checked_outputs(shortened, "in eval mode, of other lengths, the output")
            self._checked_outputs(batch | {"wav": torch.zeros_like(wav)}, "of a silent input, the output")
        return self.network

    def _checked_outputs(self, batch: dict, what: str) -> dict[str, torch.Tensor]:
        outputs = checked_outputs(self.network, self.network, batch, "speech")
        check_tensor(name_of("model", self.network), what, outputs["speech"], tuple(batch["wav"].shape), torch.float32)
        return outputs

    def measure(self, valid: "ValidationMixtures") -> dict[str, float]:
        """``loss`` and its terms, SI-SDR and its improvement over the mixture in dB: means over mixtures."""
        device = next(self.network.parameters()).device
        rows = []
        for key in valid.keys:
            item = valid.item(key)
            batch = {name: torch.from_numpy(samples)[None].to(device) for name, samples in item.items()}
            outputs = self.network.training_outputs(batch)
            loss, terms = self.loss(outputs, batch)
            row = {name: float(value) for name, value in {"loss": loss, **terms}.items()}
            after = _si_sdr(outputs["speech"][0].float().cpu().numpy(), item[self.reference])
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


class ValidationMixtures:
    """Whole rendered mixtures.

    Args:
        path: formatted data dir with a scp for every stream.
        fs: rate in Hz that its audio must have.
        streams: to read; of ``embedding`` the vectors in ``embedding.scp``, by mixture.
        encoders: stream -> what encodes its table, e.g. ``text``.

    Raises:
        InputError: a stream is missing; the message tells how to make it.
    """

    def __init__(
        self,
        path: str,
        fs: int,
        streams: tuple[str, ...],
        encoders: Mapping[str, TargetEncoder] = MappingProxyType({}),
    ):
        data = DataDir(path)
        encoded = {name: encoder for name, encoder in encoders.items() if name in streams}
        streams = tuple(name for name in streams if name not in encoded)
        if missing := [name for name in streams if f"{name}.scp" not in data]:
            raise InputError(
                f"{path}/{missing[0]}.scp: no such file; validation takes rendered mixtures with {', '.join(streams)} "
                "(--simulate_valid_config at stage 3)"
            )
        self._vectors = read_table(data.path / f"{EMBEDDING}.scp") if EMBEDDING in streams else {}
        audio = [name for name in streams if name not in (STREAM, EMBEDDING)]
        self._tables = {name: AudioTable(path, fs=fs, stream=name) for name in audio}
        if STREAM in streams:
            self._tables[STREAM] = fixed_enrolments(path, fs)
        self.keys = data.keys()
        self._targets = {name: encoder.targets(path, self.keys) for name, encoder in encoded.items()}

    def item(self, key: str) -> dict[str, np.ndarray]:
        """Stream -> samples (N,), of the enrolment (M,); its embedding (D,); units of its text (L,)."""
        vectors = {EMBEDDING: read_array(self._vectors[key], key)} if self._vectors else {}
        targets = {name: arrays[key] for name, arrays in self._targets.items()}
        return {name: table.read(key) for name, table in self._tables.items()} | vectors | targets
