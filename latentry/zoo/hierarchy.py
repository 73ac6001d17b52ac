"""Models with several levels of codes, each given the levels above it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..building import Plan
from ..core.hierarchy import Hierarchy, Joint, Ladder, Root, Rung, normal
from ..core.models import LatentModel
from ..core.posteriors import GaussianPosterior
from ..core.priors import ConditionalNormal, Prior, StandardNormal, VampPrior
from ..core.scores import passes
from ..data.schema import Schema
from ..errors import LatentryError
from ..estimator import Estimator, option
from ..evaluation.likelihood import ACTIVE
from ..nets.deep import DeepEncoder, DeepHead, Form, deep_rungs, image_sides, shared_out
from ..nets.mlp import layers
from .checks import at_least, one_of

MOST_UNITS = 400
"""Hidden units of the nets between two levels, at most."""


@dataclass(eq=False, repr=False)
class Hierarchical(Estimator):
    """A code of several levels, of which the later ones are drawn given the earlier."""

    @torch.inference_mode()
    def describe_levels(self, X: Any, *, condition: Any = None) -> list[dict[str, float]]:
        """How much each level says about the rows of X, from the top level down.

        dimensions: of the level. rate: KL(q || p) given the levels above, in nats for each row,
        one draw. active_units: dimensions in which q moves the mean of p by an amount whose
        variance over the rows is above 0.01 of the variance of p, given the means above. At the
        top of an N(0, I) that is what Burda et al., 2016, arXiv 1509.00519, call active.
        """
        assert isinstance(self.model_, Hierarchy)
        rates, moved = [], []
        for x, c in self._batches(X, condition):
            (r,) = passes(self.model_, x, c, 1, 0)
            rates.append(torch.stack([level.rate.mean(0) for level in r.levels], -1))
            moved.append(self.model_.encode(x, c).moved)
        rate, move = torch.cat(rates).mean(0), torch.cat(moved)
        active = (move.var(0) > ACTIVE if len(move) > 1 else torch.zeros_like(move[0])).cpu()
        return [
            {
                "dimensions": place.stop - place.start,
                "rate": float(rate[i]),
                "active_units": int(active[place].sum()),
            }
            for i, place in enumerate(self.model_.places)
        ]


def top_prior(latent: int, condition: int) -> Prior:
    """N(0, I), its mean moved by the condition where there is one."""
    return ConditionalNormal(latent, condition) if condition else StandardNormal(latent)


def between(before: int, units: int, after: int, plan: Plan) -> nn.Module:
    """The net that makes 2 * `after` parameters, with one hidden layer."""
    first = layers((before, units), plan.activation or "relu")
    return nn.Sequential(*first, nn.Linear(units, 2 * after))


def halving(latent: int, levels: int) -> tuple[int, ...]:
    """Dimensions of each level from the top, each with about twice those of the one above.

    >>> halving(124, 5)
    (4, 8, 16, 32, 64)
    """
    levels = min(levels, latent)
    shares = [2**i for i in range(levels)]
    sizes = [max(1, latent * share // sum(shares)) for share in shares]
    sizes[-1] += latent - sum(sizes)
    return tuple(sizes)


class Climb(nn.Module):
    """(x, c) -> what x says of each level, a Gaussian (B, D) each, the top one first.

    Each level is read off features, and the next one's features are made of this one's. The
    features are normalised over a row (Ba et al., 2016, arXiv 1607.06450): the paper normalises
    over the batch, which would make a row's code depend on the rows it comes with.
    """

    def __init__(self, body: nn.Module, sizes: tuple[int, ...], plan: Plan) -> None:
        super().__init__()
        self.body = body
        width = int(body.out_features)  # pyright: ignore[reportArgumentType]
        units = min(width, MOST_UNITS)
        widths = (width, *[units] * (len(sizes) - 1))
        self.heads = nn.ModuleList(
            nn.Linear(w, 2 * size) for w, size in zip(widths, sizes[::-1], strict=True)
        )
        self.steps = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(w), *layers((w, units), plan.activation or "relu"))
            for w in widths[:-1]
        )

    def forward(self, x: Tensor, c: Tensor | None = None) -> list[Any]:
        h = self.body(x, c)
        said = [normal(self.heads[0](h))]
        for step, head in zip(self.steps, self.heads[1:], strict=True):
            h = step(h)
            said.append(normal(head(h)))
        return said[::-1]


@dataclass(eq=False, repr=False)
class LadderVAE(Hierarchical):
    """Ladder VAE: several levels of codes, each the prior from above corrected by what x says.

    Sonderby et al., 2016, https://arxiv.org/abs/1602.02282

    p(x|z) sees the lowest level alone, and each level the one above it.
    """

    latent: int = option(20, "dimensions of the latent space, all levels together")
    levels: int = option(3, "levels; each has twice the dimensions of the one above it")
    warmup: float = option(0.5, "share of all steps over which the weight of the KL rises")

    def build(self, plan: Plan) -> LatentModel:
        at_least("levels", self.levels, 1)
        sizes = halving(self.latent, self.levels)
        body = Climb(plan.encoder(), sizes, plan)
        units = min(int(body.body.out_features), MOST_UNITS)  # pyright: ignore[reportArgumentType]
        rungs: list[Rung] = [Root(top_prior(sizes[0], plan.condition))]
        for above, size in zip(sizes, sizes[1:], strict=False):
            rungs.append(Ladder(size, between(above + plan.condition, units, size, plan)))
        return Hierarchy(body, rungs, plan.likelihood(plan.decoder(sizes[-1])))


class Two(nn.Module):
    """(x, c) -> q(z2 | x), and features of x for q(z1 | x, z2), by an encoder each."""

    def __init__(self, upper: GaussianPosterior, lower: nn.Module) -> None:
        super().__init__()
        self.upper, self.lower = upper, lower

    def forward(self, x: Tensor, c: Tensor | None = None) -> list[Any]:
        return [self.upper(x, c), self.lower(x, c)]


@dataclass(eq=False, repr=False)
class HVAE(Hierarchical):
    """Two-level VAE with a VampPrior: the upper level's prior is learned from pseudo-inputs.

    Tomczak & Welling, 2018, https://arxiv.org/abs/1705.07120 (section 4)
    """

    latent: int = option(20, "dimensions of the latent space, both levels together")
    top: int | None = option(None, "dimensions of the upper level; half of all by default")
    components: int = option(100, "pseudo-inputs")

    def build(self, plan: Plan) -> LatentModel:
        at_least("components", self.components, 1)
        top = self.latent // 2 if self.top is None else self.top
        if not 0 < top < self.latent:
            raise LatentryError(
                f"latent={self.latent} with top={self.top}: both levels have at least 1 dimension."
            )
        bottom = self.latent - top
        upper, lower = GaussianPosterior(plan.encoder(), top), plan.encoder()
        width = int(lower.out_features)  # pyright: ignore[reportArgumentType]
        units = min(width, MOST_UNITS)
        prior = VampPrior(top, self.components, plan.condition)
        prior.bind(upper, plan.schema.shape)
        joint = Joint(
            bottom,
            between(top + plan.condition, units, bottom, plan),
            between(width + top, units, bottom, plan),
        )
        likelihood = plan.likelihood(plan.decoder(self.latent))
        return Hierarchy(Two(upper, lower), [Root(prior), joint], likelihood)


@dataclass(eq=False, repr=False)
class DeepVAE(Hierarchical):
    """Deep VAE: few to tens of stochastic layers from coarse to fine, in one residual network.

    Child, 2021, https://arxiv.org/abs/2011.10650

    For images, layers lie at sizes from a single position up to the image's own, and codes are
    images as well; for vectors all layers are alike. It has a network of its own.
    """

    latent: int = option(8, "numbers of the code at each position of each stochastic layer")
    layers: int | tuple[int, ...] = option(
        6, "stochastic layers in all, or at each size from a single position up"
    )
    hidden: int | tuple[int, ...] | None = option(
        None, "width of the network: 64 (conv) or 128 (mlp) by default"
    )
    net: str = option("auto", "network: conv (images), mlp, or auto to choose by the data")
    activation: str = option("gelu", "activation of the network: relu, gelu, silu, ...")
    ema: float | None = option(0.999, "decay of a moving average of the weights, such as 0.999")
    skip: float | None = option(None, "a step whose gradient has a larger norm is left out")

    def choose_net(self, schema: Schema) -> tuple[str, str]:
        if schema.kind != "image":
            return "mlp", "net mlp, because samples are vectors"
        return "conv", "net conv, because samples are images"

    def form(self, plan: Plan) -> Form:
        """The sizes and the width of the network."""
        if self.encoder is not None or self.decoder is not None:
            raise LatentryError(
                "DeepVAE has a network of its own, which encoder= and decoder= cannot replace;"
                " leave them out, and set its width with hidden=."
            )
        one_of("net", plan.net, ("mlp", "conv"))
        if plan.net == "conv" and len(plan.schema.shape) != 3:
            raise LatentryError("net='conv' needs images, but these are vectors: use net='mlp'.")
        sides = image_sides(plan.schema.shape) if plan.net == "conv" else ((),)
        hidden = plan.hidden or (64 if plan.net == "conv" else 128,)
        if len(set(hidden)) > 1:
            raise LatentryError(f"hidden={self.hidden}: DeepVAE has one width; give one number.")
        act = "gelu" if plan.activation is None else plan.activation
        counts = layer_counts(self.layers, len(sides))
        return Form(plan.schema.shape, hidden[0], sides, counts, plan.condition, act)

    def build(self, plan: Plan) -> LatentModel:
        form = self.form(plan)
        body = DeepEncoder(form, plan.schema.values, plan.schema.missing, plan.prepare)
        made = replace(form, shape=plan.body_shape)
        likelihood = plan.likelihood(DeepHead(made, plan.n_params))
        return Hierarchy(body, deep_rungs(form, self.latent), likelihood)


def layer_counts(layers: int | tuple[int, ...], sizes: int) -> tuple[int, ...]:
    """Stochastic layers at each size from the coarsest. Raises LatentryError for none there."""
    given: tuple[int, ...] = tuple(np.atleast_1d(layers).tolist())
    if len(given) == 1 and given[0] >= 1:
        return shared_out(given[0], sizes)
    if len(given) != sizes or given[0] < 1 or min(given) < 0:
        raise LatentryError(
            f"layers={layers}: give their number, at least 1, or the number at each of the {sizes}"
            " sizes from a single position up, with at least 1 at the first."
        )
    return given
