"""Speech recognition by a trained network."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from toolkit.data.batches import batches_by_length
from toolkit.data.collate import pad
from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable
from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.io.trust import NETWORK_KEYS
from toolkit.models.asr.base import SpeechRecognizer
from toolkit.models.asr.conformer import Conformer
from toolkit.models.asr.transcriber import Transcriber
from toolkit.systems.base import System, parsed
from toolkit.systems.signals import read_usable, recording_of
from toolkit.train.experiment import default

BATCH_SECONDS = 60.0  # maximum padded audio in a batch, to limit memory
_WINDOW = 0.1  # seconds, to find pauses


class Recognizer(System):
    """Recording -> text.

    Example::

        recognizer = Recognizer.load("exp/asr_train_conformer")
        text = recognizer.transcribe("a.wav")
        text = recognizer.transcribe(samples, fs=48000, method="ctc_greedy")
    """

    task = "asr"
    network_keys = NETWORK_KEYS
    network_type = Transcriber
    network: Transcriber
    weights = "valid.cer.ave.pth"

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config keys of the network."""
        parser.add_argument("--frontend", type=FrontEnd, default=default(KaldiFbank), help="waveform to features")
        parser.add_argument("--model", type=SpeechRecognizer, default=default(Conformer), help="features to units")
        parser.add_argument("--normalize", type=str, default="mean_var", help="mean, mean_var or none, by utterance")

    @classmethod
    def build(cls, config, fs: int | None = None) -> Transcriber:
        """The untrained network of a training config (a path), optionally at another rate ``fs`` in Hz."""
        over = {"frontend": {"init_args": {"fs": fs}}} if fs else None
        built = parsed(config, cls.network_keys, cls.add_network_arguments, over)
        return Transcriber(built.frontend, built.model, normalize=built.normalize)

    def transcribe(
        self,
        x,
        fs: int | None = None,
        channel: int | str | None = None,
        chunk_seconds: float = 30.0,
        **search,
    ) -> str:
        """The text of a recording of any rate and length.

        A recording longer than ``chunk_seconds`` is cut at pauses (:func:`cut_at_pauses`) and recognised in parts, so
        time and memory are linear in its length.

        Args:
            x: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            fs: rate in Hz of samples.
            channel: channel of a multichannel file, from 0, or ``"mean"``.
            chunk_seconds: maximum length of a part.
            search: ``method`` (joint, ctc_beam, ctc_greedy), ``beam``, ``ctc_weight``: see Transcriber.search.

        Raises:
            InputError: ``x`` is not a usable recording (toolkit.systems.signals.recording_of), or an option is out of
                its range.
        """
        recording = recording_of(x, fs, channel=channel)
        if not chunk_seconds >= 1:
            raise InputError(f"chunk_seconds {chunk_seconds!r:.40}: must be 1 or more")
        return " ".join(self.transcribe_blocks([recording.at(self.fs)], chunk_seconds, **search))

    def transcribe_blocks(self, blocks: Iterable[np.ndarray], chunk_seconds: float = 30.0, **search) -> Iterator[str]:
        """The words of a recording as they are recognised; options as of :meth:`transcribe`.

        Args:
            blocks: consecutive samples (N_i,) at ``fs``, of any lengths.
        """
        rest = np.zeros(0, np.float32)
        for block in blocks:
            *parts, rest = cut_at_pauses(np.concatenate([rest, block]), self.fs, chunk_seconds)
            yield from filter(None, self.transcribe_batch(parts, **search))
        yield from filter(None, self.transcribe_batch([rest] if len(rest) else [], **search))

    def transcribe_batch(self, parts: Sequence[np.ndarray], **search) -> list[str]:
        """The texts of recordings, samples (N_i,) float32 at ``fs`` each; ``search`` as in :meth:`transcribe`."""
        texts: dict[str, str] = {}
        names = [str(i) for i in range(len(parts))]
        lengths = {name: len(part) for name, part in zip(names, parts, strict=True)}
        for batch in batches_by_length(lengths, BATCH_SECONDS * self.fs):
            wav, sizes = pad([parts[int(name)] for name in batch])
            with self.inferring():
                sizes = None if sizes is None else sizes.to(self.device)
                found = self.network.search(wav.to(self.device), sizes, **search)
            units = self.network.units
            texts |= {
                name: units.decode(best[0].units) if best else "" for name, best in zip(batch, found, strict=True)
            }
        return [texts[name] for name in names]

    def transcribe_table(self, audio: AudioTable, ids: list[str], bar=None, **search) -> dict[str, str]:
        """The texts of utterances of a table, in batches of similar length; updates the progress ``bar`` per batch.

        Raises:
            InputError: audio is malformed (see AudioTable.read) or unusable; names the id.
        """
        texts: dict[str, str] = {}
        lengths = {key: audio.num_samples(key) for key in ids}
        for batch in batches_by_length(lengths, BATCH_SECONDS * self.fs):
            parts = [read_usable(audio, key, self.fs) for key in batch]
            texts |= dict(zip(batch, self.transcribe_batch(parts, **search), strict=True))
            if bar is not None:
                bar.update(len(batch))
        return {key: texts[key] for key in ids}

    def counted(self, seconds: float):
        """The recogniser on features: published counts exclude the front end."""
        with self.inferring():
            return self.network.model, (self.network.features(*self.example(seconds))[0],)

    def class_name(self) -> str:
        """See System."""
        return type(self.network.model).__name__

    def lines(self, facts) -> dict[str, str]:
        """See System."""
        frontend = self.network.frontend
        lines = {"features": f"{type(frontend).__name__}, {frontend.dim} per frame"}
        lines["units"] = f"{self.network.model.num_units}"
        return super().lines(facts) | lines


def cut_at_pauses(samples: np.ndarray, fs: int, most: float) -> list[np.ndarray]:
    """Consecutive parts of a recording (N,), at most ``most`` seconds each.

    Each part except the last ends in the quietest 0.1 s of its second half.
    """
    parts, size, window = [], round(most * fs), max(1, round(_WINDOW * fs))
    while len(samples) > size:
        energy = np.concatenate(([0.0], np.square(samples[size // 2 : size], dtype=np.float64).cumsum()))
        end = size // 2 + int((energy[window:] - energy[:-window]).argmin()) + window // 2
        parts.append(samples[:end])
        samples = samples[end:]
    return [*parts, samples]
