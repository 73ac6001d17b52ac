from __future__ import annotations

import math

import pytest
import torch

from latentry.core.posteriors import GaussianPosterior
from latentry.core.priors import (
    FLOWS,
    ConditionalNormal,
    FlowPrior,
    LearnedMixture,
    StandardNormal,
    VampPrior,
)
from latentry.nets import MLPEncoder


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


def test_vamp_prior_is_the_mean_of_posteriors() -> None:
    torch.manual_seed(0)
    posterior = GaussianPosterior(MLPEncoder((5,), (8,)), 2)
    prior = VampPrior(2, 3).bind(posterior, (5,))
    x = torch.randn(30, 5)
    prior.start(x)
    assert all(any(torch.equal(u, row) for row in x) for u in prior.inputs)
    z = torch.randn(4, 2)
    each = torch.stack([posterior(u[None]).log_prob(z) for u in prior.inputs])
    torch.testing.assert_close(prior().log_prob(z), each.logsumexp(0) - math.log(3))
    assert "inputs" in dict(prior.named_parameters())
    assert not any("body" in name for name, _ in prior.named_parameters())  # the encoder is shared


def test_learned_mixture_knows_its_components() -> None:
    torch.manual_seed(0)
    prior = LearnedMixture(2, 2)
    with torch.no_grad():
        prior.means.copy_(torch.tensor([[5.0, 0.0], [-5.0, 0.0]]))
        prior.logits.copy_(torch.tensor([math.log(3.0), 0.0]))
    draws = prior().sample((4000,))
    assert float((draws[:, 0] > 0).float().mean()) == pytest.approx(0.75, abs=0.03)
    share = prior.component(torch.tensor([[5.0, 0.0], [0.0, 0.0]])).exp()
    torch.testing.assert_close(share[0], torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(share[1], torch.tensor([0.75, 0.25]))
