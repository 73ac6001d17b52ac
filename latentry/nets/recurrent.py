"""Recurrent nets for series: a code for a whole series, and a series unrolled from a code.

As in the variational recurrent autoencoder of Fabius & van Amersfoort, 2015, arXiv 1412.6581, the
encoder's features are its last state, and the code makes the decoder's first. The decoder is given
the code at every step and none of the steps before, as with the words all dropped in Bowman et al.,
2016, arXiv 1511.06349: a decoder that reads the series itself leaves its code unused, and could not
make all steps from the code alone. The cells are gated recurrent units (Cho et al., 2014,
arXiv 1406.1078). One step waits for the other, so long series take long, and the training step
runs uncompiled, since torch compiles no such layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import LatentryError
from .inputs import Prepare, known_condition
from .temporal import check_series

UNITS = (64,)
"""The sizes of the layers by default."""
GATED = "tanh"
"""The activation of a gated recurrent unit, which is part of it."""


def _check(shape: tuple[int, ...], hidden: Sequence[int], activation: str) -> None:
    check_series("recurrent", shape, hidden)
    if activation != GATED:
        raise LatentryError(
            f"the net recurrent has no choice of activation, but {activation!r} was given: "
            "leave it at auto"
        )


class RecurrentEncoder(nn.Module):
    """x (B, T, C) and c (B, C') -> features (B, out_features): the last states of both directions.

    `hidden` are the units of each layer in one direction. The condition is read at every step.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: Sequence[int] = UNITS,
        condition: int = 0,
        activation: str = GATED,
        missing: bool = False,
        values: str = "real",
    ) -> None:
        super().__init__()
        _check(shape, hidden, activation)
        self.condition = condition
        self.prepare = Prepare(values, missing)
        first = self.prepare.factor * shape[1] + condition
        sizes = (first, *(2 * units for units in hidden))
        self.layers = nn.ModuleList(
            nn.GRU(before, units, batch_first=True, bidirectional=True)
            for before, units in zip(sizes, hidden, strict=False)
        )
        self.out_features = 2 * hidden[-1]

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.prepare(x.transpose(1, 2)).transpose(1, 2)
        if self.condition:
            told = known_condition(c, h, self.condition)
            h = torch.cat([h, told[:, None].expand(-1, h.shape[1], -1)], 2)
        last = h
        for layer in self.layers:
            h, last = layer(h)
        return last.transpose(0, 1).flatten(1)


class RecurrentDecoder(nn.Module):
    """z (N, D + C') -> parameters (N, n_params, T, C).

    `hidden` is in the order of the layers. The code makes each layer's first state, and is what
    the first layer reads at every step.
    """

    def __init__(
        self,
        latent: int,
        n_params: int,
        shape: tuple[int, ...],
        hidden: Sequence[int] = UNITS,
        condition: int = 0,
        activation: str = GATED,
    ) -> None:
        super().__init__()
        _check(shape, hidden, activation)
        self.steps, channels = shape
        sizes = (latent + condition, *hidden)
        self.starts = nn.ModuleList(nn.Linear(sizes[0], units) for units in hidden)
        self.layers = nn.ModuleList(
            nn.GRU(before, units, batch_first=True) for before, units in itertools.pairwise(sizes)
        )
        self.head = nn.Linear(hidden[-1], n_params * channels)
        self.parts = (n_params, channels)

    def forward(self, z: Tensor) -> Tensor:
        h = z[:, None].expand(-1, self.steps, -1)
        for start, layer in zip(self.starts, self.layers, strict=True):
            h, _ = layer(h, torch.tanh(start(z))[None])
        return self.head(h).unflatten(2, self.parts).transpose(1, 2)
