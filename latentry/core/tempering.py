"""Draws from a prior at a temperature: nearer to its middle, or farther out.

A temperature T scales what is random in a draw, so that 1 is the prior itself, 0 its most typical
point, and values above 1 reach codes that the prior holds unlikely. Drawing at less than 1 trades
variety for quality (Kingma & Dhariwal, 2018, arXiv 1807.03039; Vahdat & Kautz, 2020, arXiv
2007.03898).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, MixtureSameFamily


def draw(p: Distribution, n: int, temperature: float) -> Tensor:
    """N codes (n, D) from p (batch shape () or (n,)), at a temperature from 0.

    - a mixture keeps its components, and each draw nears the mean of its own; one that draws
      in a way of its own says how by `tempered(shape, temperature)`;
    - a flow draws its base noise at the temperature, and maps it;
    - any other distribution is drawn towards its mean: for a Gaussian, N(mu, T^2 Sigma).
    """
    shape = torch.Size() if p.batch_shape else torch.Size((n,))
    if temperature == 1:
        return p.sample(shape)
    own: Callable[..., Tensor] | None = getattr(p, "tempered", None)
    if own is not None:
        return own(shape, temperature)
    if isinstance(p, MixtureSameFamily):
        return _mixture(p, shape, temperature)
    transform, base = getattr(p, "transform", None), getattr(p, "base", None)
    if transform is not None and isinstance(base, Distribution):
        return transform.inv(_around(base.mean, base.sample(shape), temperature))
    return _around(p.mean, p.sample(shape), temperature)


def _around(mean: Tensor, z: Tensor, temperature: float) -> Tensor:
    return mean + temperature * (z - mean)


def _mixture(p: MixtureSameFamily, shape: torch.Size, temperature: float) -> Tensor:
    which = p.mixture_distribution.sample(shape)
    parts: Distribution = p.component_distribution
    each = _around(parts.mean, parts.sample(shape), temperature)
    at = which[..., None, None].expand(*which.shape, 1, each.shape[-1])
    return each.gather(-2, at).squeeze(-2)
