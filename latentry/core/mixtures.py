"""Mixtures of normal distributions with independent dimensions."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal


def log_each(components: Independent, x: Tensor) -> Tensor:
    """Log N(x_n; mu_m, diag sigma_m^2) of N codes (N, D) under M normals, (N, M), in nats.

    torch's own takes N x M x D numbers several times over; here (x - mu)^2 / sigma^2 is multiplied
    out, and N x M numbers are all. In double precision, as the terms may be a million times their
    sum where a component is narrow.
    """
    each = components.base_dist
    assert isinstance(each, Normal)
    if x.device.type == "mps":  # which has no double precision
        return components.log_prob(x[..., None, :])
    z, loc, scale = x.double(), each.mean.double(), each.stddev.double()
    precision = scale**-2
    square = z.square() @ precision.mT - 2 * (z @ (loc * precision).mT)
    square = square + (loc.square() * precision).sum(-1)
    norm = scale.log().sum(-1) + 0.5 * loc.shape[-1] * math.log(2 * math.pi)
    return -norm - 0.5 * square


class NormalMixture(MixtureSameFamily):
    """sum_m w_m N(mu_m, diag sigma_m^2), whose log-density takes matrix products: `log_each`."""

    def __init__(self, logits: Tensor, components: Independent) -> None:
        weights = Categorical(logits=logits, validate_args=False)
        super().__init__(weights, components, validate_args=False)

    def log_prob(self, x: Tensor) -> Tensor:
        if self.batch_shape:
            return super().log_prob(x)
        each = self.component_distribution
        assert isinstance(each, Independent)
        logits: Tensor = self.mixture_distribution.logits
        return (logits + log_each(each, x)).logsumexp(-1).to(x.dtype)


def even_mixture(components: Distribution) -> NormalMixture:
    """The mixture in which all of the components (M,) weigh the same."""
    assert isinstance(components, Independent)
    zeros = torch.zeros(components.batch_shape, device=components.base_dist.mean.device)
    return NormalMixture(zeros, components)
