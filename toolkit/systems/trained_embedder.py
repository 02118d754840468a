"""A trained verifier's network as a constructor argument in a config."""

from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.verifier import Verifier


class TrainedEmbedder(SpeakerEmbedder):
    """Front end, normalisation and encoder of a trained or packed speaker verification system.

    As ``speaker_encoder`` of an extractor, its weights become part of the extractor's weights.

    Args:
        system: folder or zip, as for Verifier.load.
        weights: weights file of a folder; None: the one that training selects.

    Raises:
        InputError: as Verifier.load.

    Example::

        extractor: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}
        model: {class_path: LGRTSE, init_args: {speaker_encoder: {class_path: TrainedEmbedder, init_args: ...}}}
    """

    def __init__(self, system: str, weights: str | None = None):
        network = Verifier.load(system, weights).network
        super().__init__(network.frontend, network.model, network.normalize)
