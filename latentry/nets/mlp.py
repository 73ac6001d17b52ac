"""Fully connected nets, with exactly the hidden layers they are given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .columns import Embed
from .inputs import GATED, Prepare, activation, known_condition


def layers(sizes: Sequence[int], act: str) -> list[nn.Module]:
    """Linear layers between the `sizes`, each followed by an activation.

    A gated layer is h = (W x + b) * sigmoid(V x + d).
    """
    made: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        if act == GATED:
            linear = nn.Linear(before, 2 * after)
            # By torch's own start each gated layer's output would be a third of its input's size.
            nn.init.kaiming_normal_(linear.weight)
            made += [linear, nn.GLU()]
        else:
            made += [nn.Linear(before, after), activation(act)]
    return made


class MLPEncoder(nn.Module):
    """x (B, *shape) and c (B, C) -> features (B, out_features).

    A sample is flattened, and the condition stands beside it. Without hidden layers the features
    are the input itself, so that a linear autoencoder is MLPEncoder(shape, hidden=()). `prepare`
    stands for what is done to other samples where these are rows of a mixed table.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: Sequence[int] = (400,),
        condition: int = 0,
        activation: str = "relu",
        missing: bool = False,
        values: str = "real",
        prepare: Embed | None = None,
    ) -> None:
        super().__init__()
        self.condition = condition
        self.prepare = prepare or Prepare(values, missing)
        first = self.prepare.width(shape) + condition
        sizes = (first, *hidden)
        self.layers = nn.Sequential(*layers(sizes, activation))
        self.out_features = sizes[-1]

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.prepare(x).flatten(1)
        if self.condition:
            h = torch.cat([h, known_condition(c, h, self.condition)], 1)
        return self.layers(h)


class MLPDecoder(nn.Module):
    """z (N, D + C) -> parameters (N, n_params, *shape).

    `hidden` is in the order of the layers: an encoder's, reversed, for a mirrored pair.
    """

    def __init__(
        self,
        latent: int,
        n_params: int,
        shape: tuple[int, ...],
        hidden: Sequence[int] = (400,),
        condition: int = 0,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        sizes = (latent + condition, *hidden)
        out = n_params * math.prod(shape)
        self.layers = nn.Sequential(*layers(sizes, activation), nn.Linear(sizes[-1], out))
        self.out_shape = (n_params, *shape)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z).unflatten(1, self.out_shape)
