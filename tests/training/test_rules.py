from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentry.training.rules import RULES

JUDGES = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
YES, NO = torch.tensor(True), torch.tensor(False)


def gradients(n: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(20, generator=generator) for _ in range(n)]


@pytest.fixture(params=[False, True], ids=["plain", "compiling"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The formula that the compiler sees is another one than the plain step's."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: request.param)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_does_what_torch_does(name: str, decay: float):
    w = torch.linspace(-1, 1, 20)
    judged = torch.nn.Parameter(w.clone())
    judge = JUDGES[name]([judged], lr=0.01, weight_decay=decay)
    rule = RULES[name](decay)
    state = [torch.zeros(20) for _ in rule.slots]
    for step, g in enumerate(gradients(10)):
        judge.param_groups[0]["lr"] = rate = 0.01 / (1 + step)
        judged.grad = g.clone()
        judge.step()
        rule.update(w, g, state, torch.tensor(rule.numbers(step, rate)), YES)
        torch.testing.assert_close(w, judged.detach())
    for slot, tensor in zip(rule.slots, state, strict=True):
        torch.testing.assert_close(tensor, judge.state[judged][slot])


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("name", RULES)
def test_a_step_that_is_not_finite_changes_nothing(name: str):
    rule = RULES[name](0.1)
    w, state = torch.linspace(-1, 1, 20), [torch.full((20,), 0.3) for _ in RULES[name].slots]
    before = [t.clone() for t in (w, *state)]
    g = torch.full((20,), float("nan"))
    rule.update(w, g, state, torch.tensor(rule.numbers(3, 0.01)), NO)
    assert all(torch.equal(a, b) for a, b in zip(before, (w, *state), strict=True))
