from __future__ import annotations

import logging

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


def test_the_compilers_own_warnings_stay_off_the_terminal(caplog: pytest.LogCaptureFixture):
    def step(x: torch.Tensor) -> torch.Tensor:
        logging.getLogger("torch._inductor.ir").warning("of no use to anyone")
        logging.getLogger("other").warning("of use")
        return x

    logger = logging.getLogger("torch._inductor")
    before = logger.level
    with compiling(step, torch.device("cpu"), lambda why: None) as fast:
        assert fast(torch.ones(())) == 1
    assert "of use" in caplog.text
    assert "of no use" not in caplog.text
    assert logger.level == before
