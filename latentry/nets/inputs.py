"""What stands before and between the layers of every net: inputs, conditions, activations."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import LatentryError, suggest

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
"""Every activation by its name."""


GATED = "gated"
"""What stands for a gated linear layer where a net has them: Dauphin et al., 2017, 1612.08083."""


def activation(name: str) -> nn.Module:
    """A new activation module by its name; LatentryError for an unknown one."""
    if name == GATED:
        raise LatentryError(
            "only the net mlp has gated layers; use activation='silu' or net='mlp'."
        )
    if name not in ACTIVATIONS:
        known = (*ACTIVATIONS, GATED)
        raise LatentryError(
            f"no activation {name!r}.{suggest(name, known)} Known: {', '.join(known)}"
        )
    return ACTIVATIONS[name]()


class Prepare(nn.Module):
    """From a sample in the model's scale, (B, C, ...), to what a net can take.

    Counts become log(1 + x), since they may span many orders of magnitude. With `missing`, entries
    that are NaN become 0, and as many channels again say which entries were seen (1) or not (0).
    """

    def __init__(self, values: str = "real", missing: bool = False) -> None:
        super().__init__()
        self.counts, self.missing = values == "count", missing

    def width(self, shape: tuple[int, ...]) -> int:
        """How many numbers come out for a flattened sample of `shape`."""
        return self.factor * math.prod(shape)

    @property
    def factor(self) -> int:
        """How many channels come out for each one that goes in."""
        return 2 if self.missing else 1

    def forward(self, x: Tensor) -> Tensor:
        if not self.missing:
            return torch.log1p(x) if self.counts else x
        unseen = torch.isnan(x)
        x = torch.where(unseen, 0.0, x)
        if self.counts:
            x = torch.log1p(x)
        return torch.cat([x, (~unseen).to(x.dtype)], 1)


def known_condition(c: Tensor | None, like: Tensor, width: int) -> Tensor:
    """The condition c (B, C) in the type of `like` (B, ...); zeros, "unknown", where it is None.

    Zeros are also what a classes' condition has for an unknown class.
    """
    if c is None:
        return like.new_zeros(like.shape[0], width)
    return c.to(like.dtype)
