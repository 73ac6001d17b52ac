"""The posterior in a learned metric: equations that are solved, volumes kept, valid weights."""

from __future__ import annotations

import math

import pytest
import torch
from oracle import Oracle
from torch import Tensor, nn

from latentry.core import noise
from latentry.core.riemannian import (
    LOST,
    GeneralisedLeapfrog,
    Metric,
    Riemannian,
    Travelled,
    newton,
)


class Features(nn.Linear):
    out_features: int

    def forward(self, input: Tensor, c: Tensor | None = None) -> Tensor:
        return super().forward(input)


def metric(dtype: torch.dtype = torch.float64) -> Metric:
    g = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 2, generator=g, dtype=dtype)
    factors = torch.randn(4, 2, 2, generator=g, dtype=dtype).tril()
    return Metric(centres, factors, reach=1.2, floor=0.1)


def leapfrog(first: float = 0.15) -> GeneralisedLeapfrog:
    return GeneralisedLeapfrog(2, 3, first=first, largest=0.5, beta=0.6)


def riemannian(error: float) -> tuple[Oracle, Riemannian]:
    torch.manual_seed(0)
    oracle = Oracle(error=error)
    vae = oracle.model
    assert vae.prior is not None
    model = Riemannian(
        vae.posterior,
        vae.prior,
        vae.likelihood,
        leapfrog(),
        Features(5, 6),
        centres=8,
        reach=1.5,
        floor=0.1,
    )
    model.start(oracle.draw(50))
    return oracle, model


def test_the_metrics_derivatives_are_true() -> None:
    g = metric()
    z = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    w, dw = g.weights(z)
    for i in range(4):
        torch.testing.assert_close(torch.autograd.grad(w[:, i].sum(), z, retain_graph=True)[0],
                                   dw[:, i])  # fmt: skip
    half = -0.5 * torch.logdet(g.inverse(w)).sum()
    torch.testing.assert_close(torch.autograd.grad(half, z)[0], g.push(z))


def test_momenta_are_drawn_from_the_density_that_is_given() -> None:
    g = metric()
    z, eps = torch.randn(5, 2, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    exact = torch.distributions.MultivariateNormal(
        torch.zeros(2, dtype=torch.float64), precision_matrix=g.inverse(g.weights(z)[0])
    )
    rho = g.momentum(z, eps)
    found = g.log_momentum(z, rho) - math.log(2 * math.pi)
    torch.testing.assert_close(found, exact.log_prob(rho))
    many = g.momentum(z[:1].expand(50_000, -1), torch.randn(50_000, 2, dtype=torch.float64))
    torch.testing.assert_close(many.T.cov(), exact.covariance_matrix[0], rtol=0.05, atol=0.1)


def test_a_path_keeps_the_volume() -> None:
    g, flow = metric(), leapfrog(0.3)

    def slope(z: Tensor) -> Tensor:
        return z + torch.sin(2 * z)

    def path(pair: Tensor) -> Tensor:
        z, gamma = pair[None, None].chunk(2, -1)
        return torch.cat(flow.travel(z, gamma, slope, g)[:2], -1)[0, 0]

    for _ in range(3):
        jacobian = torch.autograd.functional.jacobian(path, torch.randn(4, dtype=torch.float64))
        assert isinstance(jacobian, Tensor)
        # The momentum that goes in is not heated yet: what heats it is cooled away again.
        assert float(torch.det(jacobian)) == pytest.approx(1, rel=1e-5)


def test_a_path_at_one_temperature_keeps_the_energy() -> None:
    """The error of a second-order scheme falls with the square of its step."""
    g = metric()

    def energy(z: Tensor, rho: Tensor) -> Tensor:
        return 0.5 * z.square().sum(-1) - g.log_momentum(z, rho)

    z = torch.randn(1, 20, 2, dtype=torch.float64)
    rho = g.momentum(z, torch.randn(1, 20, 2, dtype=torch.float64))
    errors = []
    for steps in (8, 16):
        flow = GeneralisedLeapfrog(2, steps, first=0.8 / steps, tempering="none")
        with torch.no_grad():
            end = flow.travel(z, rho, lambda z: z, g)[:2]
        errors.append(float((energy(*end) - energy(z, rho)).abs().mean()))
    assert errors[1] < 0.4 * errors[0]
    assert errors[1] < 0.05


def test_the_weights_have_the_mean_that_they_should() -> None:
    oracle, model = riemannian(0.3)
    x = oracle.draw(12)
    exact = oracle.log_prob(x)
    draws = 10_000
    with torch.no_grad(), noise.per_row(x, 0):
        log_weight = model.infer(x, draws=draws).log_weight.double()
    ratio = (log_weight - exact).exp()
    error = ratio.std(0) / math.sqrt(draws)
    assert float(error.max()) < 0.05
    assert ((ratio.mean(0) - 1).abs() < 4.5 * error).all()
    assert (log_weight.mean(0) < exact + 4 * log_weight.std(0) / math.sqrt(draws)).all()


def test_gradients_are_those_of_finite_differences() -> None:
    oracle, model = riemannian(0.3)
    x = oracle.draw(6)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()

    def loss() -> Tensor:
        with noise.per_row(x, 0):
            return -model.infer(x, draws=3).log_weight.mean()

    parameters = list(model.parameters())
    grads = torch.autograd.grad(loss(), parameters)
    for parameter, grad in zip(parameters, grads, strict=True):
        way = torch.randn_like(parameter)
        with torch.no_grad():
            parameter += 1e-3 * way
            above = loss()
            parameter -= 2e-3 * way
            below = loss()
            parameter += 1e-3 * way
        change = float(above - below) / 2e-3
        assert change == pytest.approx(float((grad * way).sum()), rel=3e-2, abs=1e-2)


def test_it_works_where_gradients_are_switched_off() -> None:
    oracle, model = riemannian(0.3)
    with torch.inference_mode():
        x = oracle.draw(5)
        assert torch.isfinite(model.infer(x, draws=2).log_weight).all()
        q = model.encode(x)
        assert isinstance(q, Travelled)
        assert q.mean.shape == q.variance.shape == (5, 2)


def test_equations_without_a_root_are_told_from_those_with_one() -> None:
    target = torch.tensor([[2.0], [-3.0]], dtype=torch.float64, requires_grad=True)

    def square(y: Tensor) -> tuple[Tensor, Tensor]:
        return y * y - target, 2 * y[..., None]

    root, found = newton(square, torch.ones(2, 1, dtype=torch.float64))
    assert found.tolist() == [True, False]
    assert root[0].item() == pytest.approx(math.sqrt(2), rel=1e-9)
    (grad,) = torch.autograd.grad(root[0].sum(), target)
    assert grad[0].item() == pytest.approx(0.5 / math.sqrt(2), rel=1e-6)
    assert torch.isfinite(root).all()


def test_a_draw_whose_step_is_too_long_counts_as_nothing() -> None:
    oracle, model = riemannian(0.3)
    model.leapfrog = GeneralisedLeapfrog(2, 3, first=30.0, largest=100.0)
    x = oracle.draw(50)
    r = model.infer(x, draws=20)
    lost = r.log_q - r.log_p > LOST - 20
    assert float(lost.float().mean()) > 0.1
    assert (torch.logsumexp(r.log_weight, 0) - math.log(20) < oracle.log_prob(x) + 3).all()
    grads = torch.autograd.grad(r.log_weight.mean(), list(model.parameters()), allow_unused=True)
    assert all(g is None or torch.isfinite(g).all() for g in grads)
