"""Models whose codes live in a space that is not flat."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.distributions import Distribution

from .. import building
from ..core.hyperbolic import Gyroplanes, WrappedPosterior, WrappedPrior
from ..core.models import LatentModel
from ..core.posteriors import Posterior
from ..core.priors import Prior
from ..core.spheres import Around, PowerSpherical, SpherePrior, VonMisesFisher
from ..estimator import Estimator, option
from .checks import at_least, one_of

LAWS: dict[str, type[Around]] = {"vmf": VonMisesFisher, "power-spherical": PowerSpherical}


class SpherePosterior(Posterior):
    """A distribution on the sphere around the direction that the encoder gives."""

    def __init__(self, body: nn.Module, latent: int, law: type[Around]) -> None:
        super().__init__(body, latent)
        self.law = law
        self.head = nn.Linear(int(body.out_features), latent + 1)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        direction, raw = self.head(self.body(x, c)).float().split([self.latent, 1], -1)
        loc = direction / direction.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        return self.law(loc, nn.functional.softplus(raw[..., 0]) + 1.0)


@dataclass(eq=False, repr=False)
class HypersphericalVAE(Estimator):
    """Hyperspherical VAE: codes on a sphere, with a uniform prior that pulls to no centre.

    Davidson et al., 2018, https://arxiv.org/abs/1804.00891
    De Cao & Aziz, 2020, https://arxiv.org/abs/2006.04437 (the power spherical posterior)

    A code has `latent` numbers of length 1 together: it lies on a sphere of latent - 1 dimensions.
    """

    posterior: str = option("vmf", "vmf (von Mises-Fisher), or power-spherical")

    def build_posterior(self, body: nn.Module) -> Posterior:
        at_least("latent", self.latent, 2)
        one_of("posterior", self.posterior, list(LAWS))
        return SpherePosterior(body, self.latent, LAWS[self.posterior])

    def build_prior(self, condition: int) -> Prior | None:
        return SpherePrior(self.latent)


@dataclass(eq=False, repr=False)
class PoincareVAE(Estimator):
    """Poincare VAE: codes in hyperbolic space, which has room for trees.

    Mathieu et al., 2019, https://arxiv.org/abs/1901.06033
    """

    curvature: float = option(1.0, "how hyperbolic the space is: c of its curvature -c")
    planes: int = option(64, "hyperplanes whose distances from the code the decoder sees")

    def build_posterior(self, body: nn.Module) -> Posterior:
        return WrappedPosterior(body, self.latent, self.curvature)

    def build_prior(self, condition: int) -> Prior | None:
        return WrappedPrior(self.latent, self.curvature)

    def build(self, plan: building.Plan) -> LatentModel:
        at_least("curvature", self.curvature, 0.0, above=True)
        at_least("planes", self.planes, 1)
        posterior = self.build_posterior(plan.encoder())
        decoder = plan.decoder(self.planes)
        body = Gyroplanes(self.latent, self.planes, self.curvature, decoder)
        likelihood = plan.likelihood(body)
        return self.build_model(posterior, self.build_prior(plan.condition), likelihood)
