"""ASR loss: what a frozen recogniser makes of enhanced speech."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from toolkit.data.text_units import TEXT
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.recognition.ctc_attention import CTCAttention
from toolkit.models.asr.transcriber import Transcriber
from toolkit.nn.frozen import FrozenModule

_READ = ("lengths", TEXT, f"{TEXT}_lengths")  # of a batch


class ASRLoss(Loss):
    """lambda L_ctc + (1 - lambda) L_att of a recogniser on the output (Sato et al. 2025, 10.3389/frsip.2025.1587969).

    This is eq. 13; with ``Multitask`` around it, eq. 12. Both parts are negative log-probabilities of the transcript,
    in nats, averaged over the batch. The data dirs have a table ``text``, and batches hold whole utterances
    (BucketBatches).

    The recogniser is neither trained nor part of the experiment's checkpoints; the gradient goes through it to the
    output.

    Args:
        recognizer: a trained one, in eval mode from now on.
        ctc_weight: lambda, from 0 to 1; 1 reads no decoder.
        label_smoothing: see CTCAttention; the paper's equation has none.

    Raises:
        InputError: an argument is out of its range, or the recogniser has no decoder and ``ctc_weight`` is below 1.

    Example::

        loss:
          class_path: Multitask
          init_args:
            loss:
              class_path: ASRLoss
              init_args:
                recognizer: {class_path: TrainedTranscriber, init_args: {system: ../asr/exp/asr_x}}
            alpha: 0.1
    """

    def __init__(self, recognizer: Transcriber, ctc_weight: float = 0.3, label_smoothing: float = 0.0):
        super().__init__()
        if recognizer.model.decoder is None and ctc_weight < 1:
            raise InputError(f"ctc_weight {ctc_weight}: the recogniser has no decoder; set it to 1")
        self.output, self.reference = "speech", "spk1"
        self.recognizer, self.criterion = FrozenModule(recognizer), CTCAttention(ctc_weight, label_smoothing)
        self._is_recurrent = any(isinstance(module, nn.RNNBase) for module in recognizer.modules())

    @property
    def _transcriber(self) -> Transcriber:
        return cast(Transcriber, self.recognizer.network)

    @property
    def scale_invariant(self) -> bool:
        """Features that are normalised over the utterance do not depend on its level."""
        return self._transcriber.normalize != "none"

    @property
    def streams(self) -> tuple[str, ...]:
        """The reference, by which validation measures SI-SDR, and the transcript."""
        return (self.reference, TEXT)

    @property
    def reads(self) -> tuple[str, ...]:
        """The output that is recognised."""
        return (self.output,)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss; InputError where the recogniser is for another rate."""
        if self._transcriber.fs != facts.fs:
            raise InputError(
                f"loss ASRLoss: the recogniser is for {self._transcriber.fs} Hz, the audio has {facts.fs} Hz"
            )

    def compare_with(self, reference: str) -> None:
        """See Loss."""
        self.reference = reference

    def prepare(self, data) -> None:
        """See Loss; transcripts are encoded by the recogniser's units."""
        data.encode_by(TEXT, self._transcriber.units)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """See Loss.

        Args:
            outputs: ``speech`` (B, N), padded at the end with anything finite.
            batch: ``lengths`` (B,)|None in samples, ``text`` (B, L) int64, ``text_lengths`` (B,)|None.

        Returns:
            The loss. Terms: ``asr_loss``, and those of CTCAttention.
        """
        recordings = {"wav": self.output_of(outputs, self.output), **{name: batch.get(name) for name in _READ}}
        # Recurrent layers of cuDNN have no gradient in eval mode.
        with torch.backends.cudnn.flags(enabled=False) if self._is_recurrent else nullcontext():
            recognised = self._transcriber.training_outputs(recordings)
        loss, terms = self.criterion(recognised, recordings)
        return loss, {"asr_loss": loss.detach(), **terms}
