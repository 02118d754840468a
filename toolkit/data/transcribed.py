"""Training utterances with their transcripts."""

from typing import TYPE_CHECKING

from toolkit.data.datasets import MixtureDataset
from toolkit.data.text_units import TEXT
from toolkit.io.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self


class RecognitionDataset(MixtureDataset):
    """Whole utterances of audio and the units of their transcripts. A planner adds speeds, noises and rooms.

    The data dir needs the table ``text``. The stream ``text`` of an item is (L,) int64 ids of units.

    Example::

        data:
          class_path: RecognitionDataset
          init_args:
            planner: {speeds: [0.9, 1.0, 1.1]}
    """

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav", TEXT), seed: int = 0) -> "Self":
        """Open ``dump/raw/<set>``.

        Raises:
            InputError: as in the base class; or units or transcripts are missing (see read_matched).
        """
        if TEXT not in self.encoders:
            raise InputError("units: file missing; set --units to the model of toolkit.bin.train_units")
        return super().open(data_dir, fs, streams, seed)
