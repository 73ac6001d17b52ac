"""Models whose posterior is more than a Gaussian with independent dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from ..building import Plan
from ..core.flows import FlowPosterior, InverseAutoregressive, Planar, Radial
from ..core.hamiltonian import TEMPERINGS, Hamiltonian, Leapfrog
from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.posteriors import Posterior
from ..core.priors import Prior
from ..core.riemannian import GeneralisedLeapfrog, Riemannian
from ..errors import LatentryError
from ..estimator import Estimator, option
from .checks import at_least, one_of

Path = TypeVar("Path", bound=Leapfrog)


@dataclass(eq=False, repr=False)
class PlanarVAE(Estimator):
    """Planar-flow VAE: the posterior is a Gaussian pressed or spread about planes of its choice.

    Rezende & Mohamed, 2015, https://arxiv.org/abs/1505.05770
    """

    flows: int = option(10, "planar maps in a row")

    def build_posterior(self, body: nn.Module) -> Posterior:
        at_least("flows", self.flows, 1)
        return FlowPosterior(body, self.latent, [Planar(self.latent) for _ in range(self.flows)])


@dataclass(eq=False, repr=False)
class RadialVAE(Estimator):
    """Radial-flow VAE: the posterior is a Gaussian drawn to points of its choice, or off them.

    Rezende & Mohamed, 2015, https://arxiv.org/abs/1505.05770
    """

    flows: int = option(10, "radial maps in a row")

    def build_posterior(self, body: nn.Module) -> Posterior:
        at_least("flows", self.flows, 1)
        return FlowPosterior(body, self.latent, [Radial(self.latent) for _ in range(self.flows)])


@dataclass(eq=False, repr=False)
class IAFVAE(Estimator):
    """IAF-VAE: the posterior is a Gaussian carried through inverse autoregressive flows.

    Kingma et al., 2016, https://arxiv.org/abs/1606.04934
    """

    flows: int = option(3, "autoregressive maps in a row, each in the reverse order of the last")
    context: int = option(64, "features of the encoder that each map is told")
    width: int = option(64, "hidden units of each autoregressive net, which has two hidden layers")

    def build_posterior(self, body: nn.Module) -> Posterior:
        for field in ("flows", "context", "width"):
            at_least(field, getattr(self, field), 1)
        sizes = (self.width, self.width)
        flows = [
            InverseAutoregressive(self.latent, self.context, sizes, reverse=bool(i % 2))
            for i in range(self.flows)
        ]
        return FlowPosterior(body, self.latent, flows, shared=True)


@dataclass(eq=False, repr=False)
class HamiltonianVAE(Estimator):
    """Hamiltonian VAE: each code takes some steps along the gradient of log p(x, z), with momentum.

    Caterini, Doucet & Sejdinovic, 2018, https://arxiv.org/abs/1805.11328

    The code that `transform` gives is where the Gaussian's mean comes to without momentum.
    """

    steps: int = option(3, "leapfrog steps, each with a pass back and forth through the decoder")
    step: float = option(0.05, "size of a step at first; each dimension learns its own")
    largest: float = option(0.5, "largest size of a step")
    tempering: str = option("quadratic", "cooling of the momentum: quadratic, free or none")
    beta: float = option(0.5, "inverse temperature at the start, at first; it is learned")

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        assert prior is not None
        return Hamiltonian(posterior, prior, likelihood, self.build_leapfrog(Leapfrog))

    def build_leapfrog(self, kind: type[Path]) -> Path:
        """The steps and their cooling."""
        at_least("steps", self.steps, 1)
        at_least("step", self.step, 0.0, above=True)
        one_of("tempering", self.tempering, TEMPERINGS)
        if self.step >= self.largest:
            raise LatentryError(
                f"step={self.step}: the first step is below largest={self.largest}."
            )
        if not 0 < self.beta < 1:
            raise LatentryError(f"beta={self.beta}: give a number between 0 and 1.")
        return kind(
            self.latent,
            self.steps,
            first=self.step,
            largest=self.largest,
            tempering=self.tempering,
            beta=self.beta,
        )


@dataclass(eq=False, repr=False)
class RiemannianHVAE(HamiltonianVAE):
    """Riemannian Hamiltonian VAE: codes travel in a learned metric, easily where data are encoded.

    Chadebec, Mantoux & Allassonniere, 2020, https://arxiv.org/abs/2010.11518
    Chadebec et al., 2022, https://arxiv.org/abs/2105.00026
    """

    centres: int = option(20, "rows of the data whose codes the metric is built around")
    reach: float = option(1.5, "distance at which the metric forgets a centre")
    floor: float = option(0.01, "least ease of travel, far from all centres")
    # Small systems of equations gain nothing by it, and take minutes to compile.
    compile: Any = option(False, "compile the training step: true, false, or auto")

    def build(self, plan: Plan) -> LatentModel:
        at_least("centres", self.centres, 1)
        at_least("reach", self.reach, 0.0, above=True)
        at_least("floor", self.floor, 0.0, above=True)
        prior = self.build_prior(plan.condition)
        assert prior is not None
        return Riemannian(
            self.build_posterior(plan.encoder()),
            prior,
            plan.likelihood(plan.decoder(self.latent)),
            self.build_leapfrog(GeneralisedLeapfrog),
            plan.encoder(),
            centres=self.centres,
            reach=self.reach,
            floor=self.floor,
            condition=plan.condition,
        )
