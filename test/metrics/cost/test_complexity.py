import pytest
import torch
from helpers.networks_that_read import ReadsWhenUsed
from torch import nn

from toolkit.io.errors import InputError
from toolkit.metrics.cost import complexity
from toolkit.metrics.cost.complexity import count_macs, count_macs_thop, count_parameters
from toolkit.nn.pretrained import without_weights

# module, input, true multiply-accumulates, thop's count: by hand from the shapes (true) and thop's rules.
LAYERS = [
    (nn.Linear(5, 7), (3, 5), 3 * 5 * 7, 3 * 5 * 7),
    (nn.Conv1d(6, 4, 3, groups=2), (1, 6, 10), 8 * 4 * 3 * 3, 8 * 4 * 3 * 3),
    (nn.Conv2d(2, 4, (3, 5), stride=2, padding=1), (1, 2, 9, 11), 5 * 5 * 4 * 2 * 15, 5 * 5 * 4 * 2 * 15),
    # 10 frames, hop 4: 44 samples. True: each of 10 frames meets 8 taps; thop: each of 44 samples does.
    (nn.ConvTranspose1d(3, 2, 8, stride=4), (1, 3, 10), 10 * 3 * 2 * 8, 44 * 2 * 3 * 8),
    (nn.BatchNorm1d(4), (1, 4, 10), 0, 4 * 40),
    (nn.InstanceNorm1d(4), (1, 4, 10), 0, 2 * 40),
    (nn.LayerNorm(10, elementwise_affine=False), (1, 4, 10), 0, 2 * 40),
    (nn.PReLU(), (1, 4, 10), 0, 40),
    (nn.ReLU(), (1, 4, 10), 0, 0),
    (nn.Softmax(dim=-1), (1, 4, 10), 0, 4 * (10 + 9 + 10)),
    (nn.AvgPool1d(2), (1, 4, 10), 0, 4 * 5),
    (nn.AdaptiveAvgPool1d(1), (1, 4, 10), 0, 4 * 11),
    (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 1, 3, 4), 0, 11 * 48),
    # 7 steps of 4 gates of 5: 4 * 5 * (3 + 5) products; thop adds three sums a gate unit and 4 products a unit.
    (nn.LSTM(3, 5, batch_first=True), (2, 7, 3), 14 * 160, 14 * (4 * (40 + 5 + 10) + 20)),
    (nn.GRU(3, 5, batch_first=True), (2, 7, 3), 14 * 120, 14 * (3 * (40 + 5 + 10) + 20)),
    (nn.RNN(3, 5, bias=False), (7, 2, 3), 14 * 40, 14 * 45),
    (nn.LSTM(3, 5, 2, bidirectional=True), (7, 2, 3), 14 * 2 * (160 + 20 * 15), None),
    (nn.MultiheadAttention(8, 2, batch_first=True), None, 4 * 6 * 8 * 8 + 2 * 6 * 6 * 8, 0),
]


def example(module, shape):
    return (torch.randn(shape),) if shape else (torch.randn(1, 6, 8),) * 3


@pytest.mark.parametrize(("module", "shape", "macs", "macs_thop"), LAYERS, ids=lambda value: str(value)[:30])
def test_layer_counts_by_hand(module, shape, macs, macs_thop):
    inputs = example(module, shape)
    assert count_macs(module, inputs) == macs
    if macs_thop is not None:
        assert count_macs_thop(module, inputs) == macs_thop


class Products(nn.Module):
    def forward(self, a, b):
        return torch.einsum("bct,bcs->bts", a, b), a @ b[0, 0], a[0] @ b[0, 0], a[0, 0] @ b[0, 0]


def test_products_outside_modules_count_only_in_the_exact_count():
    inputs = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    assert count_macs(Products(), inputs) == 2 * 5 * 5 * 3 + 2 * 3 * 5 + 3 * 5 + 5
    assert count_macs_thop(Products(), inputs) == 0


@pytest.mark.parametrize(("module", "shape"), [layer[:2] for layer in LAYERS], ids=lambda value: str(value)[:30])
def test_thop_says_the_same(module, shape):
    thop = pytest.importorskip("thop", exc_type=ImportError)
    inputs = example(module, shape)
    assert count_macs_thop(module, inputs) == thop.profile(module, inputs, verbose=False)[0]


def test_a_shared_layer_counts_its_parameters_once_and_its_work_twice():
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, layer)
    assert count_parameters(model) == 20
    assert count_macs(model, (torch.randn(1, 4),)) == 32


def test_counting_leaves_the_modes_as_they_were():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5).eval())
    for count in (count_macs, count_macs_thop):
        count(model, (torch.randn(1, 4),))
        assert [m.training for m in model.modules()] == [True, True, False]
    assert torch.backends.mha.get_fastpath_enabled()
    assert not model[0]._forward_hooks


def test_rtf_is_the_median_run_by_the_length_on_one_thread(monkeypatch):
    clock = iter([0, 9, 10, 19, 20, 21, 30, 33, 40, 42, 50, 55, 60, 64])  # two warm-ups, then 1, 3, 2, 5, 4 s
    monkeypatch.setattr(complexity.time, "perf_counter", lambda: next(clock))
    threads = []
    model = nn.Identity()
    model.register_forward_hook(lambda *_: threads.append(torch.get_num_threads()))
    assert complexity.measure_rtf(model, (torch.zeros(1),), seconds=6.0) == 0.5
    assert set(threads) == {1}


def test_profile_of_a_layer_with_32_mib_of_weights():
    facts = complexity.profile(nn.Linear(2048, 4096, bias=False), (torch.randn(1, 2048),), seconds=2.0)
    assert facts["parameters"] == facts["macs"] == facts["macs_thop"] == 2**23
    assert 32 <= facts["peak_memory_mib"] < 80
    assert facts["rtf_1thread"] > 0


def test_a_module_with_weight_norm_is_measured_and_keeps_it():
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2048, 4096, bias=False)))
    plain = complexity.without_parametrizations(model)
    x = torch.randn(1, 2048)
    assert torch.equal(plain(x), model(x))
    assert nn.utils.parametrize.is_parametrized(model[0])
    assert 32 <= complexity.measure_peak_memory(model, (x,)) < 120


def test_conv_tasnet_counts_by_hand():
    """Encoder, bottleneck, 4 x 8 blocks (the last without residual path), mask and decoder in each of 11 frames."""
    torchaudio = pytest.importorskip("torchaudio")
    model = torchaudio.models.ConvTasNet(1, 320, 4096, 3, 256, 512, 8, 4)
    block = 256 * 512 + 512 * 3 + 2 * 512 * 256
    frame = 2 * 4096 * 320 + 2 * 4096 * 256 + 32 * block - 512 * 256
    assert count_parameters(model) == 17_346_625
    assert count_macs(model, (torch.randn(1, 1, 1600),)) == 11 * frame


def test_memory_is_measured_without_weights_where_the_caller_reads_none():
    """The child process does as the caller does; what it cannot read is an error by name."""
    model, inputs = ReadsWhenUsed(), (torch.zeros(1, 10),)
    with without_weights():
        assert complexity.measure_peak_memory(model, inputs) >= 0
    with pytest.raises(InputError, match="^weights.pt: no such file"):
        complexity.measure_peak_memory(model, inputs)
