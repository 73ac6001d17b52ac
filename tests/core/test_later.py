from __future__ import annotations

import functools
import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent

from latentry.core.later import DRAWS_FOR_Z, NoiseContrastive, SecondStage
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import VAE, closed_form_kl
from latentry.core.posteriors import GaussianPosterior
from latentry.core.priors import StandardNormal
from latentry.nets.mlp import MLPDecoder, MLPEncoder

from .oracle import Oracle


def grid(width: float = 6.0, points: int = 121) -> tuple[Tensor, float]:
    line = torch.linspace(-width, width, points)
    return torch.cartesian_prod(line, line), (2 * width / (points - 1)) ** 2


def stage() -> SecondStage:
    """A second stage over two dimensions whose nets were not trained."""
    torch.manual_seed(0)
    body: nn.Module = MLPDecoder(2, 1, (2,), (8,))
    likelihood = GaussianLikelihood(body, (2,), sigma=0.7)
    vae = VAE(GaussianPosterior(MLPEncoder((2,), (8,)), 2), StandardNormal(2), likelihood)
    prior = SecondStage(2, vae).eval()
    prior.done.fill_(True)
    return prior


@functools.cache
def contrasted() -> NoiseContrastive:
    """A classifier that has learned codes around (1, 0) with standard deviations 0.5 and 1."""
    torch.manual_seed(0)
    prior = NoiseContrastive(2, hidden=(32, 32))
    spread, centre = torch.tensor([0.5, 1.0]), torch.tensor([1.0, 0.0])
    prior.learn(lambda: (centre + spread * torch.randn(256, 2), None), 600, lr=5e-3)
    return prior.eval()


@pytest.mark.parametrize("make", [stage, lambda: NoiseContrastive(2)])
def test_they_are_standard_normal_while_a_model_learns(make) -> None:
    prior = make().train()
    q = Independent(torch.distributions.Normal(torch.zeros(3, 2), torch.ones(3, 2)), 1)
    z = torch.randn(5, 2)
    torch.testing.assert_close(prior().log_prob(z), q.log_prob(z[:, None])[:, 0])
    from latentry.core.posteriors import Gaussian

    q = Independent(Gaussian(torch.zeros(3, 2), torch.ones(3, 2)), 1)
    assert closed_form_kl(q, prior()) is not None


def test_the_density_of_the_second_stage_integrates_to_one() -> None:
    p = stage()()
    z, cell = grid(5.0, 61)
    torch.manual_seed(1)
    with torch.no_grad():
        found = torch.stack([p.log_prob(z).exp().sum() * cell for _ in range(100)])
    assert abs(float(found.mean()) - 1) < 4 * float(found.std()) / 10 + 0.01


def test_the_moments_of_second_stage_draws_are_those_of_its_density() -> None:
    p = stage()()
    z, cell = grid(5.0, 61)
    torch.manual_seed(1)
    with torch.no_grad():
        mass = torch.stack([p.log_prob(z).exp() for _ in range(100)]).mean(0) * cell
        draws = p.sample(torch.Size((20_000,)))
    mean = (mass[:, None] * z).sum(0) / mass.sum()
    torch.testing.assert_close(draws.mean(0), mean, atol=0.03, rtol=0.0)
    variance = (mass[:, None] * (z - mean).square()).sum(0) / mass.sum()
    torch.testing.assert_close(draws.var(0), variance, atol=0.05, rtol=0.0)


def test_importance_weights_stay_without_bias_under_a_second_stage() -> None:
    oracle, prior = Oracle(error=0.1), stage()
    model = VAE(oracle.model.posterior, prior, oracle.model.likelihood).eval()
    x = oracle.draw(4)
    z = torch.randn(40_000, 1, 2)
    with torch.no_grad():
        exact = model.decode(prior().sample(torch.Size((200_000, 1))).expand(-1, 4, -1))
        expected = torch.logsumexp(exact.log_prob(x), 0) - math.log(200_000)
        weights = model.infer(x, draws=20_000).log_weight
    found = torch.logsumexp(weights, 0) - math.log(20_000)
    torch.testing.assert_close(found, expected, atol=0.15, rtol=0.0)
    assert (weights.mean(0) < expected + 0.05).all()
    assert z.shape[-1] == model.latent


def test_the_contrasted_density_integrates_to_one_and_is_that_of_the_codes() -> None:
    p = contrasted()()
    z, cell = grid()
    with torch.no_grad():
        density = p.log_prob(z).exp() * cell
    # The normaliser is estimated from draws.
    assert abs(float(density.sum()) - 1) < 5 / math.sqrt(DRAWS_FOR_Z)
    mean = (density[:, None] * z).sum(0)
    torch.testing.assert_close(mean, torch.tensor([1.0, 0.0]), atol=0.12, rtol=0.0)
    deviation = (density[:, None] * (z - mean).square()).sum(0).sqrt()
    torch.testing.assert_close(deviation, torch.tensor([0.5, 1.0]), atol=0.12, rtol=0.0)


def test_contrasted_draws_have_the_moments_of_the_density() -> None:
    p = contrasted()()
    torch.manual_seed(2)
    draws = p.sample(torch.Size((4000,)))
    z, cell = grid()
    with torch.no_grad():
        density = p.log_prob(z).exp() * cell
    mean = (density[:, None] * z).sum(0)
    torch.testing.assert_close(draws.mean(0), mean, atol=0.08, rtol=0.0)


def test_under_conditions_each_has_its_own_density() -> None:
    torch.manual_seed(0)
    prior = NoiseContrastive(1, 2, hidden=(16, 16))
    kinds = torch.eye(2)

    def codes() -> tuple[Tensor, Tensor]:
        which = torch.randint(2, (256,))
        return (2.0 * which - 1)[:, None] + 0.5 * torch.randn(256, 1), kinds[which]

    prior.learn(codes, 400, lr=5e-3)
    prior.eval()
    c = kinds.repeat(500, 1)
    draws = prior(c).sample()
    assert draws.shape == (1000, 1)
    assert float(draws[::2].mean()) < -0.7
    assert float(draws[1::2].mean()) > 0.7
    line = torch.linspace(-6, 6, 601)[:, None]
    with torch.no_grad():
        mass = prior(kinds).log_prob(line[:, None].expand(-1, 2, -1)).exp().sum(0) * 0.02
    torch.testing.assert_close(mass, torch.ones(2), atol=0.05, rtol=0.0)


def test_codes_known_by_heart_teach_nothing_where_others_are_held_out() -> None:
    torch.manual_seed(0)
    known, others = torch.randn(10, 2), (torch.randn(2000, 2), None)
    spread = []
    for held_out in (others, None):
        prior = NoiseContrastive(2, hidden=(32, 32))
        prior.learn(
            lambda: (known[torch.randint(10, (128,))], None), 400, 5e-3, held_out=held_out, every=5
        )
        with torch.no_grad():
            spread.append(float(prior.log_odds(others[0], None).std()))
    # Both the codes and the noise are N(0, I): the true odds are even.
    assert spread[0] < 0.3
    assert spread[1] > 2.0


def test_no_draw_is_taken_twice() -> None:
    draws = contrasted()().sample(torch.Size((300,)))
    assert len(draws.unique(dim=0)) == 300
