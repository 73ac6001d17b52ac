"""All weights as one vector.

Clipping, averaging over processes, the moving average and the update are then one operation each,
whatever the model is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

ALIGNED = 16
"""Numbers in 64 bytes."""


class Weights:
    """The trainable parameters of a module, made views of one vector until `release`."""

    def __init__(self, module: nn.Module) -> None:
        found = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        # Those of odd sizes come last, so that every large matrix starts at a multiple of 64 bytes.
        found.sort(key=lambda pair: pair[1].numel() % ALIGNED != 0)
        self.names = [name for name, _ in found]
        self.parameters = [p for _, p in found]
        self.values = torch.cat([p.detach().flatten() for p in self.parameters])
        for p, view in zip(self.parameters, self.split(self.values), strict=True):
            p.data = view

    def split(self, vector: Tensor) -> list[Tensor]:
        """The parts of a vector that belong to each parameter, in its shape, as views."""
        parts = vector.split([p.numel() for p in self.parameters])
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]

    def indices(self, parameters: Sequence[nn.Parameter]) -> list[int]:
        """Which of `self.parameters` these are."""
        number = {id(p): i for i, p in enumerate(self.parameters)}
        return [number[id(p)] for p in parameters]

    @contextmanager
    def replaced(self, values: Tensor | None) -> Iterator[None]:
        """Inside the block the weights are `values` (where there are any)."""
        if values is None:
            yield
            return
        own = self.values.clone()
        self.values.copy_(values)
        try:
            yield
        finally:
            self.values.copy_(own)

    def release(self) -> None:
        """Give each parameter its own memory again."""
        for p in self.parameters:
            p.data = p.data.clone()
