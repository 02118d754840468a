"""The synthetic corpus of the mini recipes: voices, noises, music, rooms."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "corpus": "Settings make_minicorpus",
    },
)
