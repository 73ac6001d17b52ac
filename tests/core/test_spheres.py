"""The von Mises-Fisher distribution against what is known of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mpmath import mp
from scipy import integrate, special
from torch.distributions import kl_divergence

from latentry.core.spheres import UniformSphere, VonMisesFisher, log_bessel, log_surface


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


@pytest.mark.parametrize("kappa", [0.1, 3.0, 50.0])
def test_it_integrates_to_one_on_the_circle_and_the_sphere(kappa: float) -> None:
    angle = torch.linspace(-math.pi, math.pi, 20001, dtype=torch.float64)[:-1]
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    q = VonMisesFisher(torch.tensor([0.6, 0.8], dtype=torch.float64), torch.tensor(kappa))
    assert float(q.log_prob(circle).exp().mean() * 2 * math.pi) == pytest.approx(1, abs=1e-6)
    # On S^2 the part along mu is uniform but for the exponential: Archimedes.
    w = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    up = torch.stack([w, (1 - w * w).sqrt(), torch.zeros_like(w)], 1)
    mu = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    density = VonMisesFisher(mu, torch.tensor(kappa, dtype=torch.float64)).log_prob(up).exp()
    assert float(torch.trapezoid(density, w) * 2 * math.pi) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("dimensions", "kappa"), [(2, 2.0), (3, 10.0), (10, 0.5), (50, 200.0)])
def test_draws_have_the_known_moments(dimensions: int, kappa: float) -> None:
    torch.manual_seed(0)
    mu = torch.randn(dimensions)
    mu = mu / mu.norm()
    q = VonMisesFisher(mu.expand(1, -1), torch.tensor([kappa]))
    z = q.rsample((40000,))[:, 0]
    torch.testing.assert_close(z.norm(dim=1), torch.ones(len(z)))
    exact = special.ive(dimensions / 2, kappa) / special.ive(dimensions / 2 - 1, kappa)
    assert float(q.mean_length) == pytest.approx(exact, rel=1e-9)
    torch.testing.assert_close(z.mean(0), float(exact) * mu, atol=0.015, rtol=0)
    torch.testing.assert_close(z.var(0), q.variance[0], atol=0.02, rtol=0.05)


@pytest.mark.parametrize(("dimensions", "kappa"), [(2, 1.5), (3, 4.0), (8, 30.0), (40, 100.0)])
def test_gradient_of_an_expectation_by_the_concentration(dimensions: int, kappa: float) -> None:
    # E mu.z = A(kappa), and dA/dkappa = 1 - A^2 - (D - 1) A / kappa.
    torch.manual_seed(0)
    k = torch.full((1,), kappa, requires_grad=True)
    mu = torch.zeros(1, dimensions)
    mu[0, 1] = 1.0
    q = VonMisesFisher(mu, k)
    z = q.rsample((60000,))
    (found,) = torch.autograd.grad((z * mu).sum(-1).mean(), k)
    a = float(q.mean_length.detach())
    exact = 1 - a * a - (dimensions - 1) * a / kappa
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
    torch.testing.assert_close(q._slope(quantile(kappa), kappa), exact, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dimensions", [2, 3, 10, 200])
def test_divergence_from_the_uniform_sphere(dimensions: int) -> None:
    p = UniformSphere(dimensions, torch.zeros(1))
    mu = torch.eye(dimensions)[:1]
    flat = kl_divergence(VonMisesFisher(mu, torch.tensor([1e-4])), p)
    assert float(flat) == pytest.approx(0, abs=1e-6)
    for kappa in (1.0, 30.0, 5000.0):
        q = VonMisesFisher(mu, torch.tensor([kappa]))
        torch.manual_seed(0)
        z = q.rsample((20000,))
        estimate = (q.log_prob(z) - p.log_prob(z)).mean()
        found = float(kl_divergence(q, p))
        assert found == pytest.approx(float(estimate), rel=0.02, abs=0.02)


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
