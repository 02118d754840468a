"""A trained recogniser's network as a part of a config: the constructor argument of the ASR loss."""

from toolkit.models.asr.transcriber import Transcriber
from toolkit.systems.recognizer import Recognizer


class TrainedTranscriber(Transcriber):
    """Front end, recogniser and units of an experiment in speech recognition, or of a packed one.

    Args:
        system: folder or zip; what Recognizer.load takes.
        weights: which weights of a folder; None: those that training leaves for use.

    Raises:
        InputError: as Recognizer.load does.

    Example::

        recognizer: {class_path: TrainedTranscriber, init_args: {system: ../asr/exp/asr_x}}
    """

    def __init__(self, system: str, weights: str | None = None):
        network = Recognizer.load(system, weights).network
        super().__init__(network.frontend, network.model, normalize=network.normalize)
        self.take_units(network.units)
