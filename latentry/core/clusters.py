"""Clusters in the latent space: a bound that knows which one a code is from.

Jiang et al., 2017, arXiv 1611.05148. The prior is a mixture, p(z) = sum_m w_m p(z | m).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MixtureSameFamily, kl_divergence

from .bounds import Bound, elbo
from .distributions import Dirac
from .models import Inference
from .posteriors import Gaussian, Posterior
from .schedules import Schedule


class ClusterElbo(Bound):
    """The evidence lower bound of z and the cluster m together, with q(m | x) = p(m | z).

    Its rate is sum_m q(m | x) (KL(q(z | x) || p(z | m)) + log q(m | x) / w_m), the paper's
    equations 12 and 16 with one draw z. It is never below KL(q(z | x) || p(z)), for a divergence
    is convex: so this bounds log p(x) from below as well, whatever q(m | x).
    """

    def __init__(self, beta: Schedule, *, settled: float = 0.0) -> None:
        self.beta, self.settled = beta, settled

    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        return -r.distortion.mean(0) - self.beta(done) * cluster_rate(r)

    def unweighted(self, r: Inference) -> Tensor:
        return elbo(r)


def cluster_rate(r: Inference) -> Tensor:
    """KL(q(z, m | x) || p(z, m)), (B,), with q(m | x) = p(m | z) for the draws z of r."""
    q, p = r.q, r.p
    assert isinstance(q, Independent)
    assert isinstance(p, MixtureSameFamily)
    weights = p.mixture_distribution.logits  # normalised by torch
    parts = p.component_distribution
    joint = parts.log_prob(r.z[..., None, :]) + weights
    log_m = joint.log_softmax(-1)  # (K, B, M)
    wide = Gaussian(q.base_dist.loc[:, None], q.base_dist.scale[:, None])
    apart = kl_divergence(Independent(wide, 1, validate_args=False), parts)  # (B, M)
    return (log_m.exp() * (apart + log_m - weights)).sum(-1).mean(0)


class MeanOf(Posterior):
    """All mass at another posterior's mean: to train its networks as an autoencoder's."""

    is_density = False

    def __init__(self, posterior: Posterior) -> None:
        super().__init__(torch.nn.Identity(), posterior.latent)
        self.posterior = posterior

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return Dirac(self.posterior(x, c).mean)
