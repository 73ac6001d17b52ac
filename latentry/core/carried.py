"""Distributions that are another one's draws, carried elsewhere.

A draw z = f(z0) of such a distribution comes with its log density, by the change of variables
log q(z) = log q0(z0) - log |det df/dz0|; to find the density of a z that was given from outside is
harder, and not every one can.
"""

from __future__ import annotations

import abc
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal
from torch.types import _size

NO_SHAPE = torch.Size()

POINTS = 64
"""Points at which the mean and the variance of what is carried are taken."""


class Carried(Distribution, abc.ABC):
    """The law of z = f(z0) for z0 ~ `base`, batch shape (B,), event shape (D,)."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(self, base: Distribution) -> None:
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)
        self.base = base

    @abc.abstractmethod
    def carry(self, z0: Tensor) -> tuple[Tensor, Tensor]:
        """Codes z0 (K, B, D) carried to z (K, B, D), and log q0(z0) - log q(z), (K, B)."""

    def rsample_and_log_prob(self, sample_shape: _size = NO_SHAPE) -> tuple[Tensor, Tensor]:
        """Draws z, sample_shape + (B, D), and log q(z) of each, sample_shape + (B,)."""
        shape = torch.Size(sample_shape)
        # Noise is drawn for K draws at a time, whatever shape they are asked in.
        z0 = self.base.rsample(torch.Size((shape.numel(),)))
        z, gain = self.carry(z0)
        log_q = self.base.log_prob(z0) - gain
        return z.reshape(shape + z.shape[1:]), log_q.reshape(shape + log_q.shape[1:])

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        return self.rsample_and_log_prob(sample_shape)[0]

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)


def draw(q: Distribution, draws: int) -> tuple[Tensor, Tensor | None]:
    """K draws from q, (K, B, D), and their log density where it comes with them, (K, B)."""
    both: Callable[..., tuple[Tensor, Tensor]] | None
    both = getattr(q, "rsample_and_log_prob", None)
    shape = torch.Size((draws,))
    return (q.rsample(shape), None) if both is None else both(shape)


def even_points(n: int, like: Tensor) -> Tensor:
    """`n` points that stand for a standard normal in D dimensions, (n, D), for `like` (..., D).

    A scrambled Sobol sequence and its mirror image, so that the mean of every odd function of the
    points is zero; always the same points.
    """
    dimensions = like.shape[-1]
    sobol = torch.quasirandom.SobolEngine(dimensions, scramble=True, seed=0)
    u = sobol.draw(n // 2, dtype=torch.float64).clamp(1e-6, 1 - 1e-6)
    half = Normal(0.0, 1.0, validate_args=False).icdf(u).to(like)
    # The scale at which they have the variance 1 of what they stand for.
    half = half / half.square().mean(0).sqrt()
    return torch.cat([half, -half])
