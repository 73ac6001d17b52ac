"""Distributions over one number, and the two that make a sample's distribution out of them.

`Elementwise` turns a distribution of one number per dimension into one of a whole sample, and is
where missing entries (NaN) are left out; `Dirac` is a certain code. All others describe one number,
with any batch shape, and take parameters that are free of constraints wherever that keeps
`log_prob` in one expression that is exact at the edges: logits and log scales, never
probabilities. None of them branches on data or checks its arguments, so that they can be part of a
compiled graph; no `log_prob` is cut off where it grows small, so that gradients stay true.

Shapes: a distribution with batch shape `...` has `log_prob(x)` of the shape that x and `...`
broadcast to. Probabilities are in nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Distribution, Gamma

Shape = Size | Sequence[int]

LOG_2PI = math.log(2.0 * math.pi)


class OneNumber(Distribution):
    """A distribution over one number; its batch shape is what its parameters broadcast to."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(self, *parameters: Tensor) -> None:
        batch = torch.broadcast_tensors(*parameters)[0].shape
        super().__init__(batch, validate_args=False)


class Bernoulli(OneNumber):
    """0 or 1, with P(1) = sigmoid(logits): log p(x) = x l - log(1 + e^l).

    For x strictly between 0 and 1 the same expression is the negative cross-entropy, which is no
    density: it does not integrate to one.
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits)
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(self.logits)

    @property
    def variance(self) -> Tensor:
        return self.mean * torch.sigmoid(-self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        return value * self.logits - F.softplus(self.logits)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            return torch.bernoulli(self.mean.expand(self._extended_shape(Size(sample_shape))))


class ContinuousBernoulli(OneNumber):
    """The density on [0, 1] proportional to e^(x l): a Bernoulli's expression, normalised.

    log p(x) = x l - log((e^l - 1) / l), and log((e^l - 1) / l) = l/2 + log(sinh(l/2) / (l/2)),
    which is smooth at l = 0 (probability 1/2, the uniform density).
    Loaiza-Ganem & Cunningham, 2019, arXiv 1907.06845.
    """

    has_rsample = True

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits)
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        u, small, v = self._halves()
        # coth(u) - 1/u, by its series where the two cancel.
        series = v / 3 - v**3 / 45 + 2 * v**5 / 945 - v**7 / 4725
        return 0.5 + 0.5 * torch.where(small, series, 1 / torch.tanh(u) - 1 / u)

    @property
    def variance(self) -> Tensor:
        u, small, v = self._halves()
        series = 1 / 3 - v**2 / 15 + 2 * v**4 / 189 - v**6 / 675
        return 0.25 * torch.where(small, series, 1 / u**2 - 1 / torch.sinh(u) ** 2)

    def _halves(self) -> tuple[Tensor, Tensor, Tensor]:
        """l/2 kept from 0, where l/2 is small, and l/2 kept small: each safe in its own branch."""
        half = 0.5 * self.logits
        small = half.abs() < 0.5
        return torch.where(small, 1.0, half), small, half.clamp(-0.5, 0.5)

    def log_prob(self, value: Tensor) -> Tensor:
        u, small, v = self._halves()
        a = u.abs()
        large = a + torch.log1p(-torch.exp(-2 * a)) - torch.log(2 * a)
        w = v * v
        series = w * (1 / 6 - w * (1 / 180 - w * (1 / 2835 - w / 37800)))
        return (value - 0.5) * self.logits - torch.where(small, series, large)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(Size(sample_shape))
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        # The inverse distribution function for negative logits; x -> 1 - x for positive ones.
        a = self.logits.abs().clamp(min=1e-6)
        x = (-torch.log1p(u * torch.expm1(-a)) / a).clamp(0.0, 1.0)
        return torch.where(self.logits > 0, 1 - x, x)


class Normal(OneNumber):
    """A normal distribution with mean `loc` and standard deviation e^log_scale.

    Unlike torch's, it takes the logarithm (which needs none to be taken) and does not expand a
    scale that is shared between dimensions.
    """

    has_rsample = True

    def __init__(self, loc: Tensor, log_scale: Tensor) -> None:
        super().__init__(loc, log_scale)
        self.loc, self.log_scale = loc, log_scale

    @property
    def mean(self) -> Tensor:
        return self.loc.expand(self.batch_shape)

    @property
    def variance(self) -> Tensor:
        return torch.exp(2 * self.log_scale).expand(self.batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        error = (value - self.loc) * torch.exp(-self.log_scale)
        return -0.5 * error * error - (self.log_scale + 0.5 * LOG_2PI)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(Size(sample_shape))
        eps = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + torch.exp(self.log_scale) * eps


class StudentT(OneNumber):
    """Student's t with `df` degrees of freedom (> 1, so that it has a mean) about `loc`.

    Its tails are those of a power, df + 1, so that an outlier costs little.
    """

    has_rsample = True

    def __init__(self, df: Tensor, loc: Tensor, log_scale: Tensor) -> None:
        super().__init__(df, loc, log_scale)
        self.df, self.loc, self.log_scale = df, loc, log_scale

    @property
    def mean(self) -> Tensor:
        return self.loc.expand(self.batch_shape)

    @property
    def variance(self) -> Tensor:
        """Infinite for df <= 2."""
        df = torch.where(self.df > 2, self.df, math.inf)
        spread = torch.where(self.df > 2, 1 + 2 / (df - 2), math.inf)
        return (torch.exp(2 * self.log_scale) * spread).expand(self.batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        error = (value - self.loc) * torch.exp(-self.log_scale)
        half = 0.5 * self.df
        constant = (
            torch.lgamma(half + 0.5) - torch.lgamma(half) - 0.5 * torch.log(math.pi * self.df)
        )
        tail = (half + 0.5) * torch.log1p(error * error / self.df)
        return (constant - self.log_scale) - tail

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(Size(sample_shape))
        eps = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        half = (0.5 * self.df).expand(shape)
        gamma = Gamma(half, half, validate_args=False).rsample()
        return self.loc + torch.exp(self.log_scale) * eps * torch.rsqrt(gamma)


class Levels(OneNumber):
    """One of L levels, k / (L - 1) for k = 0 .. L - 1, each with a probability of its own.

    `logits` (..., L), not normalised; batch shape `...`.
    """

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits[..., 0])
        self.logits = logits
        self.levels = logits.shape[-1]

    @property
    def mean(self) -> Tensor:
        return (torch.softmax(self.logits, -1) * _grid(self.levels, self.logits)).sum(-1)

    @property
    def variance(self) -> Tensor:
        grid, p = _grid(self.levels, self.logits), torch.softmax(self.logits, -1)
        return (p * (grid - self.mean[..., None]) ** 2).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        k = (value * (self.levels - 1)).round().long().clamp(0, self.levels - 1)
        k = k.expand(torch.broadcast_shapes(k.shape, self.batch_shape))[..., None]
        logits = self.logits.expand(*k.shape[:-1], self.levels)
        return logits.gather(-1, k)[..., 0] - torch.logsumexp(self.logits, -1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            k = _pick(self.logits, Size(sample_shape))
            return k.to(self.logits.dtype) / (self.levels - 1)


class DiscretizedLogistic(OneNumber):
    """A logistic distribution, F(x) = sigmoid((x - loc) / e^log_scale), rounded to L levels.

    The levels are k / (L - 1); the first and the last take the tails: Salimans et al., 2017,
    arXiv 1701.05517. The probability of a level is exact for any parameters, since with a and b
    its bin's standardised ends, sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)).
    """

    def __init__(self, loc: Tensor, log_scale: Tensor, levels: int) -> None:
        super().__init__(loc, log_scale)
        self.loc, self.log_scale, self.levels = loc, log_scale, levels

    @property
    def mean(self) -> Tensor:
        return self._moments()[0]

    @property
    def variance(self) -> Tensor:
        mean, square = self._moments()
        return (square - mean * mean).clamp(min=0.0)

    def _moments(self) -> tuple[Tensor, Tensor]:
        """E[x] and E[x^2], from P(x >= level) summed over levels, a few levels at a time."""
        step, inverse = 1 / (self.levels - 1), torch.exp(-self.log_scale)[..., None]
        mean = square = torch.zeros(self.batch_shape, dtype=self.loc.dtype, device=self.loc.device)
        for first in range(1, self.levels, 16):
            k = torch.arange(first, min(first + 16, self.levels), device=self.loc.device)
            above = torch.sigmoid((self.loc[..., None] - (k - 0.5) * step) * inverse)
            mean = mean + above.sum(-1) * step
            square = square + (above * (2 * k - 1)).sum(-1) * step**2
        return mean, square

    def log_prob(self, value: Tensor) -> Tensor:
        half = 0.5 / (self.levels - 1)
        inverse = torch.exp(-self.log_scale)
        centre = (value - self.loc) * inverse
        lowest, highest = value < half, value > 1 - half
        below = F.logsigmoid(centre + half * inverse)  # log F(upper end of the bin)
        above = F.logsigmoid(half * inverse - centre)  # log (1 - F(lower end of the bin))
        width = torch.log(-torch.expm1(-2 * half * inverse))
        inner = torch.where(lowest | highest, 0.0, width)
        return torch.where(highest, 0.0, below) + torch.where(lowest, 0.0, above) + inner

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            x = self.loc + torch.exp(self.log_scale) * _logistic(shape, self.loc)
            return (x.clamp(0.0, 1.0) * (self.levels - 1)).round() / (self.levels - 1)


class DiscretizedLogisticMixture(OneNumber):
    """A mixture of M discretised logistics: `logits`, `loc` and `log_scale` are all (..., M)."""

    def __init__(self, logits: Tensor, loc: Tensor, log_scale: Tensor, levels: int) -> None:
        super().__init__(logits[..., 0], loc[..., 0], log_scale[..., 0])
        self.logits, self.levels = logits, levels
        self.part = DiscretizedLogistic(loc, log_scale, levels)

    @property
    def mean(self) -> Tensor:
        return (torch.softmax(self.logits, -1) * self.part.mean).sum(-1)

    @property
    def variance(self) -> Tensor:
        mean, square = self.part._moments()
        weight = torch.softmax(self.logits, -1)
        return ((weight * square).sum(-1) - (weight * mean).sum(-1) ** 2).clamp(min=0.0)

    def log_prob(self, value: Tensor) -> Tensor:
        joint = self.logits + self.part.log_prob(value[..., None])
        return torch.logsumexp(joint, -1) - torch.logsumexp(self.logits, -1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        x = self.part.sample(sample_shape)
        with torch.no_grad():
            return x.gather(-1, _pick(self.logits.expand(x.shape), Size())[..., None])[..., 0]


class Elementwise(Distribution):
    """A sample's distribution: independent numbers, the last `event_ndim` dimensions of `base`.

    Its log-probability is their sum. With `missing`, entries of x that are NaN are left out of it,
    which is exactly the marginal probability of the entries that were observed.
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(self, base: Distribution, event_ndim: int, missing: bool = False) -> None:
        self.base, self.event_ndim, self.missing = base, event_ndim, missing
        split = len(base.batch_shape) - event_ndim
        super().__init__(base.batch_shape[:split], base.batch_shape[split:], validate_args=False)

    @property
    def has_rsample(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.base.has_rsample

    @property
    def mean(self) -> Tensor:
        return self.base.mean

    @property
    def variance(self) -> Tensor:
        return self.base.variance

    def log_probs(self, value: Tensor) -> Tensor:
        """Log p of each entry of x on its own, 0 where it is missing: the shape of `base`."""
        if not self.missing:
            return self.base.log_prob(value)
        unseen = torch.isnan(value)
        # 0 is in every support; the gradient of a NaN that is masked afterwards would be NaN.
        seen = torch.where(unseen, 0.0, value)
        return torch.where(unseen, 0.0, self.base.log_prob(seen))

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_probs(value).flatten(-self.event_ndim).sum(-1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return self.base.sample(Size(sample_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self.base.rsample(Size(sample_shape))


class Dirac(Distribution):
    """All mass at `value` (..., D): the posterior of an autoencoder, whose code is certain.

    It has no density; `log_prob` is 0 at the value and minus infinity elsewhere.
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(self, value: Tensor) -> None:
        self.value = value
        super().__init__(value.shape[:-1], value.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.value

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.value)

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.where((value == self.value).all(-1), 0.0, -math.inf)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return self.rsample(sample_shape).detach()

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self.value.expand(self._extended_shape(Size(sample_shape)))


def _grid(levels: int, like: Tensor) -> Tensor:
    """K / (L - 1), (L,)."""
    return torch.arange(levels, dtype=like.dtype, device=like.device) / (levels - 1)


def _pick(logits: Tensor, sample_shape: Size) -> Tensor:
    """Categorical draws by Gumbel's trick, sample_shape + logits.shape[:-1]."""
    noise = torch.empty(sample_shape + logits.shape, dtype=logits.dtype, device=logits.device)
    return (logits - torch.log(noise.exponential_())).argmax(-1)


def _logistic(shape: Size, like: Tensor) -> Tensor:
    """Standard logistic noise."""
    u = torch.rand(shape, dtype=like.dtype, device=like.device)
    return torch.logit(u, eps=1e-7)
