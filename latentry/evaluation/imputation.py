"""How well gaps were filled, against cells whose values are known.

All figures look at the cells in `hidden` alone: those that were filled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import LatentryError


def rmse(filled: Any, whole: Any, hidden: Any, *, scale: Any = None) -> float:
    """The root mean squared error of filled numbers, in units of `scale`.

    filled, whole (N, D); hidden (N, D) bool; scale (D,), the standard deviations of the columns,
    for example: those of `whole` where it is not given. Constant columns count as of scale 1.
    """
    a, b, at = _alike(filled, whole, hidden)
    spread = np.nanstd(b, 0) if scale is None else np.asarray(scale, dtype=np.float64)
    error = (a - b) / np.where(spread > 0, spread, 1.0)
    return float(np.sqrt((error[at] ** 2).mean()))


def pfc(filled: Any, whole: Any, hidden: Any) -> float:
    """The share of filled levels that are false ("proportion of falsely classified").

    Stekhoven & Buehlmann, 2012, Bioinformatics 28(1). filled, whole (N, D) of any type.
    """
    a, b, at = _alike(filled, whole, hidden, numbers=False)
    return float((a[at] != b[at]).mean())


def coverage(samples: Any, whole: Any, hidden: Any, share: float = 0.9) -> float:
    """How many of the true values lie within the middle `share` of their imputations.

    samples (M, N, D), M imputations. With order statistics x_(i) of M draws the interval from
    x_(i) to x_(j) covers one more draw with probability (j - i) / (M + 1); the quantiles are
    interpolated between them accordingly, so that few imputations give no interval that is too
    narrow. Raises LatentryError where there are too few for the share.
    """
    draws, tail = np.asarray(samples, dtype=np.float64), (1 - share) / 2
    if round(tail * (len(draws) + 1), 6) < 1:
        raise LatentryError(
            f"{len(draws)} imputations are too few for intervals of {share:.0%}; draw at least"
            f" {int(np.ceil(round(1 / tail, 6))) - 1}."
        )
    _, b, at = _alike(draws[0], whole, hidden)
    low, high = np.quantile(draws[:, at], [tail, 1 - tail], axis=0, method="weibull")
    return float(((low <= b[at]) & (b[at] <= high)).mean())


def _alike(
    filled: Any, whole: Any, hidden: Any, numbers: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays, if they are of one shape and something was hidden."""
    kind = np.float64 if numbers else object
    a, b = np.asarray(filled, dtype=kind), np.asarray(whole, dtype=kind)
    at = np.asarray(hidden, dtype=bool)
    if not a.shape == b.shape == at.shape:
        raise LatentryError(
            f"filled, whole and hidden have the shapes {a.shape}, {b.shape} and {at.shape}; give"
            " three alike."
        )
    if not at.any():
        raise LatentryError("No cell was hidden, so there is nothing to measure.")
    return a, b, at
