"""Posteriors q(z | x): what an encoder says about the code of a sample.

A posterior is a module whose forward takes a batch x (B, *shape) and, for conditional models, a
condition c (B, C), and returns a torch Distribution with batch shape (B,) and event shape (D,).
"""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.types import _size

from . import noise
from .distributions import Dirac

NO_SHAPE = torch.Size()

MIN_LOG_SCALE = -12.0
"""The smallest log standard deviation a posterior can have: exp(-12) is about 6e-6."""


class Gaussian(Normal):
    """A normal distribution that draws its noise from `latentry.core.noise`."""

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc, scale, validate_args=False)

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        eps = noise.normal(self._extended_shape(torch.Size(sample_shape)), self.loc)
        return self.loc + self.scale * eps


class Posterior(nn.Module, abc.ABC):
    """q(z | x), from an encoder body that turns (x, c) into features (B, F)."""

    latent: int
    is_density: bool = True
    """False where a code is a point: log q(z | x) is then no number to put in a bound."""

    def __init__(self, body: nn.Module, latent: int) -> None:
        super().__init__()
        self.body, self.latent = body, latent

    @abc.abstractmethod
    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        """q(z | x), batch shape (B,), event shape (D,)."""


class DiracPosterior(Posterior):
    """All mass at one code: the encoder of a plain autoencoder."""

    is_density = False

    def __init__(self, body: nn.Module, latent: int, last: nn.Module | None = None) -> None:
        super().__init__(body, latent)
        self.head = nn.Linear(int(body.out_features), latent)  # pyright: ignore[reportArgumentType]
        self.last = nn.Identity() if last is None else last

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return Dirac(self.last(self.head(self.body(x, c)).float()))


class Largest(nn.Module):
    """A code with all but its k largest entries set to zero: Makhzani & Frey, 2014, 1312.5663."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def forward(self, z: Tensor) -> Tensor:
        k = min(self.k, z.shape[-1])
        return z * (z >= z.topk(k, -1).values[..., -1:])


class GaussianPosterior(Posterior):
    """q(z | x) = N(mu(x), diag sigma(x)^2), as in Kingma & Welling, 2014, arXiv 1312.6114."""

    def __init__(self, body: nn.Module, latent: int) -> None:
        super().__init__(body, latent)
        # One matrix for mean and log scale: one product instead of two.
        self.head = nn.Linear(int(body.out_features), 2 * latent)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return normal_of(self.head(self.body(x, c)))


def normal_of(parameters: Tensor) -> Independent:
    """The Gaussian whose mean and log variance are the halves of `parameters` (B, 2 D)."""
    loc, log_scale = parameters.float().chunk(2, -1)
    # The clamp keeps a runaway encoder finite; both ends are far outside what a fit reaches.
    scale = (0.5 * log_scale).clamp(MIN_LOG_SCALE, -MIN_LOG_SCALE).exp()
    return Independent(Gaussian(loc, scale), 1, validate_args=False)
