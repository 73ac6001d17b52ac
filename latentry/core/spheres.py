"""Distributions on the unit sphere S^(D-1) in D dimensions.

The von Mises-Fisher density f(z) = C_D(kappa) exp(kappa mu.z) with the normaliser
C_D(kappa) = kappa^(D/2-1) / ((2 pi)^(D/2) I_(D/2-1)(kappa)) (Mardia & Jupp, 2000), as a posterior
over codes: Davidson et al., 2018, arXiv 1804.00891. The power spherical density is proportional to
(1 + mu.z)^kappa instead: De Cao & Aziz, 2020, arXiv 2006.04437. Both are

    f(z) = C(kappa) exp(kappa T(t)),   cos t = mu.z,

with T(t) = cos t or log(1 + cos t), and the gradient of a draw by kappa is found alike for both.

The Bessel function under- and overflows long before its logarithm does, so only the logarithm and
ratios of neighbours are taken here, in float64: Debye's uniform expansion at a high order, and
backward recurrence from there (Olver et al., DLMF 10.41.3 and 10.29.1).
"""

from __future__ import annotations

import abc
import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, register_kl
from torch.types import _size

from . import noise
from .posteriors import NO_SHAPE
from .priors import Prior

FROM_ORDER = 20.0
"""Order at which Debye's expansion is good to 1e-12, whatever the argument."""
PROPOSALS = 16
"""Each is accepted with a probability of at least 0.65: the last resort is a 1e-7th of cases."""
GAMMA_PROPOSALS = 6
"""Each is accepted with a probability of at least 0.96."""
NOT_OPPOSITE = -1.0 + 1e-9
"""The least mu.z at which a power spherical density is taken: at -1 it is zero."""
# Nodes and weights of Gauss-Legendre quadrature on [0, 1]; a compiled step cannot ask numpy.
_X, _W = np.polynomial.legendre.leggauss(32)
NODES, WEIGHTS = torch.from_numpy((_X + 1) / 2), torch.from_numpy(_W / 2)


def log_bessel(order: float, x: Tensor) -> tuple[Tensor, Tensor]:
    """Log I_order(x) and I_(order+1)(x) / I_order(x) for x > 0, both in float64, of x's shape."""
    x = x.double().clamp(min=1e-30)
    steps = max(0, math.ceil(FROM_ORDER - order))
    value = _debye(order + steps, x)
    ratio = (_debye(order + steps + 1, x) - value).exp()
    for i in range(steps - 1, -1, -1):
        # I_(v-1) = I_(v+1) + 2 v / x I_v, with v = order + i + 1.
        below = 1.0 / (ratio + 2.0 * (order + i + 1) / x)
        value, ratio = value - below.log(), below
    return value, ratio


def _debye(order: float, x: Tensor) -> Tensor:
    """Log I_order(x) for large orders: DLMF 10.41.3 with four terms."""
    z = x / order
    root = (1.0 + z * z).sqrt()
    p = 1.0 / root
    eta = root + (z / (1.0 + root)).log()
    p2 = p * p
    terms = (
        p * (3 - 5 * p2) / 24,
        p2 * (81 - p2 * (462 - 385 * p2)) / 1152,
        p * p2 * (30375 - p2 * (369603 - p2 * (765765 - 425425 * p2))) / 414720,
        p2 * p2 * (4465125 - p2 * (94121676 - p2 * (349922430 - p2 * (446185740 - 185910725 * p2))))
        / 39813120,
    )  # fmt: skip
    series = torch.stack([t / order ** (k + 1) for k, t in enumerate(terms)]).sum(0)
    return (
        order * eta - 0.5 * math.log(2 * math.pi * order) - 0.5 * root.log() + torch.log1p(series)
    )


def log_surface(dimensions: int) -> float:
    """The logarithm of the area of the unit sphere in so many dimensions."""
    half = dimensions / 2
    return math.log(2.0) + half * math.log(math.pi) - math.lgamma(half)


class UniformSphere(Distribution):
    """The uniform distribution on S^(D-1)."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(self, dimensions: int, like: Tensor) -> None:
        super().__init__(torch.Size(), torch.Size((dimensions,)), validate_args=False)
        self.like = like

    @property
    def mean(self) -> Tensor:
        return self.like.new_zeros(self.event_shape)

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        shape = torch.Size(sample_shape)
        # The noise's first two axes are draws and rows.
        padded = shape if len(shape) > 1 else torch.Size((1, *shape))
        eps = noise.normal((*padded, *self.event_shape), self.like)
        return (eps / eps.norm(dim=-1, keepdim=True)).reshape(*shape, *self.event_shape)

    def tempered(self, shape: torch.Size, temperature: float) -> Tensor:
        """As at any temperature: no point is more typical than another."""
        return self.sample(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return value.new_full(value.shape[:-1], -log_surface(value.shape[-1]))


class SpherePrior(Prior):
    """The uniform distribution on the sphere."""

    like: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__(latent)
        self.register_buffer("like", torch.zeros(1), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return UniformSphere(self.latent, self.like)


class Around(Distribution, abc.ABC):
    """A density C(kappa) exp(kappa T(t)) on the unit sphere, with t the angle from mu.

    loc: mu, unit vectors (..., D), D >= 2. concentration: kappa > 0, (...,).
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    log_norm: Tensor
    """log C, (...,), float64."""
    expected: Tensor
    """E T, (...,), float64."""
    peak: Tensor
    """The cosine of the most frequent angle, (...,), float64."""
    width: Tensor
    """About the standard deviation of the angle, (...,), float64."""

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)
        self.loc, self.concentration = loc, concentration
        self.dimensions = loc.shape[-1]

    @staticmethod
    @abc.abstractmethod
    def statistic(angle: Tensor) -> Tensor:
        """T at angles in (0, pi)."""

    @property
    @abc.abstractmethod
    def mean_length(self) -> Tensor:
        """|E z| = E cos t, (...,), float64."""

    @abc.abstractmethod
    def spread(self) -> tuple[Tensor, Tensor]:
        """The variance of z along mu, and that in each direction across it, (...,) each."""

    @abc.abstractmethod
    def draw(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """The cosine of the angle of draws (K, ..., D), (K, ...), and normal noise (K, ..., D - 1)
        that says in which direction they lie from mu.
        """

    @property
    def mean(self) -> Tensor:
        """The point of highest density: a code has to lie on the sphere, so not E z."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Var z_d for each d, (..., D)."""
        along, across = (t.to(self.loc.dtype)[..., None] for t in self.spread())
        square = self.loc * self.loc
        return square * along + (1.0 - square) * across

    def entropy(self) -> Tensor:
        """-E log f(z), (...,), in nats."""
        value = -self.concentration.double() * self.expected - self.log_norm
        return value.to(self.loc.dtype)

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        """A rotation of the first axis to mu, of a draw around that axis.

        The gradient by kappa is exact, by implicit differentiation of the distribution function
        of the angle (Figurnov, Mohamed & Mnih, 2018, arXiv 1805.08498).
        """
        kappa = self.concentration
        with torch.no_grad():
            w, eps = self.draw(self._extended_shape(torch.Size(sample_shape)))
            slope = self.slope(w, kappa.double())
        w, slope = w.to(kappa.dtype), slope.to(kappa.dtype)
        along = (w + slope * (kappa - kappa.detach()))[..., None]
        around = eps / eps.norm(dim=-1, keepdim=True)
        across = (1.0 - along * along).clamp(min=1e-10).sqrt()  # a root has no slope at 0
        point = torch.cat([along, across * around], -1)
        # Householder's reflection that takes the first axis to mu.
        axis = torch.zeros_like(self.loc)
        axis[..., 0] = 1.0
        u = axis - self.loc
        square = (u * u).sum(-1, keepdim=True)
        turned = point - 2.0 * u * (point * u).sum(-1, keepdim=True) / square.clamp(min=1e-12)
        return torch.where(square > 1e-12, turned, point)

    def slope(self, w: Tensor, kappa: Tensor) -> Tensor:
        """Dw / dkappa at a fixed value of the distribution function of w = cos t.

        With the density p(t) ~ exp(kappa T(t)) sin(t)^(D-2) of the angle, dt / dkappa is
        (1 / p(t)) int_0^t (E T - T(s)) p(s) ds, by Gauss-Legendre quadrature on the side of t
        where the density falls, over at most twelve of its widths.
        """
        power = self.dimensions - 2
        angle = w.arccos().clamp(1e-9, math.pi - 1e-9)
        left = angle < self.peak.arccos()
        reach = torch.minimum(torch.where(left, angle, math.pi - angle), 12 * self.width)
        nodes, weights = NODES.to(w.device), WEIGHTS.to(w.device)
        sign = torch.where(left, -1.0, 1.0)
        s = angle[..., None] + (sign * reach)[..., None] * nodes
        there = self.statistic(s)
        log_ratio = kappa[..., None] * (there - self.statistic(angle)[..., None])
        log_ratio = log_ratio + power * (s.sin().log() - angle.sin().log()[..., None])
        gap = self.expected[..., None] - there
        total = (weights * gap * log_ratio.exp()).sum(-1) * reach
        # dt/dkappa = -dF/dkappa / p with F's derivative the integral of (T - E T) p from 0; what
        # lies beyond t has the opposite sign, for the whole integral is zero.
        by_angle = torch.where(left, total, -total)
        return -angle.sin() * by_angle


class VonMisesFisher(Around):
    """The density proportional to exp(kappa mu.z) on the unit sphere.

    loc: mu, unit vectors (..., D), D >= 2. concentration: kappa > 0, (...,).
    """

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        super().__init__(loc, concentration)
        kappa = concentration.double()
        half, power = self.dimensions / 2, self.dimensions - 2
        log_i, self.expected = log_bessel(half - 1, kappa)
        self.log_norm = (half - 1) * kappa.log() - half * math.log(2 * math.pi) - log_i
        self.peak = 2 * kappa / (power + (power * power + 4 * kappa * kappa).sqrt())
        self.width = 1.0 / (kappa * self.peak + kappa / self.peak).sqrt()

    @staticmethod
    def statistic(angle: Tensor) -> Tensor:
        return angle.cos()

    @property
    def mean_length(self) -> Tensor:
        """|E z| = I_(D/2) / I_(D/2-1) at kappa, (...,), float64."""
        return self.expected

    def spread(self) -> tuple[Tensor, Tensor]:
        a, k = self.expected, self.concentration.double()
        return 1.0 - a * a - (self.dimensions - 1) * a / k, a / k

    def log_prob(self, value: Tensor) -> Tensor:
        inner = (self.loc * value).sum(-1)
        # In double precision together: for sharp densities both terms are large and cancel.
        return (self.concentration.double() * inner.double() + self.log_norm).to(value.dtype)

    def draw(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Ulrich's and Wood's rejection sampling along mu, uniform around it."""
        w = self._accepted(shape[:-1], self.concentration.double())
        return w, noise.normal(shape, self.loc)[..., 1:]

    def _accepted(self, shape: torch.Size, kappa: Tensor) -> Tensor:
        m = self.dimensions - 1
        b = m / (2 * kappa + (4 * kappa * kappa + m * m).sqrt())
        x0 = (1 - b) / (1 + b)
        c = kappa * x0 + m * (1 - x0 * x0).log()
        u = noise.uniform((*shape, PROPOSALS * 3), self.loc).double().clamp(min=1e-12)
        first, second, level = u.unflatten(-1, (3, PROPOSALS)).unbind(-2)
        # A symmetric beta variate by Ulrich's formula, (m / 2, m / 2).
        radius = torch.zeros_like(first) if m == 1 else first ** (2 / (m - 1))
        beta = 0.5 + 0.5 * (1 - radius).sqrt() * (2 * math.pi * second).cos()
        b, x0, c, k = (t[..., None] for t in (b, x0, c, kappa))
        w = (1 - (1 + b) * beta) / (1 - (1 - b) * beta)
        good = k * w + m * (1 - x0 * w).log() - c >= level.log()
        chosen = good.int().argmax(-1, keepdim=True)
        return w.gather(-1, chosen)[..., 0].clamp(-1.0, 1.0)


class PowerSpherical(Around):
    """The density proportional to (1 + mu.z)^kappa on the unit sphere.

    De Cao & Aziz, 2020, arXiv 2006.04437: (1 + mu.z) / 2 is Beta(b + kappa, b) with
    b = (D - 1) / 2, so that no Bessel function is needed.
    loc: mu, unit vectors (..., D), D >= 2. concentration: kappa > 0, (...,).
    """

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        super().__init__(loc, concentration)
        kappa, b = concentration.double(), (self.dimensions - 1) / 2
        self.a, self.b = kappa + b, b
        total = self.a + b
        log_beta = torch.lgamma(self.a) - torch.lgamma(total)
        self.log_norm = -(total * math.log(2.0) + b * math.log(math.pi) + log_beta)
        self.expected = math.log(2.0) + torch.digamma(self.a) - torch.digamma(total)
        self.peak = kappa / (kappa + self.dimensions - 2)
        self.width = (kappa + self.dimensions - 2).rsqrt()

    @staticmethod
    def statistic(angle: Tensor) -> Tensor:
        # log(1 + cos t), without a loss of digits where that is nearly 0.
        return math.log(2.0) + 2.0 * (0.5 * angle).cos().log()

    @property
    def mean_length(self) -> Tensor:
        """|E z| = kappa / (kappa + D - 1), (...,), float64."""
        return (self.a - self.b) / (self.a + self.b)

    def spread(self) -> tuple[Tensor, Tensor]:
        a, b, total = self.a, self.b, self.a + self.b
        along = 4.0 * a * b / (total.square() * (total + 1.0))
        return along, (1.0 - along - self.mean_length.square()) / (self.dimensions - 1)

    def log_prob(self, value: Tensor) -> Tensor:
        inner = (self.loc.double() * value.double()).sum(-1)
        log_density = self.concentration.double() * torch.log1p(inner.clamp(min=NOT_OPPOSITE))
        return (log_density + self.log_norm).to(value.dtype)

    def draw(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """A Beta variate as a ratio of Gamma variates, uniform around mu.

        Normal noise in D - 1 dimensions has a direction and, independent of it, a length whose
        square is twice a Gamma(b) variate.
        """
        eps = noise.normal(shape, self.loc)[..., 1:]
        below = 0.5 * eps.double().square().sum(-1)
        above = self._gamma(shape[:-1])
        return (above - below) / (above + below), eps

    def _gamma(self, shape: torch.Size) -> Tensor:
        """Gamma(a) variates, (K, ...): Marsaglia & Tsang, 2000, with the first of some proposals
        that is accepted, at a + 1, from which U^(1/a) leads to a.
        """
        d = (self.a + 2.0 / 3.0)[..., None]
        x = noise.normal((*shape, GAMMA_PROPOSALS), self.loc).double()
        u = noise.uniform((*shape, GAMMA_PROPOSALS + 1), self.loc).double().clamp(min=1e-12)
        v = (1.0 + x / (9.0 * d).sqrt()).clamp(min=1e-6) ** 3
        good = u[..., 1:].log() < 0.5 * x * x + d - d * v + d * v.log()
        chosen = good.int().argmax(-1, keepdim=True)
        return (d * v).gather(-1, chosen)[..., 0] * u[..., 0] ** (1.0 / self.a)


@register_kl(Around, UniformSphere)
def _kl_to_uniform(q: Around, p: UniformSphere) -> Tensor:
    """Kappa E T + log C + log of the sphere's area, in closed form."""
    kl = q.concentration.double() * q.expected + q.log_norm + log_surface(q.dimensions)
    return kl.to(q.loc.dtype)
