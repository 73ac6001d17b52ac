"""The von Mises-Fisher distribution against what is known of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mpmath import mp
from scipy import integrate, special, stats
from torch.distributions import kl_divergence

from latentry.core import noise
from latentry.core.spheres import (
    Around,
    PowerSpherical,
    UniformSphere,
    VonMisesFisher,
    log_bessel,
    log_surface,
)

LAWS = [VonMisesFisher, PowerSpherical]


def mean_length(law: type[Around], dimensions: int, kappa: float) -> float:
    """|E z|, by its formula."""
    if law is PowerSpherical:
        return kappa / (kappa + dimensions - 1)
    half = dimensions / 2
    return float(special.ive(half, kappa) / special.ive(half - 1, kappa))


@pytest.mark.parametrize("order", [0.0, 0.5, 1.0, 4.0, 24.0, 49.0, 499.0])
@pytest.mark.parametrize("x", [1e-3, 0.5, 5.0, 80.0, 1e3, 1e4])
def test_log_bessel_and_the_ratio(order: float, x: float) -> None:
    mp.dps = 30
    exact = float(mp.log(mp.besseli(order, x)))
    ratio = float(mp.besseli(order + 1, x) / mp.besseli(order, x))
    found, length = log_bessel(order, torch.tensor(x, dtype=torch.float64))
    assert float(found) == pytest.approx(exact, rel=1e-9, abs=1e-8)
    assert float(length) == pytest.approx(ratio, rel=1e-8)


def test_gradient_of_log_bessel_is_the_known_one() -> None:
    x = torch.tensor([0.3, 7.0, 300.0], dtype=torch.float64, requires_grad=True)
    value, ratio = log_bessel(4.0, x)
    (slope,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(slope, ratio + 4.0 / x, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kappa", [0.1, 3.0, 50.0])
def test_it_integrates_to_one_on_the_circle_and_the_sphere(law: type[Around], kappa: float) -> None:
    angle = torch.linspace(-math.pi, math.pi, 20001, dtype=torch.float64)[:-1]
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    q = law(torch.tensor([0.6, 0.8], dtype=torch.float64), torch.tensor(kappa))
    whole = float(q.log_prob(circle).exp().mean() * 2 * math.pi)
    # A small power has a cusp opposite of mu.
    assert whole == pytest.approx(1, abs=1e-5 if kappa < 1 else 1e-6)
    # On S^2 the part along mu is uniform but for the exponential: Archimedes.
    w = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    up = torch.stack([w, (1 - w * w).sqrt(), torch.zeros_like(w)], 1)
    mu = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    density = law(mu, torch.tensor(kappa, dtype=torch.float64)).log_prob(up).exp()
    assert float(torch.trapezoid(density, w) * 2 * math.pi) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("dimensions", "kappa"), [(2, 2.0), (3, 10.0), (10, 0.5), (50, 200.0)])
def test_draws_have_the_known_moments(law: type[Around], dimensions: int, kappa: float) -> None:
    torch.manual_seed(0)
    mu = torch.randn(dimensions)
    mu = mu / mu.norm()
    q = law(mu.expand(1, -1), torch.tensor([kappa]))
    z = q.rsample((40000,))[:, 0]
    torch.testing.assert_close(z.norm(dim=1), torch.ones(len(z)))
    exact = mean_length(law, dimensions, kappa)
    assert float(q.mean_length) == pytest.approx(exact, rel=1e-9)
    torch.testing.assert_close(z.mean(0), float(exact) * mu, atol=0.015, rtol=0)
    torch.testing.assert_close(z.var(0), q.variance[0], atol=0.02, rtol=0.05)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("dimensions", "kappa"), [(2, 1.5), (3, 4.0), (8, 30.0), (40, 100.0)])
def test_gradient_of_an_expectation_by_the_concentration(
    law: type[Around], dimensions: int, kappa: float
) -> None:
    # That of |E z| = E mu.z, of which the formula is known.
    torch.manual_seed(0)
    k = torch.full((1,), kappa, requires_grad=True)
    mu = torch.zeros(1, dimensions)
    mu[0, 1] = 1.0
    z = law(mu, k).rsample((60000,))
    (found,) = torch.autograd.grad((z * mu).sum(-1).mean(), k)
    ahead, behind = (mean_length(law, dimensions, kappa + h) for h in (1e-4, -1e-4))
    exact = (ahead - behind) / 2e-4
    assert float(found) == pytest.approx(exact, rel=0.03)


def test_slope_against_the_inverse_distribution_function() -> None:
    # D = 3: F(w) = (e^(k w) - e^-k) / (e^k - e^-k), so that w(k) is known for a fixed F.
    kappa = torch.tensor([0.2, 2.0, 20.0], dtype=torch.float64)
    q = VonMisesFisher(torch.eye(3, dtype=torch.float64), kappa)
    level = torch.tensor([[0.02], [0.3], [0.7], [0.99]], dtype=torch.float64)

    def quantile(k: torch.Tensor) -> torch.Tensor:
        return 1 + (level + (1 - level) * (-2 * k).exp()).log() / k

    step = 1e-5
    exact = (quantile(kappa + step) - quantile(kappa - step)) / (2 * step)
    torch.testing.assert_close(q.slope(quantile(kappa), kappa), exact, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("dimensions", "kappa"), [(2, 1.0), (2, 40.0), (5, 3.0), (60, 500.0)])
def test_slope_of_a_power_spherical_draw_against_beta_quantiles(
    dimensions: int, kappa: float
) -> None:
    level, b, step = np.array([0.01, 0.2, 0.5, 0.9, 0.999]), (dimensions - 1) / 2, 1e-4 * kappa

    def quantile(k: float) -> np.ndarray:
        return 2 * special.betaincinv(b + k, b, level) - 1

    exact = (quantile(kappa + step) - quantile(kappa - step)) / (2 * step)
    k = torch.tensor([kappa], dtype=torch.float64)
    q = PowerSpherical(torch.eye(dimensions, dtype=torch.float64)[:1], k)
    found = q.slope(torch.from_numpy(quantile(kappa))[:, None], k)[:, 0]
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-8)


def test_power_spherical_draws_have_the_distribution_function_of_a_beta() -> None:
    torch.manual_seed(0)
    for dimensions, kappa in ((2, 0.2), (3, 1.0), (20, 8.0)):
        mu = torch.eye(dimensions)[:1]
        z = PowerSpherical(mu, torch.tensor([kappa])).rsample((20000,))[:, 0]
        b = (dimensions - 1) / 2
        law = stats.beta(b + kappa, b)
        assert stats.kstest((1 + z[:, 0].numpy()) / 2, law.cdf).pvalue > 1e-3
        # Around mu no direction is preferred.
        across = z[:, 1:] / z[:, 1:].norm(dim=1, keepdim=True)
        np.testing.assert_allclose(across.mean(0), 0, atol=0.03)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dimensions", [2, 3, 10, 200])
def test_entropy_and_divergence_from_the_uniform_sphere(law: type[Around], dimensions: int) -> None:
    p = UniformSphere(dimensions, torch.zeros(1))
    mu = torch.eye(dimensions)[:1]
    flat = kl_divergence(law(mu, torch.tensor([1e-4])), p)
    assert float(flat) == pytest.approx(0, abs=1e-6)
    for kappa in (1.0, 30.0, 5000.0):
        q = law(mu, torch.tensor([kappa]))
        torch.manual_seed(0)
        log_q = q.log_prob(q.rsample((20000,)))
        within = 4 * float(log_q.std()) / math.sqrt(len(log_q)) + 2e-3
        assert float(q.entropy()) == pytest.approx(-float(log_q.mean()), abs=within)
        estimate = float(log_q.mean()) + log_surface(dimensions)
        assert float(kl_divergence(q, p)) == pytest.approx(estimate, abs=within)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dimensions", [2, 100, 1000])
@pytest.mark.parametrize("kappa", [0.01, 1.0, 1e4])
def test_all_is_finite_in_float32_from_flat_to_sharp(
    law: type[Around], dimensions: int, kappa: float
) -> None:
    torch.manual_seed(0)
    h = torch.randn(50, dimensions, requires_grad=True)
    k = torch.full((50,), kappa, requires_grad=True)
    q = law(h / h.norm(dim=1, keepdim=True), k)
    z = q.rsample((3,))
    terms = (z[..., 0].sum(), q.log_prob(z).sum(), q.entropy().sum())
    for term in terms:
        grads = torch.autograd.grad(term, (h, k), retain_graph=True, materialize_grads=True)
        assert all(torch.isfinite(g).all() for g in (term, *grads))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(3, 50), atol=1e-4, rtol=0)
    exact = float(law(h.detach().double(), k.detach().double()).entropy().mean())
    assert float(q.entropy().detach().mean()) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_a_rows_draw_is_its_own(law: type[Around]) -> None:
    torch.manual_seed(0)
    x, mu, kappa = torch.randn(6, 3), torch.randn(6, 4), 5 * torch.rand(6) + 0.1
    mu = mu / mu.norm(dim=1, keepdim=True)
    with noise.per_row(x, 1):
        whole = law(mu, kappa).rsample((2,))
    rows = torch.tensor([4, 1])
    with noise.per_row(x[rows], 1):
        part = law(mu[rows], kappa[rows]).rsample((2,))
    torch.testing.assert_close(part, whole[:, rows])
    shares = []
    for rank in range(2):
        torch.manual_seed(7)
        with noise.shared(rank, 2):
            half = slice(3 * rank, 3 * rank + 3)
            shares.append(law(mu[half], kappa[half]).rsample((2,)))
    torch.manual_seed(7)
    torch.testing.assert_close(torch.cat(shares, 1), law(mu, kappa).rsample((2,)))


def test_surface_of_spheres() -> None:
    assert math.exp(log_surface(2)) == pytest.approx(2 * math.pi)
    assert math.exp(log_surface(3)) == pytest.approx(4 * math.pi)
    area = 4 * math.pi * integrate.quad(lambda t: math.sin(t) ** 2, 0, math.pi)[0]
    assert math.exp(log_surface(4)) == pytest.approx(area)


def test_uniform_draws_are_uniform() -> None:
    torch.manual_seed(0)
    z = UniformSphere(4, torch.zeros(1)).rsample((30000,))
    torch.testing.assert_close(z.norm(dim=1), torch.ones(len(z)))
    np.testing.assert_allclose(z.T @ z / len(z), np.eye(4) / 4, atol=0.01)
