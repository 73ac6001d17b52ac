"""Autoencoders: a code without a distribution, and no prior to draw from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core.bounds import Reconstruction
from ..core.corruptions import Corruption
from ..core.objective import Objective
from ..core.posteriors import DiracPosterior, Posterior
from ..core.priors import Prior
from ..data.schema import Schema
from ..estimator import Estimator, option


@dataclass(eq=False, repr=False)
class AE(Estimator):
    """Autoencoder: an encoder and a decoder that reconstruct their input through a narrow code.

    Hinton & Salakhutdinov, 2006, https://doi.org/10.1126/science.1127647

    It has no prior: `sample` draws from a Gaussian mixture fitted to the codes after training.
    """

    def build_posterior(self, body: nn.Module) -> Posterior:
        return DiracPosterior(body, self.latent)

    def build_prior(self, condition: int) -> Prior | None:
        return None

    def objective(self) -> Objective:
        return Objective(Reconstruction())

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        if schema.values in ("binary", "count"):
            return super().choose_likelihood(schema)
        return "gaussian", "likelihood gaussian, because its loss is an autoencoder's squared error"


@dataclass(eq=False, repr=False)
class DenoisingAE(AE):
    """Denoising autoencoder: learns to give back the clean sample from a damaged one.

    Vincent et al., 2008, https://doi.org/10.1145/1390156.1390294
    """

    corruption: str = option("gaussian", "damage: gaussian, masking or salt-and-pepper")
    level: float = option(0.3, "standard deviation of the noise, or share of damaged entries")

    def build_corruption(self) -> nn.Module | None:
        return Corruption(self.corruption, self.level)
