"""What a measure may ask of the model that it looks at.

Evaluation stands below the estimator, so its functions take any object with these methods. All
figures are in the units of the data as handed over, and codes are (N, D), unless a function says
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np
from torch import Tensor

from ..core.models import LatentModel
from ..core.samplers import Sampler
from ..data.conditions import Condition
from ..data.schema import Schema
from ..data.transforms import Transform


class Subject(Protocol):
    """A fitted estimator: see `latentry.estimator.Estimator` for what each member is."""

    latent: int
    model_: LatentModel
    schema_: Schema
    scaler_: Transform
    condition_: Condition | None
    sampler_: Sampler | None
    likelihood_: str

    def transform(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The posterior mean of each row, (N, D)."""
        ...

    def encode(
        self,
        X: Any,
        how: Literal["mean", "sample", "average"] = "mean",
        *,
        draws: int = 100,
        condition: Any = None,
        seed: int = 0,
    ) -> np.ndarray:
        """A code for each row, (N, D)."""
        ...

    def inverse_transform(self, Z: Any, *, condition: Any = None) -> np.ndarray:
        """The mean of p(x | z) for each code of Z (N, D), in the layout of the data."""
        ...

    def reconstruct(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """Each row encoded to its posterior mean and decoded, in the layout of the data."""
        ...

    def sample(self, n: int = 1, *, condition: Any = None, seed: int | None = None) -> np.ndarray:
        """N new samples, in the layout of the data."""
        ...

    def score_samples(
        self, X: Any, *, draws: int = 16, condition: Any = None, seed: int = 0
    ) -> np.ndarray:
        """A lower bound on log p(x) for each row, (N,), in nats."""
        ...

    def evaluate(self, X: Any, *, draws: int = 100, condition: Any = None) -> dict[str, Any]:
        """The figures of `latentry.evaluation.evaluate`."""
        ...

    def _batches(
        self, X: Any, condition: Any = None, rows: int = ...
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Blocks of X in the model's scale (B, *shape), each with its condition (B, C) or None."""
        ...
