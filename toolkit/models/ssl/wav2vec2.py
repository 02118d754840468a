"""WavLM, HuBERT and wav2vec 2.0, as torchaudio builds them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

from toolkit.io.errors import InputError, brief
from toolkit.models.ssl.base import LayerwiseNetwork, SSLModel
from toolkit.nn.pretrained import reads_weights


@dataclass(frozen=True)
class _Kind:
    """A published model: torchaudio's factory and pipeline, number of layers, waveform normalisation, D."""

    factory: Callable[[], torchaudio.models.Wav2Vec2Model]
    pipeline: str
    num_layers: int
    normalized: bool
    dim: int = 768


_models = torchaudio.models
KINDS = {
    "wavlm_base": _Kind(_models.wavlm_base, "WAVLM_BASE", 12, False),
    "wavlm_base_plus": _Kind(_models.wavlm_base, "WAVLM_BASE_PLUS", 12, False),
    "wavlm_large": _Kind(_models.wavlm_large, "WAVLM_LARGE", 24, True, 1024),
    "hubert_base": _Kind(_models.hubert_base, "HUBERT_BASE", 12, False),
    "hubert_large": _Kind(_models.hubert_large, "HUBERT_LARGE", 24, True, 1024),
    "hubert_xlarge": _Kind(_models.hubert_xlarge, "HUBERT_XLARGE", 48, True, 1280),
    "wav2vec2_base": _Kind(_models.wav2vec2_base, "WAV2VEC2_BASE", 12, False),
    "wav2vec2_large": _Kind(_models.wav2vec2_large, "WAV2VEC2_LARGE", 24, False, 1024),
    "wav2vec2_large_lv60k": _Kind(_models.wav2vec2_large_lv60k, "WAV2VEC2_LARGE_LV60K", 24, True, 1024),
    "wav2vec2_xlsr53": _Kind(_models.wav2vec2_large_lv60k, "WAV2VEC2_XLSR53", 24, True, 1024),
    "wav2vec2_xlsr_300m": _Kind(_models.wav2vec2_xlsr_300m, "WAV2VEC2_XLSR_300M", 24, True, 1024),
    "wav2vec2_xlsr_1b": _Kind(_models.wav2vec2_xlsr_1b, "WAV2VEC2_XLSR_1B", 48, True, 1280),
    "wav2vec2_xlsr_2b": _Kind(_models.wav2vec2_xlsr_2b, "WAV2VEC2_XLSR_2B", 48, True, 1920),
}


class Layers(LayerwiseNetwork):
    """Layers of one of torchaudio's models.

    Args:
        model: WavLM, HuBERT or wav2vec 2.0.
        normalized: normalise each waveform to mean 0 and variance 1. (torchaudio's pipelines normalise the whole
            batch, which is equal for batch size 1.)
    """

    def __init__(self, model: torchaudio.models.Wav2Vec2Model, normalized: bool):
        super().__init__()
        self.model, self.normalized = model, normalized
        self.shortest = 1  # smallest number of samples for one frame
        for layer in reversed(model.feature_extractor.conv_layers):
            self.shortest = (self.shortest - 1) * layer.stride + layer.kernel_size

    def forward(self, wav: Tensor, num_layers: int) -> list[Tensor]:
        """(B, N) -> outputs (B, T', D) of the first ``num_layers`` layers; shorter input is padded to one frame."""
        if self.normalized:
            wav = F.layer_norm(wav, wav.shape[1:])
        wav = F.pad(wav, (0, max(self.shortest - wav.shape[1], 0)))
        return self.model.extract_features(wav, num_layers=num_layers)[0]

    def num_frames(self, num_samples: int) -> int:
        """See LayerwiseNetwork."""
        frames = max(num_samples, self.shortest)
        for layer in self.model.feature_extractor.conv_layers:
            frames = (frames - layer.kernel_size) // layer.stride + 1
        return frames

    def hidden_states(self, wav: Tensor) -> list[Tensor]:
        """See LayerwiseNetwork."""
        transformer, inputs = self.model.encoder.transformer, []
        hook = transformer.layers[0].register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
        try:
            *states, last = self(wav, len(transformer.layers))
        finally:
            hook.remove()
        return [*inputs, *states, last if transformer.layer_norm_first else transformer.layer_norm(last)]


class Pretrained(SSLModel):
    """A published model with its weights.

    Args:
        name: name of a torchaudio pipeline in lower case: ``wavlm_base_plus``, ``hubert_large``, ``wav2vec2_base``, ...
            (``KINDS``).
        weights: file with the state dict of torchaudio's model, as its pipelines download it; None: download when
            needed.

    Raises:
        InputError: the name is unknown, or the file is missing.
    """

    def __init__(self, name: str = "wavlm_base_plus", weights: str | None = None):
        if name not in KINDS:
            raise InputError(f"name {name!r}: must be one of {', '.join(KINDS)}")
        self.name, self.weights, self.kind = name, weights, KINDS[name]
        if reads_weights():
            self._check_file()
        self.num_layers, self.dim = self.kind.num_layers, self.kind.dim

    def _check_file(self) -> None:
        if self.weights is not None and not Path(self.weights).is_file():
            raise InputError(f"{self.weights}: no such file of {self.name}'s weights; remove weights to download it")

    def build(self) -> Layers:
        """See SSLModel; downloads nothing."""
        return Layers(self.kind.factory(), self.kind.normalized)

    def load(self) -> Layers:
        """See SSLModel.

        Raises:
            InputError: the file is damaged or of another model, or cannot be downloaded.
        """
        with torch.random.fork_rng(devices=[]):
            model = self._fetched() if self.weights is None else self._read(self.weights)
        return Layers(model, self.kind.normalized)

    def _fetched(self) -> torchaudio.models.Wav2Vec2Model:
        try:
            model = getattr(torchaudio.pipelines, self.kind.pipeline).get_model()
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{self.name}: torchaudio.pipelines.{self.kind.pipeline} cannot be downloaded ({error}); download it "
                "on a machine with internet access and set weights to its path"
            ) from None
        return getattr(model, "model", model)  # without the batch normalisation of the waveform

    def _read(self, weights: str) -> torchaudio.models.Wav2Vec2Model:
        self._check_file()
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            if all(key.startswith("model.") for key in state):  # saved with the pipeline's wrapper
                state = {key.removeprefix("model."): value for key, value in state.items()}
            model = self.kind.factory()
            model.load_state_dict(state)
        except Exception as error:  # a damaged file makes torch raise any type
            raise InputError(
                f"{self.weights}: holds no weights of {self.name} as torchaudio.pipelines.{self.kind.pipeline} has "
                f"them ({brief(error)}); remove weights to download them"
            ) from None
        return model


class Untrained(SSLModel):
    """A model with random weights and free sizes, for tests and to try a recipe.

    Args:
        wavlm: use the attention of WavLM; False: that of HuBERT and wav2vec 2.0.
        dim: D.
        num_layers: N.
        heads: number of attention heads; divides ``dim``.
        conv_channels: channels of the convolutions before the transformer; kernels as in the published models.
        normalized: normalise the waveform, and use pre-norm layers, as in the large models.
        seed: seed of the weights.

    Raises:
        InputError: ``dim`` is not a multiple of ``heads``.
    """

    def __init__(
        self,
        wavlm: bool = True,
        dim: int = 16,
        num_layers: int = 4,
        heads: int = 2,
        conv_channels: int = 8,
        normalized: bool = False,
        seed: int = 0,
    ):
        if dim % heads:
            raise InputError(f"dim {dim} must be a multiple of heads {heads}")
        self.wavlm, self.dim, self.num_layers, self.heads = wavlm, dim, num_layers, heads
        self.conv_channels, self.normalized, self.seed = conv_channels, normalized, seed

    def load(self) -> Layers:
        """See SSLModel."""
        shapes = [(self.conv_channels, kernel, stride) for kernel, stride in [(10, 5), *[(3, 2)] * 4, *[(2, 2)] * 2]]
        options = {
            "extractor_mode": "layer_norm" if self.normalized else "group_norm",
            "extractor_conv_layer_config": shapes,
            "extractor_conv_bias": False,
            "encoder_embed_dim": self.dim,
            "encoder_projection_dropout": 0.0,
            "encoder_pos_conv_kernel": 8,
            "encoder_pos_conv_groups": 1,
            "encoder_num_layers": self.num_layers,
            "encoder_num_heads": self.heads,
            "encoder_attention_dropout": 0.0,
            "encoder_ff_interm_features": 2 * self.dim,
            "encoder_ff_interm_dropout": 0.0,
            "encoder_dropout": 0.0,
            "encoder_layer_norm_first": self.normalized,
            "encoder_layer_drop": 0.0,
            "aux_num_out": None,
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            if self.wavlm:
                options |= {"encoder_num_buckets": 32, "encoder_max_distance": 128}
                model = torchaudio.models.wavlm_model(**options)
            else:
                model = torchaudio.models.wav2vec2_model(**options)
        return Layers(model, self.normalized)
