"""Relatives of the importance-weighted bound, on a model of which everything is known."""

from __future__ import annotations

import pytest
import torch
from oracle import Oracle

from latentry.core import noise
from latentry.core.bounds import importance_weighted
from latentry.core.importance import (
    Combined,
    DoublyReparametrised,
    Multiplied,
    Partial,
    held,
    split,
)

DONE = torch.tensor(1.0)


def test_bounds_lie_between_the_lower_bound_and_the_weighted_one() -> None:
    r = Oracle(error=0.3).model.infer(Oracle().draw(200), draws=12)
    log_weight = r.log_weight
    low, high = log_weight.mean(0), importance_weighted(r)
    torch.testing.assert_close(Multiplied(12, 12)(r, DONE), low)
    torch.testing.assert_close(Multiplied(12, 1)(r, DONE), high)
    between = Multiplied(12, 3)(r, DONE)
    assert (low <= between + 1e-5).all()
    assert (between <= high + 1e-5).all()
    torch.testing.assert_close(Combined(12, 1.0)(r, DONE), low)
    torch.testing.assert_close(Combined(12, 0.25)(r, DONE), 0.25 * low + 0.75 * high)


def test_partial_gives_each_half_its_own_bound() -> None:
    model = Oracle(error=0.3).model
    r = model.infer(Oracle().draw(20), draws=6)
    (decoder_loss, rest), (encoder_loss, encoder) = Partial(6, 6).losses(r, model, DONE)
    torch.testing.assert_close(decoder_loss, -importance_weighted(r).mean())
    torch.testing.assert_close(encoder_loss, -r.log_weight.mean(0).mean())
    assert {id(p) for p in encoder} == {id(p) for p in model.posterior.parameters()}
    assert len(encoder) + len(rest) == len(list(model.parameters()))


@torch.no_grad()
def test_held_keeps_the_density() -> None:
    q = Oracle(error=0.3).model.encode(Oracle().draw(5))
    z = q.sample()
    torch.testing.assert_close(held(q).log_prob(z), q.log_prob(z))


def _encoder_gradient(draws: int, seed: int, doubly: bool) -> torch.Tensor:
    oracle = Oracle(error=0.3)
    x = oracle.draw(2000)
    with noise.per_row(x, seed):
        r = oracle.model.infer(x, draws=draws)
    encoder, _ = split(oracle.model)
    if doubly:
        loss = DoublyReparametrised(draws).losses(r, oracle.model, DONE)[1][0]
    else:
        loss = -importance_weighted(r).mean()
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, encoder)])


def test_the_doubly_reparametrised_gradient_is_the_bounds_own() -> None:
    plain, doubly = (
        torch.stack([_encoder_gradient(4, seed, d) for seed in range(20)]) for d in (False, True)
    )
    error = (plain.var(0) / 20 + doubly.var(0) / 20).sqrt()
    assert ((plain.mean(0) - doubly.mean(0)).abs() < 5 * error + 1e-4).all()


def test_the_doubly_reparametrised_gradient_vanishes_at_the_true_posterior() -> None:
    # With the exact posterior all weights are equal whatever is drawn: no noise is left.
    oracle = Oracle()
    x = oracle.draw(50)
    r = oracle.model.infer(x, draws=4)
    encoder, _ = split(oracle.model)
    loss = DoublyReparametrised(4).losses(r, oracle.model, DONE)[1][0]
    doubly = torch.cat([g.flatten() for g in torch.autograd.grad(loss, encoder, retain_graph=True)])
    own = torch.autograd.grad(-importance_weighted(r).mean(), encoder)
    plain = torch.cat([g.flatten() for g in own])
    assert float(doubly.abs().max()) < 1e-4
    assert float(plain.abs().max()) > 1e-2


@pytest.mark.parametrize("draws", [1, 8])
def test_the_decoder_learns_from_the_bound(draws: int) -> None:
    oracle = Oracle(error=0.3)
    r = oracle.model.infer(oracle.draw(30), draws=draws)
    _, rest = split(oracle.model)
    loss = DoublyReparametrised(draws).losses(r, oracle.model, DONE)[0][0]
    mine = torch.autograd.grad(loss, rest, retain_graph=True)
    for a, b in zip(mine, torch.autograd.grad(-importance_weighted(r).mean(), rest), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
