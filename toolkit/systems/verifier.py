"""Speaker verification by a trained network: embeddings of audio, and scores of pairs."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

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
from toolkit.io.samples import unusable
from toolkit.metrics.verification.calibration import Calibration
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.base import System, parsed
from toolkit.systems.calibration_file import calibration_of
from toolkit.systems.signals import is_path, read_usable, recording_of, regrouped, samples_of
from toolkit.train.experiment import default

LONGEST_SECONDS = 120.0  # of a recording that the network reads whole: attention takes memory by the square
BATCH_SECONDS = 60.0  # maximum padded audio in a batch, to limit memory
_PLAIN = {"scoring": "cosine", "score_norm": "none"}  # the backend of score(), as in calibration.json


class Score(NamedTuple):
    """Similarity of two voices: ``cosine`` in [-1, 1]; ``llr``, the natural-log likelihood ratio of one speaker against
    two, None without calibration.
    """

    cosine: float
    llr: float | None


class Verifier(System):
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
        facts = {"extractor": name, "class": self._class_name(), "dim": self.dim, "fs": self.fs}
        return facts | {"digest": digest.hexdigest()}

    @property
    def calibration(self) -> Calibration | None:
        """Calibration of cosines without score normalisation, or None."""
        content = self.origin.calibration
        return calibration_of(content) if content and content.get("way") in (None, _PLAIN) else None

    def embed(self, x, fs: int | None = None, channel: int | str | None = None) -> np.ndarray:
        """The embedding of a recording of any rate and length, scaled to unit length.

        Args:
            x: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            fs: rate in Hz of samples.
            channel: channel of a multichannel file, from 0, or ``"mean"``.

        Returns:
            (D,) float32.

        Raises:
            InputError: ``x`` is not a usable recording (toolkit.systems.signals.recording_of), or its embedding is
                zero or not finite.
        """
        recording = recording_of(x, fs, channel=channel)
        return self.embed_blocks([recording.at(self.fs)], recording.name)

    def embed_blocks(self, blocks: Iterable[np.ndarray], name: str = "the recording") -> np.ndarray:
        """As :meth:`embed`, of consecutive blocks (N_i,) at ``fs`` of a recording of any length.

        The network reads ``LONGEST_SECONDS`` at once. The embedding of a longer recording is the mean of those of its
        parts at unit length, weighted by their lengths, at unit length again. Silent parts do not count.

        Args:
            blocks: of any lengths.
            name: of the recording, for messages.

        Raises:
            InputError: an embedding has no direction, or no part is usable.
        """
        vectors, weights, why = [], [], "is empty"
        for part in regrouped(blocks, round(LONGEST_SECONDS * self.fs)):
            if reason := unusable(part, self.fs):
                why = reason
                continue
            part = np.require(part, np.float32, ["C", "W"])
            vectors.append(_unit(self.vectors(torch.from_numpy(part)[None])[0], name))
            weights.append(len(part))
        if not vectors:
            raise InputError(f"{name} {why}")
        return vectors[0] if len(vectors) == 1 else _unit(np.average(vectors, 0, weights), name)

    def score(self, a, b, fs: int | None = None) -> Score:
        """Similarity score of two voices.

        Args:
            a: a file, samples with their rate ``fs``, or an embedding (D,) without ``fs``.
            b: the same.
            fs: sampling rate in Hz of inputs that are samples.

        Raises:
            InputError: as in :meth:`embed`; or an array of D numbers comes with ``fs``, which is ambiguous.
        """
        first, second = (self._direction(x, fs, is_path(a) != is_path(b)) for x in (a, b))
        cosine = float(np.dot(first.astype(np.float64), second))
        calibration = self.calibration
        return Score(cosine, None if calibration is None else float(calibration(np.array(cosine))))

    def _direction(self, x, fs: int | None, only_one_is_file: bool) -> np.ndarray:
        """(D,) of unit length from a recording or an embedding."""
        if is_path(x):
            return self.embed(x, None if only_one_is_file else fs)
        vector = samples_of(x, "recording or embedding")
        if vector.shape != (self.dim,):
            return self.embed(x, fs)
        if fs is not None:
            raise InputError(
                f"an array of {self.dim} numbers and fs={fs!r:.40}: ambiguous, an embedding or samples; call "
                "embed(samples, fs) first, and score embeddings without fs"
            )
        return _unit(vector, "the embedding")

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

    def _class_name(self) -> str:
        return type(self.network.model).__name__

    def _lines(self, facts: Mapping) -> dict[str, str]:
        frontend = self.network.frontend
        lines = {"features": f"{type(frontend).__name__}, {frontend.dim} per frame, normalize {self.network.normalize}"}
        lines["embedding"] = f"{self.dim} numbers"
        lines["calibration"] = "none"
        if calibration := self.calibration:
            lines["calibration"] = f"llr = {calibration.scale:.4g} * cosine {calibration.offset:+.4g}"
        elif facts["calibration"]:
            lines["calibration"] = "for normalised scores or segments, not for score()"
        return super()._lines(facts) | lines


def _unit(vector: np.ndarray, name: str) -> np.ndarray:
    """(D,) float32 of unit length."""
    length = np.linalg.norm(vector)
    if not (np.isfinite(length) and length > 0):
        raise InputError(f"{name}: its embedding is zero or not finite; the audio is bad, or training diverged")
    return np.asarray(vector / length, np.float32)
