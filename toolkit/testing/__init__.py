"""Contracts of the classes that plug in, as checks for tests: yours and ours.

Each check takes an instance, leaves it as it was, and raises AssertionError with the promise that is broken::

    from toolkit.testing import check_encoder

    def test_my_encoder():
        check_encoder(MyEncoder(n_mels=20, embedding_dim=8), features=20)
"""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "networks": "check_encoder check_enhancer check_extractor",
        "embeddings": "check_embedding_restorer",
        "losses": "check_loss",
        "datasets": "check_dataset",
        "devices": "fake_cuda",
    },
)
