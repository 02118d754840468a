"""What a trained system does with recordings, whatever runs its network; imports no torch.

Each base class needs a few methods: toolkit.systems implements them by torch, toolkit.systems.onnx by onnxruntime.
"""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "embedding_enhancer_base": "EmbeddingEnhancerBase",
        "enhancer_base": "EnhancerBase",
        "extractor_base": "ExtractorBase",
        "verifier_base": "Score VerifierBase",
    },
)
