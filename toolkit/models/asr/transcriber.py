"""The deployed recogniser, waveform -> text, used by training, recipes and the Python API."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from toolkit.data.text_units import EOS, TextUnits
from toolkit.features.frontend import FrontEnd
from toolkit.features.specaugment import SpecAugment
from toolkit.io.errors import InputError
from toolkit.models.asr.base import SpeechRecognizer, decoder_input
from toolkit.models.asr.ctc_search import Hypothesis, ctc_greedy, ctc_prefix_beam
from toolkit.models.asr.joint_search import joint_beam
from toolkit.models.network import Network
from toolkit.nn.feature_norm import check_normalize, normalised

METHODS = ("joint", "ctc_greedy", "ctc_beam")


class StoredUnits(nn.Module):
    """The units file as bytes in the weights, so that a network needs no other file."""

    model: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("model", torch.zeros(0, dtype=torch.uint8))

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs) -> None:
        stored = state_dict.get(f"{prefix}model")
        if torch.is_tensor(stored) and stored.dtype == torch.uint8 and stored.ndim == 1:  # any size
            self.model = torch.zeros_like(stored, device=self.model.device)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class Transcriber(Network):
    """Front end, normalisation over the utterance, SpecAugment in training, recogniser, units.

    Args:
        frontend: waveform to features.
        model: features to units.
        specaugment: masking of the normalised features in training, or None.
        normalize: ``mean_var``, ``mean`` or ``none``: see SpeakerEmbedder.

    Raises:
        InputError: the model takes features of another size.
    """

    def __init__(
        self,
        frontend: FrontEnd,
        model: SpeechRecognizer,
        specaugment: SpecAugment | None = None,
        normalize: str = "mean_var",
    ):
        super().__init__()
        self.fs = frontend.fs
        self.frontend, self.model, self.stored_units = frontend, model, StoredUnits()
        self.specaugment, self.normalize = specaugment or nn.Identity(), check_normalize(normalize)
        self._units: TextUnits | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of a training item."""
        return ("wav", "text")

    @property
    def units(self) -> TextUnits:
        """The text units. Raises InputError if the network has none yet."""
        stored = bytes(self.stored_units.model.cpu().numpy())
        if not stored:
            raise InputError("the recogniser has no units yet; set --units to the model of toolkit.bin.train_units")
        if self._units is None or self._units.model != stored:
            self._units = self._fitting(TextUnits(stored))
        return self._units

    def take_units(self, units: TextUnits) -> None:
        """Set the text units. Raises InputError if the model has another number of units."""
        self._units = self._fitting(units)
        self.stored_units.model = torch.tensor(list(units.model), dtype=torch.uint8)

    def _fitting(self, units: TextUnits) -> TextUnits:
        if len(units) != self.model.num_units:
            raise InputError(
                f"model.init_args.num_units {self.model.num_units}: must be {len(units)}, the number in the units file"
            )
        return units

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """See Network. Raises RuntimeError also for weights of a recogniser with other units."""
        own, other = self.stored_units.model, weights.get("stored_units.model")
        if torch.is_tensor(other) and len(own) and not torch.equal(own.cpu(), other.cpu()):
            raise RuntimeError("it has other text units; set --units to its units file")
        super().start_from(weights)

    def num_frames(self, num_samples: int) -> int:
        """Number of encoder frames for ``num_samples`` samples."""
        return self.model.num_frames(max(1, self.frontend.num_frames(num_samples)))

    def features(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """wav (B, N), lengths (B,) samples -> normalised features (B, T, F), (B,) number of frames or None."""
        feats, frames = self.frontend(wav, lengths)
        return normalised(feats, frames, self.normalize), frames

    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> Tensor:
        """wav (B, N) at the front end's rate, lengths (B,) samples -> CTC log-probabilities (B, T', U)."""
        return self.model(*self.features(wav, lengths))

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Outputs for the loss.

        Args:
            batch: ``wav`` (B, N), ``lengths`` (B,)|None, ``text`` (B, L), ``text_lengths`` (B,)|None.

        Returns:
            ``ctc``, log-probabilities (B, T', U); ``frames`` (B,); with a decoder ``attention``, logits (B, 1 + L, U).
        """
        feats, lengths = self.features(batch["wav"], batch.get("lengths"))
        encoded, frames = self.model.encode(self.specaugment(feats), lengths)
        outputs = {"ctc": self.model.ctc_log_probs(encoded)}
        mask = None
        if frames is None:
            outputs["frames"] = torch.full((len(encoded),), encoded.shape[1], device=encoded.device)
        else:
            outputs["frames"] = frames
            mask = torch.arange(encoded.shape[1], device=frames.device) < frames[:, None]
        if self.model.decoder is not None:
            text = decoder_input(batch["text"], batch.get("text_lengths"), EOS)
            outputs["attention"] = self.model.decoder(text, encoded, mask)
        return outputs

    @torch.inference_mode()
    def search(
        self,
        wav: Tensor,
        lengths: Tensor | None = None,
        method: str | None = None,
        beam: int = 10,
        ctc_weight: float = 0.3,
    ) -> list[list[Hypothesis]]:
        """The best texts of each utterance of a batch, the best first. Use it in eval mode.

        Args:
            wav: (B, N).
            lengths: (B,) samples; None: all have N.
            method: ``joint`` (CTC and attention), ``ctc_beam``, or ``ctc_greedy`` (without scores); None: ``joint``,
                and ``ctc_greedy`` for a model without a decoder.
            beam: number of prefixes to keep.
            ctc_weight: weight of CTC in ``joint``, see joint_beam.

        Raises:
            InputError: the method is unknown, a number is out of its range, or the model has no decoder.
        """
        if method is None:
            method = "joint" if self.model.decoder is not None else "ctc_greedy"
        if method not in METHODS or not (beam >= 1 and 0 <= ctc_weight <= 1):
            raise InputError(
                f"method {method!r:.40}, beam {beam}, ctc_weight {ctc_weight}: method must be one of "
                f"{', '.join(METHODS)}, beam 1 or more, ctc_weight from 0 to 1"
            )
        encoded, frames = self.model.encode(*self.features(wav, lengths))
        ctc = self.model.ctc_log_probs(encoded)
        if method == "ctc_greedy":
            return [[Hypothesis(units, float("nan"))] for units in ctc_greedy(ctc, frames)]
        if method == "ctc_beam":
            return ctc_prefix_beam(ctc, frames, beam)
        if self.model.decoder is None:
            raise InputError("method joint: the model has no decoder; use ctc_beam or ctc_greedy")
        return joint_beam(self.model.decoder, encoded, ctc, frames, beam, ctc_weight)
