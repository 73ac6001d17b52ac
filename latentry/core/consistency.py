"""Consistency: a sample and a harmless change of it should have the same code.

Sinha & Dieng, 2021, arXiv 2105.14859.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import noise
from .bounds import Bound
from .models import Inference, LatentModel, closed_form_kl
from .objective import Penalty


class Change(nn.Module):
    """x (B, *event) -> a random change of it that leaves alone what it is about.

    Images (B, C, H, W) are moved by up to `shift` of their size, turned by up to `turn` degrees
    and scaled by up to `scale` either way. Each new pixel is the old one that is nearest, so that
    binary images stay binary and levels stay levels. Of vectors (B, D), which know no such
    changes, a share `swap` of the entries is that of another row of the batch.
    """

    def __init__(self, shift: float, turn: float, scale: float, swap: float) -> None:
        super().__init__()
        self.shift, self.turn, self.scale, self.swap = shift, turn, scale, swap

    def forward(self, x: Tensor) -> Tensor:
        return self._warped(x) if x.ndim == 4 else self._swapped(x)

    def _warped(self, x: Tensor) -> Tensor:
        u = 2 * noise.uniform((1, len(x), 4), x)[0].float() - 1
        angle, size = math.radians(self.turn) * u[:, 0], (1 + self.scale) ** u[:, 1]
        cos, sin = size * angle.cos(), size * angle.sin()
        # The sampling grid's unit is half a side.
        moved = 2 * self.shift * u[:, 2:]
        rows = (torch.stack([cos, -sin, moved[:, 0]], 1), torch.stack([sin, cos, moved[:, 1]], 1))
        grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
        return F.grid_sample(
            x.float(), grid, mode="nearest", padding_mode="border", align_corners=False
        ).to(x.dtype)

    def _swapped(self, x: Tensor) -> Tensor:
        u = noise.uniform((1, *x.shape), x)[0]
        return torch.where(u < self.swap, x.roll(1, 0), x)


class Consistency(Penalty):
    """minus the bound of the changed sample, plus `apart` times KL(q(z | changed) || q(z | x))."""

    def __init__(self, bound: Bound, apart: float, change: Change) -> None:
        super().__init__()
        self.bound, self.apart, self.change = bound, apart, change

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        other = model.infer(self.change(r.x), r.c, self.bound.draws)
        kl = closed_form_kl(other.q, r.q)
        assert kl is not None
        return self.apart * kl.mean() - self.bound(other, done).mean()
