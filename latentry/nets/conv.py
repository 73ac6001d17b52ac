"""Residual convolutional nets for images of any size from 8 x 8.

Each stage halves (rounding up) or doubles the image and refines it in one residual block (He et
al., 2016, arXiv 1603.05027). Group normalisation (Wu & He, 2018, arXiv 1803.08494) looks at one row
at a time, so that a row's code does not depend on its batch. The last layer of each residual branch
starts at zero: a fresh net is a plain chain of its few resampling layers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import LatentryError
from .inputs import Prepare, activation, known_condition

MIN_SIDE = 8
"""The smallest height or width in pixels."""


def check_image(shape: tuple[int, ...]) -> None:
    """LatentryError where a sample's shape is not that of an image for these nets."""
    if len(shape) != 3:
        raise LatentryError(
            f"the net conv needs images, but a sample here has shape {tuple(shape)}: "
            "use the net mlp, or give the images' shape"
        )
    if min(shape[1:]) < MIN_SIDE:
        raise LatentryError(
            f"the net conv needs images of at least {MIN_SIDE} x {MIN_SIDE} pixels, but these "
            f"have {shape[1]} x {shape[2]}: use the net mlp"
        )


def default_widths(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Channels for each stage, so many stages that at most 8 x 8 positions are left.

    >>> default_widths((1, 28, 28)), default_widths((3, 64, 64))
    ((32, 64), (32, 64, 128))
    """
    check_image(shape)
    stages = max(2, math.ceil(math.log2(max(shape[1:]) / 8)))
    return tuple(min(32 * 2**i, 256) for i in range(stages))


def _check_widths(hidden: Sequence[int]) -> None:
    if not hidden:
        raise LatentryError("the net conv needs at least one hidden width: give one, such as 32")


def _sides(shape: tuple[int, ...], stages: int) -> list[tuple[int, int]]:
    """Height and width before the first stage and after each one."""
    sides = [(shape[1], shape[2])]
    for _ in range(stages):
        height, width = sides[-1]
        sides.append((-(-height // 2), -(-width // 2)))
    return sides


class ResidualBlock(nn.Module):
    """x + conv1x1(act(norm(conv3x3(act(norm(x)))))), the second convolution zero at first."""

    def __init__(self, width: int, act: str) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]
        groups = math.gcd(8, width)
        self.branch = nn.Sequential(
            nn.GroupNorm(groups, width),
            activation(act),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(groups, width),
            activation(act),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class ConvEncoder(nn.Module):
    """x (B, C, H, W) and c (B, C') -> features (B, out_features).

    `hidden` are the channels of each stage. The condition is added to the first stage's output
    through a linear layer, which is what planes that are constant over the image would do.
    The features are those of a `grid` of positions (height, width), channel by channel.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: Sequence[int] = (32, 64),
        condition: int = 0,
        activation: str = "silu",
        missing: bool = False,
        values: str = "real",
    ) -> None:
        super().__init__()
        check_image(shape)
        _check_widths(hidden)
        self.condition = condition
        self.prepare = Prepare(values, missing)
        first = self.prepare.factor * shape[0]
        self.stem = nn.Conv2d(first, hidden[0], 3, stride=2, padding=1)
        self.plane = nn.Linear(condition, hidden[0], bias=False) if condition else None
        self.stages = _encoder_stages(hidden, activation)
        self.grid = _sides(shape, len(hidden))[-1]
        self.out_features = hidden[-1] * math.prod(self.grid)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        # Channels last is the order in which both CPUs and tensor cores convolve fastest.
        h = self.prepare(x).contiguous(memory_format=torch.channels_last)
        h = self.stem(h)
        if self.plane is not None:
            h = h + self.plane(known_condition(c, x, self.condition))[:, :, None, None]
        return self.stages(h).flatten(1)


def _encoder_stages(hidden: Sequence[int], act: str) -> nn.Sequential:
    stages: list[nn.Module] = [ResidualBlock(hidden[0], act)]
    for before, after in itertools.pairwise(hidden):
        stages += [
            activation(act),
            nn.Conv2d(before, after, 3, stride=2, padding=1),
            ResidualBlock(after, act),
        ]
    return nn.Sequential(*stages, activation(act))


class Double(nn.Module):
    """A transposed convolution to twice the size, less a row or column where `size` is odd."""

    def __init__(self, before: int, after: int, size: tuple[int, int]) -> None:
        super().__init__()
        # A kernel of twice the stride overlaps evenly: no checkerboard.
        self.conv = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)[:, :, : self.size[0], : self.size[1]]


class Spread(nn.Module):
    """z (N, h w D + C), D numbers for each position of a grid and a condition -> (N, width, h, w).

    Positions are row by row. The condition is added to all of them through a linear layer.
    """

    def __init__(self, latent: int, condition: int, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.latent, self.grid = latent, grid
        self.conv = nn.Conv2d(latent // math.prod(grid), width, 3, padding=1)
        self.plane = nn.Linear(condition, width, bias=False) if condition else None

    def forward(self, z: Tensor) -> Tensor:
        h = self.conv(z[:, : self.latent].unflatten(1, (*self.grid, -1)).permute(0, 3, 1, 2))
        return h if self.plane is None else h + self.plane(z[:, self.latent :])[:, :, None, None]


class ConvDecoder(nn.Module):
    """z (N, D + C') -> parameters (N, n_params, C, H, W).

    `hidden` is in the order of the layers: an encoder's, reversed, for a mirrored pair. With
    `grid`, z is numbers for each position of such an encoder's grid: see `Spread`.
    """

    def __init__(
        self,
        latent: int,
        n_params: int,
        shape: tuple[int, ...],
        hidden: Sequence[int] = (64, 32),
        condition: int = 0,
        activation: str = "silu",
        grid: bool = False,
    ) -> None:
        super().__init__()
        check_image(shape)
        _check_widths(hidden)
        sides = _sides(shape, len(hidden))
        self.start_shape = (hidden[0], *sides[-1])
        if grid:
            self.start = Spread(latent, condition, hidden[0], sides[-1])
        else:
            self.start = nn.Linear(latent + condition, math.prod(self.start_shape))
        self.out_shape = (n_params, *shape)
        self.stages = _decoder_stages(hidden, n_params * shape[0], sides[-2::-1], activation)

    def forward(self, z: Tensor) -> Tensor:
        h = self.start(z).reshape(-1, *self.start_shape)
        h = self.stages(h.contiguous(memory_format=torch.channels_last))
        return h.reshape(-1, *self.out_shape)


def _decoder_stages(
    hidden: Sequence[int], out: int, sides: Sequence[tuple[int, int]], act: str
) -> nn.Sequential:
    """`sides` are the sizes after each stage, the last of them the image's own."""
    fine = max(hidden[-1] // 2, 8)
    stages: list[nn.Module] = []
    for before, after, side in zip(hidden, (*hidden[1:], fine), sides, strict=True):
        stages += [ResidualBlock(before, act), activation(act), Double(before, after, side)]
    return nn.Sequential(*stages, activation(act), nn.Conv2d(fine, out, 3, padding=1))
