"""A fake CUDA device, for machines without one."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode


def _apply(self: nn.Module, function: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """As in torch, which cannot swap the data of a fake parameter; children that override it keep their method."""
    for child in self.children():
        child._apply(function)
    for name, parameter in self._parameters.items():
        if parameter is not None:
            self._parameters[name] = nn.Parameter(function(parameter.detach()), parameter.requires_grad)
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = function(buffer)
    return self


@contextmanager
def fake_cuda(module: nn.Module) -> Iterator[nn.Module]:
    """A copy of ``module`` on a fake CUDA device; its tensors have shapes and devices, but no values.

    Forward passes work inside; torch raises an error if CPU and device tensors are mixed. Operations that read values
    (``tolist``, ``item``) and backward passes do not work.

    Example::

        with fake_cuda(EcapaTdnn(n_mels=80)) as encoder:
            assert encoder(torch.zeros(2, 50, 80, device="cuda")).device.type == "cuda"
    """
    mode = FakeTensorMode()
    with FakeCopyMode(mode):
        module = copy.deepcopy(module)
    with mode, torch.no_grad(), torch.backends.cudnn.flags(enabled=False):  # cuDNN would look for its device
        with mock.patch.object(nn.Module, "_apply", _apply):
            module.to("cuda")
        yield module
