"""Autoencoders: a code without a distribution, and no prior to draw from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core.bounds import Reconstruction
from ..core.corruptions import Corruption
from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.objective import Objective, Penalty
from ..core.penalties import (
    CodeNorm,
    Contraction,
    DecoderGradient,
    DecoderNorm,
    RareActivity,
)
from ..core.posteriors import DiracPosterior, Largest, Posterior
from ..core.priors import Prior
from ..data.schema import Schema
from ..estimator import Estimator, option
from .checks import at_least, one_of


def squared_error(schema: Schema) -> tuple[str, str] | None:
    """The likelihood whose loss is the squared error, and why, where the data are real numbers."""
    if schema.values in ("binary", "count", "mixed"):
        return None
    return "gaussian", "likelihood gaussian, because its loss is an autoencoder's squared error"


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
        return squared_error(schema) or super().choose_likelihood(schema)


@dataclass(eq=False, repr=False)
class DenoisingAE(AE):
    """Denoising autoencoder: learns to give back the clean sample from a damaged one.

    Vincent et al., 2008, https://doi.org/10.1145/1390156.1390294
    """

    corruption: str = option("gaussian", "damage: gaussian, masking or salt-and-pepper")
    level: float = option(0.3, "standard deviation of the noise, or share of damaged entries")

    def build_corruption(self) -> nn.Module | None:
        return Corruption(self.corruption, self.level)


SPARSITIES = ("l1", "kl", "topk")


@dataclass(eq=False, repr=False)
class SparseAE(AE):
    """Sparse autoencoder: a wide code of which few dimensions are used for any one sample.

    Makhzani & Frey, 2014, https://arxiv.org/abs/1312.5663 (topk: only the k largest stay)
    Ng, 2011, https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf (kl: mean activity)
    """

    latent: int = option(100, "dimensions of the latent space")
    sparsity: str = option("topk", "l1 (sum of sizes), kl (to a mean activity) or topk")
    weight: float = option(1.0, "weight of the penalty, for l1 and kl")
    activity: float = option(0.05, "mean activity that kl draws each dimension to")
    k: int = option(10, "dimensions that topk leaves")

    def build_posterior(self, body: nn.Module) -> Posterior:
        one_of("sparsity", self.sparsity, SPARSITIES)
        kinds: dict[str, nn.Module] = {"l1": nn.Identity(), "kl": nn.Sigmoid()}
        keep = kinds.get(self.sparsity) or Largest(self.k)
        return DiracPosterior(body, self.latent, keep)

    def objective(self) -> Objective:
        at_least("weight", self.weight, 0.0)
        if self.sparsity == "l1":
            return Objective(Reconstruction(), CodeNorm(self.weight, 1))
        if self.sparsity == "kl":
            return Objective(Reconstruction(), RareActivity(self.weight, self.activity))
        return Objective(Reconstruction())


@dataclass(eq=False, repr=False)
class ContractiveAE(AE):
    """Contractive autoencoder: the code is made to change little when the sample does.

    Rifai et al., 2011, https://icml.cc/2011/papers/455_icmlpaper.pdf
    """

    contraction: float = option(0.1, "weight of the squared derivative of the code by the sample")

    def objective(self) -> Objective:
        at_least("contraction", self.contraction, 0.0)
        return Objective(Reconstruction(), Contraction(self.contraction))


REGULARISERS = ("l2", "gradient", "spectral")


@dataclass(eq=False, repr=False)
class RAE(AE):
    """Regularised autoencoder: small codes and a smooth decoder, then a density over the codes.

    Ghosh et al., 2020, https://arxiv.org/abs/1903.12436
    """

    code: float = option(1e-2, "weight of half the squared length of the code")
    regulariser: str = option("l2", "of the decoder: l2 (weights), gradient or spectral (norm)")
    weight: float = option(1e-3, "weight of the decoder's regulariser")

    def objective(self) -> Objective:
        at_least("code", self.code, 0.0)
        at_least("weight", self.weight, 0.0)
        one_of("regulariser", self.regulariser, REGULARISERS)
        penalties: list[Penalty] = [CodeNorm(self.code)]
        if self.regulariser == "l2":
            penalties.append(DecoderNorm(self.weight))
        elif self.regulariser == "gradient":
            penalties.append(DecoderGradient(self.weight))
        return Objective(Reconstruction(), *penalties)

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        if self.regulariser == "spectral":
            normalise(likelihood)
        return super().build_model(posterior, prior, likelihood)


def normalise(module: nn.Module) -> None:
    """Hold the largest singular value of every weight matrix at 1: Miyato et al., 2018.

    arXiv 1802.05957.
    """
    for part in list(module.modules()):
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.utils.parametrizations.spectral_norm(part)
