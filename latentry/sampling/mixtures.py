"""A mixture of Gaussians over codes, one for each class where codes have classes."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from ..core import tempering
from ..core.samplers import Codes, Sampler, distinct, nearest

MOST_COMPONENTS = 10
ROWS_FOR_EACH = 5
"""Rows for each dimension that a component takes, so that its covariance is never estimated from
fewer rows than it has directions."""


class Mixture(Sampler):
    """sum_m w_m N(mu_m, Sigma_m) by expectation maximisation: Dempster, Laird & Rubin, 1977.

    Given a condition that takes few values (classes), each value with enough rows has a mixture of
    its own. Any other condition moves one mixture for all: z = A c + r, with A by least squares
    and the mixture that of r.
    """

    values: Tensor
    middle: Tensor
    slope: Tensor
    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent: int, condition: int = 0, *, most: int = MOST_COMPONENTS) -> None:
        super().__init__(latent, condition)
        self.most = most
        self.register_buffer("values", torch.zeros(1, condition))
        self.register_buffer("middle", torch.zeros(condition))
        self.register_buffer("slope", torch.zeros(condition, latent))
        self.register_buffer("weights", torch.ones(1, 1))
        self.register_buffer("means", torch.zeros(1, 1, latent))
        self.register_buffer("factors", torch.eye(latent)[None, None])

    def fit(self, codes: Codes, seed: int) -> None:
        z, c, values = codes.z, codes.c, []
        groups = [z]
        if c is not None:
            self.middle = c.mean(0)
            away = (c - self.middle).double().cpu()
            level = (z - z.mean(0)).double().cpu()
            self.slope = torch.linalg.lstsq(away, level, driver="gelsd").solution.to(z)
            groups = [z - (c - self.middle) @ self.slope]
            values, found = [self.middle], distinct(c)
            for value in () if found is None else found:
                rows = (c == value).all(1)
                if rows.sum() >= ROWS_FOR_EACH * self.latent:
                    values.append(value)
                    groups.append(z[rows])
            self.values = torch.stack(values)
        each = [maximise(group.cpu(), seed, self.most) for group in groups]
        widest = max(len(weights) for weights, _, _ in each)
        padded = [_padded(*one, widest) for one in each]
        stacked = (torch.stack(part).to(z) for part in zip(*padded, strict=True))
        self.weights, self.means, self.factors = stacked

    @property
    def components(self) -> int:
        """How many Gaussians are mixed, at most."""
        return self.weights.shape[1]

    def law(self, which: int = 0) -> MixtureSameFamily:
        """The mixture of a value of the condition; the first is for all others, about A c."""
        return MixtureSameFamily(
            Categorical(self.weights[which], validate_args=False),
            MultivariateNormal(
                self.means[which], scale_tril=self.factors[which], validate_args=False
            ),
            validate_args=False,
        )

    def _shift(self, which: Tensor, c: Tensor | None, like: Tensor) -> Tensor:
        """A c for the rows that have no mixture of their own, 0 for the others, (n, D)."""
        if c is None or not self.condition:
            return like.new_zeros(len(which), self.latent)
        return torch.where(which[:, None] == 0, (c.to(like) - self.middle) @ self.slope, 0.0)

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        which = nearest(c, self.values, len(z))
        found = z.new_empty(len(z))
        away = z - self._shift(which, c, z)
        for value in which.unique().tolist():
            rows = which == value
            found[rows] = self.law(value).log_prob(away[rows])
        return found

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        which = nearest(c, self.values, n)
        found = self._shift(which, c, self.means)
        for value in which.unique().tolist():
            rows = which == value
            found[rows] += tempering.draw(self.law(value), int(rows.sum()), temperature)
        return found


def maximise(z: Tensor, seed: int, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """The weights (K,), means (K, D) and factors (K, D, D) of a mixture for codes (N, D)."""
    from sklearn import mixture

    n, latent = z.shape
    components = max(1, min(most, n // (ROWS_FOR_EACH * latent)))
    # Codes of any scale: the ridge on the covariances is relative to their variance.
    ridge = 1e-6 + 1e-4 * float(z.double().var(0).mean())
    fitted = mixture.GaussianMixture(
        components, reg_covar=ridge, random_state=seed % 2**32, max_iter=200
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an unconverged mixture is still a density
        fitted.fit(z.double().numpy())
    weights, means, covariances = (
        torch.from_numpy(part) for part in (fitted.weights_, fitted.means_, fitted.covariances_)
    )
    return weights, means, torch.linalg.cholesky(covariances)


def _padded(
    weights: Tensor, means: Tensor, factors: Tensor, components: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The mixture with as many components, those that are added of weight 0."""
    more, latent = components - len(weights), means.shape[1]
    return (
        torch.cat([weights, weights.new_zeros(more)]),
        torch.cat([means, means.new_zeros(more, latent)]),
        torch.cat([factors, torch.eye(latent, dtype=factors.dtype).expand(more, -1, -1)]),
    )
