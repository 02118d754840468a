import torch

from toolkit.models.sv.mean_fbank import MeanFbank


def test_embedding_is_the_mean_frame():
    feats = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])
    model = MeanFbank(n_mels=2)
    assert model(feats).tolist() == [[2.0, 4.0]]
    assert model(feats, torch.tensor([1])).tolist() == [[1.0, 2.0]]


def test_there_is_nothing_to_train():
    assert MeanFbank().embedding_dim == 80
    assert not list(MeanFbank().parameters())
