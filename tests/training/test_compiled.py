from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentry.training.compiled import compiling

CPU = torch.device("cpu")


def test_what_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch):
    def broken(*_, **__):
        raise RuntimeError("no compiler\nand much more")

    monkeypatch.setattr(torch, "compile", broken)
    reasons: list[str] = []
    with compiling(lambda x: x + 1, CPU, reasons.append) as fast:
        assert [fast(1), fast(2)] == [2, 3]
    assert reasons == ["RuntimeError: no compiler"]


def test_a_mistake_of_the_function_itself_is_raised_as_such(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch, "compile", lambda f, **_: f)

    def wrong(x: Tensor) -> Tensor:
        raise ValueError("a shape is wrong")

    with (
        compiling(wrong, CPU, lambda _: None) as fast,
        pytest.raises(ValueError, match="a shape is wrong"),
    ):
        fast(torch.ones(1))
