"""ONNX networks of optional packages."""

from pathlib import Path

from toolkit.io.errors import InputError
from toolkit.metrics.signal.intrusive import library


def onnx_session(path: Path, extra: str):
    """An inference session on one thread, because several jobs run in parallel.

    Args:
        path: the file, in an installed package.
        extra: extra that installs the package and onnxruntime.

    Raises:
        InputError: onnxruntime is not installed, or the file cannot be read.
    """
    onnxruntime = library("onnxruntime", extra)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}): tools/install.sh --extras {extra}"
        ) from None
