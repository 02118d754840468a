"""Cost of a model: parameters, multiply-accumulates (MACs), time and memory of one forward pass on a CPU."""

import copy
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import prod
from pathlib import Path
from typing import cast

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.parametrize import is_parametrized

from toolkit.io.errors import InputError
from toolkit.metrics.cost.thop_rules import RULES
from toolkit.nn.pretrained import reads_weights, without_weights


def profile(
    model: nn.Module, example_inputs: tuple, seconds: float, counted: tuple[nn.Module, tuple] | None = None
) -> dict[str, float]:
    """All counts and measurements of this file for one input.

    Args:
        model: a model on the CPU; its mode (train, eval) is restored afterwards.
        example_inputs: positional arguments of ``forward``, batch size 1, on the CPU.
        seconds: length of their audio.
        counted: the part of ``model`` whose MACs are counted, and its inputs; None: the whole model.

    Returns:
        ``parameters``, ``macs``, ``macs_thop``, ``rtf_1thread``, ``peak_memory_mib``, ``seconds``.
    """
    counted = counted or (model, example_inputs)
    return {
        "parameters": count_parameters(model),
        "macs": count_macs(*counted),
        "macs_thop": count_macs_thop(*counted),
        "rtf_1thread": measure_rtf(model, example_inputs, seconds),
        "peak_memory_mib": measure_peak_memory(model, example_inputs),
        "seconds": seconds,
    }


def noise(seconds: float, fs: int) -> torch.Tensor:
    """Noise (1, N) at the level of speech, as an input."""
    return 0.01 * torch.randn(1, round(seconds * fs), generator=torch.Generator().manual_seed(0))


def count_parameters(module: nn.Module) -> int:
    """Number of parameters, trainable or frozen; shared ones count once, buffers do not count."""
    return sum(parameter.numel() for parameter in module.parameters())


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients; restores the mode of each submodule afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def count_macs(model: nn.Module, example_inputs: tuple) -> int:
    """Multiply-accumulates of one forward pass, counted from the operations that torch runs.

    Counted: convolutions, transposed convolutions (one MAC per input element and tap), matrix and vector products
    (einsum, attention), recurrent layers. Not counted: biases, element-wise operations, normalisation, softmax,
    interpolation, FFT. Taps on zero padding count, as is usual in the literature.
    """
    from torch.utils.flop_counter import FlopCounterMode  # slow import

    aten = torch.ops.aten
    extra = {aten.mv: _vector_flops, aten.dot: _vector_flops, aten.vdot: _vector_flops, aten.addmv: _addmv_flops}
    counter = FlopCounterMode(display=False, custom_mapping={**extra, aten.mkldnn_rnn_layer: _rnn_layer_flops})
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # Fused attention kernels have no count on the CPU; the plain form is matrix products.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with evaluating(model), sdpa_kernel(SDPBackend.MATH), counter:
            model(*example_inputs)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
    return counter.get_total_flops() // 2


def _vector_flops(first_shape, *args, **kwargs) -> int:
    return 2 * prod(first_shape)


def _addmv_flops(added_shape, matrix_shape, *args, **kwargs) -> int:
    return 2 * prod(matrix_shape)


def _rnn_layer_flops(input_shape, weight_ih_shape, weight_hh_shape, *args, **kwargs) -> int:
    # One layer in one direction over (T, B, F).
    return 2 * prod(input_shape[:2]) * (prod(weight_ih_shape) + prod(weight_hh_shape))


def count_macs_thop(model: nn.Module, example_inputs: tuple) -> int:
    """The MACs of ``thop.profile`` for one forward pass in eval mode; ``thop_rules`` lists the differences.

    Use it only to compare with published numbers; :func:`count_macs` is exact.
    """
    total = 0

    def add(module, inputs, output):
        nonlocal total
        total += int(RULES[type(module)](module, inputs[0], output))

    handles = [module.register_forward_hook(add) for module in model.modules() if type(module) in RULES]
    try:
        with evaluating(model):
            model(*example_inputs)
    finally:
        for handle in handles:
            handle.remove()
    return total


def measure_rtf(model: nn.Module, example_inputs: tuple, seconds: float, num_runs: int = 5) -> float:
    """Real-time factor on one thread: median wall time of a forward pass, divided by the length of the audio.

    Args:
        model: a model on the CPU.
        example_inputs: positional arguments of ``forward``.
        seconds: length of their audio.
        num_runs: number of timed runs, after two runs for warm-up.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    try:
        with evaluating(model):
            for _ in range(2 + num_runs):
                start = time.perf_counter()
                model(*example_inputs)
                times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(times[2:]) / seconds


def measure_peak_memory(model: nn.Module, example_inputs: tuple) -> float:
    """Memory in MiB that inference adds to a new process with torch loaded.

    A child process with one thread loads the model and runs one forward pass. The result is its peak resident memory
    minus the resident memory before: weights, activations and workspaces, without torch itself. Linux only. The child
    reads published weights where this process would read them (toolkit.nn.pretrained).

    Args:
        model: a model on the CPU, of a class that can be pickled.
        example_inputs: positional arguments of ``forward``, on the CPU.

    Raises:
        InputError: the forward pass raises it.
    """
    code = f"import sys; from toolkit.io.command_line import run; from {__name__} import _print_forward_peak; "
    code += "sys.exit(run(_print_forward_peak, sys.argv[1:]))"
    search_path = os.pathsep.join(map(os.path.abspath, sys.path))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        torch.save((without_parametrizations(model), example_inputs, reads_weights()), path)
        child = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={**os.environ, "PYTHONPATH": search_path},
            cwd=folder,  # first on the child's path: files of the current folder must not shadow modules
            capture_output=True,
            text=True,
        )
    if child.returncode:
        *_, message = ["", *child.stderr.splitlines()]
        raise (InputError(message[7:]) if message.startswith("error: ") else RuntimeError(child.stderr))
    return float(child.stdout.split()[-1])


def without_parametrizations(model: nn.Module) -> nn.Module:
    """The model, or if it has parametrizations, which cannot be pickled, a copy with plain weights."""
    if not any(is_parametrized(module) for module in model.modules()):
        return model
    model = copy.deepcopy(model)
    for module in list(filter(is_parametrized, model.modules())):
        weights = {name: getattr(module, name).detach() for name in cast(nn.ModuleDict, module.parametrizations)}
        # remove_parametrizations would also change the class of the original.
        module.__class__ = type(module).__bases__[0]
        del module.parametrizations
        module._load_state_dict_pre_hooks.clear()  # a local function of torch's weight_norm
        for name, weight in weights.items():
            module.register_parameter(name, nn.Parameter(weight))
    return model


def _print_forward_peak(words: list[str]) -> None:
    torch.set_num_threads(1)
    before = _resident_kib("VmRSS")
    # Safe: this program wrote the file.
    model, example_inputs, reads = torch.load(words[0], weights_only=False)
    with evaluating(model), nullcontext() if reads else without_weights():
        model(*example_inputs)
    print((_resident_kib("VmHWM") - before) / 1024)


def _resident_kib(field: str) -> int:
    # Not getrusage: its ru_maxrss includes the peak of the parent process.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status has no {field}")
