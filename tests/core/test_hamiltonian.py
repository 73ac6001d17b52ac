"""The Hamiltonian posterior: exact volumes, valid weights, and paths towards likely codes."""

from __future__ import annotations

import math

import pytest
import torch
from oracle import Oracle
from torch import Tensor

from latentry.core import noise
from latentry.core.hamiltonian import TEMPERINGS, Evolved, Hamiltonian, Leapfrog

STEPS = 3


def leapfrog(tempering: str, **more: float) -> Leapfrog:
    torch.manual_seed(0)
    made = Leapfrog(2, STEPS, first=0.3, largest=0.8, tempering=tempering, beta=0.4, **more)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return made


def hamiltonian(error: float, tempering: str = "quadratic") -> tuple[Oracle, Hamiltonian]:
    oracle = Oracle(error=error)
    vae = oracle.model
    assert vae.prior is not None
    return oracle, Hamiltonian(vae.posterior, vae.prior, vae.likelihood, leapfrog(tempering))


@pytest.mark.parametrize("tempering", TEMPERINGS)
def test_the_weights_have_the_mean_that_they_should(tempering: str) -> None:
    oracle, model = hamiltonian(0.3, tempering)
    x = oracle.draw(20)
    exact = oracle.log_prob(x)
    draws = 20_000
    with torch.no_grad(), noise.per_row(x, 0):
        r = model.infer(x, draws=draws)
        log_weight = r.log_weight.double()
    ratio = (log_weight - exact).exp()  # its mean is 1
    error = ratio.std(0) / math.sqrt(draws)
    assert float(error.max()) < 0.05  # else the test would say little
    assert ((ratio.mean(0) - 1).abs() < 4.5 * error).all()
    error = log_weight.std(0) / math.sqrt(draws)
    assert (log_weight.mean(0) < exact + 4 * error).all()
    # It would be seen if the momentum, which is not at rest in the end, were left out.
    with torch.no_grad(), noise.per_row(x, 0):
        q = model.encode(x)
        assert isinstance(q, Evolved)
        log_q = q.base.log_prob(q.base.rsample(torch.Size((draws,))))
    without = (r.log_p - log_q - r.distortion - exact).double().exp()
    assert ((without.mean(0) - 1).abs() > 6 * without.std(0) / math.sqrt(draws)).any()


@torch.no_grad()
def test_the_path_brings_a_poor_posterior_nearer() -> None:
    oracle, model = hamiltonian(0.5)
    x = oracle.draw(100)
    with noise.per_row(x, 0):
        plain = oracle.model.infer(x, draws=500).log_weight.mean()
    with noise.per_row(x, 0):
        moved = model.infer(x, draws=500).log_weight.mean()
    assert plain + 0.1 < moved < oracle.log_prob(x).mean()


@pytest.mark.parametrize("tempering", TEMPERINGS)
def test_the_jacobian_is_the_coolings_power(tempering: str) -> None:
    flow = leapfrog(tempering).double()
    flow.float = lambda: flow  # type: ignore[method-assign]

    def path(pair: Tensor) -> Tensor:
        z, gamma = pair[None, None].chunk(2, -1)
        # Any force will do, for each line is a shear: this one is no gradient.
        z, rho = flow(z, gamma, lambda z: torch.sin(3 * z.flip(-1)) + z.square())
        return torch.cat([z, rho], -1)[0, 0]

    jacobian = torch.autograd.functional.jacobian(path, torch.randn(4, dtype=torch.float64))
    assert isinstance(jacobian, Tensor)
    # The heating by 1 / sqrt(beta_0) is inside, and undone step by step.
    torch.testing.assert_close(torch.det(jacobian).abs(), torch.ones((), dtype=torch.float64),
                               rtol=1e-5, atol=0)  # fmt: skip


def test_cooling_follows_the_papers_formula() -> None:
    flow = leapfrog("quadratic")
    with torch.no_grad():
        coolings = flow.coolings()
    root = float(coolings.prod())
    heat = [(1 - 1 / root) * k**2 / STEPS**2 + 1 / root for k in range(STEPS + 1)]
    expected = [b / a for a, b in zip(heat[:-1], heat[1:], strict=True)]
    assert coolings.tolist() == pytest.approx(expected, rel=1e-5)
    fresh = Leapfrog(2, 4, tempering="free", beta=0.4)
    assert float(fresh.coolings().detach().prod() ** 2) == pytest.approx(0.4, rel=1e-5)
    assert fresh.sizes.tolist() == pytest.approx([0.05, 0.05])
    assert Leapfrog(2, 3, tempering="none").coolings().tolist() == [1, 1, 1]


@pytest.mark.parametrize("tempering", TEMPERINGS)
def test_gradients_are_those_of_finite_differences(tempering: str) -> None:
    oracle, model = hamiltonian(0.3, tempering)
    x = oracle.draw(8)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()  # the oracle's two halves share an offset

    def loss() -> Tensor:
        with noise.per_row(x, 0):
            return -model.infer(x, draws=4).log_weight.mean()

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
        assert change == pytest.approx(float((grad * way).sum()), rel=2e-2, abs=5e-3)


@torch.no_grad()
def test_the_mean_is_exact_where_the_potential_is_quadratic() -> None:
    oracle, model = hamiltonian(0.5)
    x = oracle.draw(5)
    q = model.encode(x)
    assert isinstance(q, Evolved)
    torch.testing.assert_close(q.rsample((40_000,)).mean(0), q.mean, rtol=0, atol=0.02)
    assert q.variance.shape == (5, 2)


def test_it_works_where_gradients_are_switched_off_and_entries_are_missing() -> None:
    oracle, model = hamiltonian(0.5)
    model.likelihood.missing = True
    x = oracle.draw(5)
    with torch.inference_mode():
        whole = model.infer(x.clone(), draws=2)
        assert torch.isfinite(whole.log_weight).all()
        assert model.encode(x.clone()).mean.shape == (5, 2)
    z, slope = torch.randn(1, 5, 2), model.slope(x, None)
    x[0, 0] = math.nan
    assert torch.isfinite(model.slope(x, None)(z)).all()
    torch.testing.assert_close(model.slope(x, None)(z)[:, 1:], slope(z)[:, 1:])
