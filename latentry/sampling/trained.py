"""Densities of codes that are networks, trained by the project's own loop on the codes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from ..core import tempering
from ..core.bounds import Elbo, Reconstruction
from ..core.codes import CodePrior, fit_codes
from ..core.distributions import Dirac
from ..core.likelihoods import SharedGaussianLikelihood
from ..core.models import VAE, Inference, LatentModel
from ..core.objective import Objective
from ..core.posteriors import GaussianPosterior
from ..core.priors import FlowPrior, StandardNormal
from ..core.samplers import Codes, Sampler
from ..core.scores import log_likelihood
from ..nets.mlp import MLPDecoder, MLPEncoder
from ..training import Options, TensorSource, train

BATCH = 128
RATE = 2e-3
STEPS, EPOCHS = 5000, 100
"""Of training, at most; it stops when held-out codes are no more bettered."""
PATIENCE = 10, 300
"""Epochs, and steps, without a better figure for held-out codes after which it stops."""
HELD_OUT = 0.1
DRAWS = 100
"""Draws of the second stage's code by which a density is estimated."""


class Standardised(Sampler):
    """A density of codes whose numbers have been given the mean 0 and the variance 1."""

    shift: Tensor
    scale: Tensor

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__(latent, condition)
        self.register_buffer("shift", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))

    def standard(self, codes: Codes) -> Tensor:
        """The codes with mean 0 and variance 1, from now on."""
        z = codes.z
        self.shift = z.mean(0)
        self.scale = z.std(0).nan_to_num(1.0).clamp(min=1e-6)
        return self.inward(z)

    def inward(self, z: Tensor) -> Tensor:
        return (z - self.shift) / self.scale

    def outward(self, u: Tensor) -> Tensor:
        return self.shift + self.scale * u


def learn(
    model: LatentModel, objective: Objective, z: Tensor, c: Tensor | None, seed: int, **given: Any
) -> None:
    """Train on codes (N, D), with early stopping by a tenth of them where that is enough."""
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(seed % 2**63))
    order = order.to(z.device)
    held = int(HELD_OUT * len(z))
    parts = (order[held:], order[:held])
    source, valid = (TensorSource(z[rows], None if c is None else c[rows]) for rows in parts)
    options = Options(
        epochs=max(1, min(EPOCHS, STEPS * BATCH // max(1, len(z)))),
        batch_size=BATCH,
        lr=RATE,
        patience=max(PATIENCE[0], PATIENCE[1] * BATCH // len(z)),
        precision="float32",
        compile=False,
        device=str(z.device),
        seed=seed,
        **given,
    )
    model.requires_grad_(True)
    train(model, nn.Identity(), objective, source, valid if held else None, options)
    model.requires_grad_(False).eval()


class _Density(LatentModel):
    """A density of codes as the training loop sees a model: all its distortion is -log p(x)."""

    has_prior = False

    def __init__(self, prior: FlowPrior) -> None:
        super().__init__()
        self.prior, self.latent = prior, prior.latent

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return Dirac(x)

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.prior(c).expand(z.shape[:-1])

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        z = x.expand(draws, *x.shape)
        return Inference(x=x, z=z, px=self.decode(z, c), c=c)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return self.prior.draw(n, c, temperature)


class Flow(Standardised):
    """A normalizing flow, by maximum likelihood; `flow` is one of those of `FlowPrior`."""

    def __init__(self, latent: int, condition: int = 0, *, flow: str = "autoregressive") -> None:
        super().__init__(latent, condition)
        self.prior = FlowPrior(latent, condition, flow=flow, transforms=4)

    def fit(self, codes: Codes, seed: int) -> None:
        z = self.standard(codes)
        learn(_Density(self.prior), Objective(Reconstruction()), z, codes.c, seed, clip=5.0)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.prior(c).log_prob(self.inward(z)) - self.scale.log().sum()

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return self.outward(self.prior.draw(n, c, temperature))


def second_stage(latent: int, hidden: int, condition: int) -> VAE:
    """A VAE over codes, as wide as they are: Dai & Wipf, 2019, arXiv 1903.05789."""
    shape, sizes = (latent,), (hidden, hidden)
    body: nn.Module = MLPDecoder(latent, 1, shape, sizes, condition)
    return VAE(
        GaussianPosterior(MLPEncoder(shape, sizes, condition), latent),
        StandardNormal(latent),
        SharedGaussianLikelihood(body, shape),
    )


class SecondStage(Standardised):
    """A second VAE over the codes: Dai & Wipf, 2019, arXiv 1903.05789.

    Its density is bounded from below, by importance weights (Burda et al., 2016, 1509.00519).
    """

    bound = f"a lower bound, by {DRAWS} importance-weighted draws"

    def __init__(self, latent: int, condition: int = 0, *, hidden: int = 256) -> None:
        super().__init__(latent, condition)
        self.vae = second_stage(latent, hidden, condition)

    def fit(self, codes: Codes, seed: int) -> None:
        z = self.standard(codes)
        self.vae.start(z)
        learn(self.vae, Objective(Elbo()), z, codes.c, seed)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        found = log_likelihood(self.vae, self.inward(z), c, DRAWS)
        return found - self.scale.log().sum()

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        u = self.vae.draw(n, c, temperature)
        return self.outward(tempering.draw(self.vae.decode(u, c), n, temperature))


class Symbols(Sampler):
    """prod_l p(k_l | k_<l, c) over codes of L whole numbers: `latentry.core.codes.CodePrior`."""

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        *,
        sizes: tuple[int, ...] = (2,),
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(latent, condition)
        self.prior = CodePrior(latent, sizes, condition, grid=grid).eval()

    def fit(self, codes: Codes, seed: int) -> None:
        fit_codes(self.prior, codes.z[:, None], codes.c, seed=seed, epochs=EPOCHS)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.prior.log_prob(z, c)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        return self.prior.draw(n, c, temperature)
