"""A latent-variable model: a posterior q(z | x), a prior p(z) and a likelihood p(x | z).

Shapes: B rows, K draws of the code for each row, D latent dimensions, a sample of shape `event`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, kl_divergence

from .carried import draw
from .likelihoods import Likelihood
from .posteriors import Posterior
from .priors import Prior


@dataclass(eq=False)
class Level:
    """The codes of one level of a hierarchy, K draws for each of B rows, D dimensions.

    What lies above is given by its draws, so that the distributions are those of each draw.
    """

    z: Tensor
    """(K, B, D)."""
    p: Distribution
    """p(z | levels above, c), batch shape (), (B,) or (K, B)."""
    q: Distribution | None = None
    """q(z | levels above, x), batch shape (K, B); None where codes did not come from a sample."""

    @property
    def log_q(self) -> Tensor:
        """Log q(z | levels above, x), (K, B)."""
        assert self.q is not None
        return self.q.log_prob(self.z)

    @property
    def log_p(self) -> Tensor:
        """Log p(z | levels above), (K, B)."""
        return self.p.log_prob(self.z)

    @property
    def rate(self) -> Tensor:
        """KL(q || p) given the levels above, (K, B)."""
        closed = closed_form_kl(self.q, self.p)
        return self.log_q - self.log_p if closed is None else closed

    @property
    def rates(self) -> Tensor:
        """The rate of each dimension, (K, B, D), or of the whole level, (K, B, 1)."""
        each = factorised_kl(self.q, self.p)
        return self.rate[..., None] if each is None else each


@dataclass(eq=False)
class Inference:
    """One pass x -> q(z | x) -> z -> p(x | z): all that a bound or a penalty may look at.

    All terms are in nats, summed over the dimensions of a sample and of a code. What nobody asks
    for is not computed.
    """

    x: Tensor
    """What the likelihood is asked about, (B, *event)."""
    z: Tensor
    """K draws from q, (K, B, D)."""
    px: Distribution
    """p(x | z), batch shape (K, B)."""
    q: Distribution | None = None
    """q(z | x), batch shape (B,); None where there is no single q, and `log_qz` is given. It is
    given too where a draw comes with its density (a flow)."""
    p: Distribution | None = None
    """p(z | c), batch shape () or (B,); None for a model without a prior, or `log_pz` is given."""
    log_qz: Tensor | None = field(default=None, repr=False)
    log_pz: Tensor | None = field(default=None, repr=False)
    c: Tensor | None = None
    """The condition, (B, C)."""
    levels: tuple[Level, ...] = ()
    """Of a hierarchy, in the order in which `z` holds them, in place of q and p: log_q, log_p and
    the rate are sums over them."""
    # functools.cached_property would do this, but its lock breaks a compiled graph.
    _known: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def _once(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        if name not in self._known:
            self._known[name] = compute()
        return self._known[name]

    @property
    def distortion(self) -> Tensor:
        """-log p(x | z), (K, B)."""
        return self._once("distortion", lambda: -self.px.log_prob(self.x))

    @property
    def log_q(self) -> Tensor:
        """Log q(z | x), summed over levels, (K, B)."""
        if self.log_qz is not None:
            return self.log_qz
        if self.levels:
            return self._once("log_q", lambda: torch.stack([v.log_q for v in self.levels]).sum(0))
        assert self.q is not None
        q = self.q
        return self._once("log_q", lambda: q.log_prob(self.z))

    @property
    def log_p(self) -> Tensor:
        """Log p(z), summed over levels, (K, B)."""
        if self.log_pz is not None:
            return self.log_pz
        if self.levels:
            return self._once("log_p", lambda: torch.stack([v.log_p for v in self.levels]).sum(0))
        assert self.p is not None
        p = self.p
        return self._once("log_p", lambda: p.log_prob(self.z))

    @property
    def rate(self) -> Tensor:
        """KL(q || p), (B,): in closed form where torch knows one, else from the K draws.

        In a hierarchy that is so for each level, given the draws of those above.
        """
        return self._once("rate", self._rate)

    def _rate(self) -> Tensor:
        if self.levels:
            return torch.stack([level.rate for level in self.levels]).sum(0).mean(0)
        closed = closed_form_kl(self.q, self.p)
        return (self.log_q - self.log_p).mean(0) if closed is None else closed

    @property
    def rates(self) -> Tensor:
        """The rate of each latent dimension, (B, D), or of the whole code, (B, 1), where the
        dimensions are not independent; in a hierarchy, those of each level side by side.
        """
        return self._once("rates", self._rates)

    def _rates(self) -> Tensor:
        if self.levels:
            return torch.cat([level.rates.mean(0) for level in self.levels], -1)
        each = factorised_kl(self.q, self.p)
        return self.rate[:, None] if each is None else each.expand(len(self.x), -1)

    @property
    def log_weight(self) -> Tensor:
        """Log p(x | z) p(z) / q(z | x), (K, B): the log importance weights."""
        return self.log_p - self.log_q - self.distortion


def closed_form_kl(q: Distribution | None, p: Distribution | None) -> Tensor | None:
    """KL(q || p), (B,), or None where there is no closed form."""
    if q is None or p is None:
        return None
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def factorised_kl(q: Distribution | None, p: Distribution | None) -> Tensor | None:
    """KL(q || p) of each dimension, (B, D), or None where one of them is not factorised."""
    if isinstance(q, Independent) and isinstance(p, Independent):
        return closed_form_kl(q.base_dist, p.base_dist)
    return None


class LatentModel(nn.Module, abc.ABC):
    """All that objectives, the training loop and the jobs see of a model."""

    latent: int
    likelihood: Likelihood
    has_prior: bool
    """Whether there is a prior to draw codes from."""

    @property
    def has_bound(self) -> bool:
        """Whether there is a bound on log p(x): not where a code is a point without a density."""
        return self.has_prior

    @abc.abstractmethod
    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        """q(z | x), batch shape (B,), for x (B, *event)."""

    @abc.abstractmethod
    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """p(x | z), batch shape z.shape[:-1], for z (..., B, D)."""

    @abc.abstractmethod
    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        """One pass over x (B, *event), with `draws` codes for each row.

        `target` is what the likelihood is asked about where that is not x itself.
        """

    @abc.abstractmethod
    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """N codes from the prior, (n, D), at a temperature: see `core.tempering`."""

    def embed(self, codes: Tensor) -> Tensor:
        """The codes (N, D) that the decoder takes, of those that a density of codes is over."""
        return codes

    def start(self, x: Tensor) -> None:
        """Take first scales and the like from rows x (N, *event) of the data."""
        self.likelihood.start(x)

    def generate(self, n: int, c: Tensor | None = None) -> Distribution:
        """p(x | z) at n codes drawn from the prior, batch shape (n,)."""
        return self.decode(self.draw(n, c), c)


class VAE(LatentModel):
    """One level of codes, x -> z -> x: every autoencoder and VAE without a hierarchy.

    `corruption` (a module x -> x) is what a denoising model does to its input while it learns;
    the likelihood is asked about the clean x.
    """

    def __init__(
        self,
        posterior: Posterior,
        prior: Prior | None,
        likelihood: Likelihood,
        corruption: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.posterior, self.prior, self.likelihood = posterior, prior, likelihood
        self.corruption = corruption
        self.latent = posterior.latent

    @property
    def has_prior(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.prior is not None

    @property
    def has_bound(self) -> bool:
        return self.has_prior and self.posterior.is_density

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return self.posterior(x, c)

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.likelihood(z, c)

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        target = x if target is None else target
        if self.training and self.corruption is not None:
            x = self.corruption(x)
        q = self.encode(x, c)
        p = None if self.prior is None else self.prior(c)
        z, log_qz = draw(q, draws)
        return Inference(x=target, z=z, px=self.decode(z, c), q=q, p=p, log_qz=log_qz, c=c)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        if self.prior is None:
            raise ValueError("a model without a prior has nothing to draw codes from")
        return self.prior.draw(n, c, temperature)

    def start(self, x: Tensor) -> None:
        super().start(x)
        if self.prior is not None:
            self.prior.start(x)
