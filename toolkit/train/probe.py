"""A check with one batch before training, to report classes that break their contract."""

import logging
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.data.collate import collate
from toolkit.io.errors import InputError
from toolkit.models.network import Network

_TOLERANCE = 1e-3  # between the outputs of a padded and an unpadded item, relative to the norm


def probe(task, seed: int) -> None:
    """Run one small training batch and check shapes, values, padding and gradients. Does not change the task.

    Only the first of several processes does this.

    Args:
        task: see toolkit.tasks.base; its ``check_contracts`` checks its classes.
        seed: seed of the training.

    Raises:
        InputError: a class breaks its contract; names key, class and contract.
    """
    if os.environ.get("RANK", "0") != "0":
        return
    with undisturbed(task):
        torch.manual_seed(seed)
        batch = small_batch(task, seed)
        network = task.train().check_contracts(batch)
        task.train().zero_grad()
        loss, _ = task(batch)
        loss.backward()
        check_gradient(network)
    logging.info("checked one batch: shapes, padding and gradients are correct")


@contextmanager
def undisturbed(task: nn.Module) -> Iterator[None]:
    """Restore parameters, buffers, attributes, modes and random states at the end."""
    modules = [(module, dict(vars(module)), dict(module._buffers)) for module in task.modules()]
    tensors = [(tensor, tensor.detach().clone()) for tensor in (*task.parameters(), *task.buffers())]
    states = random.getstate(), np.random.get_state()  # a user's class may use these
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        task.zero_grad()
        with torch.no_grad():
            for tensor, before in tensors:
                tensor.copy_(before)
        for module, attributes, buffers in modules:
            vars(module).clear()
            vars(module).update(attributes)
            module._buffers.clear()
            module._buffers.update(buffers)
        random.setstate(states[0])
        np.random.set_state(states[1])


def small_batch(task, seed: int) -> dict:
    """Two groups of the first batches, of two speakers if possible, collated as usual."""
    items, labels = list(chain.from_iterable(task.batches(seed, 1))), task.dataset.labels
    if not items:
        raise InputError("no training batches; check the training set and batches")
    groups = [items[i : i + task.per_speaker] for i in range(0, len(items), task.per_speaker)]
    first = groups[0]
    others = (group for group in groups[1:] if labels[group[0].index] != labels[first[0].index])
    second = next(others, groups[-1])
    batch = collate([task.dataset[replace(item, seconds=first[0].seconds)] for item in (*first, *second)])
    if isinstance(batch, InputError):
        raise batch
    return batch


def name_of(key: str, instance) -> str:
    """``model: my_package.MyEncoder``."""
    return f"{key}: {type(instance).__module__}.{type(instance).__qualname__}"


def call(key: str, instance, function: Callable, *args):
    """The result of ``function``, a method of ``instance``.

    Raises:
        InputError: it raised another exception; names key, class, and the line in the file of the class.
    """
    try:
        return function(*args)
    except InputError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        source = getattr(sys.modules[type(instance).__module__], "__file__", None)
        own = [f"{frame.filename}:{frame.lineno}: " for frame in frames if frame.filename == source]
        raise InputError(
            f"{own[-1] if own else ''}{name_of(key, instance)}: {type(error).__name__} on one batch of the "
            f"training data: {' '.join(str(error).split()) or 'no message'}; see the docstring of the base class for "
            "the contract"
        ) from error


def check_module(key: str, instance: nn.Module) -> None:
    """Raise InputError if the constructor did not call the constructor of its base class."""
    if "_parameters" not in vars(instance):
        raise InputError(f"{name_of(key, instance)}: its constructor must call super().__init__()")


def check_tensor(who: str, what: str, value, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> Tensor:
    """Raise InputError unless ``value`` is a finite floating-point tensor of this shape; returns it.

    Args:
        dtype: the required type; None: any floating-point type.
    """
    kind = str(dtype).removeprefix("torch.") if dtype else "floating-point"
    expected = f"{what} must be a {kind} tensor {shape}"
    if not torch.is_tensor(value):
        raise InputError(f"{who}: {expected}; got {type(value).__name__}")
    if not value.is_floating_point() or dtype not in (None, value.dtype) or value.shape != shape:
        raise InputError(f"{who}: {expected}; got {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}")
    if not value.isfinite().all():
        raise InputError(f"{who}: {what} is not finite on one batch of the training data")
    return value


def checked_outputs(model: nn.Module, network: Network, batch: dict, name: str) -> dict[str, Tensor]:
    """``network.training_outputs(batch)``; InputError, of the config's ``model``, unless it is a dict with ``name``."""
    outputs = call("model", model, network.training_outputs, batch)
    if not isinstance(outputs, dict) or name not in outputs:
        what = f"outputs must be a dict with `{name}`; it is {type(outputs).__name__}"
        raise InputError(f"{name_of('model', model)}: {'' if model is not network else 'training_'}{what}")
    return outputs


def check_loss(loss: nn.Module, outputs, batch: dict) -> None:
    """Raise InputError unless a loss gives a finite scalar with a gradient, and a dict of scalars."""
    who, value = name_of("loss", loss), call("loss", loss, loss, outputs, batch)
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[1], dict):
        raise InputError(
            f"{who}: forward must return two values, the loss and a dict of terms; got {type(value).__name__}"
        )
    for name, term in value[1].items():
        check_tensor(who, f"term {name!r}", torch.as_tensor(term) if isinstance(term, float) else term, ())
    if not check_tensor(who, "the loss", value[0], ()).requires_grad:
        raise InputError(f"{who}: the loss must have a gradient; it is detached from the network's outputs")


def check_gradient(network: nn.Module) -> None:
    """Raise InputError unless a gradient, finite in all parameters, has reached the network."""
    learnt = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    gradients = {name: parameter.grad for name, parameter in learnt.items() if parameter.grad is not None}
    if bad := [name for name, gradient in gradients.items() if not gradient.isfinite().all()]:
        raise InputError(f"{name_of('model', network)}: the gradient of {bad[0]} is not finite")
    if learnt and not any(gradient.any() for gradient in gradients.values()):
        raise InputError(
            f"{name_of('model', network)}: no gradient reaches its parameters; neither model nor loss may detach, or "
            "run under torch.no_grad"
        )


def check_padding(named: tuple[str, nn.Module], lengths: str, function: Callable, items: Tensor) -> None:
    """Raise InputError if padding changes the output of an item.

    Args:
        named: config key and instance, for the message.
        lengths: name of the argument with the lengths, for the message.
        function: (B, T, ...) items, (B,) lengths or None -> (B, ...), in eval mode.
        items: (B, T, ...), two or more.
    """
    full = items.shape[1]
    short = max(1, 3 * full // 5)
    with torch.no_grad():
        padded = call(*named, function, items[:2], torch.tensor([full, short]))[1]
        single = call(*named, function, items[1:2, :short], None)[0]
    change = float((padded - single).norm() / single.norm().clamp(min=1e-12))
    if not change <= _TOLERANCE:
        cosine = float(nn.functional.cosine_similarity(padded.flatten(), single.flatten(), dim=0))
        raise InputError(
            f"{name_of(*named)}: in eval mode, padding must not change the output of an item; the outputs "
            f"differ (cosine {cosine:.4f}). Values beyond `{lengths}` must have no influence"
        )
