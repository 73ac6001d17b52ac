"""Likelihoods p(x | z): what a decoder says about a sample given its code.

A likelihood is a module made of a decoder body, which turns a code into `n_params` numbers for each
dimension of a sample, and of whatever else is learned about the noise. Its forward takes codes z
(..., D) and, for conditional models, a condition c (B, C), and returns a torch Distribution with
batch shape z.shape[:-1] and the sample's shape as event shape. Samples are in the model's scale.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from ..errors import LatentryError, suggest
from .columns import ColumnsLikelihood
from .counts import NegativeBinomial, Poisson
from .distributions import (
    Bernoulli,
    ContinuousBernoulli,
    DiscretizedLogistic,
    DiscretizedLogisticMixture,
    Levels,
    Normal,
    StudentT,
)
from .likelihood import (
    MAX_DF,
    MAX_LOG_COUNT,
    MAX_LOG_RATE,
    MIN_LOG_STEPS,
    STRIDE,
    Likelihood,
    LogScale,
    at_least,
    density_note,
    need_counts,
    need_finite,
    need_levels,
    need_unit,
    variance,
)
from .similarity import SimilarityLikelihood


class BernoulliLikelihood(Likelihood):
    """Each number is 0 or 1; the body gives its logit."""

    name = "bernoulli"
    reads = "unit"
    discrete = True
    improper: ClassVar[dict[str, str]] = dict.fromkeys(
        ("levels", "unit"),
        "Bernoulli on values between 0 and 1 is not a normalised density: its numbers (in nats) "
        "compare only with those of the same choice.",
    )

    def each(self, params: Tensor) -> Distribution:
        (logits,) = self.parts(params)
        return Bernoulli(logits)

    def check(self, x: Tensor) -> None:
        need_unit(self.name, x)


class ContinuousBernoulliLikelihood(Likelihood):
    """Each number lies in [0, 1], with the normalised Bernoulli density.

    Loaiza-Ganem & Cunningham, 2019, arXiv 1907.06845.
    """

    name = "continuous-bernoulli"
    reads = "unit"
    discrete = False

    def each(self, params: Tensor) -> Distribution:
        (logits,) = self.parts(params)
        return ContinuousBernoulli(logits)

    def check(self, x: Tensor) -> None:
        need_unit(self.name, x)

    @classmethod
    def note(cls, values: str) -> str | None:
        if values == "binary":
            return (
                "A continuous Bernoulli gives a density on [0, 1], not the probability of 0 or 1: "
                "for binary data use bernoulli."
            )
        return density_note(values)


class GaussianLikelihood(Likelihood):
    """A normal distribution with a fixed standard deviation `sigma` in the model's scale.

    With sigma = 1 its log-probability is minus half the squared error, plus a constant.
    """

    name = "gaussian"
    discrete = False
    log_sigma: Tensor

    def __init__(
        self,
        body: nn.Module,
        shape: tuple[int, ...],
        *,
        levels: int = 256,
        missing: bool = False,
        sigma: float = 1.0,
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        if not (math.isfinite(sigma) and sigma > 0):
            raise LatentryError(f"sigma must be a positive number, not {sigma}: 1 is the usual one")
        self.register_buffer("log_sigma", torch.tensor(math.log(sigma)))

    def each(self, params: Tensor) -> Distribution:
        (loc,) = self.parts(params)
        return Normal(loc, self.log_sigma)

    def check(self, x: Tensor) -> None:
        need_finite(self.name, x)

    @classmethod
    def note(cls, values: str) -> str | None:
        return density_note(values)


class _LearnedGaussian(Likelihood):
    discrete = False
    scale: LogScale

    def each(self, params: Tensor) -> Distribution:
        (loc,) = self.parts(params)
        return Normal(loc, self.scale())

    def check(self, x: Tensor) -> None:
        need_finite(self.name, x)

    @classmethod
    def note(cls, values: str) -> str | None:
        return density_note(values)


class SharedGaussianLikelihood(_LearnedGaussian):
    """A normal distribution with one learned standard deviation for all dimensions.

    It balances distortion against rate by itself: sigma-VAE, Rybkin et al., 2021,
    arXiv 2006.13202. Its optimum is the root mean squared error.
    """

    name = "gaussian-shared"

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], *, levels: int = 256, missing: bool = False
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.scale = LogScale(())

    def start(self, x: Tensor) -> None:
        self.scale.set(0.5 * torch.log(variance(x).mean()))


class DimensionGaussianLikelihood(_LearnedGaussian):
    """A normal distribution with a learned standard deviation for each dimension."""

    name = "gaussian-dimension"

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], *, levels: int = 256, missing: bool = False
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.scale = LogScale(self.shape)

    def start(self, x: Tensor) -> None:
        self.scale.set(0.5 * torch.log(variance(x)))


class StudentTLikelihood(Likelihood):
    """Student's t with a learned scale and learned degrees of freedom for each dimension.

    Heavy tails, so that outliers do not rule the fit: Takahashi et al., 2018, IJCAI,
    https://doi.org/10.24963/ijcai.2018/374.
    """

    name = "student-t"
    discrete = False

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], *, levels: int = 256, missing: bool = False
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.scale = LogScale(self.shape)
        ten = math.log(9 / (MAX_DF - 9)) / STRIDE  # 10 degrees of freedom
        self.freedom = nn.Parameter(torch.full(self.shape, ten))

    def each(self, params: Tensor) -> Distribution:
        df = 1 + MAX_DF * torch.sigmoid(STRIDE * self.freedom.float())
        (loc,) = self.parts(params)
        return StudentT(df, loc, self.scale())

    def start(self, x: Tensor) -> None:
        self.scale.set(0.5 * torch.log(variance(x)))

    def check(self, x: Tensor) -> None:
        need_finite(self.name, x)

    @classmethod
    def note(cls, values: str) -> str | None:
        return density_note(values)


class CategoricalLikelihood(Likelihood):
    """Each number is one of `levels` values; the body gives a logit for every one of them."""

    name = "categorical"
    discrete = True

    @classmethod
    def n_params(cls, *, levels: int = 256, **options: object) -> int:
        return levels

    def each(self, params: Tensor) -> Distribution:
        return Levels(params.movedim(-1 - len(self.shape), -1))

    def check(self, x: Tensor) -> None:
        need_levels(self.name, x, self.levels)


class _Logistic(Likelihood):
    """What the two discretised logistics share; scales start at about a seventh of the range."""

    discrete = True

    def log_scale(self, raw: Tensor) -> Tensor:
        return at_least(MIN_LOG_STEPS - math.log(self.levels - 1), raw - 2.0)

    def check(self, x: Tensor) -> None:
        need_levels(self.name, x, self.levels)


class LogisticLikelihood(_Logistic):
    """Each number is a logistic variable rounded to one of `levels` values.

    Kingma et al., 2016, arXiv 1606.04934; Salimans et al., 2017, arXiv 1701.05517.
    """

    name = "logistic"

    @classmethod
    def n_params(cls, *, levels: int = 256, **options: object) -> int:
        return 2

    def each(self, params: Tensor) -> Distribution:
        loc, raw = self.parts(params)
        return DiscretizedLogistic(loc + 0.5, self.log_scale(raw), self.levels)


class LogisticMixtureLikelihood(_Logistic):
    """Each number is a mixture of `components` logistics rounded to one of `levels` values.

    Salimans et al., 2017, arXiv 1701.05517 (without their coupling of colour channels).
    """

    name = "logistic-mixture"
    centre: Tensor

    def __init__(
        self,
        body: nn.Module,
        shape: tuple[int, ...],
        *,
        levels: int = 256,
        missing: bool = False,
        components: int = 5,
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.n_params(components=components)  # raises where it is no number of components
        # Spread over the range, so that the components do not start alike.
        centre = (torch.arange(components) + 0.5) / components
        self.register_buffer("centre", centre, persistent=False)

    @classmethod
    def n_params(cls, *, levels: int = 256, **options: object) -> int:
        components = options.get("components", 5)
        if not isinstance(components, int) or components < 1:
            raise LatentryError(f"components must be a whole number from 1, not {components}")
        return 3 * components

    def each(self, params: Tensor) -> Distribution:
        logits, loc, raw = params.movedim(-1 - len(self.shape), -1).chunk(3, -1)
        scale = self.log_scale(raw)
        return DiscretizedLogisticMixture(logits, loc + self.centre, scale, self.levels)


class PoissonLikelihood(Likelihood):
    """Each number is a Poisson count; the body gives its log rate, relative to `base`."""

    name = "poisson"
    reads = "count"
    discrete = True
    base: Tensor

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], *, levels: int = 256, missing: bool = False
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.register_buffer("base", torch.zeros(self.shape))

    def log_rate(self, params: Tensor) -> Tensor:
        (raw,) = self.parts(params)
        return MAX_LOG_RATE - F.softplus(MAX_LOG_RATE - (raw + self.base))

    def each(self, params: Tensor) -> Distribution:
        return Poisson(self.log_rate(params))

    def start(self, x: Tensor) -> None:
        # Half a count more, so that a dimension that was always 0 has a rate.
        seen = (~torch.isnan(x)).sum(0).clamp(min=1)
        self.base.copy_(torch.log((torch.nansum(x, 0) + 0.5) / seen))

    def check(self, x: Tensor) -> None:
        need_counts(self.name, x)


class NegativeBinomialLikelihood(PoissonLikelihood):
    """Each number is a negative binomial count with a learned dispersion for each dimension.

    Counts that vary more than Poisson's, as in Lopez et al., 2018,
    https://doi.org/10.1038/s41592-018-0229-2.
    """

    name = "negative-binomial"
    reads = "count"

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], *, levels: int = 256, missing: bool = False
    ) -> None:
        super().__init__(body, shape, levels=levels, missing=missing)
        self.count = nn.Parameter(torch.zeros(self.shape))

    def each(self, params: Tensor) -> Distribution:
        log_count = MAX_LOG_COUNT * torch.tanh(self.count.float() * (STRIDE / MAX_LOG_COUNT))
        return NegativeBinomial(self.log_rate(params), log_count)


LIKELIHOODS: dict[str, type[Likelihood]] = {
    cls.name: cls
    for cls in (
        BernoulliLikelihood,
        ContinuousBernoulliLikelihood,
        GaussianLikelihood,
        SharedGaussianLikelihood,
        DimensionGaussianLikelihood,
        CategoricalLikelihood,
        LogisticLikelihood,
        LogisticMixtureLikelihood,
        StudentTLikelihood,
        PoissonLikelihood,
        NegativeBinomialLikelihood,
        SimilarityLikelihood,
        ColumnsLikelihood,
    )
}
"""Every likelihood by its name."""


def named(name: str) -> type[Likelihood]:
    """The likelihood of that name; LatentryError for an unknown one."""
    if name not in LIKELIHOODS:
        known = ", ".join(LIKELIHOODS)
        raise LatentryError(
            f"no likelihood {name!r}.{suggest(name, LIKELIHOODS)} Known: auto, {known}"
        )
    return LIKELIHOODS[name]


def choose(values: str, kind: str = "vector") -> tuple[str, str]:
    """The likelihood that "auto" stands for, and a sentence that says why.

    `values` and `kind` are a schema's: "binary", "levels", "unit", "count" or "real" values of a
    "vector" or an "image".
    """
    if values == "mixed":
        return "columns", "likelihood columns, because samples are rows of mixed columns"
    what = "pixels" if kind == "image" else "values"
    if values == "binary":
        return "bernoulli", f"likelihood bernoulli, because all {what} are 0 or 1"
    if values == "count":
        return "negative-binomial", f"likelihood negative-binomial, because {what} are counts"
    found = {"levels": "levels of grey", "unit": "real numbers in [0, 1]"}
    return (
        "gaussian-shared",
        f"likelihood gaussian-shared (one learned variance), because {what} are "
        f"{found.get(values, 'real numbers')}",
    )
