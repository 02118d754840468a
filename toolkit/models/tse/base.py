"""What a speaker extractor promises, so that every recipe, loss and metric works with it."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from toolkit.models.network import Network

CONDITIONS = {"enrolment": "enroll_spk1", "embedding": "embedding"}  # argument of forward -> stream of a batch


class SpeakerExtractor(Network):
    """From a mixture and an enrolment of one speaker to the speech of that speaker in it.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults::

        model:
          class_path: my_package.my_module.MyExtractor
          init_args: {fs: 8000, channels: 64}

    It sets ``fs`` (Hz, of mixture, enrolment and output) in its constructor and writes ``forward``. The promises which
    training, inference and scoring rely on: any N >= 1 and M >= 1 go in, the same N comes out; with
    ``enrolment_lengths``, in eval mode, an enrolment padded at its end gives what it gives alone; silence in gives
    finite numbers and finite gradients out.

    A speaker may come with several enrolments, (B, K, M). A class with ``several_enrolments`` takes them so, with
    lengths (B, K), for any K >= 1. To every other they come joined end to end, in their order, as one of (B, M).

    Attributes:
        fs: rate in Hz.
        conditioning: what of the speaker it is given: ``enrolment``, a waveform; ``embedding``, a vector of a speaker
            encoder (``data.init_args.embeddings`` of a training); or both.
        several_enrolments: does ``forward`` take enrolments (B, K, M)?
        output_dims: size of each vector among the training outputs.
        output_classes: the classes of the logits among them.
    """

    fs: int
    conditioning: tuple[str, ...] = ("enrolment",)
    several_enrolments: bool = False
    output_dims: Mapping[str, int] = MappingProxyType({})
    output_classes: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    @property
    def streams(self) -> tuple[str, ...]:
        """Of a training item."""
        return ("wav", *(CONDITIONS[name] for name in self.conditioning))

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """The outputs for the loss of a batch: ``speech`` (B, N), and further ones of a model.

        Args:
            batch: ``wav`` (B, N); by ``conditioning``: ``enroll_spk1`` (B, M) and ``enroll_spk1_lengths`` (B,)|None,
                or (B, K, M) and (B, K)|None; ``embedding`` (B, D).
        """
        return {"speech": self(batch["wav"], **self.conditions(batch))}

    def conditions(self, batch: Mapping) -> dict[str, Tensor | None]:
        """The arguments of ``forward`` behind the mixture, of a batch."""
        inputs = {name: batch[CONDITIONS[name]] for name in self.conditioning}
        if "enrolment" in inputs:
            enrolled = self.fit_enrolments(inputs["enrolment"], batch.get("enroll_spk1_lengths"))
            inputs["enrolment"], inputs["enrolment_lengths"] = enrolled
        return inputs

    def fit_enrolments(self, enrolment: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """One or several enrolments of each speaker in the form that ``forward`` takes.

        Args:
            enrolment: (B, M) or (B, K, M) samples.
            lengths: (B,) or (B, K) samples; None: all have M.

        Returns:
            (B, K, M) with lengths (B, K)|None for a class with ``several_enrolments``; else (B, M) with (B,)|None.
        """
        if self.several_enrolments and enrolment.dim() == 2:
            return enrolment[:, None], None if lengths is None else lengths[:, None]
        if self.several_enrolments or enrolment.dim() == 2:
            return enrolment, lengths
        if lengths is None:
            return enrolment.flatten(1), None
        joined = [torch.cat([x[:n] for x, n in zip(*row, strict=True)]) for row in zip(enrolment, lengths, strict=True)]
        return pad_sequence(joined, batch_first=True), lengths.sum(1)

    @abstractmethod
    def forward(self, mixture: Tensor, *conditions: Any, **named_conditions: Any) -> Tensor:
        """Extract the enrolled speaker. Behind the mixture a model names the arguments of its ``conditioning``.

        Args:
            mixture: (B, N) samples in [-1, 1), all of them valid.
            enrolment: (B, M) samples of the target speaker, padded at the end with anything finite; (B, K, M) with
                ``several_enrolments``.
            enrolment_lengths: (B,) int64 samples of each enrolment, 1 to M; None: all have M; (B, K) likewise.
            embedding: (B, D) of the target speaker.

        Returns:
            (B, N) samples.
        """
