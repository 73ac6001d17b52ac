"""Discrete codes: bounds against log p(x) by enumeration, relaxations, rounding."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from latentry.core import noise
from latentry.core.bounds import Elbo, elbo, importance_weighted
from latentry.core.codes import CodePrior, one_hot
from latentry.core.discrete import (
    Categoricals,
    CodePosterior,
    CodeVAE,
    ConcretePosterior,
    Cooled,
    Rounded,
)
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.schedules import geometric

DIMS = 5


class Body(nn.Module):
    """x -> x, which says how many features it gives."""

    out_features = DIMS

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x


class Line(nn.Module):
    """z -> W z as a decoder body."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.w = nn.Linear(latent, DIMS)

    def forward(self, z: Tensor) -> Tensor:
        return self.w(z)[:, None]


def model_of(posterior: CodePosterior, sizes: tuple[int, ...]) -> CodeVAE:
    prior = CodePrior(posterior.latent, sizes, hidden=6)
    for p in prior.parameters():
        nn.init.normal_(p, std=0.6)
    likelihood = GaussianLikelihood(Line(posterior.latent), (DIMS,), sigma=0.8)
    return CodeVAE(posterior, prior, likelihood).eval()


def concrete(classes: int = 3, groups: int = 2, **how) -> ConcretePosterior:
    kind = {"temperature": 0.7, "hard": False} | how
    return ConcretePosterior(Body(), classes * groups, classes, **kind)


def exact(model: CodeVAE, x: Tensor) -> Tensor:
    """log p(x), (B,), summed over all codes."""
    codes = torch.tensor(list(itertools.product(*map(range, model.prior.sizes))))
    z = model.posterior.embed(codes)[:, None].expand(-1, len(x), -1)
    log_px = model.decode(z).log_prob(x)
    return torch.logsumexp(log_px + model.prior.log_prob(codes)[:, None], 0)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(7, DIMS, generator=torch.Generator().manual_seed(4))


@torch.no_grad()
def test_importance_weights_average_to_the_probability(x: Tensor) -> None:
    torch.manual_seed(0)
    model = model_of(concrete(), (3, 3))
    r = model.infer(x, draws=60_000)
    log_px = exact(model, x)
    weights = (r.log_weight - log_px).exp()
    error = weights.std(0) / math.sqrt(len(weights))
    assert ((weights.mean(0) - 1).abs() < 4.5 * error).all()
    few = model.infer(x, draws=200)
    assert (elbo(few) < log_px).all()
    assert (importance_weighted(few) > elbo(few)).all()


@torch.no_grad()
def test_the_rate_of_a_categorical_code_is_its_divergence_from_the_prior(x: Tensor) -> None:
    torch.manual_seed(0)
    model = model_of(concrete(), (3, 3))
    q = model.posterior(x)
    codes = torch.tensor(list(itertools.product(range(3), range(3))))
    log_q = q.log_prob_codes(codes[:, None].expand(-1, len(x), -1))
    torch.testing.assert_close(log_q.exp().sum(0), torch.ones(len(x)))
    kl = (log_q.exp() * (log_q - model.prior.log_prob(codes)[:, None])).sum(0)
    torch.testing.assert_close(model.infer(x, draws=40_000).rate, kl, atol=0.02, rtol=0.02)
    # In training the prior is uniform, and the rate is exact from a single draw.
    uniform = (log_q.exp() * (log_q + math.log(9))).sum(0)
    torch.testing.assert_close(model.train().infer(x).rate, uniform)


class Map(nn.Module):
    """x -> x, as a feature map of 5 channels over 2 x 3 positions."""

    out_features, grid = 30, (2, 3)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x


@torch.no_grad()
def test_over_a_grid_each_position_has_its_code_by_the_same_head() -> None:
    torch.manual_seed(0)
    posterior = Rounded(Map(), 2, (3, 5))
    assert (posterior.latent, posterior.positions) == (12, 6)
    x = torch.randn(4, 5, 2, 3)
    q = posterior(x.flatten(1))
    by_position = q.codes.unflatten(1, (2, 3, 2))
    alone = Rounded(Body(), 2, (3, 5))
    alone.head.load_state_dict(posterior.head.state_dict())
    for i, j in itertools.product(range(2), range(3)):
        assert torch.equal(by_position[:, i, j], alone(x[:, :, i, j]).codes)
    torch.testing.assert_close(posterior.embed(q.codes), q.mean)


@pytest.mark.parametrize("levels", [(3, 3), (4, 3), (2, 5)])
@torch.no_grad()
def test_the_bound_of_a_certain_code_is_below_the_probability(levels, x: Tensor) -> None:
    torch.manual_seed(0)
    model = model_of(Rounded(Body(), 2, levels), levels)
    r = model.infer(x, draws=2)
    assert (elbo(r) < exact(model, x)).all()
    assert torch.equal(r.log_q, torch.zeros(2, 7))
    torch.testing.assert_close(r.rate, -r.log_p[0])
    assert r.codes is not None
    torch.testing.assert_close(model.posterior.embed(r.codes), r.z)


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_rounding_reaches_every_level_and_no_other(levels: int) -> None:
    posterior = Rounded(Body(), DIMS, (levels,) * DIMS)
    with torch.no_grad():
        posterior.head.weight.copy_(torch.eye(DIMS))
        posterior.head.bias.zero_()
    x = torch.linspace(-6, 6, 4000)[:, None].expand(-1, DIMS).clone().requires_grad_()
    q = posterior(x)
    assert q.codes[:, 0].unique().tolist() == list(range(levels))
    torch.testing.assert_close(
        q.mean[:, 0].unique(), torch.linspace(-1, 1, levels), atol=1e-6, rtol=0
    )
    # Rounded to the nearest value of what is bounded by tanh, through which the gradient passes.
    assert (q.mean - x.tanh()).abs().max() <= 1 / (levels - 1) + 1e-5
    (slope,) = torch.autograd.grad(q.mean.sum(), x)
    torch.testing.assert_close(slope, 1 - x.detach().tanh() ** 2)


def test_draws_have_the_moments_of_their_probabilities() -> None:
    torch.manual_seed(0)
    q = Categoricals(torch.randn(4, 2, 3).log_softmax(-1))
    z, codes = q.draw(40_000)
    torch.testing.assert_close(z, one_hot(codes, 3))
    torch.testing.assert_close(z.mean(0), q.mean, atol=0.012, rtol=0)
    torch.testing.assert_close(z.var(0), q.variance, atol=0.012, rtol=0)
    assert q.rsample(torch.Size((2, 5))).shape == (2, 5, 4, 6)
    torch.testing.assert_close(-q.log_prob_codes(codes).mean(0), q.entropy(), atol=0.02, rtol=0)


def test_a_relaxed_draw_is_the_papers_formula_and_nears_one_hot_as_it_cools() -> None:
    log_p = torch.randn(6, 2, 3).log_softmax(-1)
    row = torch.arange(6.0)[:, None]
    draws = {}
    for temperature in (2.0, 0.5, 0.01):
        with noise.per_row(row, 0):
            draws[temperature], codes = Categoricals(log_p, torch.tensor(temperature)).draw(1)
        assert torch.equal(codes, draws[temperature].unflatten(-1, (2, 3)).argmax(-1))
        torch.testing.assert_close(
            draws[temperature].unflatten(-1, (2, 3)).sum(-1), torch.ones(1, 6, 2)
        )
    with noise.per_row(row, 0):
        u = noise.uniform((1, 6, 2, 3), log_p)
    formula = ((log_p - (-u.log()).log()) / 2.0).softmax(-1).flatten(-2)
    torch.testing.assert_close(draws[2.0], formula)
    nearest = [(1 - d.unflatten(-1, (2, 3)).amax(-1)).mean() for d in draws.values()]
    assert nearest[0] > nearest[1] > nearest[2]


def test_the_gradient_of_a_relaxed_draw_is_that_of_finite_differences() -> None:
    logits = torch.randn(3, 2, 3, dtype=torch.double, requires_grad=True)

    def drawn(logits: Tensor) -> Tensor:
        with noise.per_row(torch.arange(3.0)[:, None], 0):
            q = Categoricals(logits.log_softmax(-1), torch.tensor(0.8, dtype=torch.double))
            return q.draw(2)[0]

    assert torch.autograd.gradcheck(drawn, logits)


def test_a_hard_draw_is_one_hot_with_the_gradient_of_the_relaxed_one() -> None:
    logits = torch.randn(3, 2, 3, requires_grad=True)
    weights, grads = torch.randn(6), []
    for hard in (False, True):
        with noise.per_row(torch.arange(3.0)[:, None], 0):
            z, codes = Categoricals(logits.log_softmax(-1), torch.tensor(0.8), hard).draw(1)
        if hard:
            torch.testing.assert_close(z, one_hot(codes, 3))
        grads.append(torch.autograd.grad((z * weights).sum(), logits)[0])
    torch.testing.assert_close(*grads)


def test_the_temperature_falls_by_equal_factors_while_training_only(x: Tensor) -> None:
    model = model_of(concrete(), (3, 3))
    objective = Cooled(Elbo(), geometric(1.0, 0.25, 0.5))
    seen = []
    for done in (0.0, 0.25, 0.5, 1.0):
        r = model.train().infer(x)
        (loss, own), *_ = objective.losses(r, model, torch.tensor(done))
        torch.autograd.grad(loss, own)
        seen.append(float(objective.parts(r, model)["temperature"]))
    assert seen == pytest.approx([1.0, 0.5, 0.25, 0.25])
    objective.losses(model.eval().infer(x), model, torch.tensor(0.0))
    assert float(model.get_buffer("posterior.temperature")) == pytest.approx(0.25)


@torch.no_grad()
def test_a_drawn_code_decodes_as_its_symbols_say() -> None:
    torch.manual_seed(0)
    model = model_of(concrete(), (3, 3))
    z = model.draw(4000)
    assert set(z.unique().tolist()) == {0.0, 1.0}
    p = model.prior.log_prob(torch.tensor(list(itertools.product(range(3), range(3))))).exp()
    first = torch.stack([p[3 * k : 3 * k + 3].sum() for k in range(3)])
    torch.testing.assert_close(z[:, :3].mean(0), first, atol=0.03, rtol=0)
