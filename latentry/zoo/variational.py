"""Variational autoencoders with one Gaussian code and the evidence lower bound."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

from ..core.bounds import Elbo
from ..core.objective import Objective
from ..core.priors import ConditionalNormal, Prior, StandardNormal
from ..core.schedules import cyclical, linear
from ..errors import LatentryError, suggest
from ..estimator import Estimator, option


@dataclass(eq=False, repr=False)
class VAE(Estimator):
    """Variational autoencoder: a Gaussian code, a standard normal prior, and the ELBO.

    Kingma & Welling, 2014, https://arxiv.org/abs/1312.6114
    """


@dataclass(eq=False, repr=False)
class SigmaVAE(Estimator):
    """sigma-VAE: a Gaussian likelihood whose one variance is learned, which balances the bound.

    Rybkin, Daniilidis & Levine, 2021, https://arxiv.org/abs/2006.13202
    """

    likelihood: str = option("gaussian-shared", "likelihood p(x|z)")


@dataclass(eq=False, repr=False)
class BetaVAE(Estimator):
    """beta-VAE: a VAE whose rate is weighted by beta, trading reconstruction for disentanglement.

    Higgins et al., 2017, https://openreview.net/forum?id=Sy2fzU9gl
    """

    beta: float = option(4.0, "weight of the rate, KL(q(z|x) || p(z))")

    def objective(self) -> Objective:
        if self.beta < 0:
            raise LatentryError(f"beta={self.beta}: the weight of the rate is 0 or more.")
        return Objective(Elbo(linear(0.0, self.beta, self.warmup), settled=self.warmup))


ANNEALINGS = ("linear", "cyclical")


@dataclass(eq=False, repr=False)
class AnnealedVAE(Estimator):
    """Annealed VAE: the rate's weight rises from 0 to 1, once or in cycles, against collapse.

    Bowman et al., 2016, https://arxiv.org/abs/1511.06349 (linear)
    Fu et al., 2019, https://arxiv.org/abs/1903.10145 (cyclical)
    """

    warmup: float = option(0.5, "share of all steps over which the weight is annealed")
    annealing: str = option("linear", "linear or cyclical")
    cycles: int = option(4, "how many times it rises, when cyclical")

    def objective(self) -> Objective:
        if self.annealing not in ANNEALINGS:
            raise LatentryError(
                f"annealing={self.annealing!r} is unknown; there are {' and '.join(ANNEALINGS)}."
                + suggest(self.annealing, ANNEALINGS)
            )
        if self.cycles < 1:
            raise LatentryError(f"cycles={self.cycles}: the weight rises at least once.")
        if self.annealing == "linear" or self.warmup == 0:
            weight = linear(0.0, 1.0, self.warmup)
        else:
            weight = cyclical(1.0, self.cycles, share=self.warmup)
        return Objective(Elbo(weight, settled=self.warmup))


PRIORS = ("standard", "learned")


@dataclass(eq=False, repr=False)
class ConditionalVAE(Estimator):
    """Conditional VAE: encoder and decoder are told the label (or any condition) of each sample.

    Sohn, Lee & Yan, 2015, https://papers.nips.cc/paper/5775

    `fit(X, condition=labels)`, then `sample(n, condition=label)`. Fitted without a condition it
    is a plain VAE.
    """

    prior: str = option("standard", "p(z|c): standard normal, or learned (a mean for each class)")

    def fit(self, X: Any, y: Any = None, **how: Any) -> Self:
        if self.prior not in PRIORS:
            raise LatentryError(
                f"prior={self.prior!r} is unknown; there are {' and '.join(PRIORS)}."
                + suggest(self.prior, PRIORS)
            )
        if how.get("condition") is None:
            warnings.warn(
                "ConditionalVAE was fitted without condition=: it is a plain VAE.", stacklevel=2
            )
        return super().fit(X, y, **how)

    def build_prior(self, condition: int) -> Prior | None:
        if self.prior == "learned" and condition:
            return ConditionalNormal(self.latent, condition)
        return StandardNormal(self.latent)
