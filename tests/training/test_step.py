from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from latentry.core.bounds import Elbo
from latentry.core.models import Inference, LatentModel
from latentry.core.objective import Objective, Penalty
from latentry.training import Options
from latentry.training.compiled import compiling
from latentry.training.seeds import seed_generators
from latentry.training.step import Step
from latentry.training.team import Team

CPU = torch.device("cpu")


class Critic(Penalty):
    """A penalty with parameters and a loss of their own, as adversarial models have."""

    weight = 0.3

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 1)

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        return self.net(r.z).mean()

    def own_loss(self, r: Inference) -> Tensor:
        return self.net(r.z.detach()).square().mean()


def make(worker: ModuleType, *penalties: Penalty, **options) -> Step:
    given = {"device": "cpu", "lr": 0.01, **options}
    objective = Objective(Elbo(), *penalties)
    example = (worker.rows(4), None)
    return Step(worker.small(), nn.Identity(), objective, Options(**given), Team(), example)


def take(step: Step, x: Tensor, number: int = 0) -> None:
    with torch.random.fork_rng():
        seed_generators(CPU, number)
        step((x, None), number, 10)


def test_each_loss_moves_its_own_parameters(worker: ModuleType):
    torch.manual_seed(0)
    critic = Critic()
    step = make(worker, critic, clip=1e9)
    x = worker.rows(8)
    model, objective = step.run.model, step.run.objective
    with torch.random.fork_rng():
        seed_generators(CPU, 0)
        r = model.infer(x)
        (loss, own), (critics, theirs) = objective.losses(r, model, torch.tensor(0.0))
    expected = [
        *zip(own, torch.autograd.grad(loss, own, retain_graph=True), strict=True),
        *zip(theirs, torch.autograd.grad(critics, theirs), strict=True),
    ]
    take(step, x)
    found = step.weights.split(step.state[0] / 0.1)
    places = step.weights.indices([p for p, _ in expected])  # pyright: ignore[reportArgumentType]
    for place, (_, gradient) in zip(places, expected, strict=True):
        torch.testing.assert_close(found[place], gradient)
    assert sorted(places) == list(range(len(found)))


def test_a_step_that_is_not_finite_is_skipped_and_counted(worker: ModuleType):
    step = make(worker, ema=0.9)
    x = worker.rows(8)
    take(step, x)
    assert step.average is not None
    kept = [t.clone() for t in (step.weights.values, step.average, *step.state)]
    seen = step.row()
    take(step, x.clone().fill_(float("inf")), 1)
    now = (step.weights.values, step.average, *step.state)
    assert all(torch.equal(a, b) for a, b in zip(kept, now, strict=True))
    assert step.row() == {**seen, "skipped": 1}
    assert step.skipped() == 1
    assert step.skipped() == 0
    step.start_epoch()
    take(step, x, 2)
    assert step.row()["skipped"] == 0
    assert not torch.equal(kept[0], step.weights.values)


def test_a_step_with_too_long_a_gradient_is_left_out(worker: ModuleType):
    first = make(worker)
    take(first, worker.rows(8))
    norm = float((first.state[0] / 0.1).norm())
    for skip, left_out in ((0.99 * norm, 1), (1.01 * norm, 0)):
        step = make(worker, skip=skip)
        before = step.weights.values.clone()
        take(step, worker.rows(8))
        assert step.skipped() == left_out
        assert torch.equal(before, step.weights.values) == bool(left_out)


def test_a_long_gradient_is_shortened(worker: ModuleType):
    plain, clipped = make(worker), make(worker, clip=0.5)
    for step in (plain, clipped):
        take(step, worker.rows(8))
    long = plain.state[0] / 0.1
    assert long.norm() > 1.0
    torch.testing.assert_close(clipped.state[0] / 0.1, long * 0.5 / long.norm())


def test_the_moving_average_follows_the_weights(worker: ModuleType):
    step = make(worker, ema=0.5)
    average = step.weights.values.clone()
    for number in range(12):
        take(step, worker.rows(8), number)
        decay = min(0.5, (1 + number) / (10 + number))
        average = decay * average + (1 - decay) * step.weights.values
    torch.testing.assert_close(step.average, average)


def test_what_is_saved_is_all_that_the_next_step_depends_on(worker: ModuleType):
    one, two = (make(worker, Critic(), ema=0.9, optimizer="rmsprop") for _ in range(2))
    take(one, worker.rows(8))
    two.load({n: t.clone() for n, t in one.tensors().items()})
    for step in (one, two):
        take(step, worker.rows(8), 1)
    a, b = one.tensors(), two.tensors()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[n], b[n]) for n in a)
    with pytest.raises(KeyError):
        two.load({n: t for n, t in a.items() if n != "average"})


@pytest.mark.parametrize("world", [1, 2], ids=["whole", "gradients"])
def test_the_step_is_one_graph_that_gives_the_same(
    worker: ModuleType, world: int, monkeypatch: pytest.MonkeyPatch
):
    plain, graph = (make(worker, Critic(), ema=0.9, clip=1.0) for _ in range(2))
    graph.load(plain.tensors())
    if world == 2:
        monkeypatch.setattr(Team, "total", lambda self, message: message.mul_(2))
        plain.team = graph.team = Team(0, 2)
    compile_ = torch.compile
    traced = {"fullgraph": True, "backend": "eager"}
    monkeypatch.setattr(torch, "compile", lambda f, **_: compile_(f, **traced))
    failures: list[str] = []
    part = "whole" if world == 1 else "gradients"
    with compiling(getattr(graph, part), CPU, failures.append) as fast:
        setattr(graph, part, fast)
        for number in range(4):
            for step in (plain, graph):
                take(step, worker.rows(8, seed=number), number)
    assert failures == []
    for name, tensor in plain.tensors().items():
        torch.testing.assert_close(graph.tensors()[name], tensor, rtol=1e-4, atol=1e-5)
