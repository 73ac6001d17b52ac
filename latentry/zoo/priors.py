"""Models whose prior is learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.posteriors import Posterior
from ..core.priors import FLOWS, FlowPrior, LearnedMixture, Prior, VampPrior
from ..estimator import Estimator, option
from .checks import at_least, one_of


@dataclass(eq=False, repr=False)
class FlowPriorVAE(Estimator):
    """VAE with a flow prior: p(z) is learned by a normalizing flow instead of held at N(0, I).

    Chen et al., 2017, https://arxiv.org/abs/1611.02731 (autoregressive flow prior)
    Durkan et al., 2019, https://arxiv.org/abs/1906.04032 (the spline flow)
    """

    flow: str = option("spline", "spline, autoregressive or coupling")
    transforms: int = option(3, "transformations in the flow")

    def build_prior(self, condition: int) -> Prior | None:
        one_of("flow", self.flow, FLOWS)
        return FlowPrior(self.latent, condition, flow=self.flow, transforms=self.transforms)


@dataclass(eq=False, repr=False)
class VampPriorVAE(Estimator):
    """VAE with a VampPrior: the prior is the mean posterior of learned pseudo-inputs.

    Tomczak & Welling, 2018, https://arxiv.org/abs/1705.07120
    """

    components: int = option(100, "pseudo-inputs")

    def build_prior(self, condition: int) -> Prior | None:
        at_least("components", self.components, 1)
        return VampPrior(self.latent, self.components, condition)

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        assert isinstance(prior, VampPrior)
        prior.bind(posterior, likelihood.shape)
        return super().build_model(posterior, prior, likelihood)


@dataclass(eq=False, repr=False)
class MixturePriorVAE(Estimator):
    """VAE with a mixture of Gaussians as its prior, whose components are clusters of the data.

    Dilokthanakul et al., 2017, https://arxiv.org/abs/1611.02648
    """

    components: int = option(10, "Gaussians in the prior")

    def build_prior(self, condition: int) -> Prior | None:
        at_least("components", self.components, 1)
        return LearnedMixture(self.latent, self.components)

    @torch.inference_mode()
    def predict(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The component that each row's code most likely comes from, (N,), whole numbers."""
        codes = torch.from_numpy(self.transform(X, condition=condition)).to(self._device)
        prior: Any = self.model_.get_submodule("prior")
        return prior.component(codes).argmax(1).cpu().numpy()
