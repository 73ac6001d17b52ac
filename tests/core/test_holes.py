from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from latentry.core import noise
from latentry.core.holes import MECHANISMS, Mechanism, NotMissingAtRandom, impute, resampled
from latentry.core.models import VAE
from latentry.core.posteriors import Gaussian, Posterior

from .oracle import Oracle

K = 40_000


class _Wide(Posterior):
    """A posterior that looks at nothing: any q will do for importance sampling."""

    def __init__(self) -> None:
        super().__init__(torch.nn.Identity(), 2)

    def forward(self, x: Tensor, c: Tensor | None = None) -> torch.distributions.Independent:
        loc = torch.zeros(len(x), 2)
        return torch.distributions.Independent(Gaussian(loc, loc + 1.2), 1)


def holes() -> tuple[Oracle, Tensor]:
    """A model of which all is known, and rows with gaps."""
    oracle = Oracle()
    x = oracle.draw(4)
    x[0, 1] = x[1, 0] = x[1, 3] = x[2, 4] = math.nan
    return oracle, x


def conditional(law: MultivariateNormal, x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and covariance of what is missing of one row, given the rest."""
    gap = torch.isnan(x)
    cov, seen = law.covariance_matrix, ~gap
    gain = cov[gap][:, seen] @ torch.linalg.inv(cov[seen][:, seen])
    mean = law.loc[gap] + gain @ (x[seen] - law.loc[seen])
    return mean, cov[gap][:, gap] - gain @ cov[seen][:, gap]


def plain(oracle: Oracle) -> VAE:
    oracle.model.likelihood.missing = True
    return VAE(_Wide(), oracle.model.prior, oracle.model.likelihood)


def test_the_imputed_mean_is_the_conditional_mean() -> None:
    oracle, x = holes()
    filled = impute(plain(oracle), x, None, K)
    for row, found in zip(x, filled, strict=True):
        gap = torch.isnan(row)
        torch.testing.assert_close(found[~gap], row[~gap], rtol=0, atol=0)
        torch.testing.assert_close(found[gap], conditional(oracle.law, row)[0], atol=0.05, rtol=0)


def test_imputed_draws_have_the_conditional_mean_and_variance() -> None:
    oracle, x = holes()
    torch.manual_seed(0)
    rows = x[1:2].expand(3000, -1)
    draws = impute(plain(oracle), _apart(rows), None, 200, how="draw")[:, torch.isnan(x[1])]
    mean, cov = conditional(oracle.law, x[1])
    torch.testing.assert_close(draws.mean(0), mean, atol=0.08, rtol=0)
    torch.testing.assert_close(draws.T.cov(), cov, atol=0.08, rtol=0)


def test_imputations_are_as_many_draws_of_one_pass() -> None:
    oracle, x = holes()
    model, gap = plain(oracle), torch.isnan(x[1])
    made = resampled(model, x[1:2], None, 4000, 400)[:, 0]
    torch.testing.assert_close(made[:, ~gap], x[1, ~gap].expand(400, -1), rtol=0, atol=0)
    mean, cov = conditional(oracle.law, x[1])
    torch.testing.assert_close(made[:, gap].mean(0), mean, atol=0.2, rtol=0)
    torch.testing.assert_close(made[:, gap].T.cov(), cov, atol=0.25, rtol=0)
    again = resampled(model, x[1:2], None, 4000, 2)[:, 0]
    torch.testing.assert_close(again, made[:2], rtol=0, atol=0)


def _apart(rows: Tensor) -> Tensor:
    """Rows that are the same but for what no one sees, so that each has noise of its own."""
    return rows + 1e-5 * torch.randn(rows.shape)


def test_the_bound_is_that_of_the_observed_entries() -> None:
    oracle, x = holes()
    torch.manual_seed(0)
    with torch.no_grad():
        r = plain(oracle).infer(x, draws=K)
    for b, row in enumerate(x):
        seen = ~torch.isnan(row)
        law = MultivariateNormal(oracle.law.loc[seen], oracle.law.covariance_matrix[seen][:, seen])
        found = r.log_weight[:, b].logsumexp(0) - math.log(K)
        torch.testing.assert_close(found, law.log_prob(row[seen]), atol=0.05, rtol=0)


def not_at_random(oracle: Oracle) -> NotMissingAtRandom:
    oracle.model.likelihood.missing = True
    model = NotMissingAtRandom(_Wide(), oracle.model.prior, oracle.model.likelihood, "self-masking")
    with torch.no_grad():
        model.mechanism.weight.fill_(1.5)
        model.mechanism.bias.fill_(0.3)
    return model


def test_the_joint_bound_and_the_means_under_self_masking() -> None:
    """One entry is missing: all is an integral over its value alone."""
    oracle, x = holes()
    model, row = not_at_random(oracle), x[2]
    torch.manual_seed(0)
    with torch.no_grad():
        r = model.infer(x[2:3], draws=K)
        found = r.log_weight.logsumexp(0) - math.log(K)
        t = torch.linspace(-12, 12, 4001)
        whole = row.expand(len(t), -1).clone()
        whole[:, 4] = t
        logits = model.mechanism(whole)
        log_s = torch.nn.functional.logsigmoid(torch.cat([logits[:, :4], -logits[:, 4:]], 1))
        log_joint = oracle.log_prob(whole) + log_s.sum(1)
        step = float(t[1] - t[0])
        torch.testing.assert_close(
            found[0], log_joint.logsumexp(0) + math.log(step), atol=0.05, rtol=0
        )
        mean = (log_joint.softmax(0) * t).sum()
        assert float(mean) > float(conditional(oracle.law, row)[0][0]) + 0.05
        filled = impute(model, x[2:3], None, K)[0, 4]
        torch.testing.assert_close(filled, mean, atol=0.05, rtol=0)


def test_the_expected_log_weight_is_below_the_joint() -> None:
    oracle, x = holes()
    torch.manual_seed(0)
    with torch.no_grad():
        w = not_at_random(oracle).infer(x, draws=4000).log_weight
    assert (w.mean(0) < w.logsumexp(0) - math.log(4000)).all()


@pytest.mark.parametrize("kind", MECHANISMS)
def test_a_mechanism_gives_logits_with_gradients(kind: str) -> None:
    torch.manual_seed(0)
    mechanism = Mechanism(kind, (3,))
    x = torch.randn(2, 4, 3)
    assert mechanism(x).shape == x.shape
    grads = torch.autograd.grad((mechanism(x) - 1).square().sum(), list(mechanism.parameters()))
    assert all(bool(g.any()) for g in grads)


def test_large_values_go_missing_where_that_is_known() -> None:
    mechanism = Mechanism("self-masking-known", (2,))
    for weight in (-5.0, 0.0, 5.0):
        torch.nn.init.constant_(mechanism.weight, weight)
        assert (mechanism(torch.ones(2)) < mechanism(torch.zeros(2))).all()


def test_a_rows_noise_is_its_own() -> None:
    oracle, x = holes()
    model = not_at_random(oracle)
    with torch.no_grad():
        with noise.per_row(x, 0):
            whole = model.infer(x, draws=3).log_weight
        with noise.per_row(x[1:3], 0):
            part = model.infer(x[1:3], draws=3).log_weight
    torch.testing.assert_close(whole[:, 1:3], part)
