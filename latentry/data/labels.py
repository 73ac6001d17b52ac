"""What a model learns to predict: a class for each row, or a set of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import LatentryError
from .arrays import is_missing

Label = bool | int | float | str


@dataclass(frozen=True)
class Classes:
    """The classes of y (N,), one for each row, of which some may be unknown.

    Unknown is what is missing (None, NaN) and, among whole numbers, -1, as scikit-learn has it.
    """

    values: tuple[Label, ...]
    """The classes in sorted order."""
    share: float = 1.0
    """Of the rows, those whose class is known."""
    gaps: bool = False
    """Whether `pack` gives a row of NaN, rather than of zeros, where the class is unknown."""

    @classmethod
    def infer(cls, y: Any, *, gaps: bool = False) -> Classes | None:
        """The classes that occur in y, or None where no row has one."""
        array = _column(y)
        seen = known(array)
        found = {_plain(v) for v in array[seen].tolist()}
        if len({type(v) for v in found}) > 1:
            found = {str(v) for v in found}
        if not found:
            return None
        return cls(tuple(sorted(found)), float(seen.mean()), gaps)  # type: ignore[type-var]

    def pack(self, y: Any, rows: int) -> Tensor:
        """Y as (rows, K) float32: one-hot, and zeros (or NaN) where the class is unknown."""
        array = _column(y)
        if len(array) != rows:
            raise LatentryError(f"y has {len(array)} labels for {rows} rows; give one for each.")
        place = {str(value): i for i, value in enumerate(self.values)}
        packed = torch.zeros(rows, len(self.values))
        seen = np.flatnonzero(known(array))
        at = [place[str(_plain(v))] for v in array[seen].tolist()]
        if self.gaps:
            packed[torch.from_numpy(~known(array))] = torch.nan
        packed[torch.from_numpy(seen), torch.tensor(at, dtype=torch.long)] = 1.0
        return packed

    def to_dict(self) -> dict[str, Any]:
        """A form that JSON can hold."""
        return {"classes": list(self.values), "share": self.share, "gaps": self.gaps}


@dataclass(frozen=True)
class LabelSets:
    """Which of several labels each row has: y (N, L) of 0 and 1, NaN where that is unknown."""

    names: tuple[str, ...]
    """Of the L labels; their numbers where y has no names."""

    @classmethod
    def infer(cls, y: Any) -> LabelSets:
        """The labels of a table or an array y (N, L)."""
        columns = getattr(y, "columns", None)
        width = _table(y).shape[1]
        return cls(tuple(map(str, range(width) if columns is None else columns)))

    def pack(self, y: Any, rows: int) -> Tensor:
        """Y as (rows, L) float32 with 0, 1 and NaN."""
        table = _table(y)
        if table.shape != (rows, len(self.names)):
            raise LatentryError(
                f"y has the shape {table.shape}; give 0 or 1 for each of {rows} rows and each of"
                f" {len(self.names)} labels."
            )
        off = ~np.isin(table, (0.0, 1.0)) & ~np.isnan(table)
        if off.any():
            raise LatentryError(
                f"y has the value {table[off][0]:g}; a label is there (1), absent (0), or unknown"
                " (NaN)."
            )
        return torch.from_numpy(table.astype(np.float32))

    def to_dict(self) -> dict[str, Any]:
        """A form that JSON can hold."""
        return {"names": list(self.names)}


Labels = Classes | LabelSets


def sets_of(y: Any) -> Labels | None:
    """The label sets of y (N, L); of y (N,) the classes, as sets of one. None if none is known."""
    if _array(y).ndim == 1:
        return Classes.infer(y, gaps=True)
    return LabelSets.infer(y)


def from_dict(fields: dict[str, Any]) -> Labels:
    """The labels that `to_dict` wrote."""
    if "classes" in fields:
        return Classes(tuple(fields["classes"]), fields["share"], fields["gaps"])
    return LabelSets(tuple(fields["names"]))


def known(array: np.ndarray) -> np.ndarray:
    """Which entries of y (N,) name a class, (N,) bool."""
    if array.dtype.kind == "f":
        return ~np.isnan(array) & (array != -1)
    if array.dtype.kind in "iu":
        return array != -1
    return np.array([not is_missing(v) and not _unknown(v) for v in array.tolist()], dtype=bool)


def _unknown(value: Any) -> bool:
    return not isinstance(value, bool | str | bytes) and value == -1


def _array(y: Any) -> np.ndarray:
    if isinstance(y, Tensor):
        return y.detach().cpu().numpy()
    if hasattr(y, "to_numpy"):  # pandas, polars, pyarrow
        return np.asarray(y.to_numpy())
    if isinstance(y, Sequence) and any(isinstance(v, str) or v is None for v in y):
        return np.array(y, dtype=object)  # numpy would turn None and numbers into text
    return np.asarray(y)


def _column(y: Any) -> np.ndarray:
    """Y as (N,)."""
    array = _array(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise LatentryError(
            f"y has the shape {array.shape}; give one class for each row, -1 where it is unknown."
        )
    return array


def _table(y: Any) -> np.ndarray:
    """Y as (N, L) float64."""
    array = _array(y)
    if array.ndim == 1:
        array = array[:, None]
    try:
        table = array.astype(np.float64)
    except (TypeError, ValueError):
        raise LatentryError("y holds text; give a column of 0 and 1 for each label.") from None
    if table.ndim != 2:
        raise LatentryError(f"y has the shape {table.shape}; give one row of labels for each row.")
    return table


def _plain(value: Any) -> Label:
    """A class as JSON can hold it: whole floats become ints."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, bool | int | float | str) else str(value)
