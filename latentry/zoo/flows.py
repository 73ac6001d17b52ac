"""Models with normalizing flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from ..core.priors import FLOWS, FlowPrior, Prior
from ..errors import LatentryError, suggest
from ..estimator import Estimator, option


@dataclass(eq=False, repr=False)
class FlowPriorVAE(Estimator):
    """VAE with a flow prior: p(z) is learned by a normalizing flow instead of held at N(0, I).

    Chen et al., 2017, https://arxiv.org/abs/1611.02731 (autoregressive flow prior)
    Durkan et al., 2019, https://arxiv.org/abs/1906.04032 (the spline flow)
    """

    flow: str = option("spline", "spline, autoregressive or coupling")
    transforms: int = option(3, "transformations in the flow")

    def fit(self, X: Any, y: Any = None, **how: Any) -> Self:
        if self.flow not in FLOWS:
            raise LatentryError(
                f"flow={self.flow!r} is unknown; there are {', '.join(FLOWS)}."
                + suggest(self.flow, FLOWS)
            )
        return super().fit(X, y, **how)

    def build_prior(self, condition: int) -> Prior | None:
        return FlowPrior(self.latent, condition, flow=self.flow, transforms=self.transforms)
