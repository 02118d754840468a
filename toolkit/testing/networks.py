"""Checks of speaker encoders, enhancers and extractors: the promises of their base classes."""

import copy
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException

from toolkit.io.errors import InputError
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.testing import promises as p
from toolkit.testing.devices import fake_cuda

_SAMPLES = (1, 2, 15, 16, 17, 255, 1023, 4001)
_MIXTURE_ENROLMENT = ((1, 1), (1, 700), (15, 16), (16, 1), (17, 33), (333, 1000), (1001, 80))


def check_encoder(encoder: SpeakerEncoder, features: int, frames: int = 50, dtype: torch.dtype | None = None) -> None:
    """Check the promises of a SpeakerEncoder.

    Args:
        encoder: a small instance, for speed; it is not changed.
        features: F of its input.
        frames: length of the longest utterance, enough for the network to distinguish it from padding.
        dtype: type of the computation in the check; None: float64, where rounding errors hide no fault, or float32 if
            the network returns float32 for float64.

    Raises:
        AssertionError: names class and promise.

    Example::

        check_encoder(EcapaTdnn(n_mels=20, channels=32, mfa_channels=48, embedding_dim=16), features=20)
    """
    promise = partial(p.promise, encoder)
    with promise("it is a SpeakerEncoder with embedding_dim, a whole number"):
        assert isinstance(encoder, SpeakerEncoder)
        assert type(encoder.embedding_dim) is int
    feats = p.sounds(5, frames, features)
    dtype = dtype or p.precision_of(encoder, lambda network, kind: network(feats.to(kind)))
    encoder, feats = copy.deepcopy(encoder).to(dtype), 20 * feats.to(dtype)
    model = p.after_training(encoder)
    with promise("(B, T, F) features of any T from 1 on give (B, D) embeddings, in eval mode"), torch.no_grad():
        for count in (1, 2, 3, 7, frames):
            p.check_shape(model(feats[:2, :count]), (2, encoder.embedding_dim))
    lengths = torch.tensor([frames, frames - 1, 2 * frames // 3, 7, 1])
    with torch.no_grad():
        single = torch.cat([model(x[None, :n]) for x, n in zip(feats, lengths, strict=True)])
        with promise("in eval mode, a padded utterance has the embedding that it has alone"):
            p.check_equal(model(_padded(feats, lengths), lengths), single)
        with promise("lengths of None say that all utterances have T frames"):
            p.check_equal(model(feats, torch.full((5,), frames)), model(feats))
    _check_encoder_gradients(encoder, model, feats)
    with promise("its state dict holds all that training changes"):
        p.check_state(encoder, lambda network: network(feats))
    with promise("it computes where its input lies"), fake_cuda(encoder) as on_device:
        p.check_on_device(on_device, lambda network, *x: network(*x), feats)
        with suppress(DataDependentOutputException):  # raised by networks that read the lengths
            p.check_on_device(on_device, lambda network, *x: network(*x), feats, lengths)


def _check_encoder_gradients(encoder: SpeakerEncoder, model: SpeakerEncoder, feats: Tensor) -> None:
    """Gradients of an encoder, and of ``model``, its copy as after training; feats (B, T, F)."""
    promise = partial(p.promise, encoder)
    frames = feats.shape[1]
    with promise("features of zeros give finite embeddings and gradients"):
        zeros = torch.zeros_like(feats[:2]).requires_grad_()
        out = model(zeros)
        p.check_shape(out, (2, encoder.embedding_dim))
        out.sum().backward()
        p.check_finite_gradients(model, {"the features": zeros})
    with promise("a batch with an utterance of one frame trains"):
        trained, inputs = copy.deepcopy(encoder).train(), feats[:3].clone().requires_grad_()
        trained(inputs, torch.tensor([frames, 2, 1])).square().sum().backward()
        p.check_finite_gradients(trained, {"the features": inputs})
    with promise("a training step reaches all parameters"):
        trained, wav = copy.deepcopy(encoder).train(), feats.clone().requires_grad_()
        outputs = trained.outputs(wav, None)
        assert "embedding" in outputs, f"outputs gives {', '.join(outputs)}"
        p.check_gradients(trained, outputs.values(), {"the features": wav})


def check_enhancer(enhancer: SpeechEnhancer, dtype: torch.dtype | None = None) -> None:
    """Check the promises of a SpeechEnhancer.

    Args:
        enhancer: a small instance, for speed; it is not changed.
        dtype: type of the computation in the check; None: float64, where rounding errors hide no fault, or float32 if
            the network returns float32 for float64.

    Raises:
        AssertionError: names class and promise.

    Example::

        check_enhancer(Demucs(hidden=8, depth=3))
    """
    promise = partial(p.promise, enhancer)
    with promise("it is a SpeechEnhancer with fs, a whole number in Hz"):
        assert isinstance(enhancer, SpeechEnhancer)
        assert type(enhancer.fs) is int
    dtype = dtype or p.precision_of(enhancer, lambda network, kind: network(p.sounds(1, 2001, dtype=kind)))
    enhancer, sounds = copy.deepcopy(enhancer).to(dtype), partial(p.sounds, dtype=dtype)
    model = p.after_training(enhancer)
    with promise("as many samples come back as go in, from one on"), torch.no_grad():
        for samples in _SAMPLES:
            p.check_shape(model(sounds(2, samples)), (2, samples))
    with promise("silence gives finite samples and gradients"):
        for samples in (1, 37, 3000):
            wav = torch.zeros(2, samples, dtype=dtype, requires_grad=True)
            out = model(wav)
            p.check_shape(out, (2, samples))
            out.square().sum().backward()
            p.check_finite_gradients(model, {"the input": wav})
    with promise("in eval mode, a batch is its utterances"), torch.no_grad():
        wav = sounds(3, 2001) * torch.tensor([[0.1], [1.0], [10.0]])
        _check_members(lambda rows: model(wav[rows]))
    with promise("a training step reaches all parameters"):
        trained, wav = copy.deepcopy(enhancer).train(), sounds(2, 3000).requires_grad_()
        p.check_gradients(trained, [trained(wav)], {"the input": wav})
    with promise("enhance gives a recording of any length back, a short one as forward does"):
        single = copy.deepcopy(model).float()  # as systems call it
        for samples in (1, 500, enhancer.fs + 1):
            p.check_shape(single.enhance(p.sounds(samples), 0.1), (samples,))
        with torch.inference_mode():
            p.check_equal(single.enhance(p.sounds(500), 1.0), single(p.sounds(1, 500))[0])
    _check_stream(copy.deepcopy(model).float())
    with promise("its state dict holds all that training changes"):
        p.check_state(enhancer, lambda network: network(sounds(2, 2001)))
    with promise("it computes where its input lies"):
        p.check_device(enhancer, lambda network, wav: network(wav), sounds(2, 2001))


def _check_stream(model: SpeechEnhancer) -> None:
    """``open_stream`` of a network in float32 and eval mode, as systems call it."""
    try:
        stream = model.open_stream()
    except InputError:
        return  # it is not causal
    with p.promise(model, "open_stream gives what forward gives, piece by piece"), torch.inference_mode():
        wav = p.sounds(3000)
        pieces = [*(stream.process(piece) for piece in wav.split(700)), stream.flush()]
        p.check_equal(torch.cat(pieces), model(wav[None])[0])


def check_extractor(extractor: SpeakerExtractor, dtype: torch.dtype | None = None) -> None:
    """Check the promises of a SpeakerExtractor.

    Args:
        extractor: a small instance, for speed; it is not changed.
        dtype: type of the computation in the check; None: float64, where rounding errors hide no fault, or float32 if
            the network returns float32 for float64.

    Raises:
        AssertionError: names class and promise.

    Example::

        check_extractor(SDPCCN(window=64, hop=16, stem_channels=4, dense_channels=(6, 8), conv_channels=(10, 12)))
    """
    promise = partial(p.promise, extractor)
    with promise("it is a SpeakerExtractor with fs, a whole number in Hz"):
        assert isinstance(extractor, SpeakerExtractor)
        assert type(extractor.fs) is int
    inputs = p.sounds(1, 400), p.sounds(1, 500, seed=1)
    dtype = dtype or p.precision_of(extractor, lambda network, kind: _extracted(network, *(x.to(kind) for x in inputs)))
    extractor, sounds = copy.deepcopy(extractor).to(dtype), partial(p.sounds, dtype=dtype)
    model = p.after_training(extractor)
    for network in (model, copy.deepcopy(extractor).train()):
        _check_any_input(network, sounds)
    mixture, enrolment = sounds(5, 400), sounds(5, 500, seed=1)
    lengths = torch.tensor([500, 499, 160, 17, 1])
    _check_independence(model, mixture, enrolment, lengths)
    _check_extractor_gradients(extractor, mixture, enrolment)
    with promise("its state dict holds all that training changes"):
        p.check_state(extractor, lambda network: _extracted(network, mixture, enrolment))
    with promise("it computes where its input lies"):
        p.check_device(extractor, _extracted, mixture, enrolment, lengths)


def _check_any_input(network: SpeakerExtractor, sounds: Callable[..., Tensor]) -> None:
    """Any lengths of mixture and enrolment, and silence."""
    promise = partial(p.promise, network)
    with promise("any N and M from 1 on go in, the same N comes out"), torch.no_grad():
        for n, m in _MIXTURE_ENROLMENT:
            p.check_shape(_extracted(network, sounds(1, n), sounds(1, m, seed=1)), (1, n))
    with promise("silence gives finite samples and gradients"):
        for loud in ((0, 0), (1, 0), (0, 1)):
            quiet = [(sounds(2, 400, seed=i) * on).requires_grad_() for i, on in enumerate(loud)]
            out = _extracted(network, *quiet)
            p.check_shape(out, (2, 400))
            out.sum().backward()
            p.check_finite_gradients(network, dict(zip(("the mixture", "the enrolment"), quiet, strict=True)))


def _check_independence(model: SpeakerExtractor, mixture: Tensor, enrolment: Tensor, lengths: Tensor) -> None:
    """An output depends on neither padding nor other items; mixture (5, N), enrolment (5, M)."""
    promise = partial(p.promise, model)
    sounds = partial(p.sounds, dtype=mixture.dtype)
    with torch.no_grad():
        with promise("in eval mode, a padded enrolment gives what it gives alone"):
            single = [_extracted(model, mixture[i, None], enrolment[i, None, :n]) for i, n in enumerate(lengths)]
            p.check_equal(_extracted(model, mixture, _padded(enrolment, lengths), lengths), torch.cat(single))
        with promise("in eval mode, the padding of several enrolments has no influence"):
            three, counts = sounds(6, 300, seed=2), torch.tensor([[300, 17, 160], [1, 80, 160]])
            noisy, silent = (_padded(three, counts.flatten(), value).view(2, 3, 300) for value in (p.LOUD, 0.0))
            together = _extracted(model, mixture[:2], noisy, counts)
            for i, longest in enumerate((300, 160)):
                short = _extracted(model, mixture[i, None], silent[i, None, :, :longest], counts[i, None])
                p.check_equal(together[i], short[0])
        with promise("in eval mode, a batch is its members"):
            _check_members(lambda rows: _extracted(model, mixture[rows], enrolment[rows]))


def _check_extractor_gradients(extractor: SpeakerExtractor, mixture: Tensor, enrolment: Tensor) -> None:
    """Gradients of a training step; mixture (B, N), enrolment (B, M)."""
    promise = partial(p.promise, extractor)
    with promise("a training step reaches all parameters and both inputs, and not the padding"):
        trained = copy.deepcopy(extractor).train()
        named = {"the mixture": mixture[:2].clone(), "the enrolment": enrolment[:2].clone()}
        for tensor in named.values():
            tensor.requires_grad_()
        out = _extracted(trained, named["the mixture"], named["the enrolment"], torch.tensor([500, 300]))
        p.check_gradients(trained, [out], named)
        gradient = named["the enrolment"].grad
        assert gradient is not None
        assert not gradient[1, 300:].any(), "padding of the enrolment has a gradient"


def _extracted(network: nn.Module, mixture: Tensor, enrolment: Tensor, lengths: Tensor | None = None) -> Tensor:
    """(B, N), from enrolments (B, M) or (B, K, M) in the form that the network accepts."""
    return network(mixture, *cast(SpeakerExtractor, network).fit_enrolments(enrolment, lengths))


def _padded(items: Tensor, lengths: Tensor, value: float = p.LOUD) -> Tensor:
    """(B, T, ...) with ``value`` beyond the lengths (B,)."""
    items = items.clone()
    for item, length in zip(items, lengths, strict=True):
        item[length:] = value
    return items


def _check_members(function) -> None:
    """``function`` of single rows equals ``function`` of all rows together."""
    together = function(slice(0, 3))
    for row in range(3):
        p.check_equal(function(slice(row, row + 1))[0], together[row])
