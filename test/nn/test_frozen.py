import pickle

import torch
from torch import nn

from toolkit.nn.frozen import FrozenModule


def test_a_frozen_network_works_and_is_no_part_of_its_owner():
    inner = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    owner = nn.ModuleDict({"frozen": FrozenModule(inner), "own": nn.Linear(2, 1)}).train()
    x = torch.randn(4, 3, requires_grad=True)
    assert torch.equal(owner["frozen"](x), inner[0](x))  # no dropout
    owner["own"](owner["frozen"](x)).sum().backward()
    assert x.grad.any()
    assert inner[0].weight.grad is None
    assert {name for name, _ in owner.named_parameters()} == owner.state_dict().keys() == {"own.weight", "own.bias"}
    assert not any(module.training for module in inner.modules())


def test_it_changes_type_and_is_copied_with_its_owner():
    owner = nn.ModuleDict({"frozen": FrozenModule(nn.Linear(3, 2))}).double()
    assert owner["frozen"].network.weight.dtype == torch.float64
    copy = pickle.loads(pickle.dumps(owner))
    assert torch.equal(copy["frozen"].network.weight, owner["frozen"].network.weight)
