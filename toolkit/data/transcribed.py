"""Training utterances with their transcripts."""

import logging
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.data.text_units import TextUnits, read_transcripts
from toolkit.io.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self

TEXT = "text"


class RecognitionDataset(MixtureDataset):
    """Whole utterances of audio and the units of their transcripts; with a planner at other speeds, in noise, in rooms.

    The data dir has ``text`` beside ``wav.scp``. An item has the stream ``text``, (L,) int64 ids of units.

    Attributes (after ``open``):
        targets: utterance id -> its units, (L,) int64.

    Example::

        data:
          class_path: RecognitionDataset
          init_args:
            planner: {speeds: [0.9, 1.0, 1.1]}
    """

    lists = (TEXT,)
    _units: TextUnits | None = None

    def encode_by(self, units: TextUnits | None) -> None:
        """Name the units, before ``open``."""
        self._units = units

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav", TEXT), seed: int = 0) -> "Self":
        """Bind to ``dump/raw/<set>``.

        Raises:
            InputError: as in the base class; the units are missing, or transcripts (see read_transcripts).
        """
        if self._units is None:
            raise InputError("units: file not given or not found; set --units to what toolkit.bin.train_units made")
        super().open(data_dir, fs, tuple(stream for stream in streams if stream != TEXT), seed)
        texts = read_transcripts(data_dir, self.ids)
        if lacking := self._units.lacking(texts):
            logging.warning("%s/text: %s; they are trained as <unk>", data_dir, lacking)
        self.targets = {key: np.array(self._units.encode(text), np.int64) for key, text in texts.items()}
        return self

    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        if spec.seconds is not None:
            raise InputError("batches: cut utterances, and transcripts are of whole ones; use BucketBatches")
        streams, facts = super()._load(spec)
        return streams | {TEXT: self.targets[self.ids[spec.index]]}, facts
