"""A prior of exemplars, against sums that are written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from latentry.core import exemplars, tempering
from latentry.core.bounds import elbo, importance_weighted
from latentry.core.exemplars import ExemplarPrior, Parzen, WithExemplars
from latentry.core.posteriors import GaussianPosterior

from .oracle import SIGMA, Oracle

N, D = 12, 2


class Features(nn.Module):
    """x (B, 3), and c (B, C) where there is one, as they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_features = width

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x if c is None else torch.cat([x, c], 1)


def prepared(condition: int = 0, **options) -> ExemplarPrior:
    """A prior with N exemplars, whose encoder is linear."""
    torch.manual_seed(0)
    prior = ExemplarPrior(D, condition, **options)
    prior.bind(GaussianPosterior(Features(3 + condition), D))
    prior.log_scale.set(torch.tensor(-0.5))
    given = torch.randn(N, condition) if condition else None
    prior.hold(torch.randn(N, 3), given)
    return prior


def written_out(prior: ExemplarPrior, z: Tensor, leave: int | None = None) -> Tensor:
    """Log of the mean of r(z | x_n) over all exemplars but one."""
    kept = [n for n in range(N) if n != leave]
    means = prior.encoded(torch.tensor(kept))
    law = torch.distributions.Normal(means, prior.log_scale().exp())
    return law.log_prob(z[..., None, :]).sum(-1).logsumexp(-1) - math.log(len(kept))


def test_a_parzen_density_is_that_of_its_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exemplars, "BLOCK", 5)
    prior = prepared()
    z = 2 * torch.randn(3, 4, D) + 40.0
    prior.means += 40.0  # far from the origin nothing is lost
    law = torch.distributions.Normal(prior.means, prior.log_scale().exp())
    expected = law.log_prob(z[..., None, :]).sum(-1).logsumexp(-1) - math.log(N)
    torch.testing.assert_close(prior().log_prob(z), expected, rtol=1e-5, atol=1e-5)
    axis = torch.linspace(34, 46, 400)
    with torch.no_grad():
        density = prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    mass = density.sum() * (axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_its_draws_are_exemplars_and_noise(temperature: float) -> None:
    prior = prepared()
    torch.manual_seed(1)
    p = prior()
    assert isinstance(p, Parzen)
    z = tempering.draw(p, 40_000, temperature) if temperature < 1 else p.sample((40_000,))
    spread = float(prior.log_scale().detach().exp()) * temperature
    torch.testing.assert_close(z.mean(0), p.mean, atol=0.02, rtol=0)
    variance = prior.means.var(0, correction=0) + spread**2
    torch.testing.assert_close(z.var(0), variance, atol=0.02, rtol=0.03)
    if not temperature:
        assert len(z.unique(dim=0)) == N


@pytest.mark.parametrize("condition", [0, 2])
@pytest.mark.parametrize("neighbours", [1, 4, 50])
def test_a_row_is_left_out_of_its_own_prior(condition: int, neighbours: int) -> None:
    prior = prepared(condition, neighbours=neighbours, share=1.0)
    z, number = torch.randn(3, 3, D), torch.tensor([7, -1, 0])
    found = prior.left_out(z, number)
    for b, leave in enumerate((7, None, 0)):
        expected = written_out(prior, z[:, b], leave)
        torch.testing.assert_close(found[:, b], expected, rtol=1e-5, atol=1e-5)


def test_with_all_exemplars_encoded_anew_the_gradient_is_that_of_the_sum() -> None:
    prior = prepared(neighbours=N, share=1.0)
    parameters = [*prior._posterior[0].parameters(), *prior.parameters()]
    z = torch.randn(2, 1, D, requires_grad=True)
    wanted = [z, *parameters]
    found = torch.autograd.grad(prior.left_out(z, torch.tensor([3])).sum(), wanted)
    expected = torch.autograd.grad(written_out(prior, z, 3).sum(), wanted)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_near_ones_are_anew_and_the_far_ones_as_they_were() -> None:
    prior = prepared(neighbours=1, share=1.0)
    z = prior.means[4][None, None] + 1e-3
    before = prior.left_out(z, torch.tensor([-1]))
    with torch.no_grad():
        head = prior._posterior[0].get_parameter("head.bias")
        head[:D] += 0.7  # every mean moves, and the ones that are kept are now of earlier weights
    scale = prior.log_scale().detach().exp()
    means = prior.means.clone()
    means[4] += 0.7
    law = torch.distributions.Normal(means, scale)
    expected = law.log_prob(z[..., None, :]).sum(-1).logsumexp(-1) - math.log(N)
    found = prior.left_out(z, torch.tensor([-1]))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, before)


def test_a_random_share_has_the_mean_of_the_whole() -> None:
    prior = prepared(neighbours=2, share=0.4)
    z = prior.means[:1][None]
    exact = written_out(prior, z[0, :1], 0).exp().detach()
    torch.manual_seed(0)
    with torch.no_grad():
        one = [prior.left_out(z, torch.tensor([0])).exp() for _ in range(2000)]
    values = torch.cat(one).flatten()
    error = float(values.std()) / math.sqrt(len(values))
    assert float(values.mean()) == pytest.approx(float(exact), abs=4 * error)


def test_what_a_row_gets_does_not_depend_on_its_batch() -> None:
    prior = prepared(neighbours=2)
    z, number = torch.randn(2, 6, D), torch.tensor([1, 5, -1, 2, 9, 0])
    torch.manual_seed(3)
    whole = prior.left_out(z, number)
    torch.manual_seed(3)
    part = prior.left_out(z[:, 4:], number[4:])
    torch.testing.assert_close(part, whole[:, 4:])


def test_means_are_remembered_where_they_are_an_exemplars_and_finite() -> None:
    prior = prepared()
    before = prior.means.clone()
    means = torch.full((4, D), 9.0)
    means[2, 0] = math.nan
    prior.remember(torch.tensor([5, -1, 6, 0]), means)
    changed = (prior.means != before).any(1).nonzero().flatten().tolist()
    assert changed == [0, 5]
    assert (prior.means[[0, 5]] == 9.0).all()


def test_processes_end_with_the_same_means(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, first, second = prepared(), prepared(), prepared()
    number, means = torch.tensor([3, 8, -1, 11]), torch.randn(4, D)
    alone.remember(number, means)
    sent: dict[int, Tensor] = {}

    def step(prior: ExemplarPrior, rank: int) -> None:
        def total(message: Tensor) -> Tensor:
            sent[rank] = message.clone()
            return torch.stack(list(sent.values())).sum(0)

        monkeypatch.setattr(exemplars, "place", lambda: (rank, 2))
        monkeypatch.setattr(exemplars, "over_processes", total)
        prior.remember(number[2 * rank : 2 * rank + 2], means[2 * rank : 2 * rank + 2])

    for rank, prior in [(0, prepared()), (1, second), (0, first)]:
        step(prior, rank)
    assert torch.equal(first.means, alone.means)
    assert torch.equal(second.means, alone.means)


def test_without_numbers_the_rows_of_a_batch_are_each_others_exemplars() -> None:
    prior = prepared()
    z = torch.randn(3, N, D)
    found = prior.among(z, prior.means)
    for b in (0, 5):
        expected = written_out(prior, z[:, b], b)
        torch.testing.assert_close(found[:, b], expected, rtol=1e-5, atol=1e-5)


def test_the_bounds_hold_where_the_evidence_is_known() -> None:
    # x | z ~ N(W z + b, s^2 I) under the mixture: each component gives a normal distribution of x.
    oracle = Oracle(error=0.2)
    prior = ExemplarPrior(D).bind(oracle.model.posterior)
    prior.log_scale.set(torch.tensor(-0.3))
    model = WithExemplars(oracle.model.posterior, prior, oracle.model.likelihood)
    prior.hold(oracle.draw(30), None)
    prior.release()
    assert prior.rows.numel() == 0
    model.eval()
    w, b = (oracle.model.likelihood.body.get_parameter(name) for name in ("w", "b"))
    variance = prior.log_scale().exp() ** 2
    cov = variance * w @ w.T + SIGMA**2 * torch.eye(len(w))
    x = oracle.draw(40)[30:]
    with torch.no_grad():
        each = MultivariateNormal(prior.means @ w.T + b, cov).log_prob(x[:, None])
        exact = each.logsumexp(1) - math.log(30)
        torch.manual_seed(0)
        r = model.infer(x, draws=4000)
        bound, weighted = elbo(r), importance_weighted(r)
    assert (bound < exact).all()
    assert (bound < weighted).all()
    torch.testing.assert_close(weighted, exact, atol=0.02, rtol=0)
