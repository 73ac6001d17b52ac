"""Models whose posterior is more than a Gaussian with independent dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core.flows import FlowPosterior, InverseAutoregressive, Planar, Radial
from ..core.posteriors import Posterior
from ..estimator import Estimator, option
from .checks import at_least


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
