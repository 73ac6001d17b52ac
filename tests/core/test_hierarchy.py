from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal

from latentry.core import noise
from latentry.core.bounds import Elbo, elbo, importance_weighted
from latentry.core.hierarchy import Hierarchy, Joint, Ladder, Root, normal, product
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import Inference
from latentry.core.posteriors import Gaussian
from latentry.core.priors import LearnedMixture, StandardNormal

A, S, W, SIGMA = 0.8, 0.7, torch.tensor([[1.2], [-0.9]]), 0.5


class Affine(nn.Module):
    """h -> (h @ w.T + b, log scale) side by side, (..., 2 D)."""

    def __init__(self, w: Tensor, log_scale: Tensor, b: float = 0.0) -> None:
        super().__init__()
        self.w, self.log_scale, self.b = nn.Parameter(w), nn.Parameter(log_scale), b

    def forward(self, h: Tensor, c: Tensor | None = None) -> Tensor:
        loc = h @ self.w.T + self.b
        return torch.cat([loc, self.log_scale.expand_as(loc)], -1)


class Seen(nn.Module):
    """(x, c) -> a Gaussian for the upper level, and x itself for the lower one."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, c: Tensor | None = None) -> list:
        return [normal(self.net(x)), x]


class Said(Seen):
    """(x, c) -> a Gaussian for each of the two levels."""

    def forward(self, x: Tensor, c: Tensor | None = None) -> list:
        return [normal(part) for part in self.net(x).chunk(2, -1)]


class Lowest(nn.Module):
    """The mean of x from what the last level hands on, of which the last number counts."""

    def forward(self, h: Tensor) -> Tensor:
        return (h[:, -1:] @ W.T)[:, None]


def chain(error: float = 0.0) -> Hierarchy:
    """z2 ~ N(0, 1), z1 ~ N(A z2, S^2), x ~ N(W z1, SIGMA^2), its q exact or off by `error`."""
    # The joint law of (z2, z1, x), of which q is made by conditioning.
    make = torch.tensor([[1.0, 0, 0, 0], [A, S, 0, 0]])
    low = torch.cat([make, torch.cat([W @ make[1:, :2], SIGMA * torch.eye(2)], 1)])
    law = low @ low.T
    to_x = law[0, 2:] @ torch.linalg.inv(law[2:, 2:])
    upper = (law[0, 0] - to_x @ law[2:, 0]).sqrt()
    rest = [2, 3, 0]
    to_both = law[1, rest] @ torch.linalg.inv(law[rest][:, rest])
    lower = (law[1, 1] - to_both @ law[rest, 1]).sqrt()
    scales = [_bent(upper.log() + error), _bent(lower.log() - error)]
    joint = Joint(
        1,
        Affine(torch.tensor([[A]]), _bent(torch.tensor(math.log(S)))),
        Affine(to_both[None], scales[1], error),
    )
    body = Seen(Affine(to_x[None], scales[0], error))
    return Hierarchy(
        body, [Root(StandardNormal(1)), joint], GaussianLikelihood(Lowest(), (2,), sigma=SIGMA)
    )


def _bent(log_scale: Tensor) -> Tensor:
    """What `normal` takes for a log scale."""
    return 5 * torch.atanh(log_scale / 5)


def log_prob(x: Tensor) -> Tensor:
    cov = (A**2 + S**2) * W @ W.T + SIGMA**2 * torch.eye(2)
    return MultivariateNormal(torch.zeros(2), cov).log_prob(x)


def rows(n: int = 5) -> Tensor:
    return 1.5 * torch.randn(n, 2, generator=torch.Generator().manual_seed(3))


def ladder() -> Hierarchy:
    """Three levels of 2, 1 and 1 dimensions over x of 3, with weights as they come."""
    torch.manual_seed(1)

    class Three(Seen):
        def forward(self, x: Tensor, c: Tensor | None = None) -> list:
            return [normal(part) for part in self.net(x).split([4, 2, 2], -1)]

    class Mean(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input)[:, None]

    levels = [Ladder(size, nn.Linear(above, 2 * size)) for above, size in ((2, 1), (1, 1))]
    return Hierarchy(
        Three(nn.Linear(3, 8)),
        [Root(LearnedMixture(2, 3)), *levels],
        GaussianLikelihood(Mean(1, 3), (3,), sigma=1.0),
    )


def test_every_weight_of_the_exact_posterior_is_the_likelihood() -> None:
    x = rows()
    r = chain().infer(x, draws=7)
    torch.testing.assert_close(r.log_weight, log_prob(x).expand(7, -1), rtol=1e-4, atol=1e-4)


def test_bounds_are_in_order_and_weights_average_to_the_likelihood() -> None:
    x = rows()
    torch.manual_seed(0)
    r = chain(error=0.25).infer(x, draws=60_000)
    exact = log_prob(x)
    weights = (r.log_weight - exact).exp()
    error = weights.std(0) / math.sqrt(len(weights))
    assert ((weights.mean(0) - 1).abs() < 5 * error).all()
    # 6,000 bounds of 10 draws each.
    tens = torch.logsumexp(r.log_weight.reshape(10, 6000, -1), 0) - math.log(10)
    assert (elbo(r) < tens.mean(0) - 0.01).all()
    assert (tens.mean(0) < exact).all()
    assert (importance_weighted(r) - exact).abs().max() < 0.05


def test_the_rate_in_closed_form_is_what_the_draws_say() -> None:
    torch.manual_seed(0)
    r = chain(error=0.25).infer(rows(), draws=40_000)
    ratio = r.log_q - r.log_p
    error = ratio.std(0) / math.sqrt(len(ratio))
    assert ((r.rate - ratio.mean(0)).abs() < 5 * error).all()
    torch.testing.assert_close(r.rates.sum(1), r.rate)
    assert r.rates.shape == (5, 2)
    # Given the draws above, the lower level's rate varies less than its ratio.
    lower = r.levels[1]
    assert (lower.rate.std(0) < (lower.log_q - lower.log_p).std(0)).all()


def test_a_level_without_a_closed_form_has_one_rate() -> None:
    r = ladder().infer(torch.randn(4, 3), draws=2)
    assert r.rates.shape == (4, 3)
    torch.testing.assert_close(r.rates.sum(1), r.rate)
    bound = Elbo(free_bits=0.1)(r, torch.tensor(1.0))
    assert bound.shape == (4,)


def test_what_the_prior_and_x_say_is_multiplied() -> None:
    a = Independent(Gaussian(torch.tensor([0.3]), torch.tensor([0.7])), 1)
    b = Independent(Gaussian(torch.tensor([-1.1]), torch.tensor([1.9])), 1)
    grid = torch.linspace(-12, 12, 20_001)[:, None]
    step = 24 / 20_000
    density = (a.log_prob(grid) + b.log_prob(grid)).exp()
    density = density / (density.sum() * step)
    torch.testing.assert_close(product(a, b).log_prob(grid).exp(), density, rtol=1e-3, atol=1e-6)


def test_densities_of_all_levels_integrate_to_one() -> None:
    model = chain(error=0.3)
    grid = torch.linspace(-6, 6, 241)
    z = torch.cartesian_prod(grid, grid)[:, None]
    x = rows(1)
    q = model.encode(x).log_prob(z)
    p = model.descend((len(z), 1), None, None, lambda at, q, p: z[..., at])[1]
    step = 12 / 240
    for log_density in (q, sum(level.log_p for level in p)):
        assert isinstance(log_density, Tensor)
        assert float(log_density.detach().exp().sum() * step**2) == pytest.approx(1, abs=1e-3)


def test_what_is_encoded_is_what_is_inferred() -> None:
    model, x = ladder(), torch.randn(6, 3)
    q = model.encode(x)
    assert q.mean.shape == q.stddev.shape == q.rsample().shape == (6, 4)
    assert q.rsample(torch.Size((2, 5))).shape == (2, 5, 6, 4)
    torch.manual_seed(5)
    r = model.infer(x, draws=3)
    torch.manual_seed(5)
    torch.testing.assert_close(q.rsample(torch.Size((3,))), r.z)
    torch.testing.assert_close(q.log_prob(r.z), r.log_q)
    torch.testing.assert_close(model.decode(r.z).mean, r.px.mean)
    torch.testing.assert_close(model.decode(r.z[0]).mean, r.px.mean[0])


def test_the_code_that_stands_for_a_row_takes_the_mean_of_each_level() -> None:
    model, x = chain(error=0.2), rows()
    q2, seen = model.body(x)
    z2 = q2.mean
    joint = model.rungs[1]
    assert isinstance(joint, Joint)
    z1 = normal(joint.look(torch.cat([seen, z2], -1))).mean
    torch.testing.assert_close(model.encode(x).mean, torch.cat([z2, z1], -1))


def test_a_level_that_adds_nothing_to_its_prior_moves_nothing() -> None:
    model, x = chain(), rows()
    joint = model.rungs[1]
    assert isinstance(joint, Joint)
    with torch.no_grad():
        joint.look.get_parameter("w").copy_(torch.tensor([[0.0, 0.0, A]]))
        moved = model.encode(x).moved
        torch.testing.assert_close(moved[:, 0], model.encode(x).mean[:, 0])
    torch.testing.assert_close(moved[:, 1], torch.zeros(5))


def test_draws_have_the_moments_of_the_prior() -> None:
    torch.manual_seed(0)
    z = chain().draw(40_000)
    want = torch.tensor([[1.0, A], [A, A**2 + S**2]])
    torch.testing.assert_close(torch.cov(z.T), want, rtol=0.05, atol=0.03)
    cold = chain().draw(40_000, None, 0.5)
    torch.testing.assert_close(torch.cov(cold.T), want / 4, rtol=0.05, atol=0.03)
    assert (chain().draw(9, None, 0.0) == 0).all()


def test_a_row_has_its_noise_whatever_rows_it_comes_with() -> None:
    model, x = ladder(), torch.randn(6, 3)

    def weights(rows: Tensor) -> Tensor:
        with noise.per_row(rows, 0):
            return model.infer(rows, draws=4).log_weight

    torch.testing.assert_close(weights(x)[:, 2:4], weights(x[2:4]))


def test_gradients_agree_with_finite_differences() -> None:
    model, x = chain(error=0.2), rows(3)

    def value() -> Tensor:
        torch.manual_seed(0)
        return elbo(model.infer(x, draws=2)).sum()

    parameters = list(model.parameters())
    grads = torch.autograd.grad(value(), parameters)
    step = 1e-2
    for p, g in zip(parameters, grads, strict=True):
        for i in itertools.product(*map(range, p.shape)):
            with torch.no_grad():
                p[i] += step
                high = value()
                p[i] -= 2 * step
                low = value()
                p[i] += step
            assert float(g[i]) == pytest.approx(
                float((high - low).detach()) / (2 * step), rel=2e-2, abs=2e-2
            )


def test_a_hierarchy_of_one_level_is_a_vae() -> None:
    torch.manual_seed(0)

    class Head(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input)[:, None]

    class One(Seen):
        def forward(self, x: Tensor, c: Tensor | None = None) -> list:
            return [normal(self.net(x))]

    body = One(nn.Linear(3, 4))
    likelihood = GaussianLikelihood(Head(2, 3), (3,), sigma=1.0)
    model, x = Hierarchy(body, [Root(StandardNormal(2))], likelihood), torch.randn(5, 3)
    r = model.infer(x, draws=2)
    single = Inference(x=x, z=r.z, px=likelihood(r.z), q=body(x)[0], p=StandardNormal(2)())
    for term in ("log_q", "log_p", "rate", "rates", "log_weight"):
        torch.testing.assert_close(getattr(r, term), getattr(single, term))
