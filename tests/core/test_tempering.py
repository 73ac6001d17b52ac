"""Draws at a temperature, against moments that are known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentry.core import tempering
from latentry.core.hyperbolic import WrappedPrior, distance
from latentry.core.priors import ConditionalNormal, FlowPrior, LearnedMixture, StandardNormal
from latentry.core.spheres import SpherePrior

N = 20_000


def drawn(prior, temperature: float, c: Tensor | None = None) -> Tensor:
    torch.manual_seed(0)
    with torch.inference_mode():
        return tempering.draw(prior(c), N, temperature)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 2.0])
def test_a_gaussian_has_the_temperature_as_its_spread(temperature: float):
    z = drawn(StandardNormal(3), temperature)
    assert z.shape == (N, 3)
    torch.testing.assert_close(z.std(0), torch.full((3,), temperature), atol=0.02, rtol=0.02)
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=0.05, rtol=0)


def test_a_conditional_prior_keeps_its_means():
    prior = ConditionalNormal(2, 2)
    c = torch.eye(2).repeat(N // 2, 1)
    z = drawn(prior, 0.0, c)
    torch.testing.assert_close(z, prior.mean(c).detach())


def test_draws_stay_in_a_space_that_is_not_flat():
    sphere = drawn(SpherePrior(3), 0.5)
    torch.testing.assert_close(sphere.norm(dim=-1), torch.ones(len(sphere)))
    ball = [drawn(WrappedPrior(2, 1.0), t) for t in (0.5, 1.0, 3.0)]
    assert all((z.norm(dim=-1) < 1).all() for z in ball)
    far = [distance(torch.zeros_like(z), z, 1.0).square().mean().sqrt().item() for z in ball]
    assert far[0] == pytest.approx(far[1] / 2, rel=0.05)


def test_a_mixture_keeps_its_components():
    prior = LearnedMixture(1, 2).requires_grad_(False)
    prior.means.copy_(torch.tensor([[-5.0], [5.0]]))
    prior.logits.copy_(torch.tensor([0.25, 0.75]).log())
    z = drawn(prior, 0.5)
    right = z > 0
    assert right.float().mean().item() == pytest.approx(0.75, abs=0.02)
    assert z[right].mean().item() == pytest.approx(5, abs=0.02)
    assert z[right].std().item() == pytest.approx(0.5, abs=0.02)
    assert set(drawn(prior, 0.0).flatten().tolist()) == {-5.0, 5.0}


def test_a_flow_maps_base_noise_at_the_temperature():
    torch.manual_seed(1)
    prior = FlowPrior(2)
    assert drawn(prior, 0.0).std(0).max().item() == pytest.approx(0, abs=1e-6)
    torch.manual_seed(0)
    with torch.inference_mode():
        same = prior().sample(torch.Size((N,)))
    torch.testing.assert_close(drawn(prior, 1.0), same)
