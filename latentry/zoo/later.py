"""Models whose prior is learned from the codes once the networks are trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import building
from ..core.bounds import Elbo
from ..core.later import NoiseContrastive, SecondStage
from ..core.objective import Objective
from ..core.priors import Prior
from ..estimator import ROWS_AT_ONCE, Estimator, option
from ..sampling.trained import second_stage
from ..training import train
from ..training.sources import Source, TensorSource
from .checks import at_least


class _AfterTraining(Estimator):
    """What fits a prior to the codes of the training rows."""

    @torch.no_grad()
    def _posteriors(self, source: Source) -> tuple[Tensor, Tensor, Tensor | None]:
        """Mean and standard deviation of each training row's code, (N, latent), and c (N, C)."""
        self.model_.eval()
        means, spreads, given = [], [], []
        for x, c in source.all(ROWS_AT_ONCE):
            c = None if c is None else c.to(self._device)
            q = self.model_.encode(self.scaler_(x.to(self._device)), c)
            means.append(q.mean)
            spreads.append(q.stddev)
            given.append(c)
        c = None if given[0] is None else torch.cat([g for g in given if g is not None])
        return torch.cat(means), torch.cat(spreads), c

    @property
    def _prior(self) -> Any:
        return self.model_.get_submodule("prior")


@dataclass(eq=False, repr=False)
class TwoStageVAE(_AfterTraining):
    """Two-stage VAE: a second VAE learns how the first one's codes are spread, to draw from it.

    Dai & Wipf, 2019, https://arxiv.org/abs/1903.05789
    """

    second_hidden: int = option(256, "units of the two hidden layers of the second stage's nets")
    second_epochs: int = option(50, "passes over the codes in the second stage")

    def build_prior(self, condition: int) -> Prior | None:
        at_least("second_hidden", self.second_hidden, 1)
        at_least("second_epochs", self.second_epochs, 1)
        return SecondStage(self.latent, second_stage(self.latent, self.second_hidden, condition))

    def complete(self, source: Source) -> None:
        prior = self._prior
        mean, spread, c = self._posteriors(source)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed_)
            noise = torch.randn(mean.shape).to(mean)
        codes = mean + spread * noise
        options = dataclasses.replace(
            building.options(self, self.seed_),
            epochs=self.second_epochs,
            schedule="cosine",
            patience=None,
            ema=None,
        )
        prior.vae.requires_grad_(True)
        prior.vae.start(codes)
        train(prior.vae, nn.Identity(), Objective(Elbo()), TensorSource(codes, c), None, options)
        prior.vae.requires_grad_(False).eval()
        prior.done.fill_(True)


@dataclass(eq=False, repr=False)
class NCPVAE(_AfterTraining):
    """NCP-VAE: the prior is N(0, I) times the odds of a classifier that knows codes from its draws.

    Aneja et al., 2021, https://arxiv.org/abs/2010.02917

    The classifier learns until it knows the codes of a tenth of the rows, which it does not learn
    from, no better. Samples are taken by importance among 5,000 or more draws from N(0, I).
    """

    critic_hidden: int = option(128, "units of the two hidden layers of the classifier")
    critic_epochs: int = option(
        300, "passes over the codes by which the classifier learns, at most"
    )

    def build_prior(self, condition: int) -> Prior | None:
        at_least("critic_hidden", self.critic_hidden, 1)
        at_least("critic_epochs", self.critic_epochs, 1)
        return NoiseContrastive(self.latent, condition, (self.critic_hidden,) * 2)

    def complete(self, source: Source) -> None:
        mean, spread, c = self._posteriors(source)

        def drawn(rows: Tensor) -> tuple[Tensor, Tensor | None]:
            rows = rows.to(mean.device)
            z = mean[rows] + spread[rows] * torch.randn(len(rows), mean.shape[1]).to(mean)
            return z, None if c is None else c[rows]

        with torch.random.fork_rng():
            torch.manual_seed(self.seed_)
            order, tenth = torch.randperm(len(mean)), len(mean) // 10
            held, known = order[:tenth], order[tenth:]
            every = -(-len(known) // 256)
            self._prior.learn(
                lambda: drawn(known[torch.randint(len(known), (256,))]),
                self.critic_epochs * every,
                held_out=drawn(held.repeat(10)) if len(held) else None,
                every=every,
            )
