"""Speaker verification by a trained network: embeddings of audio, and scores of pairs."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.data.batches import batches_by_length
from toolkit.data.collate import pad
from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable
from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.base import System, parsed
from toolkit.systems.inference.verifier_base import Score, VerifierBase
from toolkit.systems.signals import read_usable
from toolkit.train.experiment import default

__all__ = ["Score", "Verifier"]

BATCH_SECONDS = 60.0  # maximum padded audio in a batch, to limit memory


class Verifier(System, VerifierBase):
    """Recording -> speaker embedding; two recordings -> similarity score.

    Example::

        verifier = Verifier.load("exp/sv_train_ecapa_fbank")
        vector = verifier.embed("a.wav")  # (D,) of unit length: dot products are cosines
        cosine, llr = verifier.score("a.wav", "b.wav")
    """

    task = "sv"
    network_keys = ("frontend", "model", "normalize")
    network_type = SpeakerEmbedder
    network: SpeakerEmbedder
    weights = "valid.eer.ave.pth"

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config keys of the network."""
        parser.add_argument("--frontend", type=FrontEnd, default=default(KaldiFbank), help="waveform to features")
        parser.add_argument("--model", type=SpeakerEncoder, default=default(EcapaTdnn), help="features to embedding")
        parser.add_argument(
            "--normalize", type=str, default="mean", help="normalisation over an utterance: mean, mean_var or none"
        )

    @classmethod
    def build(cls, config, fs: int | None = None) -> SpeakerEmbedder:
        """The untrained embedder of a training config (a path), optionally at another rate ``fs`` in Hz."""
        over = {"frontend": {"init_args": {"fs": fs}}} if fs else None
        built = parsed(config, cls.network_keys, cls.add_network_arguments, over)
        return SpeakerEmbedder(built.frontend, built.model, built.normalize)

    @classmethod
    def build_frontend(cls, config) -> FrontEnd:
        """The front end of a training config (a path)."""
        return parsed(config, cls.network_keys, cls.add_network_arguments).frontend

    @property
    def fs(self) -> int:
        """Sampling rate of the front end in Hz; recordings at other rates are resampled."""
        return self.network.frontend.fs

    @property
    def dim(self) -> int:
        """D, size of an embedding."""
        return self.network.model.embedding_dim

    @property
    def identity(self) -> dict:
        """The facts that distinguish extractors: ``extractor`` (a name), ``class``, ``dim``, ``fs``, and a ``digest``
        of weights, front end and normalisation."""
        network = self.network
        digest = hashlib.blake2b(repr([network.normalize, network.frontend.conf()]).encode(), digest_size=16)
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        name = Path(self.origin.path or "untrained").resolve().name
        facts = {"extractor": name, "class": self.class_name(), "dim": self.dim, "fs": self.fs}
        return facts | {"digest": digest.hexdigest()}

    def vector(self, wav: np.ndarray) -> np.ndarray:
        """Samples (N,) float32 at ``fs`` -> embedding (D,) float32, not normalised."""
        return self.vectors(torch.from_numpy(wav)[None])[0]

    def vectors(self, wav: Tensor, lengths: Tensor | None = None) -> np.ndarray:
        """wav (B, N) at ``fs``, lengths (B,) samples or None (all N) -> embeddings (B, D) float32, not normalised."""
        device = self.device
        with self.inferring() as network:
            return network(wav.to(device), None if lengths is None else lengths.to(device)).float().cpu().numpy()

    def embed_table(self, audio: AudioTable, ids: list[str], bar=None) -> list[tuple[str, np.ndarray]]:
        """Embeddings (D,) float32 of ``ids``, in order, not normalised; updates the progress ``bar`` per batch.

        Raises:
            InputError: audio is malformed (see AudioTable.read) or unusable, or an embedding is not finite; names the
                id.
        """
        embeddings: dict[str, np.ndarray] = {}
        lengths = {key: audio.num_samples(key) for key in ids}
        for batch in batches_by_length(lengths, BATCH_SECONDS * self.fs):
            vectors = self.vectors(*pad([read_usable(audio, key, self.fs) for key in batch]))
            for key, vector in zip(batch, vectors, strict=True):
                if not np.isfinite(vector).all():
                    raise InputError(
                        f"{key}: its embedding is not finite; the audio ({audio.values[key]}) is bad, or training "
                        "diverged (see loss and grad_norm in metrics.jsonl)"
                    )
                embeddings[key] = vector
            if bar is not None:
                bar.update(len(batch))
        return [(key, embeddings[key]) for key in ids]

    def counted(self, seconds: float) -> tuple[nn.Module, tuple]:
        """The encoder on features: published counts exclude the front end."""
        with self.inferring():
            return self.network.model, self.network.frontend(*self.example(seconds))

    def class_name(self) -> str:
        """See System."""
        return type(self.network.model).__name__

    def lines(self, facts: Mapping) -> dict[str, str]:
        """See System."""
        frontend = self.network.frontend
        lines = {"features": f"{type(frontend).__name__}, {frontend.dim} per frame, normalize {self.network.normalize}"}
        lines["embedding"] = f"{self.dim} numbers"
        lines["calibration"] = "none"
        if calibration := self.calibration:
            lines["calibration"] = f"llr = {calibration.scale:.4g} * cosine {calibration.offset:+.4g}"
        elif facts["calibration"]:
            lines["calibration"] = "for normalised scores or segments, not for score()"
        return super().lines(facts) | lines
