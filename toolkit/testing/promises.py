"""Shared parts of the checks: copies as after training, comparisons, gradients, state, devices."""

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.testing.devices import fake_cuda

TOLERANCES = {torch.float64: 1e-9}  # for results that must be equal, relative to their norm; other types:
_TOLERANCE = 1e-4
Network = TypeVar("Network", bound=nn.Module)
LOUD = 100.0  # value in padding, so that its influence is visible


@contextmanager
def promise(module: object, text: str) -> Iterator[None]:
    """Turn any error inside into an AssertionError that begins with class and promise."""
    try:
        yield
    except (AssertionError, InputError, RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise AssertionError(f"{type(module).__name__}: {text}: {reason}") from error


def after_training(module: Network) -> Network:
    """A copy in eval mode whose batch norms have random statistics, scales and shifts, which reveals missing masks."""
    module = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(2)
    for norm in module.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            for tensor in (norm.bias, norm.running_mean):
                if tensor is not None:
                    nn.init.normal_(tensor, std=0.3, generator=generator)
            for tensor in (norm.weight, norm.running_var):
                if tensor is not None:
                    nn.init.uniform_(tensor, 0.5, 2, generator=generator)
    return module.eval()


def precision_of(module: nn.Module, function: Callable[[nn.Module, torch.dtype], Tensor]) -> torch.dtype:
    """float64 if ``function`` computes in float64 for a float64 module and float64 inputs; else float32."""
    with suppress(Exception), torch.no_grad():  # a later check reports faults that remain in float32
        if function(copy.deepcopy(module).double().eval(), torch.float64).dtype == torch.float64:
            return torch.float64
    return torch.float32


def sounds(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Noise at the level of speech."""
    return 0.05 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def check_shape(out: Tensor, shape: tuple[int, ...]) -> None:
    """The output is a finite tensor of this shape."""
    assert torch.is_tensor(out), f"a {type(out).__name__} came back"
    assert tuple(out.shape) == shape, f"the shape is {tuple(out.shape)}, not {shape}"
    assert out.isfinite().all(), "a number is not finite"


def check_equal(result: Tensor, expected: Tensor) -> None:
    """Two results are equal up to rounding."""
    assert result.shape == expected.shape, f"the shapes are {tuple(result.shape)} and {tuple(expected.shape)}"
    difference = float((result - expected).norm() / expected.norm().clamp(min=1e-9))
    tolerance = TOLERANCES.get(result.dtype, _TOLERANCE)
    assert difference <= tolerance, f"the results differ by {difference:.2g} of their norm"


def check_gradients(module: nn.Module, outputs: Iterable[Tensor], inputs: dict[str, Tensor]) -> None:
    """Gradients of a random projection of the outputs are finite and reach all parameters and inputs."""
    projected = [(out * sounds(*out.shape, seed=i)).sum() for i, out in enumerate(outputs, 7)]
    torch.stack(projected).sum().backward()
    learnt = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    missing = [name for name, parameter in learnt.items() if parameter.grad is None]
    assert not missing, f"no gradient reaches {', '.join(missing[:3])}"
    check_finite_gradients(module, inputs)
    unreached = [name for name, tensor in inputs.items() if tensor.grad is None or not tensor.grad.any()]
    assert not unreached, f"no gradient reaches {', '.join(unreached)}"


def check_finite_gradients(module: nn.Module, inputs: dict[str, Tensor]) -> None:
    """All gradients are finite."""
    tensors = {**dict(module.named_parameters()), **inputs}
    bad = [name for name, tensor in tensors.items() if tensor.grad is not None and not tensor.grad.isfinite().all()]
    assert not bad, f"the gradient of {', '.join(bad[:3])} is not finite"


def check_state(module: nn.Module, function: Callable[[nn.Module], Tensor]) -> None:
    """A second instance with the same state dict gives the same result: the state dict is complete."""
    trained = after_training(module)
    other = copy.deepcopy(trained)
    with torch.no_grad():
        for tensor in other.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 0.2)
        other.load_state_dict(trained.state_dict())
        check_equal(function(other), function(trained))


def check_device(module: nn.Module, function: Callable[..., Tensor], *inputs: Tensor | None) -> None:
    """On a fake CUDA device, in training and in eval mode, no operation mixes devices."""
    with fake_cuda(module) as network:
        check_on_device(network, function, *inputs)


def check_on_device(network: nn.Module, function: Callable[..., Tensor], *inputs: Tensor | None) -> None:
    """As :func:`check_device`, for a module on that device (inside ``fake_cuda``)."""
    on_device = [None if x is None else torch.zeros(x.shape, dtype=x.dtype, device="cuda") for x in inputs]
    for train in (True, False):
        out = function(network.train(train), *on_device)
        assert out.device.type == "cuda", f"the output lies on {out.device}"
