"""Trained systems as ONNX files: export by torch, inference by onnxruntime, without torch."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "export": "export_onnx",
        "onnx_systems": "OnnxEmbeddingEnhancer OnnxEnhancer OnnxExtractor OnnxVerifier load_onnx",
    },
)
