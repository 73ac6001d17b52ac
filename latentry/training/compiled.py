"""The step as one compiled graph, where that works."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def compiling(
    function: Callable[..., Any], device: torch.device, failed: Callable[[str], None]
) -> Iterator[Callable[..., Any]]:
    """`function` compiled as one graph, for use inside the block.

    It compiles at its first call. If that fails (a missing compiler, a model that torch cannot
    trace), `failed` is told why in a few words, and the function runs as it is from then on.
    """
    from torch._dynamo import config  # takes a second, so only where it is needed

    fast: Callable[..., Any] | None = None

    def call(*given: Any) -> Any:
        nonlocal fast
        if fast is not None:
            return fast(*given)
        try:
            attempt = compile_graph(function, device)
            result = attempt(*given)
        # Whatever the compiler trips over, the plain function is right; if that fails too, its
        # own error is the one to show.
        except Exception as error:
            fast = function
            failed(_brief(error))
            return function(*given)
        fast = Unguarded(attempt)
        return result

    # The gradients are part of the graph.
    with config.patch(trace_autograd_ops=True), _quiet():
        yield call


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the compiler's warnings, of which its users can make nothing, off the terminal."""
    logger = logging.getLogger("torch._inductor")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"torch\._inductor")
            yield
    finally:
        logger.setLevel(level)


def compile_graph(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """torch.compile as the step wants it."""
    options: dict[str, Any] = {
        # Noise from torch's own generators: it is the noise of the plain step, and faster.
        "fallback_random": True,
        "cpp_wrapper": device.type == "cpu",
    }
    given: dict[str, Any] = {"fullgraph": True, "dynamic": False, "options": options}
    # Every fit compiles a graph of its own; where torch can tell them apart, none counts as a
    # recompilation of another, of which there may be only a few.
    if "isolate_recompiles" in inspect.signature(torch.compile).parameters:
        given["isolate_recompiles"] = True
    return torch.compile(function, **given)


class Unguarded:
    """A compiled function whose guards are no longer evaluated.

    The loop never changes a shape, a type or a mode, and the guards of a large model cost a few
    percent of a step.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.calls, self.works = function, 0, True

    def __call__(self, *given: Any) -> Any:
        self.calls += 1
        if not self.works or self.calls < 2:  # the first calls settle what the guards are
            return self.function(*given)
        try:
            with torch.compiler.set_stance("default", skip_guard_eval_unsafe=True):
                return self.function(*given)
        except RuntimeError as error:
            if "skip_guard_eval_unsafe" not in str(error):
                raise
            self.works = False
            return self.function(*given)


def _brief(error: Exception) -> str:
    """The first line of an error, with its kind."""
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line[:120]}"
