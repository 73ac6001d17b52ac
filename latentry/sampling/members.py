"""The densities of codes by name, and which of them suits which codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from ..core.classes import ClassVAE
from ..core.discrete import CodeVAE
from ..core.hyperbolic import WrappedNormal
from ..core.models import LatentModel
from ..core.priors import StandardNormal
from ..core.riemannian import Riemannian
from ..core.roaming import Roaming
from ..core.samplers import (
    Fixed,
    Kernels,
    Neighbours,
    Posteriors,
    Sampler,
    gaussian_law,
    sphere_law,
)
from ..core.spheres import SpherePrior, VonMisesFisher
from ..core.wrapped import InTangent, Wrapped
from .mixtures import Mixture
from .trained import Flow, SecondStage, Symbols

FLAT, SPHERE, BALL, SYMBOLS, CLASSES = "flat", "sphere", "ball", "symbols", "classes"
SAID = {
    FLAT: "are points of flat space",
    SPHERE: "lie on a sphere",
    BALL: "lie in hyperbolic space",
    SYMBOLS: "are rows of whole numbers",
    CLASSES: "hold a class beside their numbers",
}


@dataclass(frozen=True)
class Space:
    """What the codes of a model are, which is all that a density of them is built by."""

    kind: str
    latent: int
    condition: int = 0
    spread: bool = False
    """Whether each posterior is a known law with a place and a spread."""
    metric: bool = False
    """Whether the model has learned a metric."""
    curvature: float = 0.0
    sizes: tuple[int, ...] = ()
    """Of codes that are symbols, how many values each can take."""
    grid: tuple[int, int] | None = None
    """The height and the width of the grid that symbols stand on."""

    @classmethod
    def of(cls, model: LatentModel, q: Distribution, condition: int) -> Space:
        """That of a model, whose posteriors are like q."""
        latent = model.latent
        if isinstance(model, CodeVAE):
            grid = model.posterior.grid
            return cls(SYMBOLS, latent, condition, sizes=model.prior.sizes, grid=grid)
        if isinstance(model, ClassVAE):
            return cls(CLASSES, latent, condition)
        if isinstance(q, VonMisesFisher):
            return cls(SPHERE, latent, condition, True)
        if isinstance(q, WrappedNormal):
            return cls(BALL, latent, condition, True, curvature=q.c)
        gaussian = isinstance(q, Independent) and isinstance(q.base_dist, Normal)
        return cls(FLAT, latent, condition, gaussian, isinstance(model, Riemannian))


@dataclass(frozen=True)
class Member:
    """A density by name: how it is built, for which codes, and what the documentation says."""

    says: str
    make: Callable[[Space], Sampler]
    kinds: tuple[str, ...] = (FLAT, BALL)
    needs: Callable[[Space], bool] = lambda space: True
    most: int = 0
    """Dimensions up to which "auto" tries it; 0: it never does."""

    def suits(self, space: Space) -> bool:
        """Whether codes of that kind can have this density."""
        return space.kind in self.kinds and self.needs(space)


def _sizes(space: Space) -> tuple[int, int]:
    return space.latent, space.condition


def _posteriors(space: Space) -> Sampler:
    laws: dict[str, Callable[[Tensor, Tensor], Distribution]] = {
        FLAT: gaussian_law,
        SPHERE: sphere_law,
        BALL: partial(WrappedNormal, c=space.curvature),
    }
    wide = 1 if space.kind == SPHERE else space.latent
    return Posteriors(*_sizes(space), laws[space.kind], wide)


def _wrapped(make: Callable[..., Sampler], **options: str) -> Callable[[Space], Sampler]:
    """Of flat codes as they are, of hyperbolic ones in the tangent space at the origin."""

    def made(space: Space) -> Sampler:
        flat = make(*_sizes(space), **options)
        return InTangent(flat, space.curvature) if space.kind == BALL else flat

    return made


def _neighbours(space: Space) -> Sampler:
    if space.kind == SPHERE:
        return Neighbours(*_sizes(space), turned=True)
    return _wrapped(Neighbours)(space)


MEMBERS: dict[str, Member] = {
    "normal": Member(
        "N(0, I)",
        lambda space: Fixed(*_sizes(space), StandardNormal(space.latent)),
        kinds=(FLAT,),
        most=10**9,
    ),
    "mixture": Member("a Gaussian mixture fitted to the codes", _wrapped(Mixture), most=256),
    "kde": Member("Gaussian kernels about the codes", _wrapped(Kernels), most=10**9),
    "neighbours": Member("between neighbouring codes", _neighbours, kinds=(FLAT, BALL, SPHERE)),
    "maf": Member(
        "a masked autoregressive flow fitted to the codes",
        _wrapped(Flow, flow="autoregressive"),
        most=64,
    ),
    "iaf": Member(
        "an inverse autoregressive flow fitted to the codes", _wrapped(Flow, flow="inverse")
    ),
    "spline": Member(
        "a neural spline flow fitted to the codes", _wrapped(Flow, flow="spline"), most=64
    ),
    "second-stage": Member("a second VAE, fitted to the codes", _wrapped(SecondStage), most=512),
    "posterior": Member(
        "the posteriors of rows",
        _posteriors,
        kinds=(FLAT, BALL, SPHERE),
        needs=lambda space: space.spread,
        most=10**9,
    ),
    "sphere": Member(
        "the uniform distribution on the sphere",
        lambda space: Fixed(*_sizes(space), SpherePrior(space.latent)),
        kinds=(SPHERE,),
        most=10**9,
    ),
    "wrapped-normal": Member(
        "a wrapped normal about the codes' centre",
        lambda space: Wrapped(*_sizes(space), curvature=space.curvature),
        kinds=(BALL,),
        most=10**9,
    ),
    "geometry": Member(
        "an even spread by the metric of the codes",
        lambda space: Roaming(*_sizes(space)),
        kinds=(FLAT,),
        needs=lambda space: space.spread or space.metric,
    ),
    "codes": Member(
        "a recurrent net fitted to the codes",
        lambda space: Symbols(*_sizes(space), sizes=space.sizes, grid=space.grid),
        kinds=(SYMBOLS,),
        most=10**9,
    ),
}
"""Every density of codes, by the name that `fit_sampler` takes."""


def suitable(space: Space) -> list[str]:
    """The names of the densities that such codes can have."""
    return [name for name, member in MEMBERS.items() if member.suits(space)]
