from __future__ import annotations

import torch
from torch import nn

from latentry.core.bounds import Elbo
from latentry.core.importance import split
from latentry.core.lagging import Lagging
from latentry.training import Options
from latentry.training.step import Step
from latentry.training.team import Team

from .oracle import Oracle

STEPS = 12


def weights(parameters: list[nn.Parameter]) -> torch.Tensor:
    return torch.cat([p.detach().flatten().clone() for p in parameters])


def test_the_decoder_waits_for_its_turn_and_then_always_moves() -> None:
    oracle = Oracle(error=0.3)
    objective = Lagging(Elbo(), 0.5, 3, epochs=3, batch=10)
    objective.expect(40)
    assert objective.steps == STEPS
    x = oracle.draw(10)
    step = Step(oracle.model, nn.Identity(), objective, Options(device="cpu"), Team(), (x, None))
    encoder, rest = split(oracle.model)
    moved = []
    for number in range(STEPS):
        before = weights(encoder), weights(rest)
        step((x, None), number, STEPS)
        after = weights(encoder), weights(rest)
        assert not torch.equal(before[0], after[0])
        moved.append(not torch.equal(before[1], after[1]))
    assert moved == [False, False, True] * 2 + [True] * 6


def test_weights_at_rest_keep_their_state() -> None:
    oracle = Oracle(error=0.3)
    objective = Lagging(Elbo(), 1.0, 100, epochs=100, batch=10)
    objective.expect(10)
    x = oracle.draw(10)
    step = Step(oracle.model, nn.Identity(), objective, Options(device="cpu"), Team(), (x, None))
    step((x, None), 0, 100)
    places = step.weights.indices(split(oracle.model)[1])
    for slot in step.state:
        parts = step.weights.split(slot)
        assert all(not parts[i].any() for i in places)
        assert any(part.any() for part in parts)


def test_its_losses_are_the_bound_for_all() -> None:
    oracle = Oracle()
    objective = Lagging(Elbo(), 0.5, 3, epochs=1, batch=10)
    r = oracle.model.infer(oracle.draw(10))
    done = torch.tensor(0.0)
    (a, _), (b, _) = objective.losses(r, oracle.model, done)
    torch.testing.assert_close(a, -Elbo()(r, done).mean())
    torch.testing.assert_close(a, b)
