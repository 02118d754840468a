"""Checks of losses on speaker embeddings and on signals."""

import copy
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException

from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.enhancement.waveform import EnhancementLoss
from toolkit.losses.speaker.margin import SpeakerLoss
from toolkit.losses.weighted_sum import WeightedSum
from toolkit.testing import promises as p

_DIMENSION, _SPEAKERS = 8, 4
_SAMPLES = 3000


def check_loss(loss: nn.Module) -> None:
    """Check the promises of a SpeakerLoss or an EnhancementLoss, or of all losses in a WeightedSum.

    Args:
        loss: an instance before ``setup``; it is not changed.

    Raises:
        AssertionError: names class and promise.

    Example::

        check_loss(AAMSoftmax(margin=0.3))
    """
    loss = copy.deepcopy(loss)
    with p.promise(loss, "it is a SpeakerLoss, an EnhancementLoss, or a sum of those"):
        assert isinstance(loss, SpeakerLoss | EnhancementLoss | WeightedSum)
    if isinstance(loss, WeightedSum):
        for member in loss.losses.values():
            check_loss(member)
    elif isinstance(loss, SpeakerLoss):
        _check_speaker_loss(loss)
    elif isinstance(loss, EnhancementLoss):
        _check_enhancement_loss(loss)


def _check_speaker_loss(loss: SpeakerLoss) -> None:
    promise, count = partial(p.promise, loss), loss.utterances_per_speaker
    with promise("utterances_per_speaker is a whole number from 1"):
        assert type(count) is int
        assert count >= 1
    torch.manual_seed(0)
    with promise("setup creates the parameters"):
        loss.setup(TrainingFacts(num_speakers=_SPEAKERS, dims={loss.output: _DIMENSION}))
    labels = torch.arange(_SPEAKERS).repeat_interleave(count)
    embeddings = 20 * p.sounds(len(labels), _DIMENSION)
    with promise("(B, D) embeddings and (B,) labels give a finite scalar, and (B, N) logits or None"):
        value, logits = loss.compare(embeddings, labels)
        p.check_shape(value, ())
        if logits is not None:
            p.check_shape(logits, (len(labels), _SPEAKERS))
    _check_terms(loss, {loss.output: embeddings}, {"labels": labels})
    with promise("loss and gradient are finite for embeddings that are zero, equal or large"):
        for odd in (torch.zeros_like(embeddings), torch.ones_like(embeddings), 1e4 * embeddings):
            _check_step(loss, lambda x: loss.compare(x, labels)[0], odd)
    with promise("the gradient reaches the embeddings"):
        _check_step(loss, lambda x: loss.compare(x, labels)[0], embeddings, reached=True)
    with promise("the state dict holds all that training changes"):
        p.check_state(loss, lambda network: cast(SpeakerLoss, network).compare(embeddings, labels)[0])
    with promise("it computes where its input lies"):
        p.check_device(loss, lambda network, *x: network.compare(*x)[0], embeddings, labels)


def _check_enhancement_loss(loss: EnhancementLoss) -> None:
    promise = partial(p.promise, loss)
    if loss.fs is not None:
        with promise("setup refuses another rate than fs with an InputError"):
            try:
                copy.deepcopy(loss).setup(TrainingFacts(loss.fs + 1))
            except InputError:
                pass
            else:
                raise AssertionError(f"{loss.fs + 1} Hz was taken")
    loss.setup(TrainingFacts(loss.fs or 16000))
    output, reference = p.sounds(3, _SAMPLES), p.sounds(3, _SAMPLES, seed=1)
    with promise("(B, N) output and reference give a finite scalar"):
        p.check_shape(loss.compare(output.clone().requires_grad_(), reference), ())
    _check_terms(loss, {loss.output: output}, {loss.reference: reference, "lengths": None})
    with promise("a batch has the mean of the losses of its utterances"), torch.no_grad():
        single = [loss.compare(output[i, None], reference[i, None]) for i in range(3)]
        p.check_equal(loss.compare(output, reference), torch.stack(single).mean())
    lengths = torch.tensor([_SAMPLES, 2 * _SAMPLES // 3, 401])
    with promise("what lies beyond the lengths does not count"), torch.no_grad():
        single = [loss.compare(output[i, None, :n], reference[i, None, :n]) for i, n in enumerate(lengths)]
        padded = [x.clone() for x in (output, reference)]
        for row, n in enumerate(lengths):
            padded[0][row, n:], padded[1][row, n:] = p.LOUD, -p.LOUD
        p.check_equal(loss.compare(padded[0], padded[1], lengths), torch.stack(single).mean())
    with promise("loss and gradient are finite in silence and for a perfect output"):
        for samples in (1, 7, _SAMPLES):
            ours, theirs = output[:, :samples], reference[:, :samples]
            silence = torch.zeros_like(ours)
            for pair in ((silence, theirs), (ours, silence), (silence, silence), (theirs, theirs)):
                _check_step(loss, partial(_swapped, loss, pair[1]), pair[0])
    with promise("the gradient reaches the output"):
        _check_step(loss, partial(_swapped, loss, reference), output, reached=True)
    with promise("a loss falls on the way to the reference"), torch.no_grad():
        near, far = (loss.compare(reference + share * (output - reference), reference) for share in (0.01, 1.0))
        assert near < far, f"it is {float(near):.3g} near the reference and {float(far):.3g} far from it"
    with promise("it computes where its input lies"):
        p.check_device(loss, lambda network, *x: network.compare(*x), output, reference)
        with suppress(DataDependentOutputException):  # raised by losses that read the lengths
            p.check_device(loss, lambda network, *x: network.compare(*x), output, reference, lengths)


def _swapped(loss: EnhancementLoss, reference: Tensor, output: Tensor) -> Tensor:
    return loss.compare(output, reference)


def _check_terms(loss: Loss, outputs: dict[str, Tensor], batch: dict) -> None:
    """``forward`` returns the loss and its terms, name -> detached scalar."""
    with p.promise(loss, "outputs and batch give the loss, and detached scalars as terms"):
        value, terms = loss({name: output.clone().requires_grad_() for name, output in outputs.items()}, batch)
        p.check_shape(value, ())
        for name, term in terms.items():
            assert isinstance(name, str)
            p.check_shape(term, ())
            assert not term.requires_grad, f"{name} is not detached"


def _check_step(loss: nn.Module, function: Callable[[Tensor], Tensor], inputs: Tensor, reached: bool = False) -> None:
    """Value and gradients are finite; ``reached``: the gradient of the input is not zero."""
    inputs = inputs.detach().clone().requires_grad_()
    value = function(inputs)
    p.check_shape(value, ())
    loss.zero_grad()
    value.backward()
    p.check_finite_gradients(loss, {"the input": inputs})
    assert not reached or (inputs.grad is not None and inputs.grad.any()), "it is zero"
