"""The Poincare ball against its closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from latentry.core.hyperbolic import (
    Gyroplanes,
    WrappedNormal,
    add,
    distance,
    scale_at,
    step,
    way,
)


def points(n: int, dimensions: int = 3, radius: float = 0.9) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    z = torch.randn(n, dimensions, generator=g, dtype=torch.float64)
    far = radius * torch.rand(n, 1, generator=g, dtype=torch.float64)
    return z / z.norm(dim=1, keepdim=True) * far


@pytest.mark.parametrize("c", [0.3, 1.0])
def test_distance_is_the_known_one(c: float) -> None:
    x, y = points(40).split(20)
    square = (x - y).square().sum(1)
    below = (1 - c * x.square().sum(1)) * (1 - c * y.square().sum(1))
    exact = (1 + 2 * c * square / below).acosh() / math.sqrt(c)
    torch.testing.assert_close(distance(x, y, c), exact)
    torch.testing.assert_close(distance(x, y, c), distance(y, x, c))


@pytest.mark.parametrize("c", [0.3, 1.0])
def test_a_step_leads_where_the_way_points(c: float) -> None:
    x, y = points(40).split(20)
    u = way(x, y, c)
    torch.testing.assert_close(step(x, u, c), y)
    torch.testing.assert_close(u.norm(dim=1), distance(x, y, c))
    torch.testing.assert_close(add(-x, add(x, y, c), c), y)  # left cancellation


def test_flat_space_is_the_limit() -> None:
    x, y = points(40).split(20)
    torch.testing.assert_close(distance(x, y, 1e-8), 2 * (x - y).norm(dim=1), rtol=1e-5, atol=0)


@pytest.mark.parametrize("c", [0.5, 1.0])
def test_the_wrapped_normal_integrates_to_one_over_the_ball(c: float) -> None:
    loc = torch.tensor([0.3, -0.2], dtype=torch.float64)
    q = WrappedNormal(loc, torch.tensor([0.5, 0.8], dtype=torch.float64), c)
    axis = torch.linspace(-1, 1, 2001, dtype=torch.float64) / math.sqrt(c)
    grid = torch.cartesian_prod(axis, axis)
    grid = grid[c * grid.square().sum(1) < 0.99999]
    volume = scale_at(grid, c)[:, 0] ** 2 * (axis[1] - axis[0]) ** 2
    assert float((q.log_prob(grid).exp() * volume).sum()) == pytest.approx(1, abs=2e-3)


def test_draws_lie_around_their_centre() -> None:
    torch.manual_seed(0)
    loc = torch.tensor([[0.5, 0.1]])
    scale = torch.tensor([[0.2, 0.6]])
    z = WrappedNormal(loc, scale, 1.0).rsample((50000,))[:, 0]
    assert float(z.norm(dim=1).max()) < 1
    u = way(loc, z, 1.0)
    torch.testing.assert_close(u.mean(0), torch.zeros(2), atol=0.01, rtol=0)
    torch.testing.assert_close(u.std(0), scale[0], atol=0.01, rtol=0.01)


def test_gradients_are_those_of_finite_differences() -> None:
    loc = points(4, 2).requires_grad_()
    scale = torch.full((4, 2), 0.5, dtype=torch.float64, requires_grad=True)
    z = points(8, 2)[4:]

    def log_prob(loc: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return WrappedNormal(loc, scale, 1.0).log_prob(z)

    assert torch.autograd.gradcheck(log_prob, (loc, scale))


def test_gyroplanes_give_the_distance_from_the_plane() -> None:
    torch.manual_seed(0)
    layer = Gyroplanes(2, 1, 1.0, nn.Identity())
    with torch.no_grad():
        layer.points.zero_()
        layer.normals.copy_(torch.tensor([[1.0, 0.0]]))
    # The plane x = 0 through the origin: the nearest point of it to (r, 0) is the origin, at the
    # distance 2 atanh(r); the layer multiplies by the normal's length at the point, 2.
    r = torch.tensor([[0.5, 0.0], [-0.3, 0.0], [0.0, 0.7]])
    exact = 2 * 2 * torch.tensor([math.atanh(0.5), -math.atanh(0.3), 0.0])
    torch.testing.assert_close(layer(r)[:, 0].detach(), exact, atol=1e-6, rtol=1e-5)
    beside = torch.cat([r, torch.ones(3, 2)], 1)
    assert layer(beside).shape == (3, 3)
