"""Models that find clusters."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import building
from ..core.bounds import Reconstruction
from ..core.clusters import ClusterElbo, MeanOf
from ..core.models import VAE
from ..core.objective import Objective
from ..core.priors import LearnedMixture
from ..core.schedules import linear
from ..estimator import ROWS_AT_ONCE, option
from ..training import RichReporter, train
from ..training.sources import Source
from .checks import at_least
from .priors import MixturePriorVAE

ROWS_FOR_CLUSTERS = 20_000
"""Codes that the first clusters are found in, at most."""


@dataclass(eq=False, repr=False)
class VaDE(MixturePriorVAE):
    """VaDE: clustering by a VAE whose prior is a mixture that starts at an autoencoder's clusters.

    Jiang et al., 2017, https://arxiv.org/abs/1611.05148

    `fit` trains an autoencoder first (the paper stacks denoising ones), finds a Gaussian mixture
    of its codes, and then trains all of it as a VAE; `predict` gives the cluster of each row.
    """

    components: int = option(10, "clusters")
    pretraining: int = option(100, "passes over the data as an autoencoder, before all else")

    def objective(self) -> Objective:
        return Objective(ClusterElbo(linear(0.0, 1.0, self.warmup), settled=self.warmup))

    def prepare(self, source: Source, folder: Path | None) -> None:
        at_least("pretraining", self.pretraining, 0)
        if folder is not None and (folder.parent / "checkpoint").exists():
            return  # a run that is taken up again has been through this
        vae = self.model_
        assert isinstance(vae, VAE)
        assert isinstance(vae.prior, LearnedMixture)
        if self.pretraining:
            options = dataclasses.replace(
                building.options(self, self.seed_),
                epochs=self.pretraining,
                patience=None,
                ema=None,
            )
            plain = VAE(MeanOf(vae.posterior), None, vae.likelihood)
            objective = Objective(Reconstruction())
            shown = RichReporter() if self.verbose else None
            train(
                plain, self.scaler_, objective, source, None, options,
                folder=folder, progress=shown,
            )  # fmt: skip
        start_mixture(vae.prior, self._codes(source), self.seed_)

    @torch.no_grad()
    def _codes(self, source: Source) -> Tensor:
        """The posterior means of the first training rows, (N, latent)."""
        self.model_.eval()
        found, rows = [], 0
        for x, c in source.all(ROWS_AT_ONCE):
            given = None if c is None else c.to(self._device)
            found.append(self.model_.encode(self.scaler_(x.to(self._device)), given).mean)
            rows += len(x)
            if rows >= ROWS_FOR_CLUSTERS:
                break
        return torch.cat(found)

    @torch.inference_mode()
    def predict_proba(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """How likely each row's code comes from each cluster, (N, components)."""
        codes = torch.from_numpy(self.transform(X, condition=condition)).to(self._device)
        prior: Any = self.model_.get_submodule("prior")
        return prior.component(codes).exp().cpu().numpy()


@torch.no_grad()
def start_mixture(prior: LearnedMixture, codes: Tensor, seed: int) -> None:
    """Set the mixture to the one that expectation maximisation finds for codes (N, D).

    It is sought with whole covariances, of which the prior keeps the diagonals: the directions of
    an autoencoder's codes are any, and clusters that lie across them are cut up by a mixture that
    knows the axes alone. Training then turns the codes towards the axes.
    """
    from sklearn.mixture import GaussianMixture

    n, components = len(codes), len(prior.logits)
    if n < components:  # too few to tell clusters: some begin at the same row
        codes = codes.repeat(-(-components // n), 1)
    ridge = 1e-6 + 1e-3 * float(codes.double().var(0).mean().nan_to_num())
    fitted = GaussianMixture(
        components,
        covariance_type="full",
        reg_covar=ridge,
        n_init=5,
        max_iter=200,
        random_state=seed % 2**32,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unconverged mixture is still a start
        fitted.fit(codes.double().cpu().numpy())
    prior.logits.copy_(torch.from_numpy(fitted.weights_).clamp(min=1e-6).log())
    prior.means.copy_(torch.from_numpy(fitted.means_))
    variances = torch.from_numpy(fitted.covariances_).diagonal(dim1=1, dim2=2)
    prior.log_scales.copy_(0.5 * variances.log())
