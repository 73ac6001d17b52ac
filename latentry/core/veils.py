"""Rows of which any subset of the cells is told: learning from them, and codes given them.

Of a row x (D,) a finite cell is a value, NaN is a cell that is known to be missing, and inf one of
which nothing is said. To be asked about any subset of the cells, q(z | x) has to have seen all
kinds of subsets.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import noise
from .columns import Columns
from .likelihood import Likelihood
from .models import VAE, Inference, LatentModel
from .posteriors import Posterior
from .priors import Prior

CODES_AT_ONCE = 8192
"""Codes that are decoded together."""


def veiled(x: Tensor) -> Tensor:
    """What an encoder sees of rows x: NaN where nothing is said."""
    return torch.where(torch.isinf(x), torch.nan, x)


class Veiled(VAE):
    """A VAE that learns from a share of its rows with cells at random left out.

    Of such a row a cell is left out with a probability drawn from U(0, 1), both from what is
    encoded and from what is explained: the bound is then one on log p of the rest, which holds
    for cells left out at random (Little & Rubin, 2002, chapter 6; for the encoder Nazabal et al.,
    2020, arXiv 1807.03653), and q(z | rest) comes to be near the posterior given any subset.
    """

    def __init__(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood, share: float
    ) -> None:
        super().__init__(posterior, prior, likelihood)
        self.share = share

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        if self.training and target is None:
            u = noise.uniform((1, len(x), x.shape[1] + 2), x)[0]
            part = torch.where(u[:, :1] < self.share, u[:, 1:2], 0.0)
            target = torch.where(u[:, 2:] < part, torch.inf, x)
            x = veiled(target)
        return super().infer(x, c, draws, target)


@torch.no_grad()
def codes_given(model: LatentModel, x: Tensor, draws: int = 64) -> Tensor:
    """A code (B, latent) for each row x (B, D), given what is said of it; takes torch's generator.

    By sampling importance resampling (Rubin, 1987): of `draws` codes one is taken, each as likely
    as its weight p(x_said | z) p(z) / m(z). The proposal m is half q(z | x) and half the prior
    (a defensive mixture: Hesterberg, 1995, Technometrics 37(2)), so that no weight is more than
    twice p(x_said | z), however poor q is. Exact as the number of draws grows.
    """
    at_once = max(1, CODES_AT_ONCE // draws)
    return torch.cat([_resampled(model, rows, draws // 2) for rows in x.split(at_once)])


def _resampled(model: LatentModel, x: Tensor, half: int) -> Tensor:
    """One of 2 * half codes for each row."""
    r = model.infer(veiled(x), None, half, target=x)
    assert r.p is not None
    assert r.q is not None
    own = model.draw(half * len(x)).unflatten(0, (half, len(x)))
    z = torch.cat([r.z, own])
    log_p = r.p.log_prob(z)
    m = torch.logaddexp(r.q.log_prob(z), log_p) - math.log(2)
    said = torch.cat([_explained(px, x) for px in (r.px, model.decode(own))])
    gumbel = -torch.log(torch.empty_like(m).exponential_())
    which = (said + log_p - m + gumbel).argmax(0)
    return z[which, torch.arange(len(x), device=x.device)]


def _explained(px: object, x: Tensor) -> Tensor:
    """Log p(x_said | z), also of which cells are missing, (K, B)."""
    assert isinstance(px, Columns)
    px.learning = True
    return px.log_prob(x)
