"""Rows as points between which distances mean something, whatever the data are.

A row is taken in the model's scale, in which grey levels lie between 0 and 1 and real columns are
standardised, so that no column outweighs the others by its unit. Of a table of mixed columns the
numbers stay as they are there (their columns' own scale, of variance 1), and a level becomes a
vector of 0 and sqrt(1/2), by which two different levels are 1 apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..data.columns import Column
from ..data.schema import Schema
from ..data.transforms import Transform
from .subject import Subject

MOST_LEVELS = 64
"""Levels of a column that have a place of their own, the most frequent ones; all others share 0."""


def model_rows(est: Subject, X: Any, condition: Any = None) -> tuple[Tensor, Tensor | None]:
    """X in the model's scale, (N, *shape), and its condition (N, C)."""
    parts = list(est._batches(X, condition))
    given = [c for _, c in parts if c is not None]
    return torch.cat([x for x, _ in parts]), torch.cat(given) if given else None


def points(schema: Schema, x: Tensor) -> np.ndarray:
    """X (N, *shape) in the model's scale as points (N, E), float64, without gaps.

    A missing entry stands at the mean of its column: of what was observed in x, or, for a table of
    mixed columns, in the training data.
    """
    if schema.kind != "table":
        return flat(filled(x))
    return torch.cat([_cells(c, v) for c, v in zip(schema.learned, x.T, strict=True)], 1).numpy()


def data_points(schema: Schema, X: Any) -> Any:
    """Rows in the layout of the data as `points` where they are a table; all else as it is.

    Points are (N, E, 1): a feature space scales the entries of vectors one by one, which would
    carry a level that was hardly ever seen very far off, but those of images all alike.
    """
    if schema.kind != "table" or X is None:
        return X
    return points(schema, Transform.of(schema)(schema.pack(X)))[..., None]


def _cells(column: Column, x: Tensor) -> Tensor:
    """Cells (N,) of a column in the model's scale, (N, 1) or (N, L)."""
    x = x.double().cpu()
    if column.ordered:
        return x.nan_to_num(0.0)[:, None]
    shares = torch.tensor(column.shares, dtype=torch.float64)
    often = shares.topk(min(MOST_LEVELS, len(shares))).indices
    level = F.one_hot(x.nan_to_num(0.0).round().long(), len(shares))[:, often].double()
    return torch.where(x.isnan()[:, None], shares[often], level) * 0.5**0.5


def filled(x: Tensor) -> Tensor:
    """X (N, ...) with the mean of what was observed of a value where it is missing."""
    if not bool(x.isnan().any()):
        return x
    return torch.where(x.isnan(), x.nanmean(0, keepdim=True).nan_to_num(), x)


def flat(x: Tensor) -> np.ndarray:
    """X (N, ...) as float64 rows (N, E)."""
    return x.flatten(1).double().cpu().numpy()


def nearest(rows: np.ndarray, data: np.ndarray) -> np.ndarray:
    """The Euclidean distance of each row (N, E) to the nearest row of the data (M, E), (N,)."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(data)
    return found.kneighbors(rows)[0][:, 0]
