"""A posterior that follows the gradient of log p(x, z): Caterini, Doucet & Sejdinovic, 2018.

arXiv 1805.11328. A code and a momentum are drawn, and then move as a particle in the potential
U(z) = -log p(x, z) does, for K steps of the leapfrog scheme, while the momentum cools down:

    z_0 ~ q(z_0 | x),   rho_0 = gamma / sqrt(beta_0) with gamma ~ N(0, I)
    rho'  = rho_{k-1} - eps/2 dU(z_{k-1}),   z_k = z_{k-1} + eps rho',
    rho_k = sqrt(beta_{k-1} / beta_k) (rho' - eps/2 dU(z_k)),   beta_K = 1

Each line shears or scales the pair, so the Jacobian of the whole is beta_0^(D/2), whatever dU is.
The density of rho_0 is N(gamma; 0, I) beta_0^(D/2), and the two factors cancel:

    log q(z_K, rho_K | x) = log q(z_0 | x) + log N(gamma; 0, I).

With N(rho_K; 0, I) as the law of the momentum, p(x, z_K) N(rho_K) / q(z_K, rho_K | x) has the mean
p(x), so that its logarithm is in expectation a lower bound on log p(x).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from . import noise
from .carried import Carried
from .likelihood import STRIDE, Likelihood
from .models import VAE
from .posteriors import Posterior
from .priors import Prior

Slope = Callable[[Tensor], Tensor]
"""dU/dz, (K, B, D) at codes (K, B, D)."""

TEMPERINGS = ("quadratic", "free", "none")


class Leapfrog(nn.Module):
    """The steps, with learned sizes eps (D,) between 0 and `largest`, and the cooling.

    tempering: "quadratic" learns beta_0, from which sqrt(beta_k) goes to 1 by the paper's formula
    1 / sqrt(beta_k) = (1 - 1/sqrt(beta_0)) k^2/K^2 + 1/sqrt(beta_0); "free" learns each step's
    cooling; "none" leaves the momentum alone.
    """

    def __init__(
        self,
        latent: int,
        steps: int = 3,
        *,
        first: float = 0.05,
        largest: float = 0.5,
        tempering: str = "quadratic",
        beta: float = 0.5,
    ) -> None:
        super().__init__()
        self.latent, self.steps, self.largest, self.tempering = latent, steps, largest, tempering
        self.step = nn.Parameter(torch.full((latent,), _logit(first / largest) / STRIDE))
        # What one step's cooling would be if all were alike, and what all come to.
        each, whole = beta ** (0.5 / steps), math.sqrt(beta)
        sizes = {"quadratic": (1, whole), "free": (steps, each), "none": (0, 0.5)}
        n, value = sizes[tempering]
        self.cooling = nn.Parameter(torch.full((n,), _logit(value) / STRIDE)) if n else None

    @property
    def sizes(self) -> Tensor:
        """Eps, (D,)."""
        return self.largest * torch.sigmoid(STRIDE * self.step.float())

    def coolings(self) -> Tensor:
        """sqrt(beta_{k-1} / beta_k) of each step, (K,); their product is sqrt(beta_0)."""
        if self.cooling is None:
            return self.step.new_ones(self.steps)
        learned = torch.sigmoid(STRIDE * self.cooling.float())
        if self.tempering == "free":
            return learned
        share = torch.linspace(0, 1, self.steps + 1, device=learned.device).square()
        heat = share + (1 - share) / learned  # 1 / sqrt(beta_k), k = 0 .. K
        return heat[1:] / heat[:-1]

    def forward(self, z: Tensor, gamma: Tensor, slope: Slope) -> tuple[Tensor, Tensor]:
        """(z_K, rho_K) from z_0 and the momentum gamma before it is heated, all (K, B, D)."""
        eps, coolings = self.sizes, self.coolings()
        rho = gamma / coolings.prod()
        force = slope(z)
        for cooling in coolings.unbind():
            rho = rho - 0.5 * eps * force
            z = z + eps * rho
            force = slope(z)
            rho = cooling * (rho - 0.5 * eps * force)
        return z, rho


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


class Evolved(Carried):
    """A Gaussian carried along the leapfrog's path, each draw with a momentum of its own.

    A draw's `log_q` is log q(z_K, rho_K | x) - log N(rho_K; 0, I): in place of the density of z_K,
    which nobody knows, it gives importance weights whose mean is right.
    """

    def __init__(self, base: Distribution, leapfrog: Leapfrog, slope: Slope) -> None:
        super().__init__(base)
        self.leapfrog, self.slope = leapfrog, slope

    def carry(self, z0: Tensor) -> tuple[Tensor, Tensor]:
        gamma = noise.normal(z0.shape, z0)
        z, rho = self.leapfrog(z0, gamma, self.slope)
        # log N(rho_K) - log N(gamma), in which the constants cancel.
        return z, 0.5 * (gamma.square() - rho.square()).sum(-1)

    @property
    def mean(self) -> Tensor:
        """Where the Gaussian's mean comes to without momentum: the mean where U is quadratic."""
        z0 = self.base.mean[None]
        return self.leapfrog(z0, torch.zeros_like(z0), self.slope)[0][0]

    @property
    def variance(self) -> Tensor:
        """The Gaussian's own: that of where the paths begin."""
        return self.base.variance


class Hamiltonian(VAE):
    """A VAE whose codes follow the gradient of log p(x, z) before they count."""

    prior: Prior

    def __init__(
        self, posterior: Posterior, prior: Prior, likelihood: Likelihood, leapfrog: Leapfrog
    ) -> None:
        super().__init__(posterior, prior, likelihood)
        self.leapfrog = leapfrog

    def slope(self, x: Tensor, c: Tensor | None) -> Slope:
        """The gradient of U(z) = -log p(x | z) - log p(z), for given rows."""

        def potential(z: Tensor) -> Tensor:
            log_joint = self.decode(z, c).log_prob(x) + self.prior(c).log_prob(z)
            return -log_joint.sum()

        # Unlike autograd's own, it works wherever gradients are switched off.
        return torch.func.grad(potential)

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return Evolved(self.posterior(x, c), self.leapfrog, self.slope(x, c))
