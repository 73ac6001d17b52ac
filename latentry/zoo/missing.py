"""Models for rows of which some entries are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..core.holes import MECHANISMS, NotMissingAtRandom, expected, resampled, rows_of
from ..core.likelihood import Likelihood
from ..core.models import LatentModel
from ..core.posteriors import Posterior
from ..core.priors import Prior
from ..data.mixed import fill_table
from ..data.schema import Schema
from ..estimator import Estimator, option
from ..inputs import read_rows
from .checks import at_least, one_of
from .importance import IWAE

ROWS = 256
"""Rows that are imputed together: each has many draws."""


def expectations(
    est: Estimator, X: Any, draws: int, *, condition: Any = None, seed: int = 0
) -> Tensor:
    """What a model expects of each row of X given what is observed, in the data's units, (N, E).

    See `latentry.core.holes.expected`; the model is any that has a bound.
    """
    inverse = est.scaler_.inverse
    return _each(
        est, X, condition, seed, lambda x, c: expected(est.model_, x, c, draws, seed, inverse).cpu()
    )


def imputations(
    est: Estimator, X: Any, draws: int, count: int = 1, *, condition: Any = None, seed: int = 0
) -> Tensor:
    """`count` draws of each row of X given what is observed of it, in the data's units.

    (count, N, *event); see `latentry.core.holes.resampled`.
    """

    def of(x: Tensor, c: Tensor | None) -> Tensor:
        made = resampled(est.model_, x, c, draws, count, seed)
        return est._data_units(made.flatten(0, 1)).unflatten(0, made.shape[:2]).transpose(0, 1)

    return _each(est, X, condition, seed, of).transpose(0, 1)


def _each(est: Estimator, X: Any, condition: Any, seed: int, of: Callable[..., Tensor]) -> Tensor:
    """A function of each block of rows, and of their condition."""
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        return torch.cat([of(x, c) for x, c in est._batches(X, condition, rows=ROWS)])


@dataclass(eq=False, repr=False)
class MissingIWAE(IWAE):
    """MIWAE: an importance-weighted autoencoder of incomplete rows, which fills their gaps.

    Mattei & Frellsen, 2019, https://arxiv.org/abs/1812.02633

    Missing entries are NaN, and are taken to be missing whatever their values are. `impute` gives
    the conditional means, or draws for multiple imputation. Scores are those of the observed
    entries.
    """

    draws: int = option(20, "codes drawn for each sample")

    def impute(
        self,
        X: Any,
        how: Literal["mean", "draw"] = "mean",
        *,
        draws: int = 1000,
        condition: Any = None,
        seed: int = 0,
    ) -> Any:
        """X with its gaps filled, given what is observed, in the layout of the data.

        "mean" is the conditional mean, the least squared error; "draw" a draw from the conditional
        distribution, another for each seed. Both are by importance sampling with `draws` codes.
        """
        one_of("how", how, ("mean", "draw"))
        at_least("draws", draws, 1)
        array, _ = read_rows(self, X, reset=False)
        if how == "mean":
            means = expectations(self, X, draws, condition=condition, seed=seed)
            full = rows_of(self.model_, means)
        else:
            full = imputations(self, X, draws, condition=condition, seed=seed)[0]
        filled = self.schema_.unpack(full, round_counts=how == "draw")
        if self.schema_.kind == "table":
            return fill_table(X, filled)
        # What was observed stays as it is to the last digit.
        return np.where(np.isnan(array), filled, array).astype(filled.dtype)


@dataclass(eq=False, repr=False)
class NotMIWAE(MissingIWAE):
    """Not-MIWAE: a MIWAE that also learns why entries are missing, where that is their values.

    Ipsen, Mattei & Frellsen, 2021, https://arxiv.org/abs/2006.12871

    Scores bound log p(x_observed, which entries are missing). The likelihood has to be a normal
    one.
    """

    mechanism: str = option(
        "self-masking",
        "what decides whether an entry is missing: self-masking (its value), self-masking-known"
        " (large values are), linear or nonlinear (of all values)",
    )

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        return "gaussian-shared", "likelihood gaussian-shared, so that missing entries can be drawn"

    def build_model(
        self, posterior: Posterior, prior: Prior | None, likelihood: Likelihood
    ) -> LatentModel:
        one_of("mechanism", self.mechanism, MECHANISMS)
        return NotMissingAtRandom(posterior, prior, likelihood, self.mechanism)
