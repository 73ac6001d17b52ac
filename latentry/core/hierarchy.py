"""Hierarchies: a code in levels, each drawn given the levels above it.

    p(x, z) = p(x | z) prod_l p(z_l | z_>l),      q(z | x) = prod_l q(z_l | z_>l, x)

Both go from the top down, so that one descent gives draws of all levels with their densities: of
q where there is a sample to look at, of p where there is none. What differs between the models is
a level's `Rung`. A code is the levels side by side, the top one first.

The rate is the sum over levels of KL(q(z_l | z_>l, x) || p(z_l | z_>l)), each in closed form given
a draw of what is above, which is an unbiased estimate of less variance than the draws' own ratio.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.types import _size

from .likelihood import Likelihood
from .models import Inference, LatentModel, Level
from .posteriors import NO_SHAPE, Gaussian
from .priors import Prior
from .tempering import draw as tempered

Choose = Callable[[Distribution | None, Distribution], Tensor]
"""From q (None without a sample) and p of a level to its codes, (K, B, D)."""

MOST_LOG_SCALE = 5.0
"""Log standard deviations lie within -5 .. 5, softly: Vahdat & Kautz, 2020, arXiv 2007.03898."""


def normal(parameters: Tensor) -> Independent:
    """The Gaussian whose mean and log scale are the halves of `parameters` (..., 2 D)."""
    loc, raw = parameters.float().chunk(2, -1)
    scale = (MOST_LOG_SCALE * torch.tanh(raw / MOST_LOG_SCALE)).exp()
    return Independent(Gaussian(loc, scale), 1, validate_args=False)


def spread(q: Distribution, like: Tensor) -> Independent:
    """A Gaussian q (B,) for K draws at once, (K, B), as `like` (K, B, ...) has them."""
    shape = (*like.shape[:2], q.event_shape[0])
    wide = Gaussian(q.mean.expand(shape), q.stddev.expand(shape))
    return Independent(wide, 1, validate_args=False)


def product(a: Distribution, b: Distribution) -> Independent:
    """The normalised product of two diagonal Gaussians, whose precisions add up."""
    precise_a, precise_b = a.variance.reciprocal(), b.variance.reciprocal()
    variance = (precise_a + precise_b).reciprocal()
    loc = variance * (precise_a * a.mean + precise_b * b.mean)
    return Independent(Gaussian(loc, variance.sqrt()), 1, validate_args=False)


def beside(h: Tensor, c: Tensor | None) -> Tensor:
    """The condition c (B, C) beside each row of h (K, B, F), where there is one."""
    if c is None:
        return h
    return torch.cat([h, c.to(h.dtype).expand(*h.shape[:2], c.shape[-1])], -1)


class Rung(nn.Module, abc.ABC):
    """One level of a hierarchy of `latent` dimensions.

    forward takes what is known from above, h (K, B, ...), (K, B, 0) at the top; the condition;
    what the encoder saw for this level, or None where there is no sample; and how codes are
    chosen. It returns what the level below gets to know, and the level.
    """

    latent: int

    @abc.abstractmethod
    def forward(
        self, h: Tensor, c: Tensor | None, seen: Any, choose: Choose
    ) -> tuple[Tensor, Level]: ...


class Root(Rung):
    """The top level: p is a prior of the model's, q the Gaussian (B,) that the encoder gives."""

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior, self.latent = prior, prior.latent

    def forward(
        self, h: Tensor, c: Tensor | None, seen: Any, choose: Choose
    ) -> tuple[Tensor, Level]:
        p = self.prior(c)
        q = None if seen is None else spread(seen, h)
        z = choose(q, p)
        return z, Level(z, p, q)


class Ladder(Rung):
    """q is p corrected by what x says: the product of p and the Gaussian that the encoder gives.

    Sonderby et al., 2016, arXiv 1602.02282, equations 18-19. `net` makes the parameters of p from
    the level above, (K, B, D' + C) -> (K, B, 2 D), and the level below sees this level alone.
    """

    def __init__(self, latent: int, net: nn.Module) -> None:
        super().__init__()
        self.latent, self.net = latent, net

    def forward(
        self, h: Tensor, c: Tensor | None, seen: Any, choose: Choose
    ) -> tuple[Tensor, Level]:
        p = normal(self.net(beside(h, c)))
        q = None if seen is None else product(p, seen)
        z = choose(q, p)
        return z, Level(z, p, q)


class Joint(Rung):
    """q looks at x and the levels above together; what is below sees all levels so far.

    `net` makes the parameters of p from the levels above, (K, B, D' + C) -> (K, B, 2 D); `look`
    those of q from features of x (B, F) and the levels above, (K, B, F + D') -> (K, B, 2 D).
    """

    def __init__(self, latent: int, net: nn.Module, look: nn.Module) -> None:
        super().__init__()
        self.latent, self.net, self.look = latent, net, look

    def forward(
        self, h: Tensor, c: Tensor | None, seen: Any, choose: Choose
    ) -> tuple[Tensor, Level]:
        p = normal(self.net(beside(h, c)))
        q = None
        if seen is not None:
            q = normal(self.look(torch.cat([seen.expand(*h.shape[:2], -1), h], -1)))
        z = choose(q, p)
        return torch.cat([h, z], -1), Level(z, p, q)


class Hierarchy(LatentModel):
    """Levels of codes from the top down, then p(x | what the last level hands on).

    `body` maps (x, c) to what each rung is to see of it, the top one first.
    """

    has_prior = True
    _nothing: Tensor

    def __init__(self, body: nn.Module, rungs: Sequence[Rung], likelihood: Likelihood) -> None:
        super().__init__()
        self.body, self.rungs, self.likelihood = body, nn.ModuleList(rungs), likelihood
        self.sizes = tuple(rung.latent for rung in rungs)
        self.latent = sum(self.sizes)
        ends = itertools.accumulate(self.sizes)
        self.places = [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]
        self.register_buffer("_nothing", torch.zeros(()), persistent=False)

    def descend(
        self,
        shape: tuple[int, int],
        c: Tensor | None,
        seen: Sequence[Any] | None,
        choose: Callable[[slice, Distribution | None, Distribution], Tensor],
    ) -> tuple[Tensor, tuple[Level, ...]]:
        """From the top to the bottom with codes for (K, B) = `shape`.

        `choose` is also told which part of a whole code the level is. Returns what the decoder
        gets, (K, B, F), and the levels.
        """
        h, levels = self._nothing.expand(*shape, 0), []
        views = [None] * len(self.sizes) if seen is None else seen
        for rung, place, view in zip(self.rungs, self.places, views, strict=True):

            def at(q: Distribution | None, p: Distribution, place: slice = place) -> Tensor:
                return choose(place, q, p)

            h, level = rung(h, c, view, at)
            levels.append(level)
        return h.flatten(2), tuple(levels)

    def encode(self, x: Tensor, c: Tensor | None = None) -> Chain:
        return Chain(self, self.body(x, c), c, len(x))

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        flat = z.reshape(-1, *z.shape[-2:])
        h, _ = self.descend((len(flat), flat.shape[1]), c, None, given(flat))
        return self.likelihood(h.reshape(*z.shape[:-1], -1), c)

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        h, levels = self.descend((draws, len(x)), c, self.body(x, c), drawn)
        return Inference(
            x=x if target is None else target,
            z=joined(levels),
            px=self.likelihood(h, c),
            levels=levels,
            c=c,
        )

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        def from_prior(place: slice, q: Distribution | None, p: Distribution) -> Tensor:
            return tempered(p, n, temperature).reshape(1, n, -1)

        return joined(self.descend((1, n), c, None, from_prior)[1])[0]

    def start(self, x: Tensor) -> None:
        super().start(x)
        for module in self.rungs.modules():
            if isinstance(module, Prior):
                module.start(x)


def joined(levels: Sequence[Level]) -> Tensor:
    """The codes of all levels side by side, (K, B, D)."""
    return torch.cat([level.z for level in levels], -1)


def drawn(place: slice, q: Distribution | None, p: Distribution) -> Tensor:
    """A draw from q."""
    assert q is not None
    return q.rsample()


def typical(place: slice, q: Distribution | None, p: Distribution) -> Tensor:
    """The mean of q."""
    assert q is not None
    return q.mean


def given(z: Tensor) -> Callable[[slice, Distribution | None, Distribution], Tensor]:
    """The level's part of codes z (K, B, D)."""
    return lambda place, q, p: z[..., place]


class Chain(Distribution):
    """q(z | x) of a hierarchy, batch shape (B,), event shape (D,).

    `mean` is the code whose levels are each the mean of q given the means above, `stddev` how
    far each number varies about it, given the means above; the moments of all of q have no closed
    form.
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(self, model: Hierarchy, seen: Sequence[Any], c: Tensor | None, rows: int) -> None:
        super().__init__(torch.Size((rows,)), torch.Size((model.latent,)), validate_args=False)
        self.model, self.seen, self.c = model, seen, c

    def _levels(self, draws: int, choose: Any) -> tuple[Level, ...]:
        return self.model.descend((draws, self.batch_shape[0]), self.c, self.seen, choose)[1]

    @property
    def mean(self) -> Tensor:
        return joined(self._levels(1, typical))[0]

    @property
    def stddev(self) -> Tensor:
        laws = [level.q for level in self._levels(1, typical)]
        return torch.cat([q.stddev for q in laws if q is not None], -1)[0]

    @property
    def variance(self) -> Tensor:
        return self.stddev.square()

    @property
    def moved(self) -> Tensor:
        """How far q moves the mean of p, in standard deviations of p, given the means above."""
        levels = self._levels(1, typical)
        return torch.cat([(v.z - v.p.mean) / v.p.stddev for v in levels], -1)[0]

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        shape = torch.Size(sample_shape)
        z = joined(self._levels(shape.numel(), drawn))
        return z.reshape(shape + z.shape[1:])

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log q(z | x), value.shape[:-1], for codes (..., B, D)."""
        flat = value.reshape(-1, *self.batch_shape, value.shape[-1])
        laws = [(level.q, level.z) for level in self._levels(len(flat), given(flat))]
        each = [q.log_prob(z) for q, z in laws if q is not None]
        return torch.stack(each).sum(0).reshape(value.shape[:-1])
