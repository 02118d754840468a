"""The deployed classifier of intents: waveform -> slots. Training, recipes and the Python API all go through it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit.data.intents import INTENT
from toolkit.features.frontend import FrontEnd
from toolkit.io.errors import InputError
from toolkit.models.ic.base import IntentModel
from toolkit.models.network import Network
from toolkit.nn.feature_norm import check_normalize, normalised

_PREFIX = "slot_"  # of an output, before the slot's name


class IntentClassifier(Network):
    """Front end, normalisation over the utterance, model.

    Args:
        frontend: waveform to features.
        model: features to slots.
        normalize: ``mean_var``, ``mean`` or ``none``: see SpeakerEmbedder.

    Raises:
        InputError: of normalised features the model would read zeros.
    """

    def __init__(self, frontend: FrontEnd, model: IntentModel, normalize: str = "mean_var"):
        super().__init__()
        self.fs = frontend.fs
        self.frontend, self.model, self.normalize = frontend, model, check_normalize(normalize)
        if model.reads_mean and normalize != "none":
            raise InputError(
                f"normalize {normalize}: {type(model).__name__} reads the mean of features over time, which this makes "
                "zero; set normalize: none"
            )

    @property
    def streams(self) -> tuple[str, ...]:
        """Of a training item."""
        return ("wav", INTENT)

    @property
    def output_classes(self) -> Mapping[str, tuple[str, ...]]:
        """``slot_<name>`` -> its values."""
        return {f"{_PREFIX}{slot}": values for slot, values in self.model.intents.slots.items()}

    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> Tensor:
        """wav (B, N) at the front end's rate, lengths (B,) samples -> logits of all slots (B, sum of V)."""
        return torch.cat([*self._logits(wav, lengths).values()], 1)

    def classify(self, wav: Tensor, lengths: Tensor | None = None) -> Tensor:
        """wav (B, N), lengths (B,) samples -> number of the likeliest value of each slot (B, S)."""
        return torch.stack([logits.argmax(1) for logits in self._logits(wav, lengths).values()], 1)

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Of ``wav`` (B, N), ``lengths`` (B,)|None the logits (B, V) of each slot, ``slot_<name>``."""
        logits = self._logits(batch["wav"], batch.get("lengths"))
        return {f"{_PREFIX}{slot}": values for slot, values in logits.items()}

    def _logits(self, wav: Tensor, lengths: Tensor | None) -> dict[str, Tensor]:
        feats, frames = self.frontend(wav, lengths)
        return self.model(normalised(feats, frames, self.normalize), frames)
