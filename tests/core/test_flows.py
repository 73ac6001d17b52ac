"""Flow posteriors: invertible, with the right density, whatever the encoder says to them."""

from __future__ import annotations

import math

import pytest
import torch
from oracle import Oracle
from torch import Tensor, nn

from latentry.core import noise
from latentry.core.carried import even_points
from latentry.core.flows import (
    Autoregression,
    Flow,
    Flowed,
    FlowPosterior,
    InverseAutoregressive,
    Planar,
    Radial,
)
from latentry.core.models import VAE
from latentry.core.posteriors import normal_of


class Body(nn.Linear):
    def forward(self, input: Tensor, c: Tensor | None = None) -> Tensor:
        return super().forward(input).tanh()


def flows(latent: int) -> dict[str, Flow]:
    torch.manual_seed(0)
    return {
        "planar": Planar(latent).double(),
        "radial": Radial(latent).double(),
        "iaf": InverseAutoregressive(latent, 5, (16, 16), False).double(),
        "reversed": InverseAutoregressive(latent, 5, (16, 16), True).double(),
    }


NAMES = ["planar", "radial", "iaf", "reversed"]


def case(name: str, latent: int, rows: int = 6) -> tuple[Flow, Tensor, Tensor]:
    flow = flows(latent)[name]
    # Wide, so that the constraints that keep a map invertible are at work.
    given = 3 * torch.randn(rows, flow.size, dtype=torch.float64)
    return flow, 2 * torch.randn(4, rows, latent, dtype=torch.float64), given


@pytest.mark.parametrize("latent", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_a_map_has_the_inverse_and_the_jacobian_that_it_says(name: str, latent: int) -> None:
    flow, z, given = case(name, latent)
    y, log_det = flow(z, given)
    back, same = flow.inverse(y, given)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-5)
    torch.testing.assert_close(same, log_det, rtol=1e-5, atol=1e-4)
    for k, b in ((0, 0), (1, 3), (3, 5)):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, b=b: flow(v[None, None], given[b : b + 1])[0][0, 0], z[k, b]
        )
        sign, expected = torch.linalg.slogdet(jacobian)  # pyright: ignore[reportArgumentType]
        assert sign > 0
        torch.testing.assert_close(log_det[k, b], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_map_stays_finite_on_wild_parameters(name: str) -> None:
    flow = flows(3)[name].float()
    z = torch.randn(2, 50, 3)
    given = (100 * torch.randn(50, flow.size)).requires_grad_()
    y, log_det = flow(z, given)
    assert torch.isfinite(y).all()
    assert torch.isfinite(log_det).all()
    (grad,) = torch.autograd.grad(y.sum() + log_det.sum(), given)
    assert torch.isfinite(grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_an_inverse_is_true(name: str) -> None:
    flow, z, given = case(name, 2, rows=2)
    y = z[:1].requires_grad_()
    given = (given / 3).requires_grad_()
    assert torch.autograd.gradcheck(flow.inverse, (y, given), atol=1e-5)


def test_an_autoregression_sees_what_came_before_alone() -> None:
    torch.manual_seed(0)
    net = Autoregression(4, 3, (32, 32), 2)
    context = torch.randn(3)
    jacobian = torch.autograd.functional.jacobian(lambda z: net(z, context), torch.randn(4))
    assert isinstance(jacobian, Tensor)
    assert (jacobian.triu() == 0).all()
    below = torch.ones(4, 4).tril(-1).bool()
    assert (jacobian[:, below] != 0).all()
    assert net.context.weight.shape == (32, 3)


def posterior(name: str, latent: int = 2, steps: int = 3) -> FlowPosterior:
    torch.manual_seed(1)
    if name == "iaf":
        made: list[Flow] = [
            InverseAutoregressive(latent, 5, (16, 16), bool(i % 2)) for i in range(steps)
        ]
        return FlowPosterior(Body(4, 8), latent, made, shared=True)
    kind = {"planar": Planar, "radial": Radial}[name]
    return FlowPosterior(Body(4, 8), latent, [kind(latent) for _ in range(steps)])


def stirred(name: str, **sizes: int) -> FlowPosterior:
    """A posterior that is far from where it begins."""
    q = posterior(name, **sizes)
    with torch.no_grad():
        for parameter in q.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return q


KINDS = ["planar", "radial", "iaf"]


@torch.no_grad()
@pytest.mark.parametrize("name", KINDS)
def test_a_posterior_is_a_density_and_its_draws_are_from_it(name: str) -> None:
    q = stirred(name)(torch.randn(1, 4))
    axis = torch.linspace(-12, 12, 500)
    points = torch.cartesian_prod(axis, axis)[:, None]
    mass = q.log_prob(points).exp() * float((axis[1] - axis[0]) ** 2)
    assert float(mass.sum()) == pytest.approx(1, abs=0.01)
    mean = (mass[..., None] * points).sum(0)
    variance = (mass[..., None] * (points - mean) ** 2).sum(0)
    draws, log_q = q.rsample_and_log_prob((20_000,))
    torch.testing.assert_close(draws.mean(0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(draws.var(0), variance, rtol=0.08, atol=0.02)
    torch.testing.assert_close(q.log_prob(draws[:500]), log_q[:500], rtol=1e-3, atol=1e-3)
    # Few points, so about: what encode() and its warnings rest on.
    torch.testing.assert_close(q.mean, mean, rtol=0, atol=0.1)
    torch.testing.assert_close(q.variance, variance, rtol=0.35, atol=0.05)


@torch.no_grad()
@pytest.mark.parametrize("name", KINDS)
def test_a_posterior_begins_near_its_gaussian(name: str) -> None:
    q = posterior(name, latent=8, steps=4)(torch.randn(50, 4))
    assert isinstance(q, Flowed)
    z0 = q.base.sample(torch.Size((20,)))
    z, gain = q.carry(z0)
    assert float((z - z0).square().mean()) < 0.3
    assert float(gain.abs().mean()) < 8 * 0.7
    if name != "iaf":
        assert float(gain.abs().mean()) < 1.0


def test_even_points_stand_for_a_standard_normal() -> None:
    points = even_points(64, torch.zeros(3, 10))
    assert points.shape == (64, 10)
    torch.testing.assert_close(points.mean(0), torch.zeros(10), rtol=0, atol=1e-6)
    torch.testing.assert_close(points.square().mean(0), torch.ones(10))
    torch.testing.assert_close(points, even_points(64, torch.ones(1, 10)))
    assert float(torch.corrcoef(points.T).fill_diagonal_(0).abs().max()) < 0.4


@pytest.mark.parametrize("name", KINDS)
def test_the_bound_lies_below_the_likelihood_and_reaches_it(name: str) -> None:
    oracle = Oracle()
    x = oracle.draw(30)
    exact = oracle.log_prob(x)
    q = stirred(name, steps=2)
    q.body, q.head = Body(5, 8), nn.Linear(8, sum(q.sizes))
    torch.manual_seed(3)
    model = VAE(q, oracle.model.prior, oracle.model.likelihood)
    with torch.no_grad(), noise.per_row(x, 0):
        r = model.infer(x, draws=2000)
    assert r.log_weight.shape == (2000, 30)
    error = r.log_weight.std(0) / math.sqrt(2000)
    assert (r.log_weight.mean(0) < exact + 4 * error).all()
    torch.testing.assert_close(-r.distortion.mean(0) - r.rate, r.log_weight.mean(0))
    # It is a matter of training alone how near they come.
    optimiser = torch.optim.Adam(q.parameters(), 1e-2)
    for _ in range(150):
        rows = oracle.law.sample(torch.Size((64,)))
        loss = -model.infer(rows).log_weight.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        r = model.infer(x, draws=500)
        gap = float((exact - r.log_weight.mean(0)).mean())
        tight = torch.logsumexp(r.log_weight, 0) - math.log(500)
    assert 0 < gap < 1.2
    assert float((exact - tight).mean().abs()) < 0.1


@torch.no_grad()
def test_a_draw_of_one_row_is_its_own() -> None:
    q = stirred("iaf")
    x = torch.randn(6, 4)
    with noise.per_row(x, 0):
        every = q(x).rsample((3,))
    with noise.per_row(x[2:3], 0):
        torch.testing.assert_close(q(x[2:3]).rsample((3,))[:, 0], every[:, 2])
    assert q(x).rsample().shape == (6, 2)
    assert normal_of(torch.zeros(3, 4)).rsample().shape == (3, 2)
