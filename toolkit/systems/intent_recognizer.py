"""Intents of spoken orders by a trained network."""

import torch

from toolkit.data.batches import batches_by_length
from toolkit.data.collate import pad
from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable
from toolkit.io.config import ConfigParser
from toolkit.io.trust import NETWORK_KEYS
from toolkit.models.ic.base import IntentModel
from toolkit.models.ic.intent_classifier import IntentClassifier
from toolkit.models.ic.mean_pool_intent import MeanPoolIntent
from toolkit.systems.base import System, parsed
from toolkit.systems.recognizer import BATCH_SECONDS
from toolkit.systems.signals import read_usable, recording_of
from toolkit.train.experiment import default


class IntentRecognizer(System):
    """From a recording of an order to the value of each slot.

    Example::

        recognizer = IntentRecognizer.load("exp/ic_probe_wavlm_base_plus")
        recognizer.classify("a.wav")  # {'action': 'activate', 'object': 'lights', 'location': 'kitchen'}
    """

    task = "ic"
    network_keys = NETWORK_KEYS
    network_type = IntentClassifier
    network: IntentClassifier
    weights = "valid.accuracy.ave.pth"

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config keys of the network."""
        parser.add_argument("--frontend", type=FrontEnd, default=default(KaldiFbank), help="waveform to features")
        parser.add_argument("--model", type=IntentModel, default=default(MeanPoolIntent), help="features to slots")
        parser.add_argument("--normalize", type=str, default="mean_var", help="mean, mean_var or none, by utterance")

    @classmethod
    def build(cls, config, fs: int | None = None) -> IntentClassifier:
        """The untrained network of a training config (a path), at another rate in Hz when ``fs`` is given."""
        over = {"frontend": {"init_args": {"fs": fs}}} if fs else None
        built = parsed(config, cls.network_keys, cls.add_network_arguments, over)
        return IntentClassifier(built.frontend, built.model, built.normalize)

    def classify(self, x, fs: int | None = None, channel: int | str | None = None) -> dict[str, str]:
        """Slot -> value, of a recording of any rate.

        Args:
            x: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            fs: rate in Hz of samples.
            channel: of a file, which of several channels (from 0), or ``"mean"``.

        Raises:
            InputError: ``x`` is not a usable recording (toolkit.systems.signals.recording_of).
        """
        samples = recording_of(x, fs, channel=channel).at(self.fs)
        intents = self.network.model.intents
        return intents.parse(intents.text_of(self._numbers(torch.from_numpy(samples)[None], None)[0]))

    def _numbers(self, wav: torch.Tensor, lengths: torch.Tensor | None) -> list[list[int]]:
        with self.inferring():
            lengths = None if lengths is None else lengths.to(self.device)
            return self.network.classify(wav.to(self.device), lengths).tolist()

    def classify_table(self, audio: AudioTable, ids: list[str], bar=None) -> dict[str, str]:
        """Intents of utterances of a table, as ``utt2intent`` has them; ``bar`` is updated by the batch.

        Raises:
            InputError: audio is malformed (see AudioTable.read) or unusable; names the id.
        """
        texts: dict[str, str] = {}
        lengths = {key: audio.num_samples(key) for key in ids}
        for batch in batches_by_length(lengths, BATCH_SECONDS * self.fs):
            numbers = self._numbers(*pad([read_usable(audio, key, self.fs) for key in batch]))
            texts |= {key: self.network.model.intents.text_of(row) for key, row in zip(batch, numbers, strict=True)}
            if bar is not None:
                bar.update(len(batch))
        return {key: texts[key] for key in ids}

    def class_name(self) -> str:
        """See System."""
        return type(self.network.model).__name__
