"""The BGRU over frames against torch's bidirectional one, with and without padding."""

import torch
from torch import nn

from toolkit.nn.frame_gru import FrameGRU
from toolkit.nn.mask import length_mask


def test_each_recording_gives_what_a_bidirectional_gru_gives_alone():
    torch.manual_seed(0)
    model, oracle = FrameGRU(5, 3).double(), nn.GRU(5, 3, batch_first=True, bidirectional=True).double()
    state = dict(model.forward_rnn.state_dict())
    state |= {f"{name}_reverse": value for name, value in model.backward_rnn.state_dict().items()}
    oracle.load_state_dict(state)
    x, lengths = torch.rand(3, 5, 8, dtype=torch.float64), torch.tensor([8, 4, 1])
    torch.testing.assert_close(model(x), model.out(oracle(x.transpose(1, 2))[0]).transpose(1, 2))
    for one, n, out in zip(x, lengths, model(x, length_mask(lengths, 8)), strict=True):
        alone = model.out(oracle(one[None, :, :n].transpose(1, 2))[0])[0].T
        torch.testing.assert_close(out[:, :n], alone)
