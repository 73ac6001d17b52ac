"""Priors p(z) or p(z | c): where codes come from when there is no sample to encode.

A prior is a module whose forward takes the condition (B, C) or None and returns a torch
Distribution with event shape (D,) and batch shape () or (B,).
"""

from __future__ import annotations

import abc
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, MixtureSameFamily

from .mixtures import NormalMixture, even_mixture
from .posteriors import Gaussian, Posterior
from .tempering import draw


class Prior(nn.Module, abc.ABC):
    """p(z | c) over codes of `latent` dimensions."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    @abc.abstractmethod
    def forward(self, c: Tensor | None = None) -> Distribution:
        """p(z | c), event shape (D,), batch shape () or (B,)."""

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """N codes (n, D), given c (n, C), at a temperature: see `core.tempering`."""
        return draw(self(c), n, temperature)

    def start(self, x: Tensor) -> None:
        """Take first values from rows x (N, *shape) of the data, in the model's scale."""


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
    1605.08803), "inverse" an inverse autoregressive flow (Kingma et al., 2016, arXiv 1606.04934),
    which draws in one pass and takes one for each dimension to know a density.
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
    if name == "inverse":
        maf = zuko.flows.MAF(latent, condition, **sizes)
        return zuko.lazy.Flow(zuko.lazy.LazyInverse(maf.transform), maf.base)
    raise ValueError(f"no flow {name!r}: {', '.join(FLOWS)}")


class LearnedMixture(Prior):
    """sum_m w_m N(mu_m, diag sigma_m^2), learned with the rest: Dilokthanakul et al., 2017.

    arXiv 1611.02648; the clusters of Jiang et al., 2017, arXiv 1611.05148, are its components.
    """

    def __init__(self, latent: int, components: int) -> None:
        super().__init__(latent)
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(torch.randn(components, latent))
        self.log_scales = nn.Parameter(torch.zeros(components, latent))

    def forward(self, c: Tensor | None = None) -> Distribution:
        each = Gaussian(self.means, self.log_scales.exp())
        return NormalMixture(self.logits, Independent(each, 1, validate_args=False))

    def component(self, z: Tensor) -> Tensor:
        """Log p(m | z) for codes z (N, D), (N, M)."""
        p = self.forward()
        assert isinstance(p, MixtureSameFamily)
        each = p.component_distribution.log_prob(z[:, None])
        return (each + p.mixture_distribution.logits).log_softmax(1)


class VampPrior(Prior):
    """The mean of the posteriors of learned pseudo-inputs: Tomczak & Welling, 2018.

    arXiv 1705.07120. p(z) = 1/K sum_k q(z | u_k), with inputs u_k (and, for a conditional model,
    conditions) that are trained like weights, and start at rows of the data.
    """

    def __init__(self, latent: int, components: int, condition: int = 0) -> None:
        super().__init__(latent)
        self.components = components
        self.given = nn.Parameter(torch.full((components, condition), 1 / max(condition, 1)))
        self.given.requires_grad_(condition > 0)

    def bind(self, posterior: Posterior, shape: tuple[int, ...]) -> Self:
        """Whose encoder it is, and the shape of a sample."""
        # In a tuple, for the encoder is a part of the model already.
        self._posterior = (posterior,)
        self.inputs = nn.Parameter(torch.rand(self.components, *shape))
        return self

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        rows = torch.linspace(0, len(x) - 1, len(self.inputs)).long()
        self.inputs.copy_(x[rows].nan_to_num())

    def forward(self, c: Tensor | None = None) -> Distribution:
        (posterior,) = self._posterior
        return even_mixture(posterior(self.inputs, self.given if self.given.shape[1] else None))
