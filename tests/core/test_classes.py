from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal

from latentry.core import noise
from latentry.core.bounds import elbo
from latentry.core.classes import ClassGaussian, ClassHead, Classification, ClassVAE
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.posteriors import Gaussian

SIGMA, CLASSES, DIMS = 0.6, 3, 4


class _Body(nn.Module):
    """x -> x, as an encoder body."""

    out_features = DIMS

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x


class _Linear(nn.Module):
    """(z, y) -> W (z, y), (N, 1, DIMS)."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.w.T)[:, None]


@pytest.fixture
def model() -> ClassVAE:
    """Linear and Gaussian given the class, so that p(x, y) is known."""
    torch.manual_seed(0)
    w = torch.randn(DIMS, 2 + CLASSES)
    likelihood = GaussianLikelihood(_Linear(w), (DIMS,), sigma=SIGMA)
    return ClassVAE(_Body(), ClassHead(_Body(), CLASSES, 2), likelihood, 2, CLASSES)


def joint(model: ClassVAE, x: Tensor) -> Tensor:
    """log p(x, y), (B, CLASSES), exactly."""
    body = model.likelihood.body
    assert isinstance(body, _Linear)
    w = body.w.detach()
    cov = w[:, :2] @ w[:, :2].T + SIGMA**2 * torch.eye(DIMS)
    mean = math.sqrt(CLASSES) * w[:, 2:].T  # the decoder is given y in that measure
    return MultivariateNormal(mean, cov).log_prob(x[:, None]) - math.log(CLASSES)


X = torch.randn(5, DIMS, generator=torch.Generator().manual_seed(1))
KNOWN = torch.eye(CLASSES)[[0, 1, 2, 0, 1]]


def test_the_weights_estimate_p_of_x_without_bias(model: ClassVAE) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        r = model.infer(X, draws=100_000)
        truth = joint(model, X).logsumexp(1)
        torch.testing.assert_close(
            r.log_weight.logsumexp(0) - math.log(100_000), truth, atol=0.05, rtol=0
        )
        assert (elbo(r) < r.log_weight.mean(0)).all()
        assert (r.log_weight.mean(0) < truth).all()


def test_a_known_class_gives_p_of_x_and_y(model: ClassVAE) -> None:
    torch.manual_seed(1)
    some = KNOWN * torch.tensor([1.0, 1, 1, 0, 0])[:, None]
    with torch.no_grad():
        r = model.infer(X, some, draws=100_000)
        exact = joint(model, X)
        truth = torch.where(some.sum(1) > 0, (exact * KNOWN).sum(1), exact.logsumexp(1))
        found = r.log_weight.logsumexp(0) - math.log(100_000)
        torch.testing.assert_close(found, truth, atol=0.05, rtol=0)
        # Of a known class nothing is averaged out: both are the same bound.
        torch.testing.assert_close(elbo(r)[:3], r.log_weight.mean(0)[:3], atol=0.05, rtol=0)


def test_the_terms_are_expectations_over_the_class(model: ClassVAE) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        r = model.infer(X, draws=20_000)
        torch.testing.assert_close((r.log_q - r.log_p).mean(0), r.rate, atol=0.05, rtol=0)
        q = model.encode(X)
        z = q.rsample((20_000,))
        by_draws = -model.decode(z).log_prob(X).mean(0)
        torch.testing.assert_close(r.distortion.mean(0), by_draws, atol=0.3, rtol=0.02)


def test_known_classes_do_not_train_the_classifier_through_the_bound(model: ClassVAE) -> None:
    loss = -elbo(model.infer(X, KNOWN)).mean()
    (grad,) = torch.autograd.grad(loss, [model.logits.weight], retain_graph=True)
    assert not grad.any()
    r = model.infer(X, KNOWN)
    share = Classification(1.0, 1.0)(r, model, torch.tensor(0.0))
    torch.testing.assert_close(share, nn.functional.cross_entropy(r.logits, KNOWN.argmax(1)))
    half = KNOWN * torch.tensor([1.0, 0, 1, 0, 0])[:, None]
    r = model.infer(X, half)
    few = Classification(1.0, 0.4)(r, model, torch.tensor(0.0))
    wanted = nn.functional.cross_entropy(r.logits[[0, 2]], torch.tensor([0, 2]))
    torch.testing.assert_close(few, wanted)


def test_a_code_is_a_density_over_z_and_a_class() -> None:
    logits = torch.tensor([[0.3, -0.5]], dtype=torch.float32)
    loc = torch.tensor([[[0.4]], [[-1.0]]])
    scale = torch.tensor([[[0.5]], [[0.8]]])
    q = ClassGaussian(logits, Independent(Gaussian(loc, scale), 1))
    grid = torch.linspace(-8, 8, 4001)
    codes = torch.stack([torch.cat([grid[:, None], torch.eye(2)[[k] * 4001]], 1) for k in range(2)])
    total = q.log_prob(codes[:, :, None]).exp().sum() * (grid[1] - grid[0])
    assert float(total) == pytest.approx(1.0, abs=1e-4)
    torch.manual_seed(0)
    draws = q.sample((100_000,))[:, 0]
    torch.testing.assert_close(draws.mean(0), q.mean[0], atol=0.01, rtol=0)
    torch.testing.assert_close(draws.var(0), q.variance[0], atol=0.01, rtol=0)
    law = MixtureSameFamily(
        Categorical(logits=logits[0]), torch.distributions.Normal(loc[:, 0, 0], scale[:, 0, 0])
    )
    torch.testing.assert_close(law.variance, q.variance[0, 0])


def test_a_rows_codes_do_not_depend_on_its_neighbours(model: ClassVAE) -> None:
    order = torch.tensor([3, 1, 4])
    with torch.no_grad():
        with noise.per_row(X, 0):
            whole = model.infer(X, draws=4).log_weight
        with noise.per_row(X[order], 0):
            part = model.infer(X[order], draws=4).log_weight
    torch.testing.assert_close(whole[:, order], part)


def test_codes_from_the_prior_have_one_class_each(model: ClassVAE) -> None:
    codes = model.draw(600, temperature=0.0)
    assert not codes[:, :2].any()
    assert (codes[:, 2:].sum(0) > 150).all()
    assert (codes[:, 2:].sum(1) == 1).all()
