"""Variational autoencoders with one Gaussian code and the evidence lower bound."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Self

from ..core.bounds import Elbo
from ..core.constraint import Constrained
from ..core.objective import Objective
from ..core.priors import ConditionalNormal, Prior, StandardNormal
from ..core.schedules import cyclical, linear
from ..data.schema import Schema
from ..estimator import Estimator, option
from .autoencoders import squared_error
from .checks import at_least, one_of


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
        one_of("annealing", self.annealing, ANNEALINGS)
        at_least("cycles", self.cycles, 1)
        if self.annealing == "linear" or self.warmup == 0:
            weight = linear(0.0, 1.0, self.warmup)
        else:
            weight = cyclical(1.0, self.cycles, share=self.warmup)
        return Objective(Elbo(weight, settled=self.warmup))


@dataclass(eq=False, repr=False)
class FreeBitsVAE(Estimator):
    """Free-bits VAE: each latent dimension has some nats for nothing, so that none is given up.

    Kingma et al., 2016, https://arxiv.org/abs/1606.04934 (section C.8)
    """

    free_bits: float = option(0.1, "nats that each dimension has free, on average over a batch")

    def objective(self) -> Objective:
        at_least("free_bits", self.free_bits, 0.0)
        beta = linear(0.0, 1.0, self.warmup)
        return Objective(Elbo(beta, settled=self.warmup, free_bits=self.free_bits))


@dataclass(eq=False, repr=False)
class GECO(Estimator):
    """GECO: you say how good the reconstruction has to be, and the rate is the least for that.

    Rezende & Viola, 2018, https://arxiv.org/abs/1810.00597
    """

    target: float = option(0.1, "root mean squared error of a value that is allowed, model's scale")

    def objective(self) -> Objective:
        at_least("target", self.target, 0.0, above=True)
        return Constrained(self.target)

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        if squared_error(schema) is None:
            return super().choose_likelihood(schema)
        return f"gaussian:sigma={self.target:g}", "likelihood gaussian, its scale the target error"


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
        one_of("prior", self.prior, PRIORS)
        if how.get("condition") is None:
            warnings.warn(
                "ConditionalVAE was fitted without condition=: it is a plain VAE.", stacklevel=2
            )
        return super().fit(X, y, **how)

    def build_prior(self, condition: int) -> Prior | None:
        if self.prior == "learned" and condition:
            return ConditionalNormal(self.latent, condition)
        return StandardNormal(self.latent)
