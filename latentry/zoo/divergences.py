"""Models that hold the codes to the prior by something else than the KL of each posterior."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core.bounds import Elbo, Reconstruction
from ..core.objective import Objective
from ..core.penalties import KERNELS, MMD, PriorCritic, SlicedWasserstein
from ..core.posteriors import DiracPosterior, Posterior
from ..core.schedules import linear
from ..data.schema import Schema
from ..estimator import Estimator, option
from .autoencoders import squared_error
from .checks import at_least, one_of


@dataclass(eq=False, repr=False)
class Wasserstein(Estimator):
    """A deterministic code whose distribution over the data is held to the prior by a penalty."""

    def build_posterior(self, body: nn.Module) -> Posterior:
        return DiracPosterior(body, self.latent)

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        return squared_error(schema) or super().choose_likelihood(schema)


@dataclass(eq=False, repr=False)
class WAEMMD(Wasserstein):
    """WAE-MMD: an autoencoder whose codes are held to the prior by the mean discrepancy.

    Tolstikhin et al., 2018, https://arxiv.org/abs/1711.01558
    """

    weight: float = option(10.0, "weight of the discrepancy")
    kernel: str = option("imq", "imq (inverse multiquadratic) or rbf")

    def objective(self) -> Objective:
        at_least("weight", self.weight, 0.0)
        one_of("kernel", self.kernel, KERNELS)
        return Objective(Reconstruction(), MMD(self.weight, self.kernel))


@dataclass(eq=False, repr=False)
class SlicedWAE(Wasserstein):
    """Sliced-Wasserstein autoencoder: codes and prior are compared on random lines.

    Kolouri et al., 2019, https://arxiv.org/abs/1804.01947
    """

    weight: float = option(1.0, "weight of the squared distance")
    projections: int = option(50, "random lines for each batch")

    def objective(self) -> Objective:
        at_least("weight", self.weight, 0.0)
        at_least("projections", self.projections, 1)
        return Objective(Reconstruction(), SlicedWasserstein(self.weight, self.projections))


@dataclass(eq=False, repr=False)
class AdversarialAE(Wasserstein):
    """Adversarial autoencoder: a critic learns to tell codes from the prior, the encoder to pass.

    Makhzani et al., 2016, https://arxiv.org/abs/1511.05644
    """

    weight: float = option(1.0, "weight of passing as the prior")

    def objective(self) -> Objective:
        at_least("weight", self.weight, 0.0)
        return Objective(Reconstruction(), PriorCritic(self.latent, self.weight))


@dataclass(eq=False, repr=False)
class InfoVAE(Estimator):
    """InfoVAE: less of the rate, which costs information, and more of the codes' own divergence.

    Zhao, Song & Ermon, 2019, https://arxiv.org/abs/1706.02262

    The loss is the distortion + (1 - alpha) rate + (alpha + lambda - 1) MMD(q(z), p(z)); alpha 1
    leaves the discrepancy alone (an MMD-VAE), alpha 0 with lambda 1 is a VAE.
    """

    alpha: float = option(0.0, "information that is preferred: 1 takes the whole rate away")
    scale: float = option(100.0, "lambda, the weight of the divergence of the codes")
    kernel: str = option("rbf", "imq (inverse multiquadratic) or rbf")

    def objective(self) -> Objective:
        at_least("1 - alpha", 1 - self.alpha, 0.0)
        at_least("alpha + scale - 1", self.alpha + self.scale - 1, 0.0)
        one_of("kernel", self.kernel, KERNELS)
        bound = Elbo(linear(0.0, 1 - self.alpha, self.warmup), settled=self.warmup)
        return Objective(bound, MMD(self.alpha + self.scale - 1, self.kernel))
