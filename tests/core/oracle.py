"""A linear-Gaussian model, of which everything is known in closed form.

z ~ N(0, I), x | z ~ N(W z + b, s^2 I), so that x ~ N(b, W W^T + s^2 I) and
z | x ~ N(S W^T (x - b) / s^2, S) with S = (I + W^T W / s^2)^-1. The columns of W are orthogonal, so
that S is diagonal and a Gaussian posterior with diagonal covariance can be exact.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, MultivariateNormal

from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import VAE
from latentry.core.posteriors import Gaussian, Posterior
from latentry.core.priors import StandardNormal

SIGMA = 0.6


class _Linear(nn.Module):
    """z -> W z + b as a decoder body, (N, 1, D)."""

    def __init__(self, w: Tensor, b: Tensor) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(w), nn.Parameter(b)

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.w.T + self.b)[:, None]


class _Affine(Posterior):
    """N(A (x - b) + shift, diag(scale^2))."""

    def __init__(self, a: Tensor, b: Tensor, scale: Tensor, shift: float) -> None:
        super().__init__(nn.Identity(), len(scale))
        self.a, self.b = nn.Parameter(a), nn.Parameter(b)
        self.scale, self.shift = nn.Parameter(scale), shift

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        loc = (x - self.b) @ self.a.T + self.shift
        return Independent(Gaussian(loc, self.scale.expand_as(loc)), 1)


class Oracle:
    """The model with its exact log p(x), and with a posterior that is exact or off by `error`."""

    def __init__(self, dims: int = 5, latent: int = 2, error: float = 0.0) -> None:
        g = torch.Generator().manual_seed(1)
        w = torch.linalg.qr(torch.randn(dims, latent, generator=g))[0]
        w = w * torch.linspace(1.0, 2.0, latent)
        b = torch.randn(dims, generator=g)
        self.law = MultivariateNormal(b, w @ w.T + SIGMA**2 * torch.eye(dims))
        s = 1 / (1 + (w**2).sum(0) / SIGMA**2)
        posterior = _Affine(s[:, None] * w.T / SIGMA**2, b, s.sqrt() * (1 + error), error)
        likelihood = GaussianLikelihood(_Linear(w, b), (dims,), sigma=SIGMA)
        self.model = VAE(posterior, StandardNormal(latent), likelihood)

    def draw(self, n: int) -> Tensor:
        """Rows of x, (n, dims)."""
        g = torch.Generator().manual_seed(2)
        eps = torch.randn(n, len(self.law.loc), generator=g)
        return self.law.loc + eps @ torch.linalg.cholesky(self.law.covariance_matrix).T

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), (n,), exactly."""
        return self.law.log_prob(x)
