"""Priors that are learned from the codes once the networks are trained.

While a model learns, such a prior is N(0, I). The codes of the data are not spread like that when
all is done: the aggregate posterior q(z) = mean_n q(z | x_n) leaves holes where the prior has
mass, and what is drawn there is like no sample. So a density of the codes takes its place.

* `SecondStage`: a second VAE over the codes, as wide as the first (Dai & Wipf, 2019, arXiv
  1903.05789). p(z) = integral of p(z | u) N(u; 0, I).
* `NoiseContrastive`: p(z) = r(z) N(z; 0, I) / Z, with r the odds of a classifier between codes and
  draws from N(0, I) (Aneja et al., 2021, arXiv 2010.02917).
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.nn import functional as F
from torch.types import _size

from . import noise
from .bounds import log_mean_exp
from .models import VAE
from .posteriors import NO_SHAPE, Gaussian
from .priors import Prior, StandardNormal

PROPOSALS = 5000
"""Draws from N(0, I) among which codes are taken by importance, at least: the paper's number."""
PROPOSALS_EACH = 512
"""So many for each code that is asked for, where codes are taken from the same draws."""
DRAWS_FOR_Z = 2**17
"""Draws from N(0, I) by which the normaliser is estimated."""
AT_ONCE = 2**16
"""Draws that go through the classifier together."""
PATIENCE = 20
"""Looks at held-out codes without a better loss after which the classifier is done."""


class Later(Prior):
    """N(0, I) until it is fitted, and the fitted density from then on, outside training."""

    done: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__(latent)
        self.base = StandardNormal(latent)
        self.register_buffer("done", torch.tensor(False))

    def forward(self, c: Tensor | None = None) -> Distribution:
        if self.training or not bool(self.done):
            return self.base(c)
        return self.fitted(c)

    @abc.abstractmethod
    def fitted(self, c: Tensor | None) -> Distribution:
        """The density that was learned."""


class _OfCodes(Distribution):
    """A distribution over codes, batch shape () or that of the condition, (B,)."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(self, latent: int, c: Tensor | None, like: Tensor) -> None:
        batch = torch.Size() if c is None else c.shape[:1]
        super().__init__(batch, torch.Size((latent,)), validate_args=False)
        self.c, self.like = c, like

    @property
    def mean(self) -> Tensor:
        """The origin, which draws at a temperature are drawn towards."""
        return self.like.new_zeros(self.batch_shape + self.event_shape)

    def _rows(self, sample_shape: _size) -> tuple[int, torch.Size]:
        """How many codes, and the shape of all of them."""
        lead = torch.Size(sample_shape) + self.batch_shape
        return lead.numel(), lead + self.event_shape

    def _given(self, n: int) -> Tensor | None:
        """The condition of each of n codes, where there is one."""
        if self.c is None:
            return None
        return self.c.repeat(n // max(1, len(self.c)), 1)


class SecondStage(Later):
    """The law of codes by a VAE over them, whose likelihood is a Gaussian with one variance."""

    def __init__(self, latent: int, vae: VAE) -> None:
        super().__init__(latent)
        self.vae = vae.requires_grad_(False)

    def fitted(self, c: Tensor | None) -> Distribution:
        return _Stage(self.vae, c)


class _Stage(_OfCodes):
    """log_prob is one draw's log p(z | u) p(u) / q(u | z), whose exp has the mean p(z).

    So a bound on log p(x) stays one, and an importance weight stays without bias.
    """

    def __init__(self, vae: VAE, c: Tensor | None) -> None:
        super().__init__(vae.latent, c, next(vae.parameters()))
        self.vae = vae

    def log_prob(self, value: Tensor) -> Tensor:
        lead = value.shape[:-1]
        k, b = (1, *lead) if len(lead) == 1 else (lead[:-1].numel(), lead[-1])
        c = None if self.c is None else self.c.repeat(k, 1)
        q = self.vae.encode(value.reshape(k * b, -1), c)
        loc, scale = (t.reshape(k, b, -1) for t in (q.mean, q.stddev))
        law = Independent(Gaussian(loc, scale), 1, validate_args=False)
        u = loc + scale * noise.normal(loc.shape, loc)
        px = self.vae.decode(u, self.c)
        assert self.vae.prior is not None
        log_p = px.log_prob(value.reshape(k, b, -1)) + self.vae.prior().log_prob(u)
        return (log_p - law.log_prob(u)).reshape(lead)

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        n, shape = self._rows(sample_shape)
        with torch.no_grad():
            c = self._given(n)
            return self.vae.decode(self.vae.draw(n, c), c).sample().reshape(shape)


class NoiseContrastive(Later):
    """N(0, I) weighted by the odds that a classifier gives a code over a draw from N(0, I)."""

    log_z: Tensor

    def __init__(self, latent: int, condition: int = 0, hidden: tuple[int, ...] = (64, 64)) -> None:
        super().__init__(latent)
        sizes = (latent + condition, *hidden)
        layers: list[nn.Module] = []
        for before, after in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(before, after), nn.SiLU()]
        self.critic = nn.Sequential(*layers, nn.Linear(sizes[-1], 1)).requires_grad_(False)
        self.condition = condition
        self.register_buffer("log_z", torch.zeros(()))

    def log_odds(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Log r(z), z.shape[:-1], for codes z (..., D); c broadcasts against them."""
        if self.condition:
            given = z.new_zeros(self.condition) if c is None else c.to(z.dtype)
            z = torch.cat([z, given.expand(*z.shape[:-1], -1)], -1)
        return self.critic(z)[..., 0].float()

    def fitted(self, c: Tensor | None) -> Distribution:
        return _Reweighted(self, c if self.condition else None)

    def learn(
        self,
        codes: Callable[[], tuple[Tensor, Tensor | None]],
        steps: int,
        lr: float = 1e-3,
        *,
        held_out: tuple[Tensor, Tensor | None] | None = None,
        every: int = 1,
    ) -> None:
        """Train the classifier for `steps` batches of `codes`, (B, D) and their conditions.

        With `held_out` ones it is looked at `every` so many steps how well it knows those: the
        weights that know them best are kept, and it ends when they are no more bettered. A
        classifier that knows its codes by heart would give too high odds to them.
        """
        parameters = list(self.critic.requires_grad_(True).parameters())
        rule = torch.optim.Adam(parameters, lr)
        other = None if held_out is None else torch.randn_like(held_out[0])
        best, kept, since = float("inf"), None, 0
        for step in range(1, steps + 1):
            with torch.enable_grad():
                z, c = codes()
                loss = self._loss(z, noise.normal((1, *z.shape), z)[0], c)
                for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                    p.grad = g
            rule.step()
            if held_out is None or other is None or step % every:
                continue
            with torch.no_grad():
                value = float(self._loss(held_out[0], other, held_out[1]))
            since += 1
            if value < best:
                best, kept, since = value, copy.deepcopy(self.critic.state_dict()), 0
            if since >= PATIENCE:
                break
        if kept is not None:
            self.critic.load_state_dict(kept)
        self.critic.requires_grad_(False)
        self.critic.zero_grad(set_to_none=True)
        self._normalise()

    def _loss(self, z: Tensor, other: Tensor, c: Tensor | None) -> Tensor:
        """The classifier's cross-entropy on codes z and draws `other` from N(0, I), in nats."""
        right, wrong = self.log_odds(z, c), self.log_odds(other, c)
        return F.softplus(-right).mean() + F.softplus(wrong).mean()

    @torch.no_grad()
    def _normalise(self) -> None:
        if not self.condition:
            draws = torch.randn(DRAWS_FOR_Z, self.latent, device=self.log_z.device)
            each = [self.log_odds(part, None) for part in draws.split(AT_ONCE)]
            self.log_z.copy_(log_mean_exp(torch.cat(each), 0))
        self.done.fill_(True)

    def log_normaliser(self, c: Tensor | None) -> Tensor:
        """Log Z, () without a condition, else (B,), from the same draws for each condition."""
        if c is None:
            return self.log_z
        kinds, which = torch.unique(c, dim=0, return_inverse=True)
        generator = torch.Generator().manual_seed(0)
        draws = torch.randn(4096, self.latent, generator=generator).to(c)
        each = [log_mean_exp(self.log_odds(draws, kind), 0) for kind in kinds]
        return torch.stack(each)[which]


class _Reweighted(_OfCodes):
    """r(z) N(z; 0, I) / Z; codes are taken by importance among draws from N(0, I) (the paper's
    SIR), those with the same condition among the same draws, each draw at most once.
    """

    def __init__(self, prior: NoiseContrastive, c: Tensor | None) -> None:
        super().__init__(prior.latent, c, prior.log_z)
        self.prior = prior

    def log_prob(self, value: Tensor) -> Tensor:
        base = self.prior.base().log_prob(value)
        normaliser = self.prior.log_normaliser(self.c)
        return self.prior.log_odds(value, self.c) + base - normaliser

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        n, shape = self._rows(sample_shape)
        c = self._given(n)
        found = self.like.new_empty(n, self.prior.latent)
        with torch.no_grad():
            if c is None:
                groups = [(None, torch.arange(n, device=found.device))]
            else:
                kinds, which = torch.unique(c, dim=0, return_inverse=True)
                groups = [(kind, (which == i).nonzero()[:, 0]) for i, kind in enumerate(kinds)]
            for kind, rows in groups:
                for part in rows.split(AT_ONCE // PROPOSALS_EACH):
                    found[part] = self._taken(len(part), kind)
        return found.reshape(shape)

    def _taken(self, n: int, c: Tensor | None) -> Tensor:
        """N codes (n, D) under one condition (C,) or None."""
        count = max(PROPOSALS, PROPOSALS_EACH * n)
        z = torch.randn(count, self.prior.latent, device=self.like.device)
        odds = self.prior.log_odds(z, c).softmax(0)
        return z[torch.multinomial(odds.clamp(min=torch.finfo(odds.dtype).tiny), n)]
