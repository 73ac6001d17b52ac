"""Distributions over counts, exact to float32 also where their factorials are large.

log Gamma of a large number has no digits left after the point in float32; where two of them almost
cancel, Stirling's series does the subtraction by hand.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Size, Tensor
from torch.distributions import Gamma

from .distributions import LOG_2PI, OneNumber, Shape


class Poisson(OneNumber):
    """A count, with mean e^log_rate.

    With d = log_rate - log x, log p(x) = x d - x (e^d - 1) + (a function of x alone), which unlike
    x log_rate - rate does not lose its digits for large counts.
    """

    def __init__(self, log_rate: Tensor) -> None:
        super().__init__(log_rate)
        self.log_rate = log_rate

    @property
    def mean(self) -> Tensor:
        return torch.exp(self.log_rate)

    @property
    def variance(self) -> Tensor:
        return self.mean

    def log_prob(self, value: Tensor) -> Tensor:
        x = value.clamp(min=1.0)
        d = self.log_rate - torch.log(x)
        return value * d - x * torch.expm1(d) - _stirling(value)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            return torch.poisson(self.mean.expand(self._extended_shape(Size(sample_shape))))


class NegativeBinomial(OneNumber):
    """A count with mean m = e^log_mean and variance m + m^2 / r, r = e^log_count.

    A Poisson count whose rate is gamma-distributed; r -> infinity is the Poisson distribution.
    log p(x) = -log B(r, x + 1) - log(x + r) + x log(m / (r + m)) + r log(r / (r + m)).
    """

    def __init__(self, log_mean: Tensor, log_count: Tensor) -> None:
        super().__init__(log_mean, log_count)
        self.log_mean, self.log_count = log_mean, log_count

    @property
    def mean(self) -> Tensor:
        return torch.exp(self.log_mean).expand(self.batch_shape)

    @property
    def variance(self) -> Tensor:
        return self.mean + torch.exp(2 * self.log_mean - self.log_count)

    def log_prob(self, value: Tensor) -> Tensor:
        r = torch.exp(self.log_count)
        odds = self.log_mean - self.log_count
        ways = -_log_beta(r, value + 1) - torch.log(value + r)
        return ways - value * F.softplus(-odds) - r * F.softplus(odds)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            r = torch.exp(self.log_count).expand(shape)
            return torch.poisson(Gamma(r, r, validate_args=False).sample() * self.mean)


def _stirling(x: Tensor) -> Tensor:
    """Log x! - x log x + x, (1 at x = 0): by Stirling's series where the terms would cancel."""
    at_least_1 = x.clamp(min=1.0)
    exact = torch.lgamma(x + 1) - x * torch.log(at_least_1) + at_least_1
    y = x.clamp(min=8.0)
    series = 0.5 * (LOG_2PI + torch.log(y)) + _tail(y)
    return torch.where(x < 8, exact, series)


def _tail(y: Tensor) -> Tensor:
    """What Stirling's formula lacks of log Gamma(y), for y >= 8."""
    inverse = 1 / y
    return inverse * (1 / 12 - inverse * inverse * (1 / 360 - inverse * inverse / 1260))


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    """Log B(a, b), to the last digits also where its log Gammas are large and cancel."""
    p, q = torch.minimum(a, b), torch.maximum(a, b)
    exact = torch.lgamma(p) + torch.lgamma(q) - torch.lgamma(p + q)
    q = q.clamp(min=8.0)
    drop = (p + q - 0.5) * torch.log1p(p / q) + p * torch.log(q) - p - _tail(q) + _tail(p + q)
    return torch.where(torch.maximum(a, b) < 8, exact, torch.lgamma(p) - drop)
