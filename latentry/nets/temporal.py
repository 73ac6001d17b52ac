"""Temporal convolutional nets for series of any length and number of channels.

Residual blocks of two dilated convolutions, whose dilation doubles from one to the next, so that
few of them see far (Bai, Kolter & Koltun, 2018, arXiv 1803.01271). Theirs look back only, since
they predict the next step; here a whole series is given or made at once, and a block looks both
ways. In place of their weight normalisation, a branch's last convolution starts at zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import LatentryError
from .inputs import Prepare, activation, known_condition

POSITIONS = 512
"""A longer series is taken several steps at a time, in no more positions than this."""
WIDTH = 32
"""Channels of every block by default."""


def check_series(net: str, shape: tuple[int, ...], hidden: Sequence[int]) -> None:
    """LatentryError where a sample's shape is not (T, C), or there is no hidden size."""
    if len(shape) != 2:
        raise LatentryError(
            f"the net {net} needs series of shape (steps, channels), but a sample here has shape "
            f"{tuple(shape)}: use the net mlp, or conv for images"
        )
    if not hidden:
        raise LatentryError(f"the net {net} needs at least one hidden size: give one, such as 32")


def default_levels(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A width for each block, so many that the middle position sees the whole series.

    >>> default_levels((140, 1))
    (32, 32, 32, 32, 32, 32)
    """
    positions = -(-shape[0] // _stride(shape[0]))
    return (WIDTH,) * max(1, math.ceil(math.log2((positions + 3) / 4)))


def _stride(steps: int) -> int:
    """How many steps make one position."""
    return -(-steps // POSITIONS)


class DilatedBlock(nn.Module):
    """skip(x) + conv(act(conv(act(x)))), (B, before, P) -> (B, after, P).

    Each convolution sees three positions that are `dilation` apart, so a position of the result
    sees those at most 2 * dilation away from it on either side.
    """

    def __init__(self, before: int, after: int, dilation: int, act: str) -> None:
        super().__init__()
        same: dict[str, Any] = {"kernel_size": 3, "padding": dilation, "dilation": dilation}
        last = nn.Conv1d(after, after, **same)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]
        self.branch = nn.Sequential(
            activation(act), nn.Conv1d(before, after, **same), activation(act), last
        )
        self.skip = nn.Identity() if before == after else nn.Conv1d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.branch(x)


class TemporalEncoder(nn.Module):
    """x (B, T, C) and c (B, C') -> features (B, out_features): all positions, one after another.

    `hidden` are the channels of each block, whose dilations are 1, 2, 4, ... The condition is
    added to every position through a linear layer.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: Sequence[int] = (WIDTH,),
        condition: int = 0,
        activation: str = "relu",
        missing: bool = False,
        values: str = "real",
    ) -> None:
        super().__init__()
        check_series("temporal", shape, hidden)
        self.condition = condition
        self.prepare = Prepare(values, missing)
        steps, channels = shape
        stride = _stride(steps)
        self.fill = -steps % stride
        self.stem = nn.Conv1d(self.prepare.factor * channels, hidden[0], stride, stride)
        self.told = nn.Linear(condition, hidden[0], bias=False) if condition else None
        dilations = [2**i for i in range(len(hidden))]
        self.blocks = _blocks((hidden[0], *hidden), dilations, activation)
        self.out_features = hidden[-1] * ((steps + self.fill) // stride)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.stem(F.pad(self.prepare(x.transpose(1, 2)), (0, self.fill)))
        if self.told is not None:
            h = h + self.told(known_condition(c, x, self.condition))[:, :, None]
        return self.blocks(h).flatten(1)


class TemporalDecoder(nn.Module):
    """z (N, D + C') -> parameters (N, n_params, T, C), the encoder's blocks in reverse.

    `hidden` is in the order of the layers, whose dilations are ..., 4, 2, 1. A linear layer makes
    all positions of the code.
    """

    def __init__(
        self,
        latent: int,
        n_params: int,
        shape: tuple[int, ...],
        hidden: Sequence[int] = (WIDTH,),
        condition: int = 0,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        check_series("temporal", shape, hidden)
        self.steps, channels = shape
        stride = _stride(self.steps)
        self.start_shape = (hidden[0], -(-self.steps // stride))
        self.start = nn.Linear(latent + condition, math.prod(self.start_shape))
        dilations = [2**i for i in reversed(range(len(hidden)))]
        self.blocks = _blocks((*hidden, hidden[-1]), dilations, activation)
        self.head = nn.Conv1d(hidden[-1], n_params * channels * stride, 1)
        self.parts = (n_params, channels, stride)

    def forward(self, z: Tensor) -> Tensor:
        h = self.blocks(self.start(z).unflatten(1, self.start_shape))
        h = self.head(h).unflatten(1, self.parts)  # (N, n_params, C, stride, positions)
        return h.permute(0, 1, 4, 3, 2).flatten(2, 3)[:, :, : self.steps]


def _blocks(widths: Sequence[int], dilations: Sequence[int], act: str) -> nn.Sequential:
    """A block between each two widths, and an activation."""
    pairs = zip(itertools.pairwise(widths), dilations, strict=True)
    made = [DilatedBlock(before, after, dilation, act) for (before, after), dilation in pairs]
    return nn.Sequential(*made, activation(act))
