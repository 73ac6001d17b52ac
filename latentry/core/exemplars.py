"""A prior that is a kernel density of the training rows' own codes: Norouzi et al., 2020.

arXiv 2004.04795. Each of N rows, an exemplar x_n, stands for a Gaussian around its posterior mean:

    p(z) = 1/N sum_n r(z | x_n),   r(z | x_n) = N(mu(x_n), sigma^2 I)

with the encoder's mu and one learned sigma. While the model learns, a row is no exemplar of its
own, or the best prior would be N needles, and each step takes a random share of the exemplars.

To encode all of them in each step would take far too long. The exemplars that a code is near to
make up nearly all of its density, so the nearest k are found by the means that were computed when
each row was last in a batch, and are encoded anew; only they are moved by the gradient. The paper
leaves out all others, which gives a lower bound; here they keep their earlier means in the sum.
"""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.types import _size

from . import noise
from .codebooks import over_processes, place
from .likelihood import LogScale
from .models import VAE, Inference
from .posteriors import NO_SHAPE, Posterior
from .priors import Prior

BLOCK = 2048
"""Exemplars whose densities are held in memory together."""


class Parzen(Distribution):
    """1/N sum_n N(mu_n, sigma^2 I) over codes, for means (N, D) and a log sigma ()."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(self, means: Tensor, log_scale: Tensor) -> None:
        super().__init__(torch.Size(), means.shape[1:], validate_args=False)
        self.means, self.log_scale = means, log_scale

    @property
    def mean(self) -> Tensor:
        """The mean over all components, (D,)."""
        return self.means.mean(0)

    def log_prob(self, value: Tensor) -> Tensor:
        parts = self.means.split(BLOCK)
        each = [exponents(value, part, self.log_scale).logsumexp(-1) for part in parts]
        return torch.stack(each).logsumexp(0) - log_norm(self.means, self.log_scale)

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        return self.tempered(torch.Size(sample_shape), 1.0)

    def tempered(self, shape: torch.Size, temperature: float) -> Tensor:
        """Draws whose noise, but not whose component, is scaled by a temperature."""
        with torch.no_grad():
            which = torch.randint(len(self.means), shape, device=self.means.device)
            # The noise's first two axes are draws and rows.
            eps = noise.normal((1, which.numel(), *self.event_shape), self.means)
            eps = eps.reshape(*shape, *self.event_shape)
            return self.means[which] + temperature * self.log_scale.exp() * eps


def exponents(z: Tensor, means: Tensor, log_scale: Tensor) -> Tensor:
    """-|z - mu|^2 / (2 sigma^2) for codes z (..., D) and means (N, D), (..., N)."""
    with torch.autocast(z.device.type, enabled=False):
        centre = means.mean(0).detach()  # near the codes, so that the squares below stay small
        a, b = ((t - centre) * (-log_scale).exp() for t in (z, means))
        return a @ b.T - 0.5 * (a.square().sum(-1)[..., None] + b.square().sum(-1))


def log_norm(means: Tensor, log_scale: Tensor) -> Tensor:
    """Log of N (2 pi sigma^2)^(D/2), for means (N, D), ()."""
    n, d = means.shape
    return math.log(n) + d * (log_scale + 0.5 * math.log(2 * math.pi))


class ExemplarPrior(Prior):
    """The kernel density of the exemplars' means, which are kept, and saved, with the model.

    The exemplars themselves, (N, *shape) in the model's scale, are held only while it learns.
    neighbours: of a code, which are encoded anew.
    share: of the exemplars, which a step takes at random.
    """

    means: Tensor
    rows: Tensor
    given: Tensor

    def __init__(
        self, latent: int, condition: int = 0, neighbours: int = 10, share: float = 0.5
    ) -> None:
        super().__init__(latent)
        self.condition, self.neighbours, self.share = condition, neighbours, share
        self.log_scale = LogScale(())
        self.register_buffer("means", torch.zeros(0, latent))
        self.register_buffer("rows", torch.zeros(0), persistent=False)
        self.register_buffer("given", torch.zeros(0), persistent=False)
        self.register_load_state_dict_pre_hook(_as_many_as_saved)

    def bind(self, posterior: Posterior) -> Self:
        """Whose encoder it is."""
        # In a tuple, for the encoder is a part of the model already.
        self._posterior = (posterior,)
        return self

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Parzen(self.means, self.log_scale())

    def hold(self, rows: Tensor, given: Tensor | None) -> None:
        """Learn from now on with the exemplars `rows` (N, *shape) and their conditions (N, C)."""
        self.rows, self.given = rows, rows.new_zeros(0) if given is None else given
        parts = torch.arange(len(rows), device=rows.device).split(BLOCK)
        with torch.no_grad():
            self.means = torch.cat([self.encoded(part) for part in parts])

    def release(self) -> None:
        """Let go of the exemplars, and keep their means as they are by the weights of now."""
        self.hold(self.rows, self.given if self.condition else None)
        self.rows, self.given = self.rows.new_zeros(0), self.given.new_zeros(0)

    def encoded(self, which: Tensor) -> Tensor:
        """The means of exemplars by their numbers (...), (..., D)."""
        (posterior,) = self._posterior
        flat = which.flatten()
        q = posterior(self.rows[flat], self.given[flat] if self.condition else None)
        return q.mean.unflatten(0, which.shape)

    @torch.no_grad()
    def remember(self, number: Tensor, means: Tensor) -> None:
        """Take over the means (B, D) of the exemplars of these numbers (B,), -1 for no exemplar.

        All processes that train together end with the same means.
        """
        rank, world = place()
        message = torch.cat([means.float(), number[:, None].float()], 1)
        shares = message.new_zeros(world, *message.shape)
        shares[rank] = message
        seen = over_processes(shares).flatten(0, 1)
        means, number = seen[:, :-1], seen[:, -1].long()
        # What is no exemplar, or not finite, goes to a last row that is then cut off.
        ok = (number >= 0) & (means.abs().sum(1) < math.inf)
        at = torch.where(ok, number, len(self.means))
        longer = torch.cat([self.means, self.means.new_zeros(1, self.latent)])
        self.means.copy_(longer.index_copy(0, at, means)[:-1])

    def left_out(self, z: Tensor, number: Tensor) -> Tensor:
        """Log p(z) for codes z (K, B, D), by a random share of the exemplars but the row itself.

        number (B,): which exemplar each row is, -1 for none. (K, B).
        """
        n, log_scale = len(self.means), self.log_scale()
        # At least two, so that one is left. torch's generator is seeded alike in all processes.
        some = torch.rand(n, device=z.device).topk(max(2, round(self.share * n))).indices
        own = some == number[:, None]
        means = self.means[some]
        each = exponents(z, means, log_scale).masked_fill(own, -math.inf)
        near = each.topk(min(self.neighbours, len(some))).indices
        anew = (z[..., None, :] - self.encoded(some[near])) * (-log_scale).exp()
        anew = -0.5 * anew.square().sum(-1)
        anew = anew.masked_fill(each.gather(-1, near) == -math.inf, -math.inf)
        less = torch.log1p(-own.sum(-1) / len(some))
        return each.scatter(-1, near, anew).logsumexp(-1) - log_norm(means, log_scale) - less

    def among(self, z: Tensor, means: Tensor) -> Tensor:
        """Log p(z) for codes z (K, B, D) by the rest of their batch, of means (B, D). (K, B)."""
        log_scale = self.log_scale()
        own = torch.eye(len(means), dtype=torch.bool, device=z.device)
        each = exponents(z, means, log_scale).masked_fill(own, -math.inf)
        return each.logsumexp(-1) - log_norm(means[1:], log_scale)


def _as_many_as_saved(
    prior: ExemplarPrior, state: dict[str, Tensor], prefix: str, *_: object
) -> None:
    """Make room for the means that are about to be loaded."""
    held = state.get(f"{prefix}means")
    if held is not None and held.shape != prior.means.shape:
        prior.means = prior.means.new_zeros(held.shape)


class WithExemplars(VAE):
    """A VAE with a prior of exemplars.

    While it learns, c (B, C + 1) ends with the number of the exemplar that each row is, -1 for
    none; where that is not given, the rows of a batch are the exemplars of each other.
    """

    prior: ExemplarPrior  # pyright: ignore[reportIncompatibleVariableOverride]

    def split(self, c: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """The condition (B, C) and the numbers (B,), each None where it is not given."""
        if c is None or c.shape[1] == self.prior.condition:
            return c, None
        return (c[:, :-1] if self.prior.condition else None), c[:, -1].long()

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return super().encode(x, self.split(c)[0])

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return super().decode(z, self.split(c)[0])

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        c, number = self.split(c)
        r = super().infer(x, c, draws, target)
        if not self.training:
            return r
        assert r.q is not None
        r.p = None
        if number is None:
            r.log_pz = self.prior.among(r.z, r.q.mean)
        else:
            self.prior.remember(number, r.q.mean)
            r.log_pz = self.prior.left_out(r.z, number)
        return r
