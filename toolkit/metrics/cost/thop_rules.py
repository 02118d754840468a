"""Operation counts of layers by the rules of the package ``thop`` 0.1.1; many papers report them as MACs.

They differ from true multiply-accumulates. A transposed convolution counts its kernel for each *output* element, too
much by the factor of the stride. Normalisation, PReLU, average pooling, softmax and upsampling count; functional calls
(matmul, attention, interpolate) do not. As in thop, only the exact classes below count, not their subclasses.
"""

from collections.abc import Callable
from math import prod
from typing import Any

from torch import Tensor, nn

# (module, first input, output) -> operations
Rule = Callable[[Any, Tensor, Tensor], float]


def _convolution(module: nn.modules.conv._ConvNd, x: Tensor, y: Tensor) -> int:
    return y.numel() * (x.shape[1] // module.groups) * prod(module.kernel_size)


def _linear(module: nn.Linear, x: Tensor, y: Tensor) -> int:
    return module.in_features * y.numel()


def _normalization(module: nn.Module, x: Tensor, y: Tensor) -> int:
    affine = getattr(module, "affine", False) or getattr(module, "elementwise_affine", False)
    return x.numel() * (4 if affine else 2)


def _input_elements(module: nn.Module, x: Tensor, y: Tensor) -> int:
    return x.numel()


def _output_elements(module: nn.Module, x: Tensor, y: Tensor) -> int:
    return y.numel()


def _softmax(module: nn.Softmax, x: Tensor, y: Tensor) -> int:
    classes = x.shape[-1 if module.dim is None else module.dim]
    return x.numel() // classes * (3 * classes - 1)


def _adaptive_average_pool(module: nn.Module, x: Tensor, y: Tensor) -> float:
    return (prod(x.shape[2:]) / prod(y.shape[2:]) + 1) * y.numel()


def _upsample(module: nn.Upsample, x: Tensor, y: Tensor) -> int:
    return y.numel() * {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}.get(module.mode, 0)


def _cell(kind: str, inputs: int, hidden: int, bias: bool) -> int:
    """Operations of one time step of one sequence."""
    gate = hidden * (inputs + hidden) + hidden + (2 * hidden if bias else 0)
    return {"RNN": gate, "GRU": 3 * gate + 4 * hidden, "LSTM": 4 * gate + 4 * hidden}[kind]


def _recurrent_cell(module: nn.RNNCellBase, x: Tensor, y: Tensor) -> int:
    kind = type(module).__name__.removesuffix("Cell")
    return x.shape[0] * _cell(kind, module.input_size, module.hidden_size, module.bias)


def _recurrent(module: nn.RNNBase, x: Tensor, y: Tensor) -> int:
    if isinstance(x, nn.utils.rnn.PackedSequence):
        # All sequences count with the length of the longest.
        num_sequences, num_steps = int(x.batch_sizes.max()), len(x.batch_sizes)
    else:
        num_sequences, num_steps = x.shape[0], x.shape[1]  # only their product matters
    directions = 2 if module.bidirectional else 1
    kind, hidden, bias = type(module).__name__, module.hidden_size, module.bias
    first = _cell(kind, module.input_size, hidden, bias)
    further = (module.num_layers - 1) * _cell(kind, directions * hidden, hidden, bias)
    return num_sequences * num_steps * directions * (first + further)


RULES: dict[type[nn.Module], Rule] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _convolution),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.LayerNorm), _normalization),
    **dict.fromkeys((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), _normalization),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _output_elements),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), _adaptive_average_pool),
    **dict.fromkeys((nn.Upsample, nn.UpsamplingBilinear2d, nn.UpsamplingNearest2d), _upsample),
    **dict.fromkeys((nn.RNN, nn.GRU, nn.LSTM), _recurrent),
    **dict.fromkeys((nn.RNNCell, nn.GRUCell, nn.LSTMCell), _recurrent_cell),
    nn.Linear: _linear,
    nn.PReLU: _input_elements,
    nn.Softmax: _softmax,
}
