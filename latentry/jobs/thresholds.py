"""From scores to decisions: scales on which scores can be added, and p-values that hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Scale:
    """A score's own scale, so that scores of different kinds can be added.

    With s the score, lowest and median of the reference rows taken as 0 and 1,
    asinh(s) is linear where rows are usual and logarithmic where they are not: no one score
    drowns the others by its outliers. It is then centred and divided by its spread, the distance
    between the tenth and the ninetieth percentile.
    """

    low: float
    unit: float
    centre: float
    spread: float

    @classmethod
    def of(cls, scores: np.ndarray) -> Self:
        """The scale of the scores (N,) of the reference rows."""
        low, median = float(scores.min()), float(np.median(scores))
        unit = median - low if median > low else 1.0
        first, centre, last = np.quantile(np.arcsinh((scores - low) / unit), [0.1, 0.5, 0.9])
        spread = float(last - first)
        return cls(low, unit, float(centre), spread if spread > 0 else 1.0)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores (N,) on this scale."""
        return (np.arcsinh((scores - self.low) / self.unit) - self.centre) / self.spread


def p_values(calibration: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Conformal p-values (N,) of scores (N,), larger for stranger, by held-out normal ones (n,).

    p = (1 + how many of the held-out rows are at least as strange) / (1 + n). Where a row is
    exchangeable with the held-out ones, P(p <= a) <= a for any a, whatever the model: Laxhammar &
    Falkman, 2010; Bates et al., 2021, arXiv 2104.08279 (section 2). The least p is 1 / (1 + n).
    """
    rising = np.sort(calibration)
    at_least = len(rising) - np.searchsorted(rising, scores, side="left")
    return (1 + at_least) / (1 + len(rising))


def conformal_threshold(calibration: np.ndarray, rate: float) -> float:
    """The score above which a row's p-value is at most `rate`; infinite where none can be."""
    stranger = int(np.floor(rate * (1 + len(calibration)) + 1e-9)) - 1
    return np.inf if stranger < 0 else float(np.sort(calibration)[::-1][stranger])
