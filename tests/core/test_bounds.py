from __future__ import annotations

import pytest
import torch
from oracle import Oracle

from latentry.core import noise
from latentry.core.bounds import Elbo, Importance, Reconstruction, elbo, importance_weighted
from latentry.core.schedules import linear

DONE = torch.tensor(1.0)


def test_every_bound_is_exact_with_the_true_posterior() -> None:
    oracle = Oracle()
    x = oracle.draw(50)
    exact = oracle.log_prob(x)
    r = oracle.model.infer(x, draws=7)
    # p(x,z) / q(z|x) is p(x) for every z, so no draw matters.
    torch.testing.assert_close(importance_weighted(r), exact, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(Importance(7)(r, DONE), exact, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(r.log_weight, exact.expand(7, -1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_bounds_are_ordered_when_the_posterior_is_off() -> None:
    oracle = Oracle(error=0.3)
    x = oracle.draw(100)
    exact = oracle.log_prob(x).mean()
    means = []
    for k in (1, 5, 50, 500):
        with noise.per_row(x, 0):
            means.append(float(importance_weighted(oracle.model.infer(x, draws=k)).mean()))
    with noise.per_row(x, 1):
        many = float(elbo(oracle.model.infer(x, draws=2000)).mean())
    assert many < means[1] < means[2] < means[3] < exact + 0.01
    assert exact - means[3] < 0.05
    assert many == pytest.approx(means[0], abs=0.3)


@torch.no_grad()
def test_elbo_falls_short_by_the_divergence_from_the_true_posterior() -> None:
    true, off = Oracle(), Oracle(error=0.3)
    x = true.draw(40)
    gap = torch.distributions.kl_divergence(off.model.encode(x), true.model.encode(x))
    with noise.per_row(x, 0):
        bound = elbo(off.model.infer(x, draws=20000))
    torch.testing.assert_close(true.log_prob(x) - bound, gap, atol=0.06, rtol=0.0)


def test_weights_apply_to_the_rate_alone() -> None:
    r = Oracle(error=0.2).model.infer(Oracle().draw(10), draws=3)
    distortion = r.distortion.mean(0)
    torch.testing.assert_close(Elbo(4.0)(r, DONE), -distortion - 4 * r.rate)
    torch.testing.assert_close(Reconstruction()(r, DONE), -distortion)
    half = Elbo(linear(0.0, 1.0, 0.5))
    torch.testing.assert_close(half(r, torch.tensor(0.25)), -distortion - 0.5 * r.rate)
    torch.testing.assert_close(half(r, torch.tensor(0.75)), elbo(r))
    torch.testing.assert_close(Elbo(4.0).unweighted(r), elbo(r))
    torch.testing.assert_close(Importance(3, 0.5).unweighted(r), Importance(3)(r, DONE))


def test_closed_form_rate_is_the_mean_of_the_drawn_one() -> None:
    oracle = Oracle(error=0.2)
    r = oracle.model.infer(oracle.draw(5), draws=50_000)
    torch.testing.assert_close((r.log_q - r.log_p).mean(0), r.rate, atol=0.03, rtol=0.0)


def test_free_bits_and_capacity_shape_the_rate() -> None:
    r = Oracle(error=0.2).model.infer(Oracle().draw(30), draws=1)
    distortion = r.distortion.mean(0)
    torch.testing.assert_close(r.rates.sum(1), r.rate)
    mean = r.rates.mean(0).detach()
    free = float(mean.max()) + 1.0  # above both dimensions: the rate is free
    flat = Elbo(free_bits=free)(r, DONE)
    torch.testing.assert_close(flat, -distortion - free * len(mean))
    one = float(mean.sort().values[0]) + 1e-3
    half = Elbo(free_bits=one)(r, DONE)
    torch.testing.assert_close(half, -distortion - mean.clamp(min=one).sum())
    held = Elbo(10.0, capacity=linear(0.0, 5.0, 0.5))(r, torch.tensor(0.25))
    torch.testing.assert_close(held, -distortion - 10 * (r.rate - 2.5).abs())
