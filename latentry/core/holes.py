"""Rows with missing entries: their values by importance sampling, and why they are missing.

A missing entry is NaN. What is seen of a row x is its observed entries and s, which says which
they are (1) and which not (0).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F
from torch.types import _size

from ..errors import LatentryError
from . import noise
from .columns import Columns, ColumnsLikelihood
from .distributions import Elementwise, Normal
from .likelihood import Likelihood
from .models import VAE, Inference, LatentModel
from .posteriors import NO_SHAPE, Posterior
from .priors import Prior
from .scores import passes

Inverse = Callable[[Tensor], Tensor]
"""From the model's scale to that of the data."""


def _same(x: Tensor) -> Tensor:
    return x


def fill(r: Inference) -> Tensor:
    """The rows of a pass with their gaps filled for each code, (K, B, *event).

    By the mean of p(x | z); what a model drew itself, because it needed to know the gaps, is kept.
    """
    own = getattr(r.px, "filled", None)
    return torch.where(torch.isnan(r.x), r.px.mean, r.x) if own is None else own(r.x)


@torch.no_grad()
def expected(
    model: LatentModel, x: Tensor, c: Tensor | None, draws: int, seed: int, inverse: Inverse = _same
) -> Tensor:
    """What is expected of rows x (B, *event) given what is observed of them, (B, E).

    With codes z_k from q and weights w_k proportional to p(x_observed | z_k) p(z_k) / q(z_k | x),
    sum_k w_k E[f(x) | z_k], the self-normalised importance estimate: Mattei & Frellsen, 2019,
    arXiv 1812.02633, section 3.3, exact as the number of draws grows. f is `inverse`, from the
    model's scale to the data's, and for levels without an order which of them it is. Estimates of
    several models may be averaged; `rows_of` reads them.
    """
    total = x.new_full((len(x),), -math.inf)
    found: Tensor | None = None
    for r in passes(model, x, c, draws, seed):
        # The mean so far and the block's, each by its share of all weights until now.
        block = torch.logsumexp(r.log_weight, 0)
        after, weight = torch.logaddexp(total, block), (r.log_weight - block).exp()
        if isinstance(r.px, Columns):
            mean = r.px.expected(weight, inverse)
        else:
            rows = inverse(fill(r))
            mean = (_beside(weight, rows) * rows).sum(0).flatten(1)
        found = mean if found is None else found.lerp(mean, (block - after).exp()[:, None])
        total = after
    assert found is not None  # there is at least one draw
    return found


def rows_of(model: LatentModel, means: Tensor) -> Tensor:
    """The rows (B, *event) of what is `expected` (B, E): means, and the likeliest levels."""
    if isinstance(model.likelihood, ColumnsLikelihood):
        return model.likelihood.likeliest(means)
    return means.unflatten(1, model.likelihood.shape)


def columns_of(model: LatentModel, means: Tensor) -> list[Tensor]:
    """Of what is `expected` (B, E), each column's part.

    The mean of a number, (B, 1), or the probabilities of a column's levels, (B, levels).
    """
    if isinstance(model.likelihood, ColumnsLikelihood):
        return model.likelihood.apart(means)
    return list(means.split(1, 1))


@torch.no_grad()
def impute(
    model: LatentModel, x: Tensor, c: Tensor | None, draws: int, seed: int = 0, how: str = "mean"
) -> Tensor:
    """Rows x (B, *event) with their gaps filled, given what is observed.

    "mean" is what is `expected`, and "draw" the draw of one of the K, each as likely as its weight
    (sampling importance resampling): Mattei & Frellsen, 2019, arXiv 1812.02633, section 3.4. Both
    become exact as the number of draws grows.
    """
    if how == "mean":
        means = rows_of(model, expected(model, x, c, draws, seed))
        return torch.where(torch.isnan(x), means, x)
    return resampled(model, x, c, draws, 1, seed)[0]


@torch.no_grad()
def resampled(
    model: LatentModel, x: Tensor, c: Tensor | None, draws: int, count: int, seed: int = 0
) -> Tensor:
    """`count` imputations of rows x (B, *event), (count, B, *event), for one pass over the codes.

    Each takes one of the codes, which is as likely as its weight, and draws what is missing given
    it. Imputation i is the same whatever the count.
    """
    first = int(noise.row_keys(x, seed).sum())
    sources = [torch.Generator().manual_seed((first + 7919 * i) % 2**63) for i in range(count)]
    best, kept, whole = x.new_full((count, len(x)), -math.inf), None, False
    rows = torch.arange(len(x), device=x.device)
    for r in passes(model, x, c, draws, seed):
        own = getattr(r.px, "filled", None)  # the rows of a model that drew what is missing itself
        some, whole = (r.z, False) if own is None else (own(r.x), True)
        kept = some.new_zeros(count, *some.shape[1:]) if kept is None else kept
        for i, source in enumerate(sources):
            # The largest log weight plus Gumbel noise falls on each with its weight's share.
            u = torch.rand(r.log_weight.shape, generator=source).clamp(min=1e-30).to(x.device)
            score, which = (r.log_weight - torch.log(-torch.log(u))).max(0)
            better = _beside(score > best[i], kept[i])
            kept[i] = torch.where(better, some[which, rows], kept[i])
            best[i] = torch.maximum(best[i], score)
    assert kept is not None  # there is at least one draw
    made = (
        kept
        if whole
        else torch.stack(
            [_drawn(model.decode(z[None], c), s)[0] for z, s in zip(kept, sources, strict=True)]
        )
    )
    return torch.where(torch.isnan(x), made, x)


def _drawn(px: Distribution, source: torch.Generator) -> Tensor:
    """A draw that follows from a generator, which torch's distributions do not take."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (), generator=source)))
        return px.sample()


def _beside(weight: Tensor, rows: Tensor) -> Tensor:
    """A weight with as many dimensions as the rows that it is to be multiplied with."""
    return weight.reshape(*weight.shape, *(1,) * (rows.ndim - weight.ndim))


MECHANISMS = ("self-masking", "self-masking-known", "linear", "nonlinear")


class Mechanism(nn.Module):
    """p(s | x): which entries of a complete row x are observed, each on its own given x.

    Ipsen, Mattei & Frellsen, 2021, arXiv 2006.12871, section 4. The logit that entry j is observed:

    - "self-masking": b_j - w_j x_j, so that a value decides on itself alone;
    - "self-masking-known": the same with w_j > 0: large values are what goes missing;
    - "linear": a linear function of all entries;
    - "nonlinear": a net with one hidden layer.
    """

    def __init__(self, kind: str, shape: tuple[int, ...], hidden: int = 32) -> None:
        super().__init__()
        self.kind, size = kind, math.prod(shape)
        if kind in ("linear", "nonlinear"):
            layers: list[nn.Module] = [nn.Linear(size, hidden), nn.Tanh(), nn.Linear(hidden, size)]
            self.net = nn.Linear(size, size) if kind == "linear" else nn.Sequential(*layers)
        else:
            self.weight = nn.Parameter(torch.zeros(size))
            self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        """The logits for rows x (..., S), (..., S)."""
        if self.kind in ("linear", "nonlinear"):
            return self.net(x).float()
        known = self.kind == "self-masking-known"
        # log(1 + e^w) / log 2 is 1 at first, and never negative.
        weight = F.softplus(self.weight) / math.log(2.0) if known else self.weight
        return self.bias - weight * x


class Masked(Distribution):
    """p(x_observed | z) p(s | x), its gaps filled by draws from p(x_missing | z).

    `eps` (K, B, *event) is the standard normal noise of these draws. log_prob is what an
    importance weight needs: log p(x_observed | z) + log p(s | x_observed, x_missing).
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(self, px: Distribution, mechanism: Mechanism, eps: Tensor) -> None:
        self.px, self.mechanism, self.eps = px, mechanism, eps
        super().__init__(px.batch_shape, px.event_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.px.mean

    @property
    def variance(self) -> Tensor:
        return self.px.variance

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        return self.px.sample(torch.Size(sample_shape))

    def filled(self, x: Tensor) -> Tensor:
        """Rows x (B, *event) with the gaps drawn, (K, B, *event)."""
        drawn = self.px.mean + self.px.variance.sqrt() * self.eps
        return torch.where(torch.isnan(x), drawn, x)

    def log_prob(self, value: Tensor) -> Tensor:
        seen = ~torch.isnan(value).flatten(-len(self.event_shape))
        logits = self.mechanism(self.filled(value).flatten(-len(self.event_shape)))
        log_s = F.logsigmoid(torch.where(seen, logits, -logits)).sum(-1)
        return self.px.log_prob(value) + log_s


class NotMissingAtRandom(VAE):
    """A VAE that also models why entries are missing: a bound on log p(x_observed, s).

    The weights of its bound are p(x_observed | z) p(s | x) p(z) / q(z | x_observed), with what is
    missing of x drawn from p(x | z): Ipsen et al., 2021, arXiv 2006.12871, equation 10.
    """

    def __init__(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood, kind: str
    ) -> None:
        super().__init__(posterior, prior, likelihood)
        self.mechanism = Mechanism(kind, likelihood.shape)

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        r = super().infer(x, c, draws, target)
        px = r.px
        if not (isinstance(px, Elementwise) and isinstance(px.base, Normal)):
            raise LatentryError(
                "A model of why entries are missing needs a normal likelihood, from which they can"
                " be drawn with a gradient; use the likelihood gaussian-shared."
            )
        r.px = Masked(px, self.mechanism, noise.normal((draws, *x.shape), px.mean))
        return r
