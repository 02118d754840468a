"""GTCRN as an extractor: its gains, size and cost; streaming is in test/systems/test_audio_stream.py."""

import pytest
import torch
from helpers.plain import after_training

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.se.gtcrn import GTCRN
from toolkit.models.tse.gtcrn_extractor import GTCRNExtractor
from toolkit.testing import check_extractor

from .extractors import encoder, sounds

SMALL = {"window": 64, "hop": 32, "low_bins": 9, "erb_bands": 8, "channels": 8}


def small(**changes) -> GTCRNExtractor:
    torch.manual_seed(1)
    return after_training(GTCRNExtractor(**SMALL | {"embedding_dim": 6} | changes))


def test_size():
    """GTCRN's 48.2 k, and a linear layer from 256 numbers to 16 channels x 33 bands of two RNNs."""
    with torch.device("meta"):
        sizes = [count_parameters(network) for network in (GTCRNExtractor(embedding_dim=256), GTCRN())]
    assert sizes[0] - sizes[1] == 257 * 2 * 16 * 33
    assert round(sizes[0] / 1e3, 1) == 319.6


def test_promises():
    check_extractor(small(speaker_encoder=encoder()))


def test_gains_of_one_leave_gtcrn():
    model, mixture, vector = small(), sounds(2, 700), torch.randn(2, 6)
    torch.nn.init.zeros_(model.speaker.gain.weight)
    torch.nn.init.ones_(model.speaker.gain.bias)
    torch.testing.assert_close(model(mixture, embedding=vector), model.network(mixture))


def test_each_rnn_has_its_gains_by_channel_and_band():
    """Written with hooks on a plain GTCRN: the input of an RNN times W e + b, of 2 RNNs x 8 channels x 5 bands."""
    model, mixture, vector = small(), sounds(2, 700), torch.randn(2, 6)
    gains = (vector @ model.speaker.gain.weight.T + model.speaker.gain.bias).view(2, 2, 8, 5)
    for part, rnn in enumerate(model.network.bottleneck):
        rnn.register_forward_pre_hook(lambda _, given, part=part: (given[0] * gains[:, part, :, :, None], given[1]))
    expected = model.network(mixture)
    for rnn in model.network.bottleneck:
        rnn._forward_pre_hooks.clear()
    torch.testing.assert_close(model(mixture, embedding=vector), expected)


def test_an_enrolment_stands_for_its_embedding():
    model, mixture, enrolment = small(speaker_encoder=encoder(), embedding_dim=None), sounds(2, 700), sounds(2, 500, 1)
    lengths = torch.tensor([500, 320])
    vector = model.trained_embedder(enrolment, lengths)
    torch.testing.assert_close(model(mixture, enrolment, lengths), model(mixture, embedding=vector))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_dim": None}, "speaker_encoder: is missing"),
        ({"channels": 10}, "channels 10: must be a multiple of 4"),
    ],
)
def test_sizes_that_cannot_be(changes, message):
    with pytest.raises(InputError, match=message):
        small(**changes)


def test_wrong_embeddings_are_refused():
    with pytest.raises(InputError, match="embeddings have 5 numbers, the model takes 6"):
        small()(sounds(1, 300), embedding=torch.randn(1, 5))
    with pytest.raises(InputError, match="needs an embedding"):
        small()(sounds(1, 300), sounds(1, 300))
