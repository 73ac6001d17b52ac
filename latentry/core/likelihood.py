"""What all likelihoods share: the module, the floors of its scales, and the checks of its data.

All scales have floors (and counts a ceiling), so that no log-probability can grow without bound:
see the constants. Each floor is soft, so that what reaches it still has a gradient to leave it by.
"""

from __future__ import annotations

import abc
import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from ..errors import LatentryError
from .distributions import Elementwise

MIN_LOG_SCALE = -6.0
"""The least log standard deviation (or Student-t scale) in the model's scale: 0.0025."""
MIN_LOG_STEPS = -2.0
"""The least log scale of a discretised logistic, in steps between two levels: 0.14 steps."""
MAX_LOG_RATE = 20.0
"""The largest log mean of a count: 4.9e8."""
MAX_LOG_COUNT = 7.0
"""A negative binomial's r lies within exp(-7) .. exp(7), 0.0009 .. 1097."""
MAX_DF = 1000.0
"""A Student-t's degrees of freedom lie within 1 .. 1001: beyond, it is a normal distribution."""

# Adam moves every parameter by about its rate in each step, whatever its meaning. A log scale has
# to travel a distance of some units, a weight a few hundredths: it is given a longer stride.
STRIDE = 10.0


def at_least(floor: float, x: Tensor) -> Tensor:
    """x, bent so that it never falls below `floor`."""
    return floor + F.softplus(x - floor)


class LogScale(nn.Module):
    """A learned log scale of `shape`, at least MIN_LOG_SCALE; 0 at first."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self) -> Tensor:
        return at_least(MIN_LOG_SCALE, STRIDE * self.weight.float())

    @torch.no_grad()
    def set(self, log_scale: Tensor) -> None:
        """Start from this log scale."""
        above = (log_scale - MIN_LOG_SCALE).clamp(min=1e-2)
        # The inverse of softplus.
        raw = MIN_LOG_SCALE + above + torch.log(-torch.expm1(-above))
        self.weight.copy_(raw / STRIDE)


class Likelihood(nn.Module, abc.ABC):
    """p(x | z) for samples of a `shape`, from a decoder body.

    `body` maps (N, D [+ C]) to (N, n_params, *body_shape). `levels` is how many values a number can
    take where the data has levels, `missing` whether NaN in a sample means "not observed".
    """

    name: ClassVar[str]
    discrete: ClassVar[bool]
    """True where log_prob is that of a probability, False where it is that of a density."""
    normalized: ClassVar[bool] = True
    """False for a distance in place of a distribution."""
    reads: ClassVar[str | None] = None
    """The kind of values (Schema.values) as which it takes real numbers; None: as they are."""
    improper: ClassVar[dict[str, str]] = {}
    """For which kinds of values its numbers need a caveat though it accepts them, and which."""

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], *, levels: int = 256, missing: bool = False
    ) -> None:
        super().__init__()
        self.body, self.shape = body, tuple(shape)
        self.levels, self.missing = levels, missing

    @classmethod
    def n_params(cls, *, levels: int = 256, **options: object) -> int:
        """How many numbers for each dimension of a sample the body has to make."""
        return 1

    @classmethod
    def body_shape(cls, shape: tuple[int, ...], **options: object) -> tuple[int, ...]:
        """The shape of each of these: a sample's own, unless its entries are not alike."""
        return shape

    def forward(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """p(x | z), batch shape z.shape[:-1], event shape `shape`."""
        return Elementwise(self.each(self.params(z, c)), len(self.shape), self.missing)

    def params(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The body's numbers, (..., n_params, *body_shape), for codes (..., D)."""
        lead = z.shape[:-1]
        if c is not None:
            z = torch.cat([z, c.to(z.dtype).expand(*lead, c.shape[-1])], -1)
        out = self.body(z.reshape(-1, z.shape[-1]))
        # float32 from here on, also where the body ran in half precision.
        return out.float().reshape(*lead, *out.shape[1:])

    @abc.abstractmethod
    def each(self, params: Tensor) -> Distribution:
        """The distribution of each number of a sample from the body's (..., n_params, *shape)."""

    def parts(self, params: Tensor) -> tuple[Tensor, ...]:
        """The body's numbers (..., n_params, *shape), one tensor (..., *shape) for each of them."""
        return params.unbind(-1 - len(self.shape))

    def start(self, x: Tensor) -> None:
        """Set what is learned beside the body from samples x (n, *shape), before training.

        Scales and rates start at those of the best model that ignores its code.
        """

    @abc.abstractmethod
    def check(self, x: Tensor) -> None:
        """Raise LatentryError where x has values that this likelihood gives no probability."""

    @classmethod
    def note(cls, values: str) -> str | None:
        """What to know about its numbers on this kind of values (Schema.values), or None."""
        return cls.improper.get(values)

    @classmethod
    def is_density(cls, values: str) -> bool:
        """Whether exp(log_prob) is a probability or density for this kind of values."""
        return cls.normalized and values not in cls.improper


def observed_range(x: Tensor) -> tuple[float, float]:
    """The smallest and the largest value that was observed; (0, 0) where none was."""
    if x.is_floating_point() and bool(torch.isnan(x).any()):
        x = x[~torch.isnan(x)]
    if x.numel() == 0:
        return 0.0, 0.0
    low, high = torch.aminmax(x)
    return float(low), float(high)


def need_unit(name: str, x: Tensor) -> None:
    low, high = observed_range(x)
    if not 0.0 <= low <= high <= 1.0:
        found = low if low < 0.0 else high
        raise LatentryError(
            f"the {name} likelihood needs values in [0, 1], but the data has {found:g}: "
            "scale it, or use the likelihood gaussian-shared"
        )


def need_finite(name: str, x: Tensor) -> None:
    low, high = observed_range(x)
    if not math.isfinite(low - high):
        found = low if not math.isfinite(low) else high
        raise LatentryError(
            f"the {name} likelihood needs finite values, but the data has {found:g}: "
            "remove it, or replace it by NaN (missing)"
        )


def need_levels(name: str, x: Tensor, levels: int) -> None:
    need_unit(name, x)
    steps = x * (levels - 1)
    off = torch.nan_to_num((steps - steps.round()).abs()) > 1e-2
    if bool(off.any()):
        raise LatentryError(
            f"the {name} likelihood needs values on {levels} levels k / {levels - 1}, but the "
            f"data has {float(x[off][0]):g} between two of them: round it, or use the likelihood "
            "gaussian-shared"
        )


def need_counts(name: str, x: Tensor) -> None:
    need_finite(name, x)
    seen = torch.nan_to_num(x)
    bad = (seen < 0) | (seen != seen.round())
    if bool(bad.any()):
        raise LatentryError(
            f"the {name} likelihood needs counts 0, 1, 2, ..., but the data has "
            f"{float(x[bad][0]):g}: use the likelihood gaussian-shared"
        )


def density_note(values: str) -> str | None:
    if values in ("binary", "levels", "count"):
        return (
            "The likelihood is a density although the data is discrete: its numbers (in nats) "
            "compare only with other densities on the same scale."
        )
    return None


def variance(x: Tensor) -> Tensor:
    """The variance of each dimension of x (n, *shape), to start from, over what was observed.

    None is below a hundredth of their mean: a dimension that hardly varies in the data does vary
    in what a fresh decoder says, and a narrow scale would make that the whole of the loss.
    """
    x = x.float()
    spread = torch.nanmean((x - torch.nanmean(x, 0)) ** 2, 0)
    mean = torch.nanmean(spread).nan_to_num(1.0).clamp(min=math.exp(2 * MIN_LOG_SCALE))
    return torch.maximum(torch.nan_to_num(spread, nan=1.0), 0.01 * mean)
