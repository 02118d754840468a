"""Checks of networks that enhance speaker embeddings."""

import copy
from functools import partial

import torch
from torch import Tensor

from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.testing import promises as p

_SPEAKERS, _UTTERANCES, _VARIANTS = 4, 3, 2


def check_embedding_restorer(restorer: EmbeddingRestorer) -> None:
    """Check the promises of an EmbeddingRestorer, with batches of three adjacent utterances per speaker.

    Args:
        restorer: a small instance, for speed; it is not changed.

    Raises:
        AssertionError: names class and promise.

    Example::

        check_embedding_restorer(SEED(dim=8))
    """
    promise = partial(p.promise, restorer)
    with promise("it is an EmbeddingRestorer with dim and output_dim, whole numbers"):
        assert isinstance(restorer, EmbeddingRestorer)
        assert all(type(size) is int and size > 0 for size in (restorer.dim, restorer.output_dim))
    model, size, count = _trained(restorer), restorer.output_dim, _SPEAKERS * _UTTERANCES
    rows, noise = 20 * p.sounds(count, restorer.dim), 20 * p.sounds(count, restorer.dim, seed=1)
    with torch.no_grad():
        with promise("(B, dim) embeddings of any length, with noise or without, give (B, output_dim), in eval mode"):
            for scale in (1e-3, 1.0, 1e3):
                for some_noise in (None, noise):
                    p.check_shape(model(scale * rows, some_noise), (count, size))
        with promise("in eval mode, an embedding has the same result in a batch as alone"):
            single = torch.cat([model(row[None], row_noise[None]) for row, row_noise in zip(rows, noise, strict=True)])
            p.check_equal(model(rows, noise), single)
    _check_training(restorer, rows)
    with promise("its state dict holds all that training changes"):
        p.check_state(model, lambda network: network(rows, noise))
    with promise("it computes where its input lies"):
        batch = _batch(rows)
        p.check_device(restorer, lambda network, *x: network(*x), rows, noise)
        p.check_device(restorer, partial(_embedding, tuple(batch)), *batch.values())


def _check_training(restorer: EmbeddingRestorer, rows: Tensor) -> None:
    """``training_outputs`` of a batch: sizes, gradients."""
    promise, network, batch = partial(p.promise, restorer), copy.deepcopy(restorer).train(), _batch(rows)
    torch.manual_seed(0)
    outputs = network.training_outputs(batch)
    with promise(
        "training_outputs gives embedding, (B, output_dim) or (B, 1 + V, output_dim), and output_dims says so"
    ):
        assert network.output_dims["embedding"] == network.output_dim
        for name, dim in network.output_dims.items():
            assert name in outputs, f"outputs are {', '.join(outputs)}"
            between = (1 + _VARIANTS,) if outputs[name].ndim == 3 else ()
            p.check_shape(outputs[name], (len(rows), *between, dim))
    if "target" in outputs:
        with promise("with a target (B, dim), all conditions are enhanced to be like the clean one"):
            p.check_shape(outputs["target"], (len(rows), network.dim))
            p.check_shape(outputs["embedding"], (len(rows), 1 + _VARIANTS, network.dim))
    with promise("a training step reaches all parameters"):
        p.check_gradients(network, outputs.values(), {})


def _batch(rows: Tensor) -> dict[str, Tensor]:
    variants = rows[:, None] + 4 * p.sounds(len(rows), _VARIANTS, rows.shape[1], seed=2)
    return {"clean": rows, "variants": variants, "labels": torch.arange(_SPEAKERS).repeat_interleave(_UTTERANCES)}


def _embedding(names: tuple[str, ...], network: EmbeddingRestorer, *values: Tensor) -> Tensor:
    return network.training_outputs(dict(zip(names, values, strict=True)))["embedding"]


def _trained(restorer: EmbeddingRestorer) -> EmbeddingRestorer:
    """A copy as after training: a layer initialised to zero would hide the layers before it."""
    model, generator = p.after_training(restorer), torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model
