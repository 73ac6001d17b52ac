"""Distributions against their definitions: totals of one, moments, scipy, gradients, edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch

from latentry.core.counts import NegativeBinomial, Poisson, _log_beta, _stirling
from latentry.core.distributions import (
    Bernoulli,
    ContinuousBernoulli,
    Dirac,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    Elementwise,
    Levels,
    Normal,
    StudentT,
)

EXTREME = torch.tensor([-50.0, -12.0, -1.0, -1e-3, -1e-6, 0.0, 1e-6, 1e-3, 0.9, 1.0, 12.0, 50.0])


def grid(levels: int) -> torch.Tensor:
    return torch.arange(levels) / (levels - 1)


def pixels(levels: int) -> list:
    """Every distribution over levels, with a batch of 40 parameters from mild to extreme."""
    g = torch.Generator().manual_seed(0)
    loc = torch.empty(40, 5).uniform_(-1, 2, generator=g)
    scale = torch.empty(40, 5).uniform_(-9, 2, generator=g)
    logits = 5 * torch.randn(40, levels, generator=g)
    return [
        Levels(logits),
        DiscretizedLogistic(loc[:, 0], scale[:, 0], levels),
        DiscretizedLogisticMixture(5 * loc.flip(0), loc, scale, levels),
    ]


def every() -> dict:
    """One of each, batch shape (3,), with moderate parameters that need gradients."""

    def p(*values: float) -> torch.Tensor:
        return torch.tensor(values, requires_grad=True)

    g = torch.Generator().manual_seed(1)
    return {
        "bernoulli": Bernoulli(p(-2.0, 0.1, 3.0)),
        "continuous-bernoulli": ContinuousBernoulli(p(-4.0, 0.1, 1.5)),
        "normal": Normal(p(-1.0, 0.0, 2.0), p(-1.0, 0.0, 0.5)),
        "student-t": StudentT(p(9.0, 6.0, 30.0), p(-1.0, 0.0, 2.0), p(-1.0, 0.0, 0.5)),
        "levels": Levels(torch.randn(3, 17, generator=g).requires_grad_()),
        "logistic": DiscretizedLogistic(p(0.1, 0.5, 1.2), p(-2.0, -4.0, -1.0), 17),
        "mixture": DiscretizedLogisticMixture(
            torch.randn(3, 4, generator=g).requires_grad_(),
            torch.rand(3, 4, generator=g).requires_grad_(),
            (torch.randn(3, 4, generator=g) - 2).requires_grad_(),
            17,
        ),
        "poisson": Poisson(p(-1.0, 0.5, 2.0)),
        "negative-binomial": NegativeBinomial(p(-1.0, 0.5, 2.0), p(0.0, 1.0, 2.0)),
    }


NAMES = list(every())


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_levels_sum_to_one(levels: int) -> None:
    for d in pixels(levels):
        total = torch.logsumexp(d.log_prob(grid(levels)[:, None]), 0)
        torch.testing.assert_close(total, torch.zeros(40), atol=2e-5, rtol=0)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_mean_and_variance_over_levels_are_exact(levels: int) -> None:
    x = grid(levels)[:, None]
    for d in pixels(levels):
        p = d.log_prob(x).exp()
        mean = (p * x).sum(0)
        torch.testing.assert_close(d.mean, mean, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(d.variance, (p * (x - mean) ** 2).sum(0), atol=1e-5, rtol=1e-4)


def test_discretized_logistic_against_scipy() -> None:
    levels, x = 256, grid(256)
    for loc, scale in [(0.5, 0.1), (0.0, 0.02), (1.3, 0.3), (-0.2, 1.0)]:
        d = DiscretizedLogistic(torch.tensor(loc), torch.tensor(scale).log(), levels)
        edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
        expected = np.diff(scipy.stats.logistic.cdf(edges, loc, scale))
        np.testing.assert_allclose(d.log_prob(x).exp().numpy(), expected, rtol=2e-4, atol=1e-8)


def test_discretized_logistic_is_finite_far_from_its_mean() -> None:
    x, least = grid(256), -math.log(255) - 2
    for loc in (-50.0, 0.5, 50.0):
        for log_scale in (least, 0.0, 20.0):
            a = torch.tensor(loc, requires_grad=True)
            b = torch.tensor(log_scale, requires_grad=True)
            log_p = DiscretizedLogistic(a, b, 256).log_prob(x)
            grads = torch.autograd.grad(log_p.sum(), (a, b))
            assert torch.isfinite(log_p).all()
            assert all(torch.isfinite(g).all() for g in grads)


def test_mixture_of_one_is_its_component() -> None:
    loc, scale = torch.tensor([0.3, 0.9]), torch.tensor([-2.0, -3.0])
    one = DiscretizedLogistic(loc, scale, 256)
    mixture = DiscretizedLogisticMixture(
        torch.zeros(2, 1), loc[:, None], scale[:, None], levels=256
    )
    x = grid(256)[:, None]
    torch.testing.assert_close(mixture.log_prob(x), one.log_prob(x))


def test_bernoulli_against_scipy_and_at_extreme_logits() -> None:
    logits = EXTREME.clone().requires_grad_()
    for x in (0.0, 1.0):
        log_p = Bernoulli(logits).log_prob(torch.tensor(x))
        expected = scipy.special.log_expit(EXTREME.double().numpy() * (2 * x - 1))
        np.testing.assert_allclose(log_p.detach().numpy(), expected, atol=1e-6, rtol=1e-6)
        (grad,) = torch.autograd.grad(log_p.sum(), logits)
        torch.testing.assert_close(grad, x - torch.sigmoid(EXTREME))


def test_continuous_bernoulli_integrates_to_one() -> None:
    for logit in EXTREME.tolist():
        d = ContinuousBernoulli(torch.tensor(logit, dtype=torch.float64))

        def p(x: float, d: ContinuousBernoulli = d) -> float:
            return float(d.log_prob(torch.tensor(x, dtype=torch.float64)).exp())

        total, _ = scipy.integrate.quad(p, 0, 1, points=[0.02, 0.98])
        assert total == pytest.approx(1, abs=1e-7)


def test_continuous_bernoulli_has_no_seam_around_one_half() -> None:
    logits = torch.linspace(-3, 3, 2001, requires_grad=True)
    wide = logits.detach().double()
    safe = torch.where(wide.abs() < 1e-9, 1e-9, wide)
    for x in (0.0, 0.3, 1.0):
        d = ContinuousBernoulli(logits)
        log_p = d.log_prob(torch.tensor(x))
        expected = x * safe - torch.log(torch.expm1(safe) / safe)
        torch.testing.assert_close(log_p.double(), expected, atol=1e-6, rtol=0)
        (grad,) = torch.autograd.grad(log_p.sum(), logits)
        torch.testing.assert_close(grad, x - d.mean.detach(), atol=2e-6, rtol=0)
    safe = torch.where(wide.abs() < 1e-2, 1e-2, wide)
    mean = 1 / (1 - torch.exp(-safe)) - 1 / safe
    torch.testing.assert_close(ContinuousBernoulli(safe).mean, mean, atol=1e-7, rtol=0)
    variance = 1 / safe**2 - 1 / (2 * torch.cosh(safe) - 2)
    torch.testing.assert_close(ContinuousBernoulli(safe).variance, variance, atol=1e-6, rtol=0)


def test_continuous_bernoulli_at_extreme_logits() -> None:
    for x in (0.0, 0.5, 1.0):
        logits = EXTREME.clone().requires_grad_()
        d = ContinuousBernoulli(logits)
        log_p = d.log_prob(torch.tensor(x))
        (grad,) = torch.autograd.grad(log_p.sum(), logits)
        assert torch.isfinite(log_p).all()
        assert torch.isfinite(grad).all()
        assert torch.isfinite(d.variance).all()
    draws = ContinuousBernoulli(EXTREME).rsample((1000,))
    assert ((draws >= 0) & (draws <= 1)).all()


def test_normal_and_student_t_against_scipy() -> None:
    x = torch.linspace(-30, 30, 61)
    for loc, log_scale in [(0.0, 0.0), (3.0, -4.0), (-1.0, 2.0)]:
        a, b = torch.tensor(loc), torch.tensor(log_scale)
        expected = scipy.stats.norm.logpdf(x.numpy(), loc, math.exp(log_scale))
        np.testing.assert_allclose(Normal(a, b).log_prob(x), expected, rtol=1e-5, atol=1e-5)
        for df in (1.01, 3.0, 1000.0):
            expected = scipy.stats.t.logpdf(x.numpy(), df, loc, math.exp(log_scale))
            log_p = StudentT(torch.tensor(df), a, b).log_prob(x)
            np.testing.assert_allclose(log_p, expected, rtol=1e-4, atol=5e-4)


def test_densities_integrate_to_one() -> None:
    for d in (
        Normal(torch.tensor(0.3), torch.tensor(-1.0)),
        StudentT(torch.tensor(3.0), torch.tensor(0.3), torch.tensor(-1.0)),
    ):
        x = torch.linspace(-200, 200, 4_000_001, dtype=torch.float64)
        total = torch.trapezoid(d.log_prob(x).exp(), x)
        assert float(total) == pytest.approx(1, abs=1e-5)


def test_student_t_variance_is_infinite_without_one() -> None:
    df = torch.tensor([1.5, 2.0, 4.0])
    variance = StudentT(df, torch.zeros(()), torch.zeros(())).variance
    torch.testing.assert_close(variance, torch.tensor([math.inf, math.inf, 2.0]))


@pytest.mark.parametrize("rate", [1e-6, 0.3, 5.0, 1e3, 1e6])
def test_poisson_against_scipy(rate: float) -> None:
    log_rate = torch.tensor(rate).log()
    x = np.unique(np.round(np.concatenate([np.arange(20), rate * np.linspace(0.5, 2, 30)])))
    # The exact rate that the float32 logarithm stands for.
    expected = scipy.stats.poisson.logpmf(x, math.exp(float(log_rate)))
    log_p = Poisson(log_rate).log_prob(torch.from_numpy(x).float())
    np.testing.assert_allclose(log_p, expected, rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("mean", [0.01, 5.0, 1e5])
@pytest.mark.parametrize("count", [1e-3, 0.5, 1.0, 30.0, 1000.0])
def test_negative_binomial_against_scipy(mean: float, count: float) -> None:
    a, b = torch.tensor(mean).log(), torch.tensor(count).log()
    m, r = math.exp(float(a)), math.exp(float(b))
    x = np.unique(np.round(np.concatenate([np.arange(20), mean * np.linspace(0.2, 3, 30)])))
    expected = scipy.stats.nbinom.logpmf(x, r, r / (r + m))
    log_p = NegativeBinomial(a, b).log_prob(torch.from_numpy(x).float())
    np.testing.assert_allclose(log_p, expected, rtol=1e-4, atol=2e-3)


def test_counts_sum_to_one() -> None:
    x = torch.arange(20_000.0)[:, None]
    log_mean = torch.tensor([-3.0, 0.0, 3.0, 6.0])
    for d in (Poisson(log_mean), NegativeBinomial(log_mean, torch.tensor([-2.0, 0.0, 2.0, 5.0]))):
        total = torch.logsumexp(d.log_prob(x), 0)
        torch.testing.assert_close(total, torch.zeros(4), atol=5e-4, rtol=0)


def test_negative_binomial_tends_to_poisson() -> None:
    x, log_mean = torch.arange(10.0), torch.tensor(1.0)
    nb = NegativeBinomial(log_mean, torch.tensor(12.0)).log_prob(x)
    torch.testing.assert_close(nb, Poisson(log_mean).log_prob(x), atol=1e-3, rtol=0)


def test_special_functions_keep_their_digits() -> None:
    x = torch.tensor([0.0, 1, 2, 5, 7, 8, 9, 50, 1e4, 1e7])
    wide = x.double().numpy()
    exact = scipy.special.gammaln(wide + 1) - scipy.special.xlogy(wide, wide) + wide
    exact[0] = 1
    np.testing.assert_allclose(_stirling(x)[:8], exact[:8], rtol=2e-6)
    half_log = 0.5 * np.log(2 * np.pi * wide[8:])
    np.testing.assert_allclose(_stirling(x)[8:], half_log + 1 / (12 * wide[8:]), rtol=1e-6)
    a, b = torch.meshgrid(torch.logspace(-3, 3, 25), torch.logspace(0, 6, 25), indexing="ij")
    exact = scipy.special.betaln(a.double().numpy(), b.double().numpy())
    np.testing.assert_allclose(_log_beta(a, b), exact, rtol=2e-5, atol=2e-5)


def test_log_beta_has_the_right_gradient_everywhere() -> None:
    a = torch.tensor([0.01, 1, 3, 8, 8.5, 30, 1000], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([1, 1, 7, 8, 2, 30, 1e5], dtype=torch.float64)
    (grad,) = torch.autograd.grad(_log_beta(a, b).sum(), a)
    exact = torch.digamma(a) - torch.digamma(a + b)
    torch.testing.assert_close(grad, exact.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("base", ["poisson", "negative-binomial"])
def test_counts_are_finite_at_extremes(base: str) -> None:
    for log_mean in (-50.0, 0.0, 20.0):
        for log_count in (-7.0, 7.0):
            a = torch.tensor(log_mean, requires_grad=True)
            b = torch.tensor(log_count, requires_grad=True)
            d = Poisson(a + 0 * b) if base == "poisson" else NegativeBinomial(a, b)
            log_p = d.log_prob(torch.tensor([0.0, 1.0, 1e6]))
            grads = torch.autograd.grad(log_p.sum(), (a, b))
            assert torch.isfinite(log_p).all()
            assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", NAMES)
def test_moments_of_samples(name: str) -> None:
    d = every()[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = d.sample((40_000,))
    assert x.shape == (40_000, 3)
    assert not x.requires_grad
    error = (x.mean(0) - d.mean).abs() / (d.variance / len(x)).sqrt()
    assert (error < 4.5).all()
    torch.testing.assert_close(x.var(0), d.variance, rtol=0.1, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_samples_follow_log_prob(name: str) -> None:
    """E_p[d log p / d parameter] = 0, the score identity, for every parameter."""
    d = every()[name]
    parameters = [p for p in vars(d).values() if isinstance(p, torch.Tensor) and p.requires_grad]
    parameters += [d.part.loc, d.part.log_scale] if name == "mixture" else []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = d.sample((20_000,))
    log_p = d.log_prob(x)
    scores = torch.autograd.grad(log_p.mean(0).sum(), parameters)
    # The score of a narrow logistic's location is large, and so is its noise.
    tolerance = 1.0 if name == "logistic" else 0.1
    assert all((s.abs() < tolerance).all() for s in scores)


@pytest.mark.parametrize("name", [n for n in NAMES if every()[n].has_rsample])
def test_rsample_has_a_pathwise_gradient(name: str) -> None:
    d = every()[name]
    x = d.rsample((4,))
    assert x.shape == (4, 3)
    parameters = [p for p in vars(d).values() if isinstance(p, torch.Tensor) and p.requires_grad]
    grads = torch.autograd.grad(x.sum(), parameters)
    assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", NAMES)
def test_elementwise_adds_up(name: str) -> None:
    base = every()[name]
    d = Elementwise(base, 1)
    assert (d.batch_shape, d.event_shape) == ((), (3,))
    x = d.sample((5,))
    torch.testing.assert_close(d.log_prob(x), base.log_prob(x).sum(-1))
    torch.testing.assert_close(d.mean, base.mean)


@pytest.mark.parametrize("name", NAMES)
def test_missing_entries_are_marginalised(name: str) -> None:
    base = every()[name]
    d = Elementwise(base, 1, missing=True)
    x = d.sample((4,))
    x[0, 1] = x[1, 0] = x[1, 2] = math.nan
    x[2] = math.nan
    log_p = d.log_prob(x)
    by_hand = [
        sum(base.log_prob(x[i])[j] for j in range(3) if not math.isnan(x[i, j])) for i in range(4)
    ]
    torch.testing.assert_close(log_p, torch.stack([torch.as_tensor(v) for v in by_hand]).float())
    each = d.log_probs(x)
    assert each.shape == x.shape
    torch.testing.assert_close(each.sum(-1), log_p)
    assert (each[torch.isnan(x)] == 0).all()
    parameters = [p for p in vars(base).values() if isinstance(p, torch.Tensor) and p.requires_grad]
    if parameters:
        grads = torch.autograd.grad(log_p.sum(), parameters)
        assert all(torch.isfinite(g).all() for g in grads)


def test_elementwise_draws_before_rows() -> None:
    d = Elementwise(Bernoulli(torch.zeros(7, 4, 1, 5, 6)), 3)
    assert (d.batch_shape, d.event_shape) == ((7, 4), (1, 5, 6))
    assert d.log_prob(torch.ones(4, 1, 5, 6)).shape == (7, 4)
    assert d.sample((2,)).shape == (2, 7, 4, 1, 5, 6)


def test_dirac_is_certain() -> None:
    value = torch.randn(4, 3, requires_grad=True)
    d = Dirac(value)
    assert (d.batch_shape, d.event_shape) == ((4,), (3,))
    draws = d.rsample((2,))
    torch.testing.assert_close(draws, value.expand(2, 4, 3))
    assert draws.requires_grad
    assert not d.sample().requires_grad
    assert (d.log_prob(draws) == 0).all()
    assert (d.log_prob(draws + 1) == -math.inf).all()
    assert (d.variance == 0).all()
