"""Models whose codes are whole numbers, with a prior over them that is learned afterwards."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..building import Plan
from ..core.bounds import Elbo
from ..core.codebooks import FOLLOWINGS, Codebook, CodebookPosterior, Commitment
from ..core.codes import CodePrior, fit_codes
from ..core.discrete import CodePosterior, CodeVAE, ConcretePosterior, Cooled, Rounded
from ..core.models import LatentModel
from ..core.objective import Objective
from ..core.posteriors import Posterior
from ..core.schedules import geometric, linear
from ..errors import LatentryError
from ..estimator import ROWS_AT_ONCE, Estimator, option
from ..training.sources import Source
from .checks import at_least, one_of, share


@dataclass(eq=False, repr=False)
class Discrete(Estimator):
    """What they share: a code is L symbols, to which belongs a vector of `latent` numbers.

    Under the net conv it is a grid of such codes, one for each position of the encoder's last
    feature map, and the vector of each has `width` numbers.
    """

    width: int = option(16, "dimensions at each position of a grid (net conv), instead of latent")
    prior_epochs: int = option(20, "passes over the codes in which their prior is fitted, at most")
    prior_hidden: int = option(64, "units of the recurrent net that is the prior over the codes")

    _draws = 1
    """Codes of each row from which the prior is fitted."""

    def sizes(self) -> tuple[int, ...]:
        """How many values each symbol of a code can take, L numbers."""
        raise NotImplementedError

    def _at_a_position(self) -> Self:
        """The model whose whole code is what stands at one position of a grid."""
        at_least("width", self.width, 1)
        given: dict[str, Any] = {"latent": self.width}
        if getattr(self, "groups", 0) is None:
            given["groups"] = 1
        return dataclasses.replace(self, **given)

    def build(self, plan: Plan) -> LatentModel:
        at_least("prior_epochs", self.prior_epochs, 0)
        at_least("prior_hidden", self.prior_hidden, 1)
        body = plan.encoder()
        one = self if getattr(body, "grid", None) is None else self._at_a_position()
        posterior = one.build_posterior(body)
        assert isinstance(posterior, CodePosterior)
        latent, grid = posterior.latent, posterior.grid
        likelihood = plan.likelihood(plan.decoder(latent, grid is not None))
        sizes = one.sizes() * posterior.positions
        prior = CodePrior(latent, sizes, plan.condition, self.prior_hidden, grid)
        return CodeVAE(posterior, prior, likelihood, self.build_corruption())

    def complete(self, source: Source) -> None:
        model = self.model_
        assert isinstance(model, CodeVAE)
        codes, conditions = [], []
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(self.seed_)
            for raw, c in source.all(ROWS_AT_ONCE):
                given = None if c is None else c.to(self._device)
                q = model.posterior(self.scaler_(raw.to(self._device)), given)
                codes.append(q.draw(self._draws)[1].transpose(0, 1))
                conditions.append(given)
        c = None if conditions[0] is None else torch.cat(conditions)
        fit_codes(model.prior, torch.cat(codes), c, seed=self.seed_, epochs=self.prior_epochs)

    @torch.no_grad()
    def tokens(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The most probable code of each row, L whole numbers, (N, L); over a grid row by row,
        the symbols of a position together.
        """
        found: list[Tensor] = []
        for x, c in self._batches(X, condition):
            assert isinstance(self.model_, CodeVAE)
            found.append(self.model_.posterior(x, c).likeliest().cpu())
        return torch.cat(found).numpy()


def _groups(latent: int, groups: int | None, width: int) -> int:
    """Of how many equal parts a code of `latent` numbers is made: as given, or of about `width`."""
    if groups is None:
        most = max(1, latent // width)
        return max(g for g in range(1, most + 1) if latent % g == 0)
    if groups < 1 or latent % groups:
        raise LatentryError(
            f"groups={groups}: {latent} dimensions cannot be divided into so many equal groups."
        )
    return groups


@dataclass(eq=False, repr=False)
class VQVAE(Discrete):
    """VQ-VAE: each part of the code is the nearest vector of a learned codebook.

    van den Oord, Vinyals & Kavukcuoglu, 2017, https://arxiv.org/abs/1711.00937

    With the net conv a code is a grid of vectors, one for each position of the encoder's feature
    map (7 x 7 for 28 x 28 pixels), as in the paper. Else it is `groups` vectors of latent / groups
    dimensions. All are from one codebook. Its prior is uniform while it is learned, then a
    recurrent net that is fitted to the codes of the training rows and runs over the grid row by
    row; `sample` draws from it. `tokens` gives the codes as whole numbers.

    The paper's commitment of 0.25 goes with errors that are averaged over pixels; here they are
    sums, in nats, against which that is next to nothing.
    """

    latent: int = option(32, "dimensions of a code, of all its groups together")
    groups: int | None = option(
        None, "vectors in a code; without it, one for four dimensions, or one for each position"
    )
    size: int = option(128, "vectors in the codebook")
    commitment: float = option(4.0, "weight of the encoder's squared distance from the codebook")
    codebook: str = option("ema", "how it is learned: ema (moving averages) or loss")

    def shape(self) -> tuple[int, int]:
        """How many groups a code has, and how many symbols each of them."""
        return _groups(self.latent, self.groups, 4), 1

    def sizes(self) -> tuple[int, ...]:
        at_least("size", self.size, 2)
        return (self.size,) * math.prod(self.shape())

    def build_posterior(self, body: nn.Module) -> Posterior:
        one_of("codebook", self.codebook, FOLLOWINGS)
        groups, depth = self.shape()
        book = Codebook(self.size, self.latent // groups, depth, self.codebook)
        return CodebookPosterior(body, self.latent, groups, book)

    def objective(self) -> Objective:
        at_least("commitment", self.commitment, 0.0)
        return Objective(Elbo(), Commitment(self.commitment))


@dataclass(eq=False, repr=False)
class ResidualVQVAE(VQVAE):
    """Residual VQ-VAE: what one codebook leaves over is looked up in the next, several times.

    Zeghidour et al., 2021, https://arxiv.org/abs/2107.03312
    Lee et al., 2022, https://arxiv.org/abs/2203.01941

    A code is `groups` sums of `depth` vectors of latent / groups dimensions; with the net conv it
    is a grid of sums, as in `VQVAE`.
    """

    groups: int | None = option(
        None, "sums in a code; without it, one for eight dimensions, or one for each position"
    )
    size: int = option(32, "vectors in each codebook")
    depth: int = option(3, "codebooks, each for what those before it leave over")

    def shape(self) -> tuple[int, int]:
        at_least("depth", self.depth, 1)
        return _groups(self.latent, self.groups, 8), self.depth


@dataclass(eq=False, repr=False)
class FSQVAE(Discrete):
    """FSQ-VAE: each dimension of the code is rounded to one of a few values; no codebook at all.

    Mentzer, Minnen, Agustsson & Tschannen, 2024, https://arxiv.org/abs/2309.15505

    A code is a whole number for each dimension. The paper's vector of four dimensions with 8, 5, 5
    and 5 values stands for one symbol of a codebook of 1,000; with the net conv, such a vector is
    at each position of a grid.
    """

    latent: int = option(24, "dimensions of a code")
    width: int = option(4, "dimensions at each position of a grid (net conv), instead of latent")
    levels: int | tuple[int, ...] = option(
        (8, 5, 5, 5), "values of a dimension, or of each of them in turn"
    )

    def sizes(self) -> tuple[int, ...]:
        levels = (self.levels,) if isinstance(self.levels, int) else tuple(self.levels)
        for level in levels or (0,):
            at_least("levels", level, 2)
        return tuple(levels[d % len(levels)] for d in range(self.latent))

    def build_posterior(self, body: nn.Module) -> Posterior:
        return Rounded(body, self.latent, self.sizes())


@dataclass(eq=False, repr=False)
class ConcreteVAE(Discrete):
    """Concrete VAE: a code of categorical variables, relaxed to be differentiable while it learns.

    Jang, Gu & Poole, 2017, https://arxiv.org/abs/1611.01144
    Maddison, Mnih & Teh, 2017, https://arxiv.org/abs/1611.00712

    A code is `groups` variables of latent / groups classes each, as that many one-hot vectors.
    The relaxation cools from `temperature` to `coolest`. Scores are those of the truly discrete
    model, and so is `sample`.
    """

    latent: int = option(200, "dimensions of a code: variables times classes")
    width: int = option(32, "classes at each position of a grid (net conv), instead of latent")
    groups: int | None = option(
        None, "variables; without it, one for ten dimensions, or one for each position"
    )
    temperature: float = option(1.0, "temperature of the relaxation at first")
    coolest: float = option(0.5, "temperature of the relaxation in the end")
    cooling: float = option(0.8, "share of all steps over which it falls, by equal factors")
    hard: bool = option(False, "decode one-hot vectors in training too (straight-through)")

    _draws = 4

    def sizes(self) -> tuple[int, ...]:
        groups = _groups(self.latent, self.groups, 10)
        if groups == self.latent > 1:
            raise LatentryError(
                f"groups={groups}: of {groups} dimensions each variable has one class; give more"
                " dimensions (latent, or width of a grid), or fewer groups."
            )
        return (self.latent // groups,) * groups

    def build_posterior(self, body: nn.Module) -> Posterior:
        for name in ("temperature", "coolest"):
            at_least(name, getattr(self, name), 0.0, above=True)
        share("cooling", self.cooling)
        return ConcretePosterior(body, self.latent, self.sizes()[0], self.temperature, self.hard)

    def objective(self) -> Objective:
        bound = Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup)
        return Cooled(bound, geometric(self.temperature, self.coolest, self.cooling))
