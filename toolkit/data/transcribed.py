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
    """Whole utterances of audio and the units of their transcripts. A planner adds speeds, noises and rooms.

    The data dir needs the table ``text``. The stream ``text`` of an item is (L,) int64 ids of units.

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
        """Set the units. Called before ``open``."""
        self._units = units

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav", TEXT), seed: int = 0) -> "Self":
        """Open ``dump/raw/<set>``.

        Raises:
            InputError: as in the base class; or units or transcripts are missing (see read_transcripts).
        """
        if self._units is None:
            raise InputError("units: file missing; set --units to the model of toolkit.bin.train_units")
        super().open(data_dir, fs, tuple(stream for stream in streams if stream != TEXT), seed)
        texts = read_transcripts(data_dir, self.ids)
        if lacking := self._units.lacking(texts):
            logging.warning("%s/text: %s; training uses <unk> for them", data_dir, lacking)
        self.targets = {key: np.array(self._units.encode(text), np.int64) for key, text in texts.items()}
        return self

    def _load(self, spec: ItemSpec) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        if spec.seconds is not None:
            raise InputError("batches: cut utterances, but transcripts are of whole utterances; use BucketBatches")
        streams, facts = super()._load(spec)
        return streams | {TEXT: self.targets[self.ids[spec.index]]}, facts
