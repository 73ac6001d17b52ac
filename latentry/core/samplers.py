"""Densities of codes, fitted once a model is trained, that new codes are drawn from.

A model learns p(x | z) for the codes z that its encoder gives. They are seldom spread like the
prior that they were pulled towards, and a plain autoencoder has no prior at all: so a density is
fitted to the codes themselves, q(z) = mean_n q(z | x_n), or q(z | c) for a conditional model.

Shapes: N codes of D dimensions and their conditions, N vectors of C numbers. Densities are in nats.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent

from . import noise
from .mixtures import log_each
from .posteriors import Gaussian
from .priors import Prior
from .riemannian import Metric
from .spheres import VonMisesFisher

MOST_VALUES = 64
"""A condition that takes no more values than this is taken for classes."""
MOST_ROWS = 5000
"""Rows, spread evenly over those given, that a density made of rows remembers."""
PAIRS_AT_ONCE = 2**21
"""Numbers in a block of distances: more only moves them out of a processor's cache."""


@dataclass(frozen=True)
class Codes:
    """What a density is fitted to: for each of N rows, its code and what else is known of it."""

    z: Tensor
    """A draw from q(z | x), (N, D); whole numbers where codes are symbols."""
    c: Tensor | None = None
    """The condition, (N, C)."""
    loc: Tensor | None = None
    """Where q(z | x) lies, (N, D), for posteriors with a place and a spread."""
    spread: Tensor | None = None
    """Its standard deviations, (N, D); for a von Mises-Fisher its concentration, (N, 1)."""
    metric: Metric | None = None
    """The model's own metric, where it has learned one."""

    def __len__(self) -> int:
        return len(self.z)

    def at(self, rows: Tensor) -> Codes:
        """The codes of some rows alone."""
        found = {n: getattr(self, n) for n in ("z", "c", "loc", "spread")}
        return replace(self, **{n: t[rows] for n, t in found.items() if t is not None})


class Sampler(nn.Module, abc.ABC):
    """A density of codes, p(z) or p(z | c). What it learned is in its parameters and buffers."""

    is_density = True
    """Whether there is a normalised `log_prob`."""
    tempers = True
    """Whether draws can be more or less typical than the density says."""
    bound = ""
    """What the score is, where it is no exact density but a bound on one."""

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__()
        self.latent, self.condition = latent, condition

    @abc.abstractmethod
    def fit(self, codes: Codes, seed: int) -> None:
        """Learn from the codes; a function of them and the seed."""

    @abc.abstractmethod
    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Log p(z | c) of codes (N, D), (N,)."""

    @abc.abstractmethod
    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """N codes (n, D), given c (n, C); torch's generator makes them."""

    def _load_from_state_dict(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, state_dict: dict[str, Tensor], prefix: str, *rest: Any
    ) -> None:
        # Some buffers are as large as the codes that were fitted were many.
        for name in self._buffers:
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class Fixed(Sampler):
    """A density that nothing of the codes changes: N(0, I), or the uniform one on a sphere."""

    def __init__(self, latent: int, condition: int, prior: Prior) -> None:
        super().__init__(latent, condition)
        self.prior = prior

    def fit(self, codes: Codes, seed: int) -> None:
        """There is nothing to learn."""

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.prior(c).log_prob(z)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return self.prior.draw(n, c, temperature)


# --------------------------------------------------------------------------------- the condition


def distinct(c: Tensor) -> Tensor | None:
    """The values (V, C) of a condition that takes few, each about often; None for any other."""
    values = torch.unique(c, dim=0)
    few = 1 < len(values) <= min(MOST_VALUES, len(c) // 5)
    return values if few else None


def width_of(c: Tensor) -> Tensor:
    """How near a row's condition (N, C) is to lie to the one that is asked for, ().

    For classes, so near that no row of another has a part; otherwise by Scott's rule.
    """
    values = distinct(c)
    if values is not None:
        return 0.1 * torch.pdist(values).min()
    spread = c.std(0).mean().clamp(min=1e-6)
    return spread * len(c) ** (-1 / (c.shape[1] + 4))


def nearest(c: Tensor | None, values: Tensor, n: int) -> Tensor:
    """Which of the values (V, C) each of n conditions (n, C) is, or is nearest to, (n,)."""
    if c is None or len(values) == 1:
        return torch.zeros(n, dtype=torch.long, device=values.device)
    return torch.cdist(c.to(values), values).argmin(1)


# --------------------------------------------------------------------------- densities made of rows


class OfRows(Sampler):
    """What is drawn about a row that was seen, its condition like the one that is asked for.

    p(z | c) = sum_i w_i(c) k_i(z), with w_i in proportion to exp(-|c - c_i|^2 / 2 h^2): for
    classes, all rows of the class alike; for none, all rows alike.
    """

    centres: Tensor
    given: Tensor
    width: Tensor

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__(latent, condition)
        self.register_buffer("centres", torch.zeros(1, latent))
        self.register_buffer("given", torch.zeros(1, condition))
        self.register_buffer("width", torch.ones(()))

    def remember(self, codes: Codes) -> Codes:
        """The codes that are kept, of which the conditions are stored."""
        if len(codes) > MOST_ROWS:
            rows = torch.linspace(0, len(codes) - 1, MOST_ROWS, dtype=torch.float64).long()
            codes = codes.at(rows.to(codes.z.device))
        if codes.c is not None:
            self.given, self.width = codes.c, width_of(codes.c)
        return codes

    def log_weights(self, c: Tensor | None, like: Tensor) -> Tensor:
        """Log w_i(c), (N, M), or (1, M) where there is no condition; in the type of `like`."""
        if c is None or not self.condition:
            rows = len(self.centres)
            return like.new_full((1, rows), -math.log(rows))
        away = torch.cdist(c.to(like), self.given.to(like)) / self.width
        return (-0.5 * away.square()).log_softmax(1)

    def pick(self, n: int, c: Tensor | None) -> Tensor:
        """The rows about which n codes are drawn, (n,).

        Without a condition each row has its turn before any has a second: every code is as likely
        as ever, but many together are spread as the rows are (stratified sampling).
        """
        if c is None or not self.condition:
            rows = len(self.centres)
            turns = [torch.randperm(rows) for _ in range(-(-n // rows))]
            return torch.cat(turns)[:n].to(self.centres.device)
        found = []
        for part, given in _blocks(n, len(self.centres), c):
            weights = self.log_weights(given, self.width)
            found.append(Categorical(logits=weights.expand(part, -1)).sample())
        return torch.cat(found)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        found, start = [], 0
        for part, given in _blocks(len(z), len(self.centres) * self.latent, c):
            each = self.log_kernels(z[start : start + part])
            found.append((each + self.log_weights(given, each)).logsumexp(1))
            start += part
        return torch.cat(found)

    def log_kernels(self, z: Tensor) -> Tensor:
        """Log k_i(z) of codes (N, D), (N, M)."""
        raise NotImplementedError


def _blocks(n: int, width: int, c: Tensor | None) -> Iterator[tuple[int, Tensor | None]]:
    """Sizes of blocks of n rows, and their conditions, with not too many pairs in each."""
    size = max(1, PAIRS_AT_ONCE // width)
    for start in range(0, n, size):
        part = min(size, n - start)
        yield part, None if c is None else c[start : start + part]


class Kernels(OfRows):
    """A Gaussian about the code of each row, all with one covariance: h^2 times that of the codes.

    h is what gives the codes the highest likelihood, each left out of its own density (Duin,
    1976), among multiples of Scott's n^(-1 / (D + 4)).
    """

    factor: Tensor

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__(latent, condition)
        self.register_buffer("factor", torch.eye(latent))

    def fit(self, codes: Codes, seed: int) -> None:
        codes = self.remember(codes)
        self.centres = codes.z
        self.factor = covariance_root(codes.z)
        scott = len(codes) ** (-1 / (self.latent + 4))
        some = torch.randperm(len(codes), generator=torch.Generator().manual_seed(seed % 2**63))
        some = some[:1000].to(codes.z.device)
        c = None if codes.c is None else codes.c[some]
        square = torch.cdist(self._white(codes.z[some]), self._white(codes.z)).square()
        weights = self.log_weights(c, square).expand_as(square).clone()
        weights[torch.arange(len(some), device=some.device), some] = -math.inf
        widths = scott * 2.0 ** torch.linspace(-4, 1.5, 23)
        if len(codes) > 1:
            weights = weights.log_softmax(1)
            scores = [
                float((weights - 0.5 * square / h**2).logsumexp(1).mean() - self.latent * h.log())
                for h in widths
            ]
            scott = float(widths[max(range(len(widths)), key=scores.__getitem__)])
        self.factor = scott * self.factor

    def _white(self, z: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self.factor, z.mT, upper=False).mT

    def log_kernels(self, z: Tensor) -> Tensor:
        away = torch.cdist(self._white(z), self._white(self.centres))
        volume = self.factor.diagonal().log().sum() + self.latent / 2 * math.log(2 * math.pi)
        return -0.5 * away.square() - volume

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        rows = self.pick(n, c)
        eps = noise.normal((1, n, self.latent), self.centres)[0]
        return self.centres[rows] + temperature * eps @ self.factor.mT


def covariance_root(z: Tensor) -> Tensor:
    """The lower triangular factor of the covariance of codes (N, D), (D, D), made invertible."""
    away = (z - z.mean(0)).double()
    found = away.mT @ away / max(1, len(z) - 1)
    ridge = 1e-6 * found.diagonal().mean() + 1e-12
    eye = torch.eye(len(found), dtype=found.dtype, device=found.device)
    return torch.linalg.cholesky(found + ridge * eye).to(z.dtype)


class Neighbours(OfRows):
    """A point between the code of a row and one of its k nearest: Chawla et al., 2002, 1106.1813.

    Their law has no density: codes lie on segments. `turned` is for codes on the unit sphere.
    """

    is_density = False
    near: Tensor

    def __init__(
        self, latent: int, condition: int = 0, *, k: int = 5, turned: bool = False
    ) -> None:
        super().__init__(latent, condition)
        self.k, self.turned = k, turned
        self.register_buffer("near", torch.zeros(1, k, dtype=torch.long))

    def fit(self, codes: Codes, seed: int) -> None:
        codes = self.remember(codes)
        self.centres = codes.z
        found, k = [], min(self.k, len(codes) - 1)
        for start in range(0, len(codes), 500):
            rows = torch.arange(start, min(start + 500, len(codes)), device=codes.z.device)
            away = torch.cdist(codes.z[rows], codes.z)
            away[torch.arange(len(rows)), rows] = math.inf
            if codes.c is not None:
                unlike = torch.cdist(codes.c[rows], codes.c) > 3 * self.width
                away[unlike] = math.inf
            far, near = away.topk(k, 1, largest=False)
            found.append(torch.where(far.isinf(), rows[:, None], near))
        self.near = torch.cat(found)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        raise NotImplementedError("points on segments between codes have no density")

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        rows = self.pick(n, c)
        if not self.near.shape[1]:
            return self.centres[rows]
        which = torch.randint(self.near.shape[1], (n,), device=rows.device)
        a, b = self.centres[rows], self.centres[self.near[rows, which]]
        share = noise.uniform((1, n, 1), a)[0]
        z = a + temperature * share * (b - a)
        return z / z.norm(dim=1, keepdim=True).clamp(min=1e-12) if self.turned else z


class Posteriors(OfRows):
    """The mean of the posteriors of rows, q(z) = 1/M sum_i q(z | x_i), as they were when fitted.

    The aggregate posterior over training rows, of which a VampPrior is a learned stand-in:
    Tomczak & Welling, 2018, arXiv 1705.07120. `law` makes q from where it lies and its spread.
    """

    spread: Tensor

    def __init__(
        self, latent: int, condition: int, law: Callable[[Tensor, Tensor], Distribution], wide: int
    ) -> None:
        super().__init__(latent, condition)
        self.law = law
        self.register_buffer("spread", torch.ones(1, wide))

    def fit(self, codes: Codes, seed: int) -> None:
        codes = self.remember(codes)
        assert codes.loc is not None
        assert codes.spread is not None
        self.centres, self.spread = codes.loc, codes.spread

    def log_kernels(self, z: Tensor) -> Tensor:
        each = self.law(self.centres, self.spread)
        if isinstance(each, Independent):
            return log_each(each, z).to(z.dtype)
        return each.log_prob(z[:, None])

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        rows = self.pick(n, c)
        spread = self.spread[rows]
        if spread.shape[1] < self.latent:  # a concentration, which falls as the square of a spread
            spread = spread / max(temperature, 1e-3) ** 2
        else:
            spread = temperature * spread
        return self.law(self.centres[rows], spread).sample()


def gaussian_law(loc: Tensor, spread: Tensor) -> Distribution:
    """N(loc, diag spread^2)."""
    return Independent(Gaussian(loc, spread), 1, validate_args=False)


def sphere_law(loc: Tensor, spread: Tensor) -> Distribution:
    """A von Mises-Fisher distribution with the concentrations (M, 1)."""
    return VonMisesFisher(loc, spread[:, 0])
