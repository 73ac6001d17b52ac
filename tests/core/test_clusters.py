from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent

from latentry.core.bounds import elbo
from latentry.core.clusters import ClusterElbo, MeanOf, cluster_rate
from latentry.core.models import VAE, Inference, closed_form_kl
from latentry.core.posteriors import Gaussian
from latentry.core.priors import LearnedMixture, StandardNormal
from latentry.core.schedules import constant

from .oracle import Oracle


def mixture(components: int, spread: float = 1.0) -> LearnedMixture:
    torch.manual_seed(1)
    prior = LearnedMixture(2, components)
    prior.means.data.mul_(spread)
    prior.logits.data.normal_()
    prior.log_scales.data.normal_().mul_(0.3)
    return prior.requires_grad_(False)


def passes(prior: LearnedMixture, draws: int) -> Inference:
    torch.manual_seed(2)
    loc, scale = torch.randn(6, 2), 0.1 + torch.rand(6, 2)
    q = Independent(Gaussian(loc, scale), 1, validate_args=False)
    return Inference(torch.zeros(6), q.rsample(torch.Size((draws,))), q, q, prior())


def test_with_one_cluster_the_rate_is_the_gaussian_divergence() -> None:
    prior = mixture(1)
    r = passes(prior, 3)
    one = Independent(Gaussian(prior.means[0], prior.log_scales[0].exp()), 1)
    expected = closed_form_kl(r.q, one)
    assert expected is not None
    torch.testing.assert_close(cluster_rate(r), expected)


@pytest.mark.parametrize("spread", [0.3, 1.0, 3.0])
def test_the_rate_is_never_below_the_divergence_from_the_mixture(spread: float) -> None:
    r = passes(mixture(4, spread), 20_000)
    each = r.log_q - r.log_p
    error = each.std(0) / 20_000**0.5
    assert (cluster_rate(r) > each.mean(0) - 4 * error).all()


def test_the_rate_is_the_divergence_where_clusters_are_far_apart() -> None:
    prior = mixture(4, 200.0)
    r = passes(prior, 20_000)
    torch.testing.assert_close(cluster_rate(r), (r.log_q - r.log_p).mean(0), rtol=0.02, atol=0.05)


def test_the_bound_is_below_the_likelihood() -> None:
    oracle, prior = Oracle(), LearnedMixture(2, 3).requires_grad_(False)
    prior.means.zero_()  # three times the standard normal: the oracle's own prior
    model = VAE(oracle.model.posterior, prior, oracle.model.likelihood)
    x = oracle.draw(500)
    torch.manual_seed(0)
    with torch.no_grad():
        r = model.infer(x, draws=200)
        bound = ClusterElbo(constant(1.0))
        found = bound(r, torch.tensor(1.0))
        torch.testing.assert_close(bound.unweighted(r), elbo(r))
        assert abs(float(found.mean() - oracle.log_prob(x).mean())) < 0.05


def test_the_mean_of_a_posterior_is_a_point() -> None:
    oracle = Oracle()
    x = oracle.draw(4)
    q = MeanOf(oracle.model.posterior)(x)
    torch.testing.assert_close(q.mean, oracle.model.encode(x).mean)
    assert not MeanOf(oracle.model.posterior).is_density
    assert StandardNormal(2).latent == MeanOf(oracle.model.posterior).latent
