"""The small HuBERT: frames, padding, size, masks, places of the frames, gradients."""

import pytest
import torch

from toolkit.features.mfcc import MFCC
from toolkit.io.errors import InputError
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.ssl.log_mel_hubert import LogMelHubert
from toolkit.models.ssl.masked_predictor import StoredSSL
from toolkit.models.ssl.weighted_layers import SSLFeatures
from toolkit.nn.span_mask import span_mask

TINY = {"num_clusters": 7, "n_mels": 20, "dim": 16, "heads": 2, "hidden": 32, "num_layers": 3, "projection": 8}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LogMelHubert(**TINY, position_kernel=9).eval()


@torch.no_grad()
def test_an_utterance_does_not_depend_on_its_batch(network):
    lengths, wav = torch.tensor([8000, 5123, 6400, 1]), 0.1 * torch.randn(4, 8000)
    states, frames = network.states(wav, lengths)
    assert len(states) == network.num_layers + 1
    for i, (samples, count) in enumerate(zip(lengths.tolist(), frames.tolist(), strict=True)):
        assert count == network.num_frames(samples)
        for together, alone in zip(states, network.hidden_states(wav[i : i + 1, :samples]), strict=True):
            torch.testing.assert_close(together[i, :count], alone[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("subsampling", [1, 2, 4])
@pytest.mark.parametrize("samples", [1, 159, 320, 639, 640, 16000])
def test_units_have_the_frames_of_the_network(subsampling, samples):
    network = LogMelHubert(**TINY, position_kernel=9, subsampling=subsampling).eval()
    count = 1 + samples // (160 * subsampling)
    assert network.num_frames(samples) == MFCC(hop_ms=10 * subsampling).num_frames(samples) == count
    assert network(torch.randn(1, samples), 2)[1].shape == (1, count, 16)


@torch.no_grad()
@pytest.mark.parametrize("subsampling", [1, 2, 4])
def test_frame_t_of_the_network_is_frame_t_of_the_units(subsampling):
    """A short tone around sample 40 hops lies there in both: the centre of the frames that are unlike the others."""
    hop = 160 * subsampling
    wav, place = 0.01 * torch.sin(torch.arange(100 * hop) * 0.05)[None], torch.arange(-80, 80)
    wav[:, 40 * hop + place] += 0.3 * torch.sin(place * 0.3) * torch.hann_window(160)
    network = LogMelHubert(**TINY, position_kernel=9, subsampling=subsampling).eval()
    for feats in (network.embed, MFCC(hop_ms=10 * subsampling)):
        x = feats(wav)[0][0]
        unlike = (x - x.median(0).values).norm(dim=1)[20:61]  # away from the ends, where the wave has a kink
        frames = (unlike > 0.5 * unlike.max()).nonzero().flatten().float()
        assert len(frames) < 12
        assert float(frames.mean()) == pytest.approx(20, abs=0.5)


def test_layers_are_counted_from_the_first(network):
    wav = 0.1 * torch.randn(2, 5000)
    states = network.hidden_states(wav)
    for count in (1, 2, 3):
        layers = network(wav, count)
        assert len(layers) == count
        assert all(torch.equal(a, b) for a, b in zip(layers, states[1:], strict=False))


def test_its_size_is_for_a_cpu():
    assert 2e6 < count_parameters(LogMelHubert()) < 5e6


@torch.no_grad()
def test_masked_frames_do_not_pass_on_their_sound(network):
    """What is said in masked frames changes no output, beyond the convolutions' reach and the utterance's mean."""
    wav = 0.1 * torch.randn(1, 16000)
    scores = torch.zeros(1, network.num_frames(16000))
    scores[0, 20] = 1
    network.mask_prob, network.mask_length = 1 / scores.shape[1], 20
    x, _ = network.embed(wav)
    mask = span_mask(scores, None, network.mask_prob, network.mask_length)
    assert mask[0].nonzero().flatten().tolist() == list(range(20, 40))
    outputs = network.training_outputs({"wav": wav, "mask_scores": scores})
    replaced = torch.where(mask[:, :, None], network.mask_embedding, x)
    expected = network.logits(network.transform(replaced)[-1])
    torch.testing.assert_close(outputs["logits"], expected)
    assert torch.equal(outputs["mask"], mask)


def test_logits_are_cosines_over_the_temperature(network):
    last = torch.randn(2, 5, 16)
    vectors = network.projection(last)
    expected = torch.nn.functional.cosine_similarity(vectors[:, :, None], network.unit_vectors[None, None], dim=3) / 0.1
    torch.testing.assert_close(network.logits(last), expected)


def test_ssl_mse_reaches_the_waveform_and_not_the_weights(network):
    """The gradient is that of finite differences."""
    loss, clean = SSLMSE(StoredSSL(network.double())), 0.1 * torch.randn(1, 2000).double()
    loss.layer_weights, loss.top = [0.0, 0.5, 0.5], 3
    wav = (clean + 0.01 * torch.randn(1, 2000)).requires_grad_()
    loss.compare(wav, clean).backward()
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())
    step = torch.randn_like(wav)
    with torch.no_grad():
        change = loss.compare(wav + 2e-4 * step, clean) - loss.compare(wav - 2e-4 * step, clean)
    # float32 features: a few per cent
    assert float((wav.grad * step).sum()) == pytest.approx(float(change) / 4e-4, rel=0.05)


def test_features_of_a_probe(network):
    features = SSLFeatures(StoredSSL(network)).eval()
    feats, frames = features(0.1 * torch.randn(2, 8000), torch.tensor([8000, 4000]))
    assert feats.shape == (2, 26, 16)
    assert frames.tolist() == [26, 13]
    assert features.layer_logits.shape == (4,)


@pytest.mark.parametrize(
    "change",
    [
        {"subsampling": 3},
        {"subsampling": 0},
        {"position_kernel": 8},
        {"heads": 3},
        {"heads": 0},
        {"mask_prob": 0.0},
        {"mask_length": 0},
        {"num_clusters": 1},
        {"num_layers": 0},
    ],
)
def test_sizes_that_do_not_fit_are_named(change):
    with pytest.raises(InputError, match=next(iter(change))):
        LogMelHubert(**{**TINY, "position_kernel": 9, **change})
