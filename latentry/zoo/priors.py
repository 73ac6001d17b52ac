"""Models whose prior is learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.exemplars import ExemplarPrior, WithExemplars
from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.posteriors import Posterior
from ..core.priors import FLOWS, FlowPrior, LearnedMixture, Prior, VampPrior
from ..estimator import ROWS_AT_ONCE, Estimator, option
from ..training.sources import Source
from .checks import at_least, one_of, share


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
class ExemplarVAE(Estimator):
    """Exemplar VAE: the prior is a mixture of Gaussians around the codes of the training rows.

    Norouzi et al., 2020, https://arxiv.org/abs/2004.04795

    A saved model holds the codes of the exemplars, not the exemplars. A training row that is
    scored is among its own exemplars: what tells how good the model is are rows it did not see.
    """

    exemplars: int = option(50_000, "training rows that are exemplars, at most")
    neighbours: int = option(10, "nearest exemplars that a step encodes anew for each row")
    share: float = option(0.5, "share of the exemplars that a step takes, at random")

    def build_prior(self, condition: int) -> Prior | None:
        at_least("exemplars", self.exemplars, 2)
        at_least("neighbours", self.neighbours, 1)
        share("share", self.share)
        return ExemplarPrior(self.latent, condition, self.neighbours, self.share)

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        assert isinstance(prior, ExemplarPrior)
        return WithExemplars(posterior, prior.bind(posterior), likelihood)

    def number_rows(self, rows: int) -> np.ndarray:
        chosen = np.linspace(0, rows - 1, min(self.exemplars, rows)).round().astype(np.int64)
        numbers = np.full(rows, -1)
        numbers[chosen] = np.arange(len(chosen))
        return numbers

    def prepare(self, source: Source, folder: Path | None) -> None:
        model = self.model_
        assert isinstance(model, WithExemplars)
        held, given = [], []
        for raw, c in source.all(ROWS_AT_ONCE):
            assert c is not None
            own = c[:, -1] >= 0
            held.append(self.scaler_(raw[own]))
            given.append(model.split(c[own])[0])
        known = [each for each in given if each is not None]
        model.prior.hold(torch.cat(held), torch.cat(known) if known else None)

    def complete(self, source: Source) -> None:
        prior: Any = self.model_.get_submodule("prior")
        prior.release()


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
