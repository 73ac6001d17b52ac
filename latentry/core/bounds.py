"""Bounds on log p(x): what training raises. In nats, one number for each row.

* The evidence lower bound  ELBO = E_q log p(x|z) - KL(q || p): Kingma & Welling, 2014,
  arXiv 1312.6114.
* The importance-weighted bound with k draws, log 1/k sum_i p(x, z_i) / q(z_i | x), which lies
  between the ELBO and log p(x) and tightens with k: Burda et al., 2016, arXiv 1509.00519.
"""

from __future__ import annotations

import abc
import math

import torch
from torch import Tensor

from .models import Inference
from .schedules import Schedule, constant


class Bound(abc.ABC):
    """A function of one pass: (Inference, share of training done) -> (B,), in nats."""

    draws: int = 1
    """How many codes for each row it needs."""
    settled: float = 0.0
    """The share of training after which its weights stay as they are."""

    @abc.abstractmethod
    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        """What is maximised, for each row, (B,)."""

    @abc.abstractmethod
    def unweighted(self, r: Inference) -> Tensor:
        """The bound without weights, by which epochs and models are compared, (B,)."""


class Reconstruction(Bound):
    """log p(x | z) alone: an autoencoder's, which has no prior and so no rate."""

    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        return self.unweighted(r)

    def unweighted(self, r: Inference) -> Tensor:
        return -r.distortion.mean(0)


class Elbo(Bound):
    """The evidence lower bound, its rate weighted by `beta` and shaped by what else is given.

    beta = 1 is the bound itself; another weight is a beta-VAE's objective (Higgins et al., 2017),
    which for beta < 1 is no longer a bound.
    free_bits: nats that each latent dimension, on average over the batch, has for nothing
        (Kingma et al., 2016, arXiv 1606.04934, section C.8).
    capacity: nats that the rate is held at, up or down (Burgess et al., 2018, arXiv 1804.03599).
    """

    def __init__(
        self,
        beta: float | Schedule = 1.0,
        *,
        draws: int = 1,
        settled: float = 0.0,
        free_bits: float = 0.0,
        capacity: Schedule | None = None,
    ) -> None:
        self.beta = beta if callable(beta) else constant(beta)
        self.draws, self.settled = draws, settled
        self.free_bits, self.capacity = free_bits, capacity

    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        rate = r.rate
        if self.free_bits:
            rate = r.rates.mean(0).clamp(min=self.free_bits).sum().expand_as(rate)
        if self.capacity is not None:
            rate = (rate - self.capacity(done)).abs()
        return -r.distortion.mean(0) - self.beta(done) * rate

    def unweighted(self, r: Inference) -> Tensor:
        return elbo(r)


class Importance(Bound):
    """The importance-weighted bound with `draws` codes for each row.

    `beta` weights log q(z|x) - log p(z) within each weight, for a warm-up; at 1 it is the bound.
    """

    def __init__(
        self, draws: int = 50, beta: float | Schedule = 1.0, *, settled: float = 0.0
    ) -> None:
        self.beta = beta if callable(beta) else constant(beta)
        self.draws, self.settled = draws, settled

    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        log_weight = -r.distortion - self.beta(done) * (r.log_q - r.log_p)
        return log_mean_exp(log_weight, 0)

    def unweighted(self, r: Inference) -> Tensor:
        return importance_weighted(r)


def log_mean_exp(x: Tensor, dim: int) -> Tensor:
    """Log of the mean of exp(x) over a dimension."""
    return torch.logsumexp(x, dim) - math.log(x.shape[dim])


def elbo(r: Inference) -> Tensor:
    """The unweighted evidence lower bound, (B,), in nats."""
    return -r.distortion.mean(0) - r.rate


def importance_weighted(r: Inference) -> Tensor:
    """The importance-weighted bound from the K draws of `r`, (B,), in nats."""
    return log_mean_exp(r.log_weight, 0)
