"""The rows of a comparison: what all models learn from, and what all are measured on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.arrays import as_array, known
from ..data.cells import frame_of
from ..data.datasets import Dataset, packed
from ..data.schema import Schema
from ..errors import LatentryError

MOST_CLASSES = 100
"""Labels of more different values than this are not classes."""
FEWEST = 10
"""Rows on either side of the split without which nothing can be measured."""


@dataclass(frozen=True)
class Part:
    """Some rows: x (N, ...) with the meaning of its values, labels (N,), condition (N, ...)."""

    data: Dataset
    labels: np.ndarray | None
    condition: np.ndarray | None

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: np.ndarray) -> Part:
        """Those of its rows."""
        return Part(
            replace(self.data, x=np.asarray(self.data.x[rows]), labels=None, taken={}, source={}),
            None if self.labels is None else self.labels[rows],
            None if self.condition is None else self.condition[rows],
        )

    def spread(self, most: int) -> Part:
        """At most so many of its rows, the same ones each time."""
        if len(self) <= most:
            return self
        chosen = np.random.default_rng(0).choice(len(self), most, replace=False)
        return self.take(np.sort(chosen))

    @property
    def classes(self) -> list[Any]:
        """The different labels, sorted; none where the labels are no classes."""
        if self.labels is None or self.labels.ndim != 1:
            return []
        if self.labels.dtype.kind == "f" and (self.labels != np.floor(self.labels)).any():
            return []
        values = np.unique(self.labels[known(self.labels)]).tolist()
        return values if 1 < len(values) <= MOST_CLASSES else []


def whole(X: Any, y: Any = None, condition: Any = None) -> Part:
    """All rows, with their labels and conditions.

    Raises LatentryError where these differ in number.
    """
    if isinstance(X, Dataset):
        data, y = X, X.labels if y is None else y
    elif (frame := frame_of(X)) is not None and frame.is_mixed:
        schema = Schema.of_table(X)
        data = Dataset("data", packed(schema, X), columns=schema.columns, schema=schema)
    else:
        array, columns = as_array(X)
        data = Dataset("data", array, columns=None if columns is None else tuple(columns))
    labels = None if y is None else np.asarray(y)
    given = None if condition is None else np.asarray(condition)
    for what, values in (("labels", labels), ("conditions", given)):
        if values is not None and len(values) != len(data):
            raise LatentryError(
                f"{len(values)} {what} were given for {len(data)} rows; give one for each row."
            )
    return Part(data, labels, given)


def divide(rows: Part, share: float) -> tuple[Part, Part]:
    """Rows to learn from and rows to measure on; the same division each time.

    Raises LatentryError for a share outside (0, 1) and for too few rows.
    """
    if not 0 < share < 1:
        raise LatentryError(f"test={share!r}: the share of rows to measure on is between 0 and 1.")
    n = len(rows)
    held = round(n * share)
    if held < FEWEST or n - held < FEWEST:
        raise LatentryError(
            f"{n} rows with test={share:g} leave {n - held} to learn from and {held} to measure"
            f" on; a comparison needs at least {FEWEST} of each."
        )
    order = np.random.default_rng(0).permutation(n)
    return rows.take(np.sort(order[held:])), rows.take(np.sort(order[:held]))
