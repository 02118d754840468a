"""Target speaker extraction: what it adds to enhancement."""

import logging
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from toolkit.data.extraction import ExtractionDataset
from toolkit.io.errors import InputError
from toolkit.io.extractors import read_extractor
from toolkit.losses.enhancement.waveform import SISNR
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.simulate.enrolments import STREAM
from toolkit.systems.verifier import Verifier
from toolkit.tasks.enhancement.enhancement_task import EnhancementTask
from toolkit.train.experiment import default
from toolkit.train.probe import check_padding


def _check_embeddings(path: str | None, network: SpeechEnhancer | SpeakerExtractor) -> None:
    """Raise InputError where embeddings are known to be of another encoder than the network's."""
    encoder = getattr(network, "trained_embedder", None)
    if path is None or encoder is None:
        return
    own = Verifier(encoder).identity
    for folder in sorted(Path(path).iterdir()) if Path(path).is_dir() else [Path(path).parent]:
        if not (facts := read_extractor(folder)) or facts["digest"] == own["digest"]:
            continue
        raise InputError(
            f"data.init_args.embeddings: {path} was made by {facts['extractor']} ({facts.get('class')}), not by "
            f"model.init_args.speaker_encoder ({own['class']}); embed with that, or leave embeddings out"
        )


class ExtractionTask(EnhancementTask):
    """A SpeakerExtractor: mixture and enrolment in, what the enrolled speaker says out (see EnhancementTask)."""

    defaults = MappingProxyType(
        {**EnhancementTask.defaults, "loss": default(SISNR), "data": default(ExtractionDataset)}
    )
    network: SpeakerExtractor

    @classmethod
    def check_config(cls, built, network: SpeechEnhancer | SpeakerExtractor) -> None:
        """See Task; a warning where most of the training is on targets that enrol themselves.

        Raises:
            InputError: ``data.init_args.embeddings`` are known to be of another encoder than the network's;
                ``absent_prob`` goes with a loss of present targets alone.
        """
        super().check_config(built, network)
        if getattr(built.data, "absent_prob", 0) and not built.loss.takes_silence:
            raise InputError(
                f"data.init_args.absent_prob {built.data.absent_prob:g}: loss {type(built.loss).__name__} is not for "
                "silent references; set loss to AbsentTarget with init_args.loss SNR, or RIMagSISNR"
            )
        _check_embeddings(getattr(built.data, "embeddings", None), network)
        if (start := getattr(built.data, "self_epochs", 0)) >= built.trainer.epochs:
            logging.warning(
                "data.init_args.self_epochs %d: in %d epochs most targets are enrolled by their own speech, so little "
                "is learnt of other enrolments; train longer, or set it to 0",
                *(start, built.trainer.epochs),
            )

    def training_facts(self) -> dict:
        """``scale_invariant_loss``: whether outputs are of any level."""
        return {"scale_invariant_loss": bool(getattr(self.loss, "scale_invariant", False))}

    def check_contracts(self, batch: dict) -> nn.Module:
        """Network and loss; an enrolment padded in a batch must have the effect that it has alone."""
        super().check_contracts(batch)
        if STREAM not in batch:
            return self.network
        wav, enrolled, sizes = batch["wav"][:2, : self.network.fs], batch[STREAM], batch.get(f"{STREAM}_lengths")
        shortest = enrolled.shape[-1] if sizes is None else int(sizes.min())
        others = {name: x[:2] for name, x in batch.items() if torch.is_tensor(x) and name not in ("lengths", "labels")}

        def outputs(enrolment: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
            rows, enrolment = slice(-len(enrolment), None), enrolment.movedim(1, -1)
            inputs = {name: x[rows] for name, x in others.items()} | {"wav": wav[rows]}
            if lengths is not None and enrolment.dim() == 3:  # all enrolments of an item are padded alike
                lengths = lengths[:, None].expand(enrolment.shape[:2])
            return self.network.training_outputs(inputs | {STREAM: enrolment, f"{STREAM}_lengths": lengths})["speech"]

        self.eval()
        name = ("model", self.network)
        enrolled = enrolled[:2, ..., : min(shortest, 2 * self.network.fs)].movedim(-1, 1)
        check_padding(name, "enrolment_lengths", outputs, enrolled)
        return self.network
