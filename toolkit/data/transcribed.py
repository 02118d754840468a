"""Training utterances with their transcripts."""

from typing import TYPE_CHECKING

from toolkit.data.datasets import MixtureDataset
from toolkit.data.text_units import TEXT
from toolkit.io.errors import InputError

if TYPE_CHECKING:
    from typing_extensions import Self


class RecognitionDataset(MixtureDataset):
    """Whole utterances of audio and the units of their transcripts; with a planner at other speeds, in noise, in rooms.

    The data dir has ``text`` beside ``wav.scp``. An item has the stream ``text``, (L,) int64 ids of units.

    Example::

        data:
          class_path: RecognitionDataset
          init_args:
            planner: {speeds: [0.9, 1.0, 1.1]}
    """

    def open(self, data_dir: str, fs: int, streams: tuple[str, ...] = ("wav", TEXT), seed: int = 0) -> "Self":
        """Bind to ``dump/raw/<set>``.

        Raises:
            InputError: as in the base class; the units are missing, or transcripts (see read_matched).
        """
        if TEXT not in self.encoders:
            raise InputError("units: file not given or not found; set --units to what toolkit.bin.train_units made")
        return super().open(data_dir, fs, streams, seed)
