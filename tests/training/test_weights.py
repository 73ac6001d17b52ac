from __future__ import annotations

import torch
from torch import nn

from latentry.training.weights import Weights


def test_parameters_are_views_of_one_vector_until_they_are_released():
    net = nn.Sequential(nn.Linear(16, 3), nn.Linear(3, 5), nn.Linear(5, 5))
    net[2].weight.requires_grad_(False)
    both = nn.ModuleList([net, net[0]])  # a shared parameter is one parameter
    x = torch.randn(4, 16)
    before = net(x)
    weights = Weights(both)
    assert len(weights.values) == 16 * 3 + 3 + 3 * 5 + 5 + 5
    assert weights.names[0] == "0.0.weight"  # the one whose size leaves the next one aligned
    assert torch.equal(net(x), before)
    assert weights.indices([net[1].bias, net[0].weight])[1] == 0
    with weights.replaced(torch.zeros_like(weights.values)):
        assert not net[0].weight.any()
    assert torch.equal(net(x), before)
    weights.values.mul_(0)
    assert not net[0].weight.any()
    assert net[2].weight.any()
    weights.release()
    weights.values.add_(1)
    assert not net[0].weight.any()
    assert net[0].weight.untyped_storage().nbytes() == 16 * 3 * 4
