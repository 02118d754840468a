"""The deployed verifier, waveform -> speaker embedding, used by training, recipes and the Python API."""

from collections.abc import Mapping

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd
from toolkit.features.specaugment import SpecAugment
from toolkit.io.errors import InputError
from toolkit.models.network import Network
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.feature_norm import check_normalize, normalised


class SpeakerEmbedder(Network):
    """Front end, normalisation, encoder.

    Args:
        frontend: waveform to features.
        model: features to embedding.
        normalize: ``mean``: subtract the mean of each feature over the utterance; ``mean_var``: also divide by the
            standard deviation (instance normalisation, variance + 1e-5); ``none``.
        specaugment: masking of the normalised features in training, or None.

    Raises:
        InputError: ``normalize`` is unknown, or a model that reads audio is for another sampling rate.
    """

    def __init__(
        self,
        frontend: FrontEnd,
        model: SpeakerEncoder,
        normalize: str = "mean",
        specaugment: SpecAugment | None = None,
    ):
        super().__init__()
        if (reads := getattr(model, "fs", frontend.fs)) != frontend.fs:
            raise InputError(
                f"frontend: is for {frontend.fs} Hz, the model reads {reads} Hz; set frontend.init_args.fs"
            )
        self.fs = frontend.fs
        self.frontend, self.model, self.normalize = frontend, model, check_normalize(normalize)
        self.specaugment = specaugment or nn.Identity()

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of a training item."""
        return self.model.streams

    @property
    def output_dims(self) -> dict[str, int]:
        """Size of each vector among the training outputs."""
        return self.model.output_dims

    @property
    def output_classes(self) -> dict[str, tuple[str, ...]]:
        """Classes of each logits among the training outputs."""
        return self.model.output_classes

    def normalized(self, feats: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """feats (B, T, F), lengths (B,) frames -> normalised feats (B, T, F); padding stays zero."""
        return normalised(feats, lengths, self.normalize)

    def embed_features(self, feats: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """feats (B, T, F) of the front end, lengths (B,) frames -> embeddings (B, D)."""
        return self.model(self.normalized(feats, lengths), lengths)

    def forward(self, wav: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """wav (B, N) at the front end's rate, lengths (B,) samples -> embeddings (B, D)."""
        return self.embed_features(*self.frontend(wav, lengths))

    def training_outputs(self, batch: Mapping) -> dict[str, torch.Tensor]:
        """Outputs for the loss.

        Args:
            batch: ``feats`` (B, T, F) or ``wav`` (B, N), ``lengths`` (B,)|None, further streams (B, N).

        Returns:
            The outputs of the encoder; for each further stream ``<stream>_feats`` (B, T, F), not normalised, without
            gradient; ``frames`` (B,), their number of frames, if lengths differ.
        """
        feats, lengths = batch.get("feats"), batch["lengths"]
        if feats is None:
            feats, lengths = self.frontend(batch["wav"], lengths)
        outputs = self.model.outputs(self.specaugment(self.normalized(feats, lengths)), lengths)
        with torch.no_grad():
            for stream in self.streams[1:]:
                outputs[f"{stream}_feats"], frames = self.frontend(batch[stream], batch["lengths"])
                if frames is not None:
                    outputs["frames"] = frames
        return outputs
