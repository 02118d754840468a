"""Speech recognition: config keys, contracts and validation."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import Batches, BucketBatches, batches_by_length, check_whole
from toolkit.data.collate import collate
from toolkit.data.datasets import TrainingDataset
from toolkit.data.text_units import TEXT, TextUnits, read_transcripts
from toolkit.data.transcribed import RecognitionDataset
from toolkit.features.specaugment import SpecAugment
from toolkit.io.audio import AudioTable
from toolkit.io.errors import InputError, counted, some_of
from toolkit.losses.base import Loss
from toolkit.losses.recognition.ctc_attention import CTCAttention, frames_needed
from toolkit.metrics.recognition.word_errors import count_errors
from toolkit.models.asr.ctc_search import ctc_greedy
from toolkit.models.asr.transcriber import Transcriber
from toolkit.systems.recognizer import BATCH_SECONDS
from toolkit.systems.signals import read_usable
from toolkit.tasks.base import Task
from toolkit.tasks.training_statistics import FeatureStatistics, LevelStatistics, statistics_of
from toolkit.train.experiment import default
from toolkit.train.probe import call, check_loss, check_padding, check_tensor, name_of
from toolkit.train.schedule import WarmupCosine

_USELESS = 90.0  # % of characters that are wrong


class RecognitionTask(Task[Transcriber]):
    """Recogniser and loss over transcribed utterances; validated by loss and greedy CTC (see Task).

    Args:
        valid: data dirs with ``wav.scp`` and ``text``; models are ranked by the mean of their character error rates.
    """

    metric = ("cer", "min")
    set_terms = ("cer",)
    valid_lists = (TEXT,)
    defaults = MappingProxyType(
        {
            "loss": default(CTCAttention),
            "data": default(RecognitionDataset),
            "batches": default(BucketBatches, batch_seconds=200.0, max_size=64),
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3, "weight_decay": 1e-6}},
            "schedule": default(WarmupCosine),
        }
    )

    def __init__(self, network: Transcriber, loss: Loss, batches: Batches, train: TrainingDataset, valid: list[str]):
        super().__init__(network, loss, batches, train, valid)
        assert isinstance(train, RecognitionDataset)
        self._warn_of_long_texts(train)
        self.valid_sets = {Path(path).name: ValidationTexts(path, network.fs, network.units) for path in valid}

    def _warn_of_long_texts(self, train: RecognitionDataset) -> None:
        """Name the utterances whose texts CTC cannot align at the fastest speed."""
        fastest = max(train.planner.speeds) if not train.planner.new_speakers else 1.0
        long = []
        for key, seconds in zip(train.ids, train.seconds, strict=True):
            text = torch.from_numpy(train.targets[TEXT][key])[None]
            needed = int(frames_needed(text, torch.tensor([text.shape[1]])))
            if needed > self.network.num_frames(int(seconds / fastest * train.fs)):
                long.append(key)
        if long:
            logging.warning(
                "%s with more units than frames, at speed %g, so that CTC cannot align them: %s; they train the "
                "decoder alone. Are the transcripts right? Else use larger units",
                *(counted(len(long), "text"), fastest, some_of(long, 5)),
            )

    @classmethod
    def add_arguments(cls, parser) -> None:
        """See Task."""
        parser.add_argument("--specaugment", type=SpecAugment | None, default=None)
        parser.add_argument("--units", type=str | None, default=None, help="file of toolkit.bin.train_units")

    @classmethod
    def build_network(cls, built) -> Transcriber:
        """See Task; the units are taken, if their file is there."""
        if not isinstance(built.data, RecognitionDataset):
            raise InputError(f"data.class_path {type(built.data).__name__}: has no transcripts; use RecognitionDataset")
        network = Transcriber(built.frontend, built.model, built.specaugment, built.normalize)
        if built.units and Path(built.units).exists():
            network.take_units(units := TextUnits.read(built.units))
            built.data.encode_by(TEXT, units)
        return network

    @classmethod
    def check_config(cls, built, network: Transcriber) -> None:
        """See Task."""
        check_whole(built.batches, "transcripts")

    @classmethod
    def item_statistics(cls, network: Transcriber) -> FeatureStatistics | LevelStatistics:
        """Mean and deviation of the features, or of levels."""
        return statistics_of(network.frontend)

    def check_contracts(self, batch: dict) -> nn.Module:
        """Front end, model and loss."""
        network, model = self.network, self.network.model
        outputs = call("model", model, network.training_outputs, batch)
        frames = network.num_frames(batch["wav"].shape[1])
        shape = (len(batch["wav"]), frames, model.num_units)
        check_tensor(name_of("model", model), "the CTC output", outputs["ctc"], shape, torch.float32)
        check_loss(self.loss, outputs, batch)
        self.eval()
        shortest = batch["wav"].shape[1] if batch["lengths"] is None else int(batch["lengths"].min())
        check_padding(("model", model), "lengths", self._valid_frames, batch["wav"][:, :shortest])
        return model

    def _valid_frames(self, wav: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Encoded frames of each utterance, summed over time: (B, N) -> (B, D)."""
        encoded, frames = self.network.model.encode(*self.network.features(wav, lengths))
        counts = [encoded.shape[1]] * len(encoded) if frames is None else frames.tolist()
        return torch.stack([row[:count].sum(0) for row, count in zip(encoded, counts, strict=True)])

    def judge(self, validation: Mapping[str, float]) -> None:
        """See Task."""
        if validation["cer"] >= _USELESS:
            logging.warning(
                "%.0f %% of the characters of the validation sets are wrong; train on more speech, or longer "
                "(--trainer.epochs)",
                validation["cer"],
            )

    def measure(self, valid: "ValidationTexts") -> dict[str, float]:
        """``loss`` and its terms; ``cer`` and ``wer`` in % by greedy CTC."""
        device = next(self.network.parameters()).device
        sums: dict[str, float] = {}
        texts: dict[str, str] = {}
        for batch in valid.batches():
            batch = {name: x.to(device) if torch.is_tensor(x) else x for name, x in batch.items()}
            outputs = self.network.training_outputs(batch)
            loss, terms = self.loss(outputs, batch)
            for name, value in {"loss": loss, **terms}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(batch["ids"])
            decoded = ctc_greedy(outputs["ctc"], outputs["frames"])
            texts |= {key: valid.units.decode(units) for key, units in zip(batch["ids"], decoded, strict=True)}
        values = {name: total / len(texts) for name, total in sums.items()}
        pairs = [valid.texts[key] for key in texts], list(texts.values())
        return values | {metric: 100 * count_errors(*pairs, metric).rate for metric in ("cer", "wer")}


class ValidationTexts:
    """Whole transcribed utterances.

    Args:
        path: formatted data dir with ``wav.scp`` and ``text``.
        fs: rate in Hz that its audio must have.
        units: of the text.

    Raises:
        InputError: a table is missing, or ids differ; see read_matched.
    """

    def __init__(self, path: str, fs: int, units: TextUnits):
        self.units, self._fs = units, fs
        self._audio = AudioTable(path, fs=fs)
        self.texts = read_transcripts(path, self._audio.keys())
        if lacking := units.lacking(self.texts):
            logging.warning("%s/text: %s; they count as errors", path, lacking)

    def batches(self) -> Iterator:
        """Batches as toolkit.data.collate makes them, of utterances of like length."""
        for ids in batches_by_length(
            {key: self._audio.num_samples(key) for key in self.texts}, BATCH_SECONDS * self._fs
        ):
            yield collate([self._item(key) for key in ids])

    def _item(self, key: str) -> dict:
        text = np.array(self.units.encode(self.texts[key]), np.int64)
        return {"id": key, "facts": {}, "wav": read_usable(self._audio, key, self._fs), TEXT: text}
