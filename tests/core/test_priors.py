from __future__ import annotations

import pytest
import torch

from latentry.core.priors import FLOWS, ConditionalNormal, FlowPrior, StandardNormal


def mass(log_prob: torch.Tensor, area: float) -> float:
    return float(log_prob.exp().sum() * area)


def grid(low: float, high: float, n: int = 300) -> tuple[torch.Tensor, float]:
    axis = torch.linspace(low, high, n)
    return torch.cartesian_prod(axis, axis), float((axis[1] - axis[0]) ** 2)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_prior_is_a_density(flow: str) -> None:
    torch.manual_seed(0)
    prior = FlowPrior(2, flow=flow, transforms=2, hidden=(16,))
    points, area = grid(-8, 8)
    with torch.no_grad():
        assert mass(prior().log_prob(points), area) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_prior_works_in_one_dimension_and_under_a_condition(flow: str) -> None:
    prior = FlowPrior(1, 3, flow=flow, transforms=2, hidden=(8,))
    c = torch.eye(3)
    z = prior(c).rsample()
    assert z.shape == (3, 1)
    log_prob = prior(c).log_prob(z)
    assert log_prob.shape == (3,)
    assert torch.isfinite(log_prob).all()


def test_a_flow_priors_log_density_gives_a_gradient_to_every_parameter() -> None:
    prior = FlowPrior(3, transforms=2, hidden=(8,))
    prior().log_prob(torch.randn(64, 3)).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in prior.parameters())


def test_standard_normal() -> None:
    z = torch.randn(4, 3)
    expected = torch.distributions.Normal(0, 1).log_prob(z).sum(-1)
    torch.testing.assert_close(StandardNormal(3)().log_prob(z), expected)


def test_conditional_normal_has_a_mean_for_each_class() -> None:
    prior = ConditionalNormal(2, 3)
    assert prior(torch.eye(3)).mean.shape == (3, 2)
    with pytest.raises(ValueError, match="needs a condition"):
        prior()
