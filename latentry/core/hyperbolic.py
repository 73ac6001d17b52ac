"""The Poincare ball: hyperbolic space of curvature -c as the ball |z| < 1 / sqrt(c).

Moebius addition, the exponential and logarithmic maps and the wrapped normal distribution, as in
Mathieu et al., 2019, arXiv 1901.06033; the layer of gyroplanes is of Ganea, Becigneul & Hofmann,
2018, arXiv 1805.09112. Densities are with respect to the ball's own (Riemannian) volume.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.types import _size

from . import noise
from .posteriors import NO_SHAPE, Posterior
from .priors import Prior

RIM = 1e-5
"""How near the rim a point may come, as a share of the radius: single precision ends there."""
TINY = 1e-15


def _square(x: Tensor) -> Tensor:
    return (x * x).sum(-1, keepdim=True)


def _norm(x: Tensor) -> Tensor:
    return _square(x).clamp(min=TINY).sqrt()


def inside(z: Tensor, c: float) -> Tensor:
    """Z (..., D), moved into the ball where rounding put it on the rim or beyond."""
    most = (1.0 - RIM) / math.sqrt(c)
    norm = _norm(z)
    return torch.where(norm > most, z / norm * most, z)


def add(x: Tensor, y: Tensor, c: float) -> Tensor:
    """Moebius addition of points x and y (..., D)."""
    inner, x2, y2 = (x * y).sum(-1, keepdim=True), _square(x), _square(y)
    above = (1 + 2 * c * inner + c * y2) * x + (1 - c * x2) * y
    return above / (1 + 2 * c * inner + c * c * x2 * y2).clamp(min=TINY)


def scale_at(x: Tensor, c: float) -> Tensor:
    """The conformal factor 2 / (1 - c |x|^2) at x (..., D), (..., 1)."""
    return 2.0 / (1.0 - c * _square(x)).clamp(min=TINY)


def step(x: Tensor, u: Tensor, c: float) -> Tensor:
    """The point that lies |u| from x (..., D) in the direction of u (..., D)."""
    root, norm = math.sqrt(c), _norm(u)
    return inside(add(x, (root * norm / 2).tanh() * u / (root * norm), c), c)


def way(x: Tensor, y: Tensor, c: float) -> Tensor:
    """The u with step(x, u) = y: its length is the distance of x and y (..., D)."""
    root = math.sqrt(c)
    w = add(-x, y, c)
    norm = _norm(w)
    reach = (root * norm).clamp(max=1.0 - RIM / 10).atanh()
    return 2.0 / root * reach * w / norm


def distance(x: Tensor, y: Tensor, c: float) -> Tensor:
    """The distance of points x and y (..., D), (...)."""
    return way(x, y, c).norm(dim=-1)


def log_growth(u: Tensor, c: float) -> Tensor:
    """The logarithm of sinh(sqrt(c) |u|) / (sqrt(c) |u|) for tangent vectors u (..., D), (...).

    To the power D - 1 it is how the volume grows at that distance.
    """
    r = math.sqrt(c) * _norm(u)[..., 0]
    # It is r^2 / 6 near 0 and r - log(2 r) far off.
    growth = r + torch.log1p(-(-2 * r).exp()) - (2 * r).log()
    return torch.where(r < 1e-2, r * r / 6, growth)


class WrappedNormal(Distribution):
    """A normal distribution on the tangent space at a point, wrapped around the ball.

    z = step(loc, scale * eps). Its density is that of scale * eps over
    (sinh(sqrt(c) r) / (sqrt(c) r))^(D-1), the growth of the volume at the distance r from loc.
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(self, loc: Tensor, scale: Tensor, c: float) -> None:
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)
        self.loc, self.scale, self.c = loc, scale, c

    @property
    def mean(self) -> Tensor:
        """The point that is wrapped around, (..., D)."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """To first order: the tangent space's variance in the ball's coordinates, (..., D)."""
        return (self.scale / scale_at(self.loc, self.c)).square()

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        padded = shape if len(shape) > 2 else (*(1,) * (3 - len(shape)), *shape)
        eps = noise.normal(padded, self.loc).reshape(shape)
        return step(self.loc.expand(shape), self.scale * eps, self.c)

    def tempered(self, shape: torch.Size, temperature: float) -> Tensor:
        """Draws at a temperature, which scales their distances from `loc`."""
        return WrappedNormal(self.loc, temperature * self.scale, self.c).sample(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        u = way(self.loc, value, self.c)
        normal = -0.5 * (u / self.scale).square() - self.scale.log() - 0.5 * math.log(2 * math.pi)
        return normal.sum(-1) - (u.shape[-1] - 1) * log_growth(u, self.c)


class WrappedPosterior(Posterior):
    """A wrapped normal around the point to which a tangent vector from the encoder leads."""

    def __init__(self, body: nn.Module, latent: int, c: float) -> None:
        super().__init__(body, latent)
        self.c = c
        self.head = nn.Linear(int(body.out_features), 2 * latent)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        tangent, raw = self.head(self.body(x, c)).float().chunk(2, -1)
        loc = step(torch.zeros_like(tangent), 2.0 * tangent, self.c)
        return WrappedNormal(loc, nn.functional.softplus(raw) + 1e-5, self.c)


class WrappedPrior(Prior):
    """A wrapped normal around the origin, of scale 1."""

    centre: Tensor

    def __init__(self, latent: int, c: float) -> None:
        super().__init__(latent)
        self.c = c
        self.register_buffer("centre", torch.zeros(latent), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return WrappedNormal(self.centre, torch.ones_like(self.centre), self.c)


class Gyroplanes(nn.Module):
    """Signed distances of a point from hyperplanes, before a decoder body.

    (N, D + C) -> the body of (N, planes + C): what lies beside the point, a condition, passes.
    """

    def __init__(self, latent: int, planes: int, c: float, body: nn.Module) -> None:
        super().__init__()
        self.latent, self.c, self.body = latent, c, body
        self.points = nn.Parameter(0.1 * torch.randn(planes, latent))
        self.normals = nn.Parameter(torch.randn(planes, latent) / math.sqrt(latent))

    def forward(self, z: Tensor) -> Tensor:
        point, beside = z[:, : self.latent].float(), z[:, self.latent :]
        origin = torch.zeros_like(self.points)
        p = step(origin, 2.0 * self.points, self.c)  # anywhere in the ball, from free parameters
        root, size = math.sqrt(self.c), _norm(self.normals)[:, 0]
        w = add(-p, point[:, None], self.c)  # (N, planes, D)
        above = 2 * root * (w * self.normals).sum(-1)
        below = (1 - self.c * (w * w).sum(-1)).clamp(min=TINY) * size
        signed = size * scale_at(p, self.c)[:, 0] / root * (above / below).asinh()
        return self.body(torch.cat([signed, beside.float()], -1))
