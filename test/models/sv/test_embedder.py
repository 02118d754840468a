import pytest
import torch

from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.mean_fbank import MeanFbank

LENGTHS = torch.tensor([30, 17, 2])


def embedder(normalize: str) -> SpeakerEmbedder:
    return SpeakerEmbedder(KaldiFbank(n_mels=4), MeanFbank(4), normalize)


def padded() -> torch.Tensor:
    feats = 3 * torch.randn(3, 30, 4) + 5
    for row, n in zip(feats, LENGTHS, strict=True):
        row[n:] = 0
    return feats


def test_mean_var_is_torchs_instance_normalisation():
    feats = padded()
    expected = torch.nn.functional.instance_norm(feats.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(embedder("mean_var").normalized(feats), expected)


@pytest.mark.parametrize("normalize", ["mean", "mean_var", "none"])
def test_padding_does_not_count_and_stays_zero(normalize):
    feats, system = padded(), embedder(normalize)
    together = system.normalized(feats, LENGTHS)
    for row, whole, n in zip(together, feats, LENGTHS, strict=True):
        torch.testing.assert_close(row[:n], system.normalized(whole[None, :n])[0], atol=1e-5, rtol=1e-5)
        assert not row[n:].any()


def test_a_single_frame_is_zero_not_infinite():
    assert not embedder("mean_var").normalized(torch.full((1, 1, 4), 7.0)).any()


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(InputError, match="cmvn"):
        embedder("cmvn")
