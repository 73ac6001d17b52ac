"""Penalties against what is known of them in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent

from latentry.core.constraint import Constrained
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import VAE, Inference
from latentry.core.penalties import (
    CodeNorm,
    Contraction,
    Covariance,
    DecoderGradient,
    IndependenceCritic,
    PriorCritic,
    RareActivity,
    SlicedWasserstein,
    TotalCorrelation,
    mmd,
    squared_jacobian,
)
from latentry.core.posteriors import DiracPosterior, Gaussian, Largest
from latentry.core.priors import StandardNormal
from latentry.nets import MLPEncoder

DONE = torch.tensor(1.0)
NO_MODEL: VAE = None  # type: ignore[assignment]  # most penalties look at the pass alone


def passing(z: Tensor, q: Independent | None = None) -> Inference:
    """A pass with the codes z (B, D) and a standard normal prior."""
    return Inference(
        x=torch.zeros(len(z), 1), z=z[None], px=None,  # type: ignore[arg-type]
        q=q, p=StandardNormal(z.shape[1])(),
    )  # fmt: skip


def gaussian(loc: Tensor, scale: Tensor) -> Independent:
    return Independent(Gaussian(loc, scale), 1)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_unbiased_at_zero_and_grows_with_the_distance(kernel: str) -> None:
    g = torch.Generator().manual_seed(0)
    same = [float(mmd(*torch.randn(2, 20, 3, generator=g).unbind(), kernel)) for _ in range(2000)]
    mean = sum(same) / len(same)
    spread = math.sqrt(sum((s - mean) ** 2 for s in same)) / len(same)
    assert abs(mean) < 4 * spread
    a, b = torch.randn(2, 500, 3, generator=g).unbind()
    near, far = float(mmd(a, b + 0.5, kernel)), float(mmd(a, b + 2, kernel))
    assert 0 < near < far


def test_mmd_with_the_rbf_kernel_has_its_closed_form() -> None:
    # For N(0, I) and N(m, I) in D dimensions and exp(-|a - b|^2 / C):
    # E k = (C / (C + 4))^(D/2) exp(-|m|^2 / (C + 4)).
    g = torch.Generator().manual_seed(1)
    a, b = torch.randn(2, 4000, 2, generator=g).unbind()
    shift = torch.tensor([1.0, -0.5])
    scale = 4.0
    base = scale / (scale + 4)
    exact = 2 * base * (1 - math.exp(-float(shift.square().sum()) / (scale + 4)))
    assert float(mmd(a, b + shift, "rbf")) == pytest.approx(exact, rel=0.05)


def test_sliced_distance_between_shifted_gaussians() -> None:
    # On a line the squared distance is (m . line)^2, on average |m|^2 / D.
    torch.manual_seed(0)
    z = torch.randn(5000, 4) + torch.tensor([2.0, 0.0, 0.0, 0.0])
    found = SlicedWasserstein(1.0, 500)(passing(z), NO_MODEL, DONE)
    assert float(found) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("estimator", ["weighted", "stratified"])
def test_total_correlation_of_correlated_codes(estimator: str) -> None:
    # Sharp posteriors around means of correlation rho: TC = -log(1 - rho^2) / 2, wider by noise.
    torch.manual_seed(0)
    n, rho, noise = 1500, 0.9, 0.4
    first = torch.randn(n)
    second = rho * first + math.sqrt(1 - rho**2) * torch.randn(n)
    loc = torch.stack([first, second], 1)
    q = gaussian(loc, torch.full_like(loc, noise))
    known = rho / (1 + noise**2)
    exact = -0.5 * math.log(1 - known**2)
    penalty = TotalCorrelation(1.0, estimator)
    penalty.rows = n
    found = float(penalty(passing(q.rsample(), q), NO_MODEL, DONE))
    if estimator == "weighted":
        found -= math.log(n)  # its known bias: log N for each dimension but one
    assert found == pytest.approx(exact, abs=0.15)


def test_stratified_weights_sum_to_one() -> None:
    penalty = TotalCorrelation(1.0, "stratified")
    penalty.rows = 1000
    weights = penalty._log_weights(16, torch.zeros(())).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(16))
    torch.testing.assert_close(weights.diagonal(), torch.full((16,), 1 / 1000))


@pytest.mark.parametrize("kind", [1, 2])
def test_covariance_is_zero_for_the_identity(kind: int) -> None:
    loc = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    scale = 0.5
    mean = loc if kind == 1 else loc * math.sqrt(1 - scale**2)
    q = gaussian(mean, torch.full_like(mean, scale))
    assert float(Covariance(3.0, 7.0, kind)(passing(mean, q), NO_MODEL, DONE)) < 1e-10
    skew = gaussian(mean @ torch.tensor([[1.0, 0.5], [0.0, 1.0]]), torch.full_like(mean, scale))
    assert float(Covariance(3.0, 7.0, kind)(passing(mean, skew), NO_MODEL, DONE)) > 0.5


def test_critics_learn_to_tell_codes_apart() -> None:
    torch.manual_seed(0)
    shared = torch.randn(400, 1)
    z = torch.cat([shared, shared + 0.1 * torch.randn(400, 1)], 1) * 2
    for critic in (PriorCritic(2, hidden=(32,)), IndependenceCritic(2, 1.0, hidden=(32,))):
        before = float(critic.own_loss(passing(z)).detach())
        optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
        for _ in range(150):
            optimizer.zero_grad()
            critic.own_loss(passing(z)).backward()
            optimizer.step()
        assert before == pytest.approx(2 * math.log(2), abs=0.2)
        assert float(critic.own_loss(passing(z)).detach()) < 0.8
        assert float(critic(passing(z), NO_MODEL, DONE).detach()) > 0.5  # the codes do not pass


def test_sizes_of_codes() -> None:
    r = passing(torch.tensor([[3.0, -4.0], [0.0, 0.0]]))
    assert float(CodeNorm(1.0, 1)(r, NO_MODEL, DONE)) == 3.5
    assert float(CodeNorm(1.0, 2)(r, NO_MODEL, DONE)) == 6.25
    even = passing(torch.full((8, 3), 0.2))
    assert float(RareActivity(1.0, 0.2)(even, NO_MODEL, DONE)) == pytest.approx(0.0, abs=1e-6)
    expected = 3 * (0.5 * math.log(0.5 / 0.2) + 0.5 * math.log(0.5 / 0.8))
    assert float(RareActivity(1.0, 0.5)(even, NO_MODEL, DONE)) == pytest.approx(expected, rel=1e-5)


def test_largest_keeps_k_entries() -> None:
    z = torch.tensor([[1.0, 5.0, 3.0, -2.0]])
    assert Largest(2)(z).tolist() == [[0.0, 5.0, 3.0, 0.0]]
    assert Largest(9)(z).tolist() == z.tolist()


def test_hutchinson_gives_the_jacobian_on_average() -> None:
    torch.manual_seed(0)
    w = torch.randn(3, 5)
    x = torch.randn(20000, 5, requires_grad=True)
    assert float(squared_jacobian(x @ w.T, x).detach()) == pytest.approx(
        float(w.square().sum()), rel=0.03
    )


@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)])
def test_contraction_of_an_mlp_is_exact(hidden: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    body = MLPEncoder((5,), hidden, activation="tanh")
    model = VAE(DiracPosterior(body, 3), None, None)  # type: ignore[arg-type]
    x = torch.randn(7, 5)
    jacobians = torch.func.vmap(torch.func.jacrev(lambda row: model.encode(row[None]).mean[0]))(x)
    exact = jacobians.square().sum((1, 2)).mean()
    r = Inference(x=x, z=torch.zeros(1, 7, 3), px=None)  # type: ignore[arg-type]
    torch.testing.assert_close(Contraction(1.0)(r, model, DONE), exact)


class _Line(nn.Module):
    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.w.T)[:, None]


def test_decoder_gradient_of_a_linear_decoder() -> None:
    torch.manual_seed(0)
    w = torch.randn(6, 2)
    likelihood = GaussianLikelihood(_Line(w), (6,), sigma=1.0)
    model = VAE(DiracPosterior(MLPEncoder((6,), ()), 2), None, likelihood)
    r = passing(torch.randn(20000, 2))
    found = DecoderGradient(1.0)(r, model, DONE)
    assert float(found.detach()) == pytest.approx(float(w.square().sum()), rel=0.03)


def test_the_constraint_is_zero_at_the_target() -> None:
    torch.manual_seed(0)
    x = torch.zeros(50, 6)
    likelihood = GaussianLikelihood(_Line(torch.zeros(6, 2)), (6,), sigma=1.0)
    z = torch.zeros(1, 50, 2)
    r = Inference(x=x + 0.3, z=z, px=likelihood(z))
    assert float(Constrained(0.3).constraint(r).detach()) == pytest.approx(0.0, abs=1e-5)
    assert float(Constrained(0.1).constraint(r).detach()) == pytest.approx(
        6 * (0.09 - 0.01), rel=1e-4
    )
    r.x[0, 0] = float("nan")
    assert math.isfinite(float(Constrained(0.1).constraint(r).detach()))
