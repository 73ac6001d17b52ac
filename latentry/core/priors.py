"""Priors p(z) or p(z | c): where codes come from when there is no sample to encode.

A prior is a module whose forward takes the condition (B, C) or None and returns a torch
Distribution with event shape (D,) and batch shape () or (B,).
"""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
)

from .posteriors import Gaussian


class Prior(nn.Module, abc.ABC):
    """p(z | c) over codes of `latent` dimensions."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    @abc.abstractmethod
    def forward(self, c: Tensor | None = None) -> Distribution:
        """p(z | c), event shape (D,), batch shape () or (B,)."""


class StandardNormal(Prior):
    """N(0, I)."""

    loc: Tensor
    scale: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__(latent)
        self.register_buffer("loc", torch.zeros(latent), persistent=False)
        self.register_buffer("scale", torch.ones(latent), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Independent(Gaussian(self.loc, self.scale), 1, validate_args=False)


class ConditionalNormal(Prior):
    """N(W c, I): a learned mean for each class (or a linear one for a real-valued condition)."""

    def __init__(self, latent: int, condition: int) -> None:
        super().__init__(latent)
        self.mean = nn.Linear(condition, latent, bias=False)
        nn.init.normal_(self.mean.weight)

    def forward(self, c: Tensor | None = None) -> Distribution:
        if c is None:
            raise ValueError("this prior needs a condition")
        loc = self.mean(c).float()
        return Independent(Gaussian(loc, torch.ones_like(loc)), 1, validate_args=False)


class FlowPrior(Prior):
    """A normalizing flow over codes, p(z) = N(f(z)) |det df/dz|, optionally given c.

    The flows are zuko's: "spline" is a neural spline flow with coupling layers (Durkan et al.,
    2019, arXiv 1906.04032), "autoregressive" a masked autoregressive flow (Papamakarios et al.,
    2017, arXiv 1705.07057), "coupling" affine coupling layers (Dinh et al., 2017, arXiv
    1605.08803).
    A learned prior in place of N(0, I) tightens the bound: Chen et al., 2017, arXiv 1611.02731.
    """

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        *,
        flow: str = "spline",
        transforms: int = 3,
        hidden: tuple[int, ...] = (64, 64),
    ) -> None:
        super().__init__(latent)
        self.flow = _zuko_flow(flow, latent, condition, transforms, hidden)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return self.flow(c)


FLOWS = ("spline", "autoregressive", "coupling")


def _zuko_flow(
    name: str, latent: int, condition: int, transforms: int, hidden: tuple[int, ...]
) -> nn.Module:
    import zuko

    sizes: dict[str, Any] = {"transforms": transforms, "hidden_features": hidden}
    # Coupling layers need two halves; one dimension is left to the autoregressive form.
    coupled: dict[str, Any] = {"passes": 2} if latent > 1 else {}
    if name == "spline":
        return zuko.flows.NSF(latent, condition, bins=8, **sizes, **coupled)
    if name == "autoregressive":
        return zuko.flows.MAF(latent, condition, **sizes)
    if name == "coupling":
        return zuko.flows.MAF(latent, condition, **sizes, **coupled)
    raise ValueError(f"no flow {name!r}: {', '.join(FLOWS)}")


class GaussianMixture(Prior):
    """sum_m w_m N(mu_m, L_m L_m^T): a density fitted to codes after training."""

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent: int, components: int) -> None:
        super().__init__(latent)
        self.register_buffer("weights", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))

    @property
    def components(self) -> int:
        """How many Gaussians are mixed."""
        return len(self.weights)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return MixtureSameFamily(
            Categorical(self.weights, validate_args=False),
            MultivariateNormal(self.means, scale_tril=self.factors, validate_args=False),
            validate_args=False,
        )

    def draw(self, n: int) -> Tensor:
        """N codes, (n, D)."""
        return self.forward().sample(torch.Size((n,)))
