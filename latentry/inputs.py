"""What a user hands to an estimator, as checked arrays and tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import validate_data
from torch import Tensor

from .data.arrays import as_array
from .data.datasets import Dataset
from .errors import LatentryError

if TYPE_CHECKING:
    from .estimator import Estimator


def read_rows(est: Estimator, X: Any, *, reset: bool) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """X as an array (N, ...) and its column names, counted and named as scikit-learn does."""
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
