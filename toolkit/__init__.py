"""voxsift: sift noisy recordings for a voice (speaker verification, enhancement, target extraction).

Example::

    from toolkit import Enhancer, Extractor, Verifier  # or: from voxsift import ...

    speech = Enhancer.load("exp/se_x").enhance("noisy.wav")
"""

from toolkit import aliases
from toolkit.exports import exports

__version__ = "0.1.0"
_DISTRIBUTION = "voxsift"  # identifies this package among others named toolkit
__all__, __getattr__, __dir__ = exports(
    __name__, {"systems": "EmbeddingEnhancer Enhancer Extractor IntentRecognizer Recognizer SSLEncoder Verifier"}
)

aliases.install()
