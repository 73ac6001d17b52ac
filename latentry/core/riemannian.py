"""A Hamiltonian posterior in a space with a learned metric: Chadebec, Mantoux & Allassonniere.

2020, arXiv 2010.11518; for the augmentation of data: Chadebec et al., 2022, arXiv 2105.00026. Codes
travel with ease where data are encoded, by a metric G with the inverse

    G(z)^-1 = sum_i L_i L_i^T exp(-|z - c_i|^2 / T^2) + lambda I,

where c_i is the encoder's mean for row i of the data, and L_i, lower triangular, what a net says of
that row. A particle moves by H(z, rho) = U(z) + log det(G(z)) / 2 + rho^T G(z)^-1 rho / 2, with
momenta from N(0, G(z)), by steps of the generalised leapfrog:

    rho' = rho - eps/2 dH/dz (z, rho')
    z'   = z + eps/2 (G(z)^-1 + G(z')^-1) rho'
    rho  = rho' - eps/2 dH/dz (z', rho')

A step keeps volumes only where its first two lines, which have their result on both sides, are
solved; the few fixed-point iterations that are usual do not solve them. Their derivatives have a
closed form, so Newton's method solves them here, to rounding. With volumes kept, the weights are
those of `latentry.core.hamiltonian`, with N(0, G(z)) in place of N(0, I). A draw with a step too
long to have a solution counts as nothing, which leaves the bound a lower one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from . import noise
from .carried import Carried
from .hamiltonian import Hamiltonian, Leapfrog, Slope
from .likelihood import Likelihood
from .posteriors import Posterior
from .priors import Prior

NEWTON = 4
"""Newton steps for each equation: each about doubles the digits that are right."""
NEAR = 1e-3
"""How nearly an equation has to hold, in shares of its numbers, before the last step."""
LOST = 50.0
"""Nats that a draw loses if a step's equation has no root: its weight is then nothing."""


class Metric:
    """G at codes z (..., D), for given centres c (M, D) and factors L (M, D, D)."""

    def __init__(self, centres: Tensor, factors: Tensor, reach: float, floor: float) -> None:
        self.centres, self.reach, self.floor = centres, reach, floor
        # By hand, for a product in half precision might not be positive definite.
        self.parts = (factors[:, :, None] * factors[:, None]).sum(-1)

    def weights(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """w_i = exp(-|z - c_i|^2 / T^2), (..., M), and its gradient by z, (..., M, D)."""
        away = z[..., None, :] - self.centres
        w = torch.exp(-away.square().sum(-1) / self.reach**2)
        return w, (-2 / self.reach**2) * w[..., None] * away

    def inverse(self, w: Tensor) -> Tensor:
        """G^-1 where the weights are w, (..., D, D)."""
        mixed = (w @ self.parts.flatten(1)).unflatten(-1, self.parts.shape[1:])
        return mixed + self.floor * torch.eye(mixed.shape[-1], dtype=w.dtype, device=w.device)

    def times(self, rho: Tensor) -> Tensor:
        """A_i rho for every A_i = L_i L_i^T, (..., M, D)."""
        m, d, _ = self.parts.shape
        return (rho @ self.parts.reshape(m * d, d).T).unflatten(-1, (m, d))

    def factor(self, z: Tensor) -> Tensor:
        """The lower triangular C with G^-1 = C C^T, (..., D, D)."""
        return torch.linalg.cholesky_ex(self.inverse(self.weights(z)[0]))[0]

    def momentum(self, z: Tensor, eps: Tensor) -> Tensor:
        """Standard normal numbers eps (..., D) made into a momentum from N(0, G(z))."""
        return torch.linalg.solve_triangular(self.factor(z).mT, eps[..., None], upper=True)[..., 0]

    def log_momentum(self, z: Tensor, rho: Tensor) -> Tensor:
        """Log N(rho; 0, G(z)), (...), but for the constant."""
        c = self.factor(z)
        half_log_det = c.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return half_log_det - 0.5 * (c.mT @ rho[..., None]).square().sum((-2, -1))

    def push(self, z: Tensor) -> Tensor:
        """The gradient of log det(G) / 2 by z: -1/2 sum_i tr(G A_i) dw_i, (..., D)."""
        w, dw = self.weights(z)
        g = torch.cholesky_inverse(torch.linalg.cholesky_ex(self.inverse(w))[0])
        trace = g.flatten(-2) @ self.parts.flatten(1).T
        return -0.5 * (trace[..., None] * dw).sum(-2)


def newton(f: Callable[[Tensor], tuple[Tensor, Tensor]], start: Tensor) -> tuple[Tensor, Tensor]:
    """The roots of f near `start`, (..., D), and where they were found, (...).

    f gives its value (..., D) and Jacobian (..., D, D). A root's gradient is that of the implicit
    function theorem, for only the last step has one. Where there is no root, what is returned is
    one step from `start`, which is finite.
    """
    with torch.no_grad():
        y = start.detach()
        for _ in range(NEWTON):
            y = _step(y, *f(y))
        near = f(y)[0].abs().amax(-1) < NEAR * (1 + y.abs().amax(-1))
        y = torch.where(near[..., None], y, start.detach())
    value, jacobian = f(y)
    eye = torch.eye(y.shape[-1], dtype=y.dtype, device=y.device)
    return _step(y, value, torch.where(near[..., None, None], jacobian.detach(), eye)), near


def _step(y: Tensor, value: Tensor, jacobian: Tensor) -> Tensor:
    return y - torch.linalg.solve_ex(jacobian, value[..., None])[0][..., 0]


class GeneralisedLeapfrog(Leapfrog):
    """The leapfrog with a metric that depends on where the particle is."""

    def travel(
        self, z0: Tensor, gamma: Tensor, slope: Slope, metric: Metric
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(z_K, rho_K) from z_0 and the momentum gamma before it is heated, all (K, B, D).

        With it where all equations had a root, (K, B); elsewhere the particle stays where it was.
        """
        eps, coolings = self.sizes.to(z0.dtype), self.coolings().to(z0.dtype)
        z, rho = z0, gamma / coolings.prod()
        force = slope(z) + metric.push(z)
        solved = torch.ones_like(z[..., 0], dtype=torch.bool)
        for cooling in coolings.unbind():
            rho, one = self._half(z, rho, force, eps, metric)
            z, two = self._move(z, rho, eps, metric)
            solved = solved & one & two
            z, rho = _where(solved, z, z0), _where(solved, rho, gamma)
            force = slope(z) + metric.push(z)
            rho = cooling * (rho - 0.5 * eps * (force + _bend(z, rho, metric)[0]))
        return z, _where(solved, rho, gamma), solved

    def _half(
        self, z: Tensor, rho: Tensor, force: Tensor, eps: Tensor, metric: Metric
    ) -> tuple[Tensor, Tensor]:
        """The rho' with rho' = rho - eps/2 dH/dz (z, rho')."""

        def equation(y: Tensor) -> tuple[Tensor, Tensor]:
            bend, slopes = _bend(z, y, metric)
            eye = torch.eye(len(eps), dtype=z.dtype, device=z.device)
            return y - rho + 0.5 * eps * (force + bend), eye + 0.5 * eps[:, None] * slopes

        return newton(equation, rho - 0.5 * eps * force)

    def _move(self, z: Tensor, rho: Tensor, eps: Tensor, metric: Metric) -> tuple[Tensor, Tensor]:
        """The z' with z' = z + eps/2 (G(z)^-1 + G(z')^-1) rho."""
        each = metric.times(rho)

        def speed(y: Tensor) -> tuple[Tensor, Tensor]:
            """G(y)^-1 rho, and its derivative by y."""
            w, dw = metric.weights(y)
            return (w[..., None] * each).sum(-2) + metric.floor * rho, each.mT @ dw

        here = speed(z)[0]

        def equation(y: Tensor) -> tuple[Tensor, Tensor]:
            there, slopes = speed(y)
            eye = torch.eye(len(eps), dtype=z.dtype, device=z.device)
            return y - z - 0.5 * eps * (here + there), eye - 0.5 * eps[:, None] * slopes

        return newton(equation, z + eps * here)


def _where(solved: Tensor, moved: Tensor, still: Tensor) -> Tensor:
    return torch.where(solved[..., None], moved, still)


def _bend(z: Tensor, rho: Tensor, metric: Metric) -> tuple[Tensor, Tensor]:
    """The gradient of rho^T G^-1 rho / 2 by z, (..., D), and its derivative by rho, (..., D, D)."""
    dw = metric.weights(z)[1]
    each = metric.times(rho)
    energy = (each * rho[..., None, :]).sum(-1, keepdim=True)
    return 0.5 * (energy * dw).sum(-2), dw.mT @ each


class Travelled(Carried):
    """A Gaussian carried along paths in the metric, each draw with a momentum of its own."""

    def __init__(
        self, base: Distribution, leapfrog: GeneralisedLeapfrog, slope: Slope, metric: Metric
    ) -> None:
        super().__init__(base)
        self.leapfrog, self.slope, self.metric = leapfrog, slope, metric

    def carry(self, z0: Tensor) -> tuple[Tensor, Tensor]:
        g = self.metric
        # In half precision the equations would be solved to two digits.
        with torch.autocast(z0.device.type, enabled=False):
            gamma = g.momentum(z0, noise.normal(z0.shape, z0))
            z, rho, solved = self.leapfrog.travel(z0, gamma, self.slope, g)
            gain = g.log_momentum(z, rho) - g.log_momentum(z0, gamma)
            return z, gain - LOST * (~solved).to(gain.dtype)

    @property
    def mean(self) -> Tensor:
        """Where the Gaussian's mean comes to, from rest."""
        z0 = self.base.mean[None]
        return self.leapfrog.travel(z0, torch.zeros_like(z0), self.slope, self.metric)[0][0]

    @property
    def variance(self) -> Tensor:
        """The Gaussian's own: that of where the paths begin."""
        return self.base.variance


class Riemannian(Hamiltonian):
    """A Hamiltonian VAE whose codes move in a learned metric.

    The encoder's means for M rows of the data are the metric's centres, at every step anew, and a
    net over a `body` like the encoder's gives their factors. Under a condition the rows are encoded
    with an even one, for the metric is one for all.
    """

    rows: Tensor
    given: Tensor
    leapfrog: GeneralisedLeapfrog

    def __init__(
        self,
        posterior: Posterior,
        prior: Prior,
        likelihood: Likelihood,
        leapfrog: GeneralisedLeapfrog,
        body: nn.Module,
        *,
        centres: int,
        reach: float,
        floor: float,
        condition: int = 0,
    ) -> None:
        super().__init__(posterior, prior, likelihood, leapfrog)
        self.reach, self.floor = reach, floor
        self.body, d = body, posterior.latent
        self.head = nn.Linear(int(body.out_features), d * (d + 1) // 2)  # pyright: ignore[reportArgumentType]
        # At first about the identity where all M centres are near.
        self.start_scale = 1 / math.sqrt(centres)
        self.register_buffer("rows", torch.rand(centres, *likelihood.shape))
        self.register_buffer("given", torch.full((centres, condition), 1 / max(condition, 1)))

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        super().start(x)
        self.rows.copy_(x[torch.linspace(0, len(x) - 1, len(self.rows)).long()])

    def metric(self) -> Metric:
        """The metric that the present weights make."""
        c = self.given if self.given.shape[1] else None
        centres = self.posterior(self.rows, c).mean
        d = self.latent
        said = self.head(self.body(self.rows, c)).float()
        below = said.new_zeros(len(said), d, d)
        at = torch.tril_indices(d, d, -1)
        below[:, at[0], at[1]] = said[:, d:]
        factors = below + torch.diag_embed(F.softplus(said[:, :d] + 0.5))
        return Metric(centres, self.start_scale * factors, self.reach, self.floor)

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        base, slope = self.posterior(x, c), self.slope(x, c)
        return Travelled(base, self.leapfrog, slope, self.metric())
