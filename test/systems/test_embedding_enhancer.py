"""EmbeddingEnhancer: what is given back depends on the embedding, the seed and the id alone."""

import numpy as np
import pytest
import torch

from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.errors import InputError
from toolkit.models.embedding import SEED
from toolkit.models.sv import MeanFbank, SpeakerEmbedder
from toolkit.systems import EmbeddingEnhancer
from toolkit.systems.inference.embedding_enhancer_base import noise_of

ROWS = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
IDS = list("abcde")


@pytest.fixture
def enhancer():
    torch.manual_seed(0)
    network = SEED(6)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return EmbeddingEnhancer(network)


def test_a_batch_is_its_rows(enhancer):
    together = enhancer.enhance(ROWS, IDS)
    alone = [enhancer.enhance(row, [key]) for row, key in zip(ROWS, IDS, strict=True)]
    assert together == pytest.approx(np.stack(alone), abs=1e-5)
    assert enhancer.enhance(ROWS[::-1], IDS[::-1])[::-1] == pytest.approx(together, abs=1e-5)


def test_noise_is_that_of_seed_and_id(enhancer):
    noise = np.stack([noise_of(3, key, (1, 6))[0] for key in IDS])
    expected = enhancer.network.eval()(torch.from_numpy(ROWS), torch.from_numpy(noise)).detach().numpy()
    assert enhancer.enhance(ROWS, IDS, seed=3) == pytest.approx(expected, abs=1e-5)
    assert not np.allclose(enhancer.enhance(ROWS, IDS, seed=4), expected)
    assert not np.allclose(enhancer.enhance(ROWS[:1], ["b"], seed=3), expected[0])


def test_the_mean_over_draws(enhancer):
    noise = noise_of(0, "a", (7, 6))
    each = enhancer.network.eval()(torch.from_numpy(np.repeat(ROWS[:1], 7, 0)), torch.from_numpy(noise))
    assert enhancer.enhance(ROWS[0], ["a"], draws=7) == pytest.approx(each.detach().numpy().mean(0), abs=1e-5)


def test_without_ids_equal_embeddings_stay_equal(enhancer):
    enhanced = enhancer.enhance(np.stack([ROWS[0], ROWS[1], ROWS[0]]))
    assert enhanced[0] == pytest.approx(enhanced[2], abs=1e-6)
    assert enhancer.enhance(ROWS[0].tolist()) == pytest.approx(enhanced[0], abs=1e-5)


def test_noise_is_standard_normal():
    noise = noise_of(0, "x", (400, 50))
    assert abs(noise.mean()) < 0.03
    assert noise.std() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    "bad",
    [np.zeros(6), np.full(6, np.nan), np.ones(5), np.ones((2, 2, 6)), np.array(["a"] * 6), np.ones((2, 5)), np.ones(0)],
    ids=["zero", "nan", "size", "dimensions", "text", "sizes", "none"],
)
def test_bad_embeddings(enhancer, bad):
    with pytest.raises(InputError):
        enhancer.enhance(bad)


def test_bad_options(enhancer):
    for options in ({"ids": ["a"]}, {"draws": 0}):
        with pytest.raises(InputError, match=next(iter(options))):
            enhancer.enhance(ROWS, **options)


def test_the_screen(enhancer):
    assert enhancer.info()["fs"] is None
    assert "6 numbers" in str(enhancer)
    assert "Hz" not in str(enhancer)


def test_an_extractor_makes_the_embeddings_of_audio():
    network, embedder = SEED(20), SpeakerEmbedder(KaldiFbank(n_mels=20), MeanFbank(20), "none")
    network.extract_by(embedder)
    assert network.extractor is embedder
    wav = 0.1 * torch.randn(2, 3, 800)
    rows = network.pairs({"clean": wav[:, 0], "variants": wav[:, 1:]})
    torch.testing.assert_close(rows, embedder(wav.flatten(0, 1)).view(2, 3, 20))
    network.extract_by(None)
    assert network.extractor is None


def test_an_extractor_of_another_size_is_refused():
    class Extractor(SpeakerEmbedder):
        def __init__(self):
            torch.nn.Module.__init__(self)
            self.model = torch.nn.Module()
            self.model.embedding_dim = 7

    with pytest.raises(InputError, match="dim 6.* 7"):
        SEED(6).extract_by(Extractor())
