"""Densities that are fitted to codes in the Poincare ball: see `latentry.core.samplers`."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from . import tempering
from .hyperbolic import WrappedNormal, log_growth, step, way
from .samplers import Codes, Sampler, distinct, nearest


class InTangent(Sampler):
    """A density of flat codes for codes in the Poincare ball: that of way(0, z), wrapped around.

    Every point is reached from the origin by one tangent vector u, so that p(z) is the density of
    u over the growth of the volume at its length (see `latentry.core.hyperbolic`).
    """

    def __init__(self, inner: Sampler, curvature: float) -> None:
        super().__init__(inner.latent, inner.condition)
        self.inner, self.curvature = inner, curvature
        self.is_density, self.bound = inner.is_density, inner.bound

    def _tangent(self, z: Tensor) -> Tensor:
        return way(torch.zeros_like(z), z, self.curvature)

    def fit(self, codes: Codes, seed: int) -> None:
        self.inner.fit(replace(codes, z=self._tangent(codes.z), loc=None, spread=None), seed)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        u = self._tangent(z)
        return self.inner.log_prob(u, c) - (self.latent - 1) * log_growth(u, self.curvature)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        u = self.inner.draw(n, c, temperature)
        return step(torch.zeros_like(u), u, self.curvature)


class Wrapped(Sampler):
    """A wrapped normal about the codes' centre: Mathieu et al., 2019, arXiv 1901.06033.

    The centre is where the tangent vectors to all codes have the mean 0 (Karcher's mean), their
    root mean squares are the scales. For a condition with few values there is one for each.
    """

    values: Tensor
    loc: Tensor
    scale: Tensor

    def __init__(self, latent: int, condition: int = 0, *, curvature: float = 1.0) -> None:
        super().__init__(latent, condition)
        self.curvature = curvature
        self.register_buffer("values", torch.zeros(1, condition))
        self.register_buffer("loc", torch.zeros(1, latent))
        self.register_buffer("scale", torch.ones(1, latent))

    def fit(self, codes: Codes, seed: int) -> None:
        groups = [codes.z]
        if codes.c is not None:
            # The first is for every value that has none of its own.
            values, found = [codes.c.mean(0)], distinct(codes.c)
            for value in () if found is None else found:
                values.append(value)
                groups.append(codes.z[(codes.c == value).all(1)])
            self.values = torch.stack(values)
        loc, scale = zip(*(self._one(z) for z in groups), strict=True)
        self.loc, self.scale = torch.stack(loc), torch.stack(scale)

    def _one(self, z: Tensor) -> tuple[Tensor, Tensor]:
        loc = torch.zeros_like(z[0])
        for _ in range(30):
            loc = step(loc, way(loc, z, self.curvature).mean(0), self.curvature)
        u = way(loc, z, self.curvature)
        return loc, u.square().mean(0).sqrt().clamp(min=1e-4)

    def law(self, n: int, c: Tensor | None) -> WrappedNormal:
        """p(z | c) for n rows, batch shape (n,)."""
        which = nearest(c, self.values, n)
        return WrappedNormal(self.loc[which], self.scale[which], self.curvature)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.law(len(z), c).log_prob(z)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return tempering.draw(self.law(n, c), n, temperature)
