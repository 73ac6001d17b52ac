"""Densities fitted to codes: they integrate to one, and their draws are what they say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentry.core.hyperbolic import WrappedNormal, scale_at
from latentry.core.priors import StandardNormal
from latentry.core.samplers import (
    Codes,
    Fixed,
    Kernels,
    Neighbours,
    Posteriors,
    distinct,
    gaussian_law,
    sphere_law,
)
from latentry.core.wrapped import InTangent, Wrapped

AXIS = torch.linspace(-12, 12, 241)
PLANE = torch.cartesian_prod(AXIS, AXIS)
CELL = float(AXIS[1] - AXIS[0]) ** 2


def two_clusters(n: int = 300, seed: int = 0) -> Codes:
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    z = torch.randn(n, 2, generator=g) + 4.0 * (2.0 * y[:, None] - 1)
    return Codes(z, torch.nn.functional.one_hot(y, 2).float())


def total(sampler, c: Tensor | None = None) -> float:
    given = None if c is None else c.expand(len(PLANE), -1)
    return float(sampler.log_prob(PLANE, given).double().exp().sum() * CELL)


def test_kernels_are_a_density_and_draw_from_it() -> None:
    codes = two_clusters()
    kde = Kernels(2)
    kde.fit(Codes(codes.z), 0)
    assert total(kde) == pytest.approx(1, abs=1e-3)
    torch.manual_seed(0)
    z = kde.draw(20_000)
    root = kde.factor
    # The variance of a mixture is that of its centres and that of a kernel together.
    expected = codes.z.T.cov(correction=0) + root @ root.T
    torch.testing.assert_close(z.T.cov(), expected, atol=0.35, rtol=0.03)
    torch.testing.assert_close(kde.draw(3000, None, 0.0).unique(dim=0).shape[0], 300)


def test_the_width_of_kernels_is_the_one_of_most_likelihood_left_out() -> None:
    z = torch.randn(400, 1, generator=torch.Generator().manual_seed(3))
    kde = Kernels(1)
    kde.fit(Codes(z), 0)

    def left_out(h: float) -> float:
        square = (z - z.T).square() / h**2
        each = -0.5 * square - math.log(h) - 0.5 * math.log(2 * math.pi)
        each.fill_diagonal_(-math.inf)
        return float((each.logsumexp(1) - math.log(399)).mean())

    h = float(kde.factor)
    assert left_out(h) >= max(left_out(h * 2**0.5), left_out(h / 2**0.5))


@pytest.mark.parametrize("make", [Kernels, Neighbours])
def test_rows_of_the_class_that_is_asked_for(make) -> None:
    codes = two_clusters()
    sampler = make(2, 2)
    sampler.fit(codes, 0)
    torch.manual_seed(0)
    c = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(200, 1)
    z = sampler.draw(400, c).mean(1)
    assert (z[::2] > 0).all()
    assert (z[1::2] < 0).all()
    unknown = sampler.draw(400, torch.zeros(400, 2)).mean(1) > 0
    assert 0.4 < unknown.float().mean() < 0.6
    if make is Kernels:
        for one in torch.eye(2):
            assert total(sampler, one) == pytest.approx(1, abs=1e-3)


def test_kernels_given_a_real_condition() -> None:
    g = torch.Generator().manual_seed(0)
    c = torch.randn(1000, 1, generator=g)
    z = torch.cat([3 * c, torch.zeros_like(c)], 1) + 0.3 * torch.randn(1000, 2, generator=g)
    assert distinct(c) is None
    kde = Kernels(2, 1)
    kde.fit(Codes(z, c), 0)
    assert total(kde, torch.tensor([0.5])) == pytest.approx(1, abs=1e-3)
    torch.manual_seed(0)
    for value in (-1.0, 1.0):
        drawn = kde.draw(2000, torch.full((2000, 1), value))
        assert float(drawn[:, 0].mean()) == pytest.approx(3 * value, abs=0.3)


def test_neighbours_lie_between_codes() -> None:
    codes = Codes(torch.tensor([[0.0, 0.0], [1.0, 0.0], [10.0, 5.0], [11.0, 5.0]]))
    sampler = Neighbours(2, k=1)
    sampler.fit(codes, 0)
    torch.manual_seed(0)
    z = sampler.draw(1000)
    assert set(z[:, 1].tolist()) == {0.0, 5.0}
    left = z[z[:, 1] == 0, 0]
    assert 0 <= left.min() < 0.05
    assert 0.95 < left.max() <= 1
    assert not sampler.is_density
    turned = Neighbours(2, turned=True)
    turned.fit(Codes(torch.nn.functional.normalize(torch.randn(50, 2))), 0)
    torch.testing.assert_close(turned.draw(20).norm(dim=1), torch.ones(20))


def test_the_mean_of_posteriors_is_their_mixture() -> None:
    loc = torch.tensor([[-3.0, 0.0], [3.0, 1.0]])
    spread = torch.tensor([[0.5, 1.0], [1.0, 0.7]])
    sampler = Posteriors(2, 0, gaussian_law, 2)
    sampler.fit(Codes(loc, loc=loc, spread=spread), 0)
    assert total(sampler) == pytest.approx(1, abs=1e-3)
    each = torch.distributions.Normal(loc, spread).log_prob(torch.zeros(2)).sum(1)
    expected = each.logsumexp(0) - math.log(2)
    torch.testing.assert_close(sampler.log_prob(torch.zeros(1, 2))[0], expected)
    torch.manual_seed(0)
    z = sampler.draw(20_000)
    torch.testing.assert_close(z.mean(0), loc.mean(0), atol=0.06, rtol=0)
    assert sampler.draw(500, None, 0.0).unique(dim=0).shape[0] == 2


def test_posteriors_on_the_circle() -> None:
    angle = torch.linspace(0, 2 * math.pi, 2001)[:-1]
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    loc = circle[[0, 400, 900]]
    sampler = Posteriors(2, 0, sphere_law, 1)
    sampler.fit(Codes(loc, loc=loc, spread=torch.tensor([[3.0], [10.0], [1.0]])), 0)
    density = sampler.log_prob(circle).double().exp()
    assert float(density.mean() * 2 * math.pi) == pytest.approx(1, abs=1e-4)
    torch.manual_seed(0)
    z = sampler.draw(20_000)
    expected = (density[:, None] * circle).mean(0) * 2 * math.pi
    torch.testing.assert_close(z.mean(0).double(), expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("kind", ["tangent", "wrapped"])
def test_densities_in_the_ball_integrate_to_one_over_its_volume(kind: str) -> None:
    torch.manual_seed(0)
    codes = WrappedNormal(torch.tensor([0.3, -0.2]).expand(400, 2), 0.4 * torch.ones(2), 1.0)
    z = codes.sample()
    sampler = InTangent(Kernels(2), 1.0) if kind == "tangent" else Wrapped(2)
    sampler.fit(Codes(z), 0)
    axis = torch.linspace(-0.999, 0.999, 301)
    grid = torch.cartesian_prod(axis, axis)
    grid = grid[grid.norm(dim=1) < 0.999]
    volume = scale_at(grid, 1.0)[:, 0].square() * (axis[1] - axis[0]) ** 2
    assert float((sampler.log_prob(grid).exp() * volume).sum()) == pytest.approx(1, abs=0.02)
    drawn = sampler.draw(3000)
    assert drawn.norm(dim=1).max() < 1
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.04, rtol=0)
    if kind == "wrapped":
        torch.testing.assert_close(sampler.loc[0], torch.tensor([0.3, -0.2]), atol=0.05, rtol=0)
        torch.testing.assert_close(sampler.scale[0], torch.full((2,), 0.4), atol=0.05, rtol=0)


def test_wrapped_normals_of_classes() -> None:
    codes = two_clusters()
    sampler = Wrapped(2, 2)
    sampler.fit(Codes(codes.z / 10, codes.c), 0)
    z = sampler.draw(400, codes.c[:1].expand(400, -1))
    assert (z.mean(1) < 0).float().mean() > 0.95
    middle = sampler.law(1, torch.zeros(1, 2)).mean
    assert middle.norm() < 0.1


def test_what_was_fitted_is_restored_whatever_its_size() -> None:
    codes = two_clusters(80)
    for make in (Kernels, Neighbours, Wrapped):
        one, two = make(2, 2), make(2, 2)
        one.fit(Codes(codes.z / 10, codes.c), 0)
        two.load_state_dict(one.state_dict())
        assert codes.c is not None
        torch.manual_seed(0)
        expected = one.draw(20, codes.c[:20])
        torch.manual_seed(0)
        assert torch.equal(two.draw(20, codes.c[:20]), expected)


def test_a_fixed_density_learns_nothing() -> None:
    sampler = Fixed(2, 0, StandardNormal(2))
    sampler.fit(two_clusters(), 0)
    assert total(sampler) == pytest.approx(1, abs=1e-4)
    torch.manual_seed(0)
    assert float(sampler.draw(5000, None, 0.5).std()) == pytest.approx(0.5, abs=0.02)
