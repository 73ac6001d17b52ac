"""Codes drawn evenly by a metric."""

from __future__ import annotations

import pytest
import torch

from latentry.core.riemannian import Metric
from latentry.core.roaming import Roaming
from latentry.core.samplers import Codes


def line(metric: bool = True) -> Codes:
    """Codes along a line in the plane, and a metric that knows three places on it."""
    at = torch.linspace(-3, 3, 61)[:, None]
    z = torch.cat([at, 0.5 * at.sin()], 1)
    if not metric:
        return Codes(z, loc=z, spread=torch.full_like(z, 0.3))
    places = torch.tensor([[-2.0, -0.4], [0.0, 0.0], [2.0, 0.4]])
    factors = torch.tensor([[[1.0, 0.0], [0.5, 0.8]]]).repeat(3, 1, 1)
    return Codes(z, metric=Metric(places, factors, 0.7, 1e-2))


def test_the_volume_is_that_of_the_metric_and_its_slope_that_of_autograd() -> None:
    codes = line()
    sampler = Roaming(2)
    sampler.fit(codes, 0)
    z = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert codes.metric is not None
    inverse = codes.metric.inverse(codes.metric.weights(z)[0])
    expected = 0.5 * torch.logdet(inverse)
    value, slope = sampler.log_volume(z.detach())
    torch.testing.assert_close(value, expected.detach(), atol=1e-4, rtol=1e-4)
    (by_autograd,) = torch.autograd.grad(expected.sum(), z)
    torch.testing.assert_close(slope, by_autograd, atol=1e-4, rtol=1e-3)


def test_the_slope_of_a_metric_made_of_posteriors() -> None:
    g = torch.Generator().manual_seed(0)
    loc = torch.randn(30, 3, generator=g)
    spread = 0.2 + torch.rand(30, 3, generator=g)
    sampler = Roaming(3)
    sampler.fit(Codes(loc, loc=loc, spread=spread), 0)
    z = torch.randn(10, 3, generator=g).double()
    sampler.double()
    numeric = torch.stack([
        (sampler.log_volume(z + 1e-5 * e)[0] - sampler.log_volume(z - 1e-5 * e)[0]) / 2e-5
        for e in torch.eye(3).double()
    ], 1)  # fmt: skip
    torch.testing.assert_close(sampler.log_volume(z)[1], numeric, atol=1e-5, rtol=1e-5)


def test_draws_follow_the_density_on_the_box() -> None:
    sampler = Roaming(2)
    sampler.fit(line(), 0)
    torch.manual_seed(0)
    z = sampler.draw(1500)
    low, high = sampler.centres.amin(0), sampler.centres.amax(0)
    assert ((z >= low) & (z <= high)).all()
    axes = [torch.linspace(float(a), float(b), 200) for a, b in zip(low, high, strict=True)]
    grid = torch.cartesian_prod(*axes)
    weight = sampler.log_volume(grid)[0].exp()
    weight = weight / weight.sum()
    mean = (weight[:, None] * grid).sum(0)
    square = (weight[:, None] * grid.square()).sum(0)
    torch.testing.assert_close(z.mean(0), mean, atol=0.1, rtol=0)
    torch.testing.assert_close(z.square().mean(0), square, atol=0.15, rtol=0.05)


def test_the_metric_of_posteriors_keeps_draws_near_them() -> None:
    codes = line(metric=False)
    sampler = Roaming(2)
    sampler.fit(codes, 0)
    torch.manual_seed(0)
    z = sampler.draw(500)
    away = torch.cdist(z, codes.z).amin(1)
    assert float(away.quantile(0.95)) < 0.5
    again = Roaming(2)
    again.load_state_dict(sampler.state_dict())
    torch.manual_seed(0)
    assert torch.equal(again.draw(500), z)
    with pytest.raises(NotImplementedError):
        sampler.log_prob(z)
