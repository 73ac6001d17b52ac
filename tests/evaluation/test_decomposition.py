from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from known import estimator
from oracle import Oracle, _Affine, _Linear
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from latentry import VAE, LatentryError
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import VAE as Model
from latentry.core.posteriors import DiracPosterior, Gaussian, Posterior
from latentry.core.priors import FlowPrior, Prior, StandardNormal
from latentry.data.conditions import Condition
from latentry.evaluation.decomposition import convergence, decompose, rate_distortion

PARTS = ("rate", "index_code_mi", "marginal_kl", "total_correlation", "dimension_wise_kl")


def encoder(a: Tensor, scale: Tensor, prior: Prior | None = None) -> Model:
    """q(z|x) = N(A x, diag scale^2), over x with as many dimensions as z."""
    d = len(scale)
    posterior = _Affine(a, torch.zeros(d), scale, 0.0)
    likelihood = GaussianLikelihood(_Linear(torch.eye(d), torch.zeros(d)), (d,))
    return Model(posterior, prior or StandardNormal(d), likelihood)


def kl_to_standard(mean: float, variance: Tensor) -> float:
    return float(0.5 * (variance + mean**2 - 1 - variance.log()).sum())


def exact_variance(oracle: Oracle) -> Tensor:
    """The variance of each dimension of z given x."""
    w = oracle.model.likelihood.body.w.detach()
    return 1 / (1 + (w**2).sum(0) / 0.36)


def autoencoder() -> Model:
    return Model(DiracPosterior(_Plain(), 2), None, Oracle().model.likelihood)


class _Plain(nn.Module):
    out_features = 5

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x


def check_sums(found: dict[str, Any]) -> None:
    assert found["rate"] == pytest.approx(found["index_code_mi"] + found["marginal_kl"])
    assert found["marginal_kl"] == pytest.approx(
        found["total_correlation"] + found["dimension_wise_kl"]
    )


def test_the_codes_of_an_exact_posterior_fill_the_prior() -> None:
    oracle = Oracle()
    x = oracle.draw(2000)
    found = decompose(estimator(oracle.model, x), x)
    # E KL(q || p) = 1/2 sum (s + (1 - s) - 1 - log s), with s the posterior's variance.
    rate = float(-0.5 * exact_variance(oracle).log().sum())
    assert found["rate"] == pytest.approx(rate, abs=0.05)
    assert found["index_code_mi"] == pytest.approx(rate, abs=0.06)
    assert found["marginal_kl"] == pytest.approx(0, abs=0.03)
    assert found["total_correlation"] == pytest.approx(0, abs=0.03)
    assert found["dimension_wise_kl"] == pytest.approx(0, abs=0.03)
    assert found["rows"] == 2000
    check_sums(found)


def test_codes_off_the_prior_cost_the_divergence_of_their_dimensions() -> None:
    oracle = Oracle(error=0.7)
    x = oracle.draw(2000)
    found = decompose(estimator(oracle.model, x), x)
    s = exact_variance(oracle)
    expected = kl_to_standard(0.7, (1 - s) + s * 1.7**2)
    assert found["marginal_kl"] == pytest.approx(expected, abs=0.06)
    assert found["dimension_wise_kl"] == pytest.approx(expected, abs=0.06)
    assert found["total_correlation"] == pytest.approx(0, abs=0.04)
    check_sums(found)


def test_correlated_codes_have_the_total_correlation_of_their_covariance() -> None:
    cov = torch.tensor([[1.0, 0.8], [0.8, 1.0]])
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 2, generator=g) @ torch.linalg.cholesky(cov).T
    found = decompose(estimator(encoder(torch.eye(2), torch.full((2,), 0.5)), x), x)
    assert found["total_correlation"] == pytest.approx(
        -0.5 * math.log(1 - (0.8 / 1.25) ** 2), abs=0.05
    )
    assert found["dimension_wise_kl"] == pytest.approx(
        kl_to_standard(0.0, torch.full((2,), 1.25)), abs=0.05
    )
    check_sums(found)


def test_a_code_tells_everything_nothing_or_half() -> None:
    x = torch.tensor([[-9.0], [9.0], [-9.0], [9.0]])
    narrow = torch.full((1,), 0.1)
    two = decompose(estimator(encoder(torch.eye(1), narrow), x), x)
    assert two["index_code_mi"] == pytest.approx(math.log(2))
    apart = torch.arange(6.0)[:, None] * 9
    six = decompose(estimator(encoder(torch.eye(1), narrow), apart), apart)
    assert six["index_code_mi"] == pytest.approx(math.log(6))
    none = decompose(estimator(encoder(torch.zeros(1, 1), torch.ones(1)), x), x)
    assert [none[part] for part in PARTS] == pytest.approx([0] * 5, abs=1e-9)


def test_a_mixture_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Oracle()
    x = oracle.draw(50)
    est = estimator(oracle.model, x)
    whole = decompose(est, x)
    monkeypatch.setattr("latentry.evaluation.decomposition.NUMBERS_AT_ONCE", 300)
    assert decompose(est, x) == pytest.approx(whole)


def test_rows_are_drawn_by_the_seed() -> None:
    oracle = Oracle()
    x = oracle.draw(300)
    est = estimator(oracle.model, x)
    one, again, other = (decompose(est, x, rows=50, seed=s) for s in (1, 1, 2))
    assert one["rows"] == 50
    assert one == again
    assert one != other
    with pytest.raises(LatentryError, match="at least 2"):
        decompose(est, x, rows=1)


class _ByClass(Posterior):
    """The code is the condition's own class, whatever x is."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), 2)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        assert c is not None
        return Independent(Gaussian(20 * c, torch.ones_like(c)), 1)


class _SameByClass(Prior):
    def forward(self, c: Tensor | None = None) -> Distribution:
        assert c is not None
        return Independent(Gaussian(20 * c, torch.ones_like(c)), 1)


def test_a_prior_that_follows_the_condition_explains_what_the_condition_tells() -> None:
    labels = np.array([0, 1] * 20)
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    likelihood = GaussianLikelihood(_Linear(torch.eye(2, 4), torch.zeros(2)), (2,))
    est = estimator(Model(_ByClass(), _SameByClass(2), likelihood), x)
    est.condition_ = Condition.infer(labels)
    found = decompose(est, x, condition=labels)
    assert found["rate"] == pytest.approx(0, abs=1e-6)
    assert found["index_code_mi"] == pytest.approx(math.log(2), abs=1e-6)
    assert found["marginal_kl"] == pytest.approx(-math.log(2), abs=1e-6)
    assert decompose(est, x, condition=labels, rows=10)["rate"] == pytest.approx(0, abs=1e-6)
    assert decompose(est, x, condition=1)["index_code_mi"] == pytest.approx(0, abs=1e-6)


def test_what_a_model_lacks_is_none() -> None:
    x = Oracle().draw(20)
    found = decompose(estimator(autoencoder(), x), x)
    assert found == {**dict.fromkeys(PARTS), "rows": 20}
    flow = encoder(torch.eye(2), torch.ones(2), FlowPrior(2, transforms=1, hidden=(4,)))
    found = decompose(estimator(flow, x[:, :2]), x[:, :2])
    assert found["dimension_wise_kl"] is None
    assert found["rate"] == pytest.approx(found["index_code_mi"] + found["marginal_kl"])


def test_an_exact_posterior_needs_one_draw() -> None:
    oracle = Oracle()
    x = oracle.draw(30)
    found = convergence(estimator(oracle.model, x, 3.0), 3 * x.numpy(), draws=(1, 10))
    exact = -float(oracle.log_prob(x).mean()) + 5 * math.log(3)
    assert found["nll"] == pytest.approx({1: exact, 10: exact}, abs=1e-3)
    assert found["effective_draws"] == pytest.approx(10, rel=1e-3)
    assert found["gain"] == pytest.approx(0, abs=1e-3)
    assert found["verdict"].startswith("Settled: from 1 to 10 draws")


def test_a_poor_posterior_needs_many() -> None:
    oracle = Oracle(error=1.0)
    x = oracle.draw(100)
    exact = -float(oracle.log_prob(x).mean())
    found = convergence(estimator(oracle.model, x), x, draws=(1000, 1, 2))
    nll = found["nll"]
    assert nll[1] > nll[2] > nll[1000]
    assert nll[1000] == pytest.approx(exact, abs=0.05)
    assert found["gain"] == pytest.approx(nll[2] - nll[1000])
    assert found["verdict"].startswith("Not settled: from 2 to 1000 draws")
    assert 1 < found["effective_draws"] < 500


def test_small_numbers_of_draws_share_the_large_ones() -> None:
    oracle = Oracle(error=1.0)
    x = oracle.draw(20)
    est = estimator(oracle.model, x)
    one = convergence(est, x, draws=(1, 400))["nll"][1]
    # With one draw the bound is the ELBO, here averaged over 400 draws: close to its expectation.
    negative_elbo = -np.mean([est.score_samples(x, draws=1, seed=s) for s in range(200)])
    assert one == pytest.approx(negative_elbo, abs=0.15)


def test_convergence_of_what_is_no_likelihood() -> None:
    x = Oracle().draw(20)
    found = convergence(estimator(autoencoder(), x), x)
    assert found["nll"] == {10: None, 100: None, 1000: None}
    assert found["effective_draws"] is None and found["gain"] is None
    assert "no likelihood" in found["verdict"]
    est = estimator(Oracle().model, x)
    with pytest.raises(LatentryError, match="at least 1"):
        convergence(est, x, draws=(0, 10))
    assert convergence(est, x, draws=(5,))["gain"] is None


def test_rate_and_distortion_are_those_of_evaluate() -> None:
    oracle = Oracle()
    x = oracle.draw(2000)
    est = estimator(oracle.model, x, 2.0)
    point = rate_distortion(est, 2 * x.numpy())
    s = exact_variance(oracle)
    assert point["rate"] == pytest.approx(float(-0.5 * s.log().sum()), abs=0.05)
    # -E log p(x|z) with an exact posterior is -E log p(x) - rate.
    exact = -float(oracle.log_prob(x).mean()) + 5 * math.log(2)
    assert point["distortion"] == pytest.approx(exact - point["rate"], abs=0.1)
    figures = est.evaluate(2 * x.numpy(), draws=1)
    assert point == pytest.approx({k: figures[k] for k in ("rate", "distortion")}, rel=1e-5)
    ae = estimator(autoencoder(), x)
    assert rate_distortion(ae, x)["rate"] is None


def test_a_real_fit_keeps_the_sums() -> None:
    x = np.random.default_rng(0).normal(size=(120, 6))
    est = VAE(latent=3, hidden=(8,), epochs=2, random_state=0).fit(x)
    found = decompose(est, x)
    check_sums(found)
    assert found["index_code_mi"] <= math.log(120)
    assert found["rate"] == pytest.approx(est.evaluate(x, draws=1)["rate"], rel=1e-5)
