"""What a user hands to an estimator, as checked arrays and tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import validate_data
from torch import Tensor

from .building import infer_schema
from .data.arrays import as_array
from .data.cells import frame_of
from .data.datasets import Dataset, packed
from .data.mixed import Told
from .data.schema import Schema
from .errors import LatentryError

if TYPE_CHECKING:
    from .estimator import Estimator


def read_training(est: Estimator, X: Any, schema: Told = None) -> tuple[np.ndarray, Schema]:
    """X as an array (N, ...), and what a sample of it is.

    A table of mixed columns, or one of which `schema` says what its columns are, is packed.
    """
    known = X.schema if isinstance(X, Dataset) and schema is None else None
    table = X.frame() if isinstance(X, Dataset) and schema is not None else X
    frame = frame_of(table)
    if known is None and (schema is not None or (frame is not None and frame.is_mixed)):
        known = Schema.of_table(table, schema)
    if known is None:
        array, columns = read_rows(est, X, reset=True)
        return array, infer_schema(est, array, columns, getattr(X, "levels", None))
    est.n_features_in_ = len(known.table)
    est.feature_names_in_ = np.array([column.name for column in known.table], dtype=object)
    array = X.x if isinstance(X, Dataset) and X.schema is known else known.pack(table).numpy()
    return array, known


def read_rows(est: Estimator, X: Any, *, reset: bool) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """X as an array (N, ...) and its column names, counted and named as scikit-learn does.

    For a model of a mixed table, the rows as its schema packs them, (N, D).
    """
    own = None if reset else est.schema_
    if own is not None and own.kind == "table":
        return packed(own, X), own.columns
    if isinstance(X, Dataset) and X.schema is not None:
        X = X.frame()  # of numbers where they belong, or an error that says where not
    if isinstance(X, Dataset):
        array, columns = X.x, X.columns
    else:
        array, columns = as_array(X)
    named: Any = X if hasattr(X, "columns") and not isinstance(X, Dataset) else array
    if array.ndim == 2:
        validate_data(est, named, reset=reset, skip_check_array=True)
    elif reset and array.ndim > 2:  # images; a wrong shape later has its error in Schema
        est.n_features_in_ = int(np.prod(array.shape[1:]))
    return array, None if columns is None else tuple(columns)


def read_pair(est: Estimator, a: Any, b: Any) -> np.ndarray:
    """Two samples as rows: single samples of an array, or single rows of a table."""
    if est.schema_.kind == "table":
        return np.concatenate([packed(est.schema_, _as_table(row))[:1] for row in (a, b)])
    return np.stack([np.asarray(a), np.asarray(b)])


def _as_table(row: Any) -> Any:
    """A single row as a table of one: of pandas (a Series), or as it was packed."""
    if hasattr(row, "to_frame") and hasattr(row, "index"):
        return row.to_frame().T
    return row[None] if isinstance(row, np.ndarray) and row.ndim == 1 else row


def read_condition(
    est: Estimator, condition: Any, rows: int, *, required: bool = True
) -> Tensor | None:
    """The condition as a tensor (N, C), or None for a model without one."""
    if est.condition_ is None:
        if condition is not None:
            raise LatentryError(
                "A condition was given to a model that was fitted without one;"
                " leave it out, or fit with condition=."
            )
        return None
    if condition is None:
        if not required:
            return None
        raise LatentryError(
            f"This model was fitted with a condition ({est.condition_.describe()});"
            " pass condition= with one value, or one for each row."
        )
    return est.condition_.pack(condition, rows)
