"""How samples change along a path between two codes, and whether its middle is like the data.

Distances are Euclidean, between rows as `points` has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from ..core import geometry
from ..core.columns import located
from .latents import MOST_ROWS, class_index
from .points import model_rows, nearest, points
from .subject import Subject

GEODESICS = 6
"""Pairs at most for which the shortest path is sought: each takes a small training."""


def smoothness(samples: np.ndarray) -> float | None:
    """The largest step along a path of samples (T, ...) over the mean step: 1 is an even speed.

    T - 1 is one jump with rest before and after it; None is a path that does not move. It is the
    measure of Berthelot et al., 2019, arXiv 1807.07543, with steps between samples in place of the
    angles of lines, and as a ratio.
    """
    steps = _steps(samples)
    return float(steps.max() / steps.mean()) if steps.mean() > 0 else None


def length(samples: np.ndarray) -> float | None:
    """The length of a path of samples (T, ...) over the distance between its ends, at least 1.

    None where the ends are the same sample.
    """
    ends = _steps(np.asarray(samples)[[0, -1]])
    return float(_steps(samples).sum() / ends[0]) if ends[0] > 0 else None


def _steps(samples: np.ndarray) -> np.ndarray:
    rows = np.asarray(samples, np.float64).reshape(len(samples), -1)
    return np.linalg.norm(np.diff(rows, axis=0), axis=1)


def middle_distance(middles: np.ndarray, data: np.ndarray) -> float | None:
    """The mean distance of the middles (P, ...) to the nearest row of the data (N, ...).

    In units of the mean distance of a row to its nearest other row, so that 1 is as near as rows
    are to each other. (A blurred sample is nearer to all rows than they are to each other.) None
    where all rows are the same.
    """
    made, rows = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (middles, data))
    apart = _spacing(rows)
    return float(nearest(made, rows).mean() / apart) if apart > 0 else None


def _spacing(rows: np.ndarray) -> float:
    """The mean distance of a row (N, E) to its nearest other row."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(rows)
    # Asked about nothing, it leaves each row out of its own neighbours.
    return float(found.kneighbors()[0].mean()) if len(rows) > 1 else 0.0


def paths(
    est: Subject,
    X: Any,
    labels: Any = None,
    *,
    condition: Any = None,
    pairs: int = 50,
    steps: int = 11,
    kinds: Sequence[str] = geometry.PATHS,
    seed: int = 0,
) -> dict[str, float | None]:
    """Figures of decoded paths between pairs of rows, for each kind of path.

    {kind}_smoothness : the mean of `smoothness` over the pairs
    {kind}_middle_distance : `middle_distance` of the samples half way
    {kind}_length : the mean of `length`

    Pairs are drawn at random, of different classes where the labels name classes. The ends are
    their codes, samples the means of p(x | z). A conditional model is given the condition of the
    row where a path starts, as in `Estimator.interpolate`. Geodesics are sought for the first six
    pairs only. Middles are held against at most 5,000 rows. None for what does not exist, as with a
    decoder that ignores its code, or a single row.
    """
    x, c = model_rows(est, X, condition)
    found: dict[str, float | None] = dict.fromkeys(
        f"{kind}_{name}" for kind in kinds for name in ("smoothness", "middle_distance", "length")
    )
    if len(x) < 2:
        return found
    rng = np.random.default_rng(seed)
    first, second = (
        torch.from_numpy(rows).to(x.device) for rows in _pairs(labels, len(x), pairs, rng)
    )
    some = torch.from_numpy(rng.permutation(len(x))[:MOST_ROWS]).to(x.device)
    data = points(est.schema_, x[some])
    given = None if c is None else c[first]
    with torch.inference_mode():
        a, b = (est.model_.encode(x[rows], given).mean for rows in (first, second))
    for kind in kinds:
        few = slice(GEODESICS if kind == "geodesic" else None)
        way = _decoded(est, kind, a[few], b[few], None if given is None else given[few], steps)
        each = way.transpose(1, 0, 2)
        found[f"{kind}_smoothness"] = _mean([smoothness(samples) for samples in each])
        found[f"{kind}_middle_distance"] = middle_distance(way[steps // 2], data)
        found[f"{kind}_length"] = _mean([length(samples) for samples in each])
    return found


def _pairs(
    labels: Any, n: int, pairs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows where paths start and end, (P,) each, P being at most n."""
    classes = class_index(labels)
    rows = np.arange(n) if classes is None else classes[0]
    start = rng.permutation(len(rows))[:pairs]
    if classes is None:
        return start, (start + rng.integers(1, n, len(start))) % n
    y = classes[1]
    end = [rng.choice(np.flatnonzero(y != y[i])) for i in start]
    return rows[start], rows[end]


def _decoded(
    est: Subject, kind: str, a: Tensor, b: Tensor, c: Tensor | None, steps: int
) -> np.ndarray:
    """The samples on the paths from a to b (P, D), (steps, P, E)."""
    found = []
    for i in range(len(a)):
        given = None if c is None else c[i : i + 1]

        def decode(z: Tensor, given: Tensor | None = given) -> Distribution:
            one = None if given is None else given.expand(z.shape[-2], -1)
            return est.model_.decode(z, one)

        z = geometry.path(kind, a[i], b[i], steps, lambda z, decode=decode: located(decode(z)))
        with torch.inference_mode():
            found.append(points(est.schema_, decode(z).mean))
    return np.stack(found, 1)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
