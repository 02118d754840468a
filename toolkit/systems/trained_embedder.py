"""A trained verifier's network as a part of a config: the constructor argument of what builds on its embeddings."""

from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.verifier import Verifier


class TrainedEmbedder(SpeakerEmbedder):
    """Front end, normalisation and encoder of an experiment in speaker verification, or of a packed one.

    As the ``speaker_encoder`` of an extractor its weights become part of the extractor's, which is loaded without them.

    Args:
        system: folder or zip; what Verifier.load takes.
        weights: which weights of a folder; None: those that training leaves for use.

    Raises:
        InputError: as Verifier.load does.

    Example::

        extractor: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}
        model: {class_path: LGRTSE, init_args: {speaker_encoder: {class_path: TrainedEmbedder, init_args: ...}}}
    """

    def __init__(self, system: str, weights: str | None = None):
        network = Verifier.load(system, weights).network
        super().__init__(network.frontend, network.model, network.normalize)
