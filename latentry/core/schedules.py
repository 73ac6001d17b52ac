"""How a weight changes while a model trains.

A schedule maps the share of training that is done, a 0-d tensor in [0, 1], to a 0-d tensor. It has
no branch on data, so that it can be part of a compiled step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Schedule = Callable[[Tensor], Tensor]


def linear(start: float, end: float, share: float) -> Schedule:
    """From `start` to `end` over the first `share` of training, then constant.

    With start 0 this is KL warm-up: Bowman et al., 2016, arXiv 1511.06349; Sonderby et al., 2016,
    arXiv 1602.02282.
    """
    if share <= 0:
        return constant(end)
    return lambda done: start + (end - start) * (done / share).clamp(max=1.0)


def geometric(start: float, end: float, share: float) -> Schedule:
    """From `start` to `end` by equal factors over the first `share` of training, then constant."""
    if share <= 0:
        return constant(end)
    return lambda done: start * (end / start) ** (done / share).clamp(max=1.0)


def cyclical(end: float, cycles: int, rise: float = 0.5, share: float = 1.0) -> Schedule:
    """`cycles` times from 0 to `end` (over `rise` of each cycle, then held) within `share`.

    Fu et al., 2019, arXiv 1903.10145.
    """

    def weight(done: Tensor) -> Tensor:
        position = done / share * cycles
        ramp = ((position - position.floor()) / rise).clamp(max=1.0)
        return end * torch.where(done >= share, torch.ones_like(ramp), ramp)

    return weight


def constant(value: float) -> Schedule:
    """The same weight throughout."""
    return lambda done: torch.full_like(done, value)
