"""Models that put pressure on the code, so that its dimensions come to mean something each."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.bounds import Elbo
from ..core.objective import Objective
from ..core.penalties import ESTIMATORS, Covariance, IndependenceCritic, TotalCorrelation
from ..core.schedules import linear
from ..estimator import Estimator, option
from .checks import at_least, one_of


@dataclass(eq=False, repr=False)
class BetaVAE(Estimator):
    """beta-VAE: a VAE whose rate is weighted by beta, trading reconstruction for disentanglement.

    Higgins et al., 2017, https://openreview.net/forum?id=Sy2fzU9gl
    """

    beta: float = option(4.0, "weight of the rate, KL(q(z|x) || p(z))")

    def objective(self) -> Objective:
        at_least("beta", self.beta, 0.0)
        return Objective(Elbo(linear(0.0, self.beta, self.warmup), settled=self.warmup))


@dataclass(eq=False, repr=False)
class CapacityVAE(Estimator):
    """Capacity VAE: the rate is held at a value that rises while training, a dimension at a time.

    Burgess et al., 2018, https://arxiv.org/abs/1804.03599
    """

    capacity: float = option(25.0, "nats that the rate is held at in the end")
    gamma: float = option(30.0, "weight of the rate's distance from it")
    rise: float = option(0.8, "share of all steps over which the capacity rises from 0")

    def objective(self) -> Objective:
        at_least("capacity", self.capacity, 0.0)
        at_least("gamma", self.gamma, 0.0)
        capacity = linear(0.0, self.capacity, self.rise)
        return Objective(Elbo(self.gamma, settled=self.rise, capacity=capacity))


@dataclass(eq=False, repr=False)
class BetaTCVAE(Estimator):
    """beta-TCVAE: of the rate's parts only the total correlation is weighted by beta.

    Chen et al., 2018, https://arxiv.org/abs/1802.04942
    """

    beta: float = option(6.0, "weight of the total correlation")
    estimator: str = option("stratified", "of the total correlation: weighted or stratified")

    def objective(self) -> Objective:
        at_least("beta", self.beta, 0.0)
        one_of("estimator", self.estimator, ESTIMATORS)
        # The rate holds the total correlation once already.
        more = TotalCorrelation(self.beta - 1.0, self.estimator)
        return Objective(Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup), more)


@dataclass(eq=False, repr=False)
class FactorVAE(Estimator):
    """FactorVAE: a critic measures the total correlation of the code, which is made small.

    Kim & Mnih, 2018, https://arxiv.org/abs/1802.05983
    """

    gamma: float = option(10.0, "weight of the total correlation")

    def objective(self) -> Objective:
        at_least("gamma", self.gamma, 0.0)
        bound = Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup)
        return Objective(bound, IndependenceCritic(self.latent, self.gamma))


@dataclass(eq=False, repr=False)
class DIPVAE(Estimator):
    """DIP-VAE: the covariance of the code over the data is drawn to the identity.

    Kumar, Sattigeri & Balakrishnan, 2018, https://arxiv.org/abs/1711.00848
    """

    kind: int = option(2, "1: covariance of the posterior means; 2: of the codes themselves")
    off_diagonal: float = option(10.0, "weight of the covariances")
    diagonal: float = option(10.0, "weight of the variances' distance from 1")

    def objective(self) -> Objective:
        one_of("kind", str(self.kind), ("1", "2"))
        at_least("off_diagonal", self.off_diagonal, 0.0)
        at_least("diagonal", self.diagonal, 0.0)
        bound = Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup)
        return Objective(bound, Covariance(self.off_diagonal, self.diagonal, self.kind))
