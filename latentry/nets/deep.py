"""The network of a deep top-down VAE, in the manner of Child, 2021, arXiv 2011.10650.

One width throughout. The encoder halves an image down to a single position, the decoder starts from
that position and doubles it again; at each size there are some stochastic layers. All of it is
made of residual bottleneck blocks,

    h + s W4 a(W3 a(W2 a(W1 a(h)))),

whose outer maps look at single positions and whose inner ones, at a quarter of the width, at 3 x 3
of them. s = 1 / sqrt(number of blocks) keeps the sum of tens of them as wide as a single one at the
start. For vectors there is one position, and the maps are plain matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core.hierarchy import Choose, Rung, normal
from ..core.models import Level
from .columns import Embed
from .inputs import Prepare, activation, known_condition

LEAST_MIDDLE = 4
"""The narrowest middle of a block."""


@dataclass(frozen=True)
class Form:
    """What all parts of one network share."""

    shape: tuple[int, ...]
    """The shape of a sample."""
    width: int
    sides: tuple[tuple[int, ...], ...]
    """Height and width of each size from the coarsest, or one () for vectors."""
    counts: tuple[int, ...]
    """Stochastic layers at each size from the coarsest."""
    condition: int = 0
    act: str = "gelu"

    @property
    def is_image(self) -> bool:
        return self.sides != ((),)

    @property
    def layers(self) -> int:
        """Stochastic layers in all."""
        return sum(self.counts)

    def map(self, before: int, after: int, reach: int = 1) -> nn.Module:
        """A linear map of each position, or of `reach` x `reach` of them."""
        if self.is_image:
            return nn.Conv2d(before, after, reach, padding=reach // 2)
        return nn.Linear(before, after)

    def block(self, before: int, after: int, side: Sequence[int], scale: float) -> nn.Sequential:
        """A bottleneck block without its sum; its last map is `scale` times as large at first."""
        middle = max(self.width // 4, LEAST_MIDDLE)
        # Two positions have no neighbours on both sides.
        reach = 3 if max(side, default=1) > 2 else 1
        maps = [
            self.map(before, middle),
            self.map(middle, middle, reach),
            self.map(middle, middle, reach),
            self.map(middle, after),
        ]
        for part in maps:
            nn.init.zeros_(part.bias)  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            maps[-1].weight.mul_(scale)  # pyright: ignore[reportCallIssue]
        return nn.Sequential(*(m for part in maps for m in (activation(self.act), part)))


def image_sides(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The sizes of an image (C, H, W) halved down to one position, from the coarsest.

    >>> image_sides((1, 28, 28))
    ((1, 1), (2, 2), (4, 4), (7, 7), (14, 14), (28, 28))
    """
    sides = [(shape[1], shape[2])]
    while max(sides[-1]) > 1:
        height, width = sides[-1]
        sides.append((-(-height // 2), -(-width // 2)))
    return tuple(sides[::-1])


def shared_out(layers: int, sizes: int) -> tuple[int, ...]:
    """So many layers over so many sizes: evenly, and the coarsest always has one.

    >>> shared_out(7, 3), shared_out(2, 4)
    ((3, 2, 2), (1, 0, 0, 1))
    """
    if layers >= sizes:
        at = [i * sizes // layers for i in range(layers)]
    else:
        at = [round(i * (sizes - 1) / max(layers - 1, 1)) for i in range(layers)]
    return tuple(at.count(size) for size in range(sizes))


class Residual(nn.Module):
    """h + block(h)."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, h: Tensor) -> Tensor:
        return h + self.block(h)


class DeepEncoder(nn.Module):
    """x (B, *shape) and c (B, C) -> what each stochastic layer sees, (B, width, *side), top first.

    Layers of one size see the same.
    """

    def __init__(
        self,
        form: Form,
        values: str = "real",
        missing: bool = False,
        prepare: Embed | None = None,
    ) -> None:
        super().__init__()
        self.form = form
        self.prepare = prepare or Prepare(values, missing)
        first = form.shape[:1] if form.is_image else form.shape
        self.stem = form.map(self.prepare.width(first), form.width, 3)
        c, width = form.condition, form.width
        self.told = nn.Linear(c, width, bias=False) if c else None
        # Half as many blocks as there are stochastic layers, and at least one at each size.
        blocks = [max(1, -(-count // 2)) for count in form.counts]
        scale = sum(blocks) ** -0.5
        self.stages = nn.ModuleList(
            nn.Sequential(*(Residual(form.block(width, width, side, scale)) for _ in range(count)))
            for side, count in zip(form.sides, blocks, strict=True)
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> list[Tensor]:
        h = self.prepare(x)
        flat = not self.form.is_image
        h = h.flatten(1) if flat else h.contiguous(memory_format=torch.channels_last)
        h = self.stem(h)
        if self.told is not None:
            h = h + over(self.told(known_condition(c, x, self.form.condition)), h)
        found = []
        for i, stage in enumerate(reversed(self.stages)):
            if i:
                h = F.avg_pool2d(h, 2, ceil_mode=True)
            h = stage(h)
            found.append(h)
        counts = zip(reversed(found), self.form.counts, strict=True)
        return [seen for seen, count in counts for _ in range(count)]


def over(vector: Tensor, h: Tensor) -> Tensor:
    """A vector (B, W) at every position of h (B, W, ...)."""
    return vector.reshape(*vector.shape, *[1] * (h.ndim - 2))


class DeepRung(Rung):
    """One stochastic layer: codes of `channels` numbers at each position of its size.

    From h, what is known from above, a block makes p and something to add to h; another block
    makes q from h and what the encoder saw. The codes are added to h, and a block follows.
    """

    def __init__(self, form: Form, channels: int, size: int, before: int | None) -> None:
        """`size` is the index of this layer's side, `before` that of the layer above."""
        super().__init__()
        self.form, self.channels, self.side = form, channels, form.sides[size]
        self.latent = channels * math.prod(self.side)
        self.top, width = before is None, form.width
        scale = form.layers**-0.5
        self.bias = None
        if before != size:
            self.bias = nn.Parameter(torch.zeros(width, *self.side))
        self.told = None
        if self.top and form.condition:
            self.told = nn.Linear(form.condition, width, bias=False)
        # At first p is N(0, I), whatever is above.
        self.prior = form.block(width, 2 * channels + width, self.side, 0.0)
        self.posterior = form.block(2 * width, 2 * channels, self.side, 1.0)
        self.put = form.map(channels, width)
        with torch.no_grad():
            self.put.weight.mul_(scale)  # pyright: ignore[reportCallIssue]
            self.put.bias.zero_()  # pyright: ignore[reportCallIssue]
        self.after = Residual(form.block(width, width, self.side, scale))

    def enter(self, h: Tensor, c: Tensor | None) -> Tensor:
        """H of this layer's size, (K B, width, *side), from h of the layer above."""
        k, b = h.shape[:2]
        if self.top:
            assert self.bias is not None
            start = self.bias.expand(k * b, *self.bias.shape)
            if self.told is not None:
                told = self.told(known_condition(c, start[:b], self.form.condition))
                start = start + over(told.repeat(k, 1), start)
            return start
        h = h.flatten(0, 1)
        if self.bias is not None:
            h = F.interpolate(h, size=self.side, mode="nearest") + self.bias
        return h

    def law(self, parameters: Tensor, lead: torch.Size) -> Any:
        """The Gaussian of parameters (K B, 2 channels, *side), batch shape (K, B)."""
        halves = [half.flatten(1) for half in parameters.chunk(2, 1)]
        return normal(torch.cat(halves, 1).unflatten(0, lead))

    def forward(
        self, h: Tensor, c: Tensor | None, seen: Any, choose: Choose
    ) -> tuple[Tensor, Level]:
        lead = h.shape[:2]
        h = self.enter(h, c)
        said, more = self.prior(h).split([2 * self.channels, self.form.width], 1)
        p, q = self.law(said, lead), None
        if seen is not None:
            seen = seen.expand(lead[0], *seen.shape).flatten(0, 1)
            q = self.law(self.posterior(torch.cat([h, seen.to(h.dtype)], 1)), lead)
        z = choose(q, p)
        drawn = z.flatten(0, 1).unflatten(1, (self.channels, *self.side))
        h = self.after(h + more + self.put(drawn))
        return h.unflatten(0, lead), Level(z, p, q)


class DeepHead(nn.Module):
    """What the last layer hands on, (N, width * positions [+ C]) -> (N, n_params, *shape).

    Sizes without stochastic layers below the last one are passed through a block each.
    """

    def __init__(self, form: Form, n_params: int) -> None:
        super().__init__()
        self.form, width = form, form.width
        last = max(i for i, count in enumerate(form.counts) if count)
        self.side = form.sides[last]
        self.rest = form.sides[last + 1 :]
        self.stages = nn.ModuleList(
            Residual(form.block(width, width, side, len(self.rest) ** -0.5)) for side in self.rest
        )
        c = form.condition
        self.told = nn.Linear(c, width, bias=False) if c else None
        self.act = activation(form.act)
        out = n_params * (form.shape[0] if form.is_image else math.prod(form.shape))
        self.last = form.map(width, out, 3)
        self.out_shape = (n_params, *form.shape)

    def forward(self, z: Tensor) -> Tensor:
        told = self.form.condition
        z, c = z.split([z.shape[1] - told, told], 1)
        h = z.unflatten(1, (self.form.width, *self.side))
        if self.form.is_image:
            h = h.contiguous(memory_format=torch.channels_last)
        if self.told is not None:
            h = h + over(self.told(c), h)
        for side, stage in zip(self.rest, self.stages, strict=True):
            h = stage(F.interpolate(h, size=side, mode="nearest"))
        return self.last(self.act(h)).reshape(-1, *self.out_shape)


def deep_rungs(form: Form, channels: int) -> list[Rung]:
    """All stochastic layers, the top one first."""
    rungs: list[Rung] = []
    before: int | None = None
    for size, count in enumerate(form.counts):
        for _ in range(count):
            rungs.append(DeepRung(form, channels, size, before))
            before = size
    return rungs
