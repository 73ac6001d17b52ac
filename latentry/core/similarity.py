"""Structural similarity in place of a likelihood: Snell et al., 2017, arXiv 1511.06409.

The multi-scale similarity of two images (Wang, Simoncelli & Bovik, 2003, Asilomar) compares
contrast and structure within small windows at each of several scales, each half as large as the
one before, and brightness at the last; it is 1 for equal images.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F
from torch.types import _size

from ..errors import LatentryError
from .likelihood import Likelihood, need_unit

NO_SHAPE = torch.Size()
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""What each scale counts, from the finest: Wang et al., 2003."""
WINDOW, SIGMA = 11, 1.5
BRIGHTNESS, CONTRAST = 0.01**2, 0.03**2
"""The constants that keep the ratios finite, for images in [0, 1]."""
FLOOR = 0.05
"""Below it a similarity is bent so that it stays above zero, where its power needs it."""


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """The multi-scale structural similarity of images (N, C, H, W) in [0, 1], (N,).

    As many of the five scales are used as leave the image the size of a window of five pixels;
    their weights are made to sum to one. Where an image is smaller than 11 pixels, so is the
    window.
    """
    side = min(x.shape[-2:])
    scales = max(1, min(len(WEIGHTS), int(math.log2(max(side, 5) / 5)) + 1))
    total = sum(WEIGHTS[:scales])
    log_all: Tensor | float = 0.0
    for scale, weight in enumerate(WEIGHTS[:scales]):
        brightness, structure = _compare(x, y)
        last = scale == scales - 1
        each = (brightness * structure if last else structure).mean((-1, -2))
        log_all = log_all + weight / total * _log(each)
        if not last:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    assert isinstance(log_all, Tensor)
    return log_all.exp().mean(1)


def _log(each: Tensor) -> Tensor:
    """The logarithm of a similarity that is bent below FLOOR, so that opposites have one too."""
    low = math.log(FLOOR) - (2 - each.clamp(max=FLOOR) / FLOOR).log()
    return torch.where(each > FLOOR, each.clamp(min=FLOOR).log(), low)


def _compare(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Brightness, and contrast with structure, of each window, (N, C, H', W')."""
    size = min(WINDOW, *x.shape[-2:])
    size -= 1 - size % 2
    place = torch.arange(size, device=x.device, dtype=x.dtype) - size // 2
    window = (-0.5 * (place / SIGMA).square()).softmax(0)
    channels = x.shape[1]

    def mean(v: Tensor) -> Tensor:
        down = window[:, None].expand(channels, 1, size, 1)
        v = F.conv2d(v, down, groups=channels)
        return F.conv2d(v, down.transpose(2, 3), groups=channels)

    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    brightness = (2 * mx * my + BRIGHTNESS) / (mx * mx + my * my + BRIGHTNESS)
    return brightness, (2 * xy + CONTRAST) / (xx + yy + CONTRAST)


class Similar(Distribution):
    """An image y in place of a distribution: log_prob(x) = -weight D (1 - MS-SSIM(x, y))."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(self, y: Tensor, weight: float) -> None:
        super().__init__(y.shape[:-3], y.shape[-3:], validate_args=False)
        self.y, self.weight = y, weight

    @property
    def mean(self) -> Tensor:
        return self.y

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        return self.y.expand(*torch.Size(sample_shape), *self.y.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        x, y = torch.broadcast_tensors(value, self.y)
        # What was not observed is taken to be alike.
        x = torch.where(torch.isnan(x), y, x)
        found = ms_ssim(x.flatten(0, -4).float(), y.flatten(0, -4).float())
        return -self.weight * math.prod(y.shape[-3:]) * (1 - found.reshape(y.shape[:-3]))


class SimilarityLikelihood(Likelihood):
    """Structural similarity of images in [0, 1]: a distance, and no density.

    The loss is `weight` for each pixel times 1 - MS-SSIM.
    """

    name = "ms-ssim"
    reads = "unit"
    discrete = False
    normalized: ClassVar[bool] = False

    def __init__(
        self,
        body: nn.Module,
        shape: tuple[int, ...],
        *,
        levels: int = 256,
        missing: bool = False,
        weight: float = 1.0,
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        if len(shape) != 3:
            raise LatentryError(
                "the likelihood ms-ssim compares images, but a sample is a vector: give images"
                " (N, H, W), or use the likelihood gaussian."
            )
        if not (math.isfinite(weight) and weight > 0):
            raise LatentryError(f"weight must be a positive number, not {weight}")
        self.weight = weight

    def forward(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        lead = z.shape[:-1]
        if c is not None:
            z = torch.cat([z, c.to(z.dtype).expand(*lead, c.shape[-1])], -1)
        out = self.body(z.reshape(-1, z.shape[-1])).float()
        return Similar(torch.sigmoid(out.reshape(*lead, *self.shape)), self.weight)

    def each(self, params: Tensor) -> Distribution:
        raise NotImplementedError("windows of an image are compared, not its numbers")

    def check(self, x: Tensor) -> None:
        need_unit(self.name, x)

    @classmethod
    def note(cls, values: str) -> str | None:
        return "MS-SSIM is a distance and no likelihood: its numbers compare only with its own."
