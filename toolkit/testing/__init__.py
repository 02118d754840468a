"""Checks of the contracts of base classes, for your tests and ours.

Each check takes an instance, does not change it, and raises AssertionError with the broken promise::

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
