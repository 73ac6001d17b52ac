"""The floor: the matrix products of a step and nothing else, one call each, results in place.

Forward and the gradient of the weights for all four layers, the gradient of the input for all but
the first: eleven products. No bias, no activation, no loss, no optimizer, no data.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from common import BATCH, HIDDEN, LATENT, PIXELS, arguments, images, report

LAYERS = ((PIXELS, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS))


def products(dtype: torch.dtype, device: str) -> Callable[[], None]:
    """A function that does the products of one step."""

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device).to(dtype)

    calls = []
    for i, o in LAYERS:
        x, w, g = numbers(BATCH, i), numbers(o, i), numbers(BATCH, o)
        calls.append((x, w.t(), numbers(BATCH, o)))
        calls.append((g.t(), x, numbers(o, i)))
        if i != PIXELS:
            calls.append((g, w, numbers(BATCH, i)))

    def step() -> None:
        for a, b, out in calls:
            torch.mm(a, b, out=out)

    return step


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """The same as one CUDA graph."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def main() -> None:
    args = arguments(__doc__)
    dtype = torch.bfloat16 if args.precision == "bfloat16" else torch.float32
    start = time.perf_counter()
    step = products(dtype, args.device)
    if args.device == "cuda":
        step = captured(step)
    for _ in range(20):
        step()
    setup = time.perf_counter() - start
    steps, seconds = len(images(args, "train")) // BATCH, []
    for _ in range(args.epochs):
        start = time.perf_counter()
        for _ in range(steps):
            step()
        if args.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    report(seconds, None, setup, "torch")


if __name__ == "__main__":
    main()
