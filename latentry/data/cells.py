"""The cells of a table's columns as plain values. Tables are of pandas, polars or Arrow."""

from __future__ import annotations

import datetime
import decimal
import numbers
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import LatentryError
from .arrays import is_missing

ALIKE = {"string": "text", "date": "date"}
"""What pandas calls objects that are all of one type, and what they are to us."""


@dataclass(frozen=True)
class Cells:
    """One column.

    kind : "number", "bool", "text" or "date"
    values (N,) : float64, or datetime64, or objects of that kind; anything where `missing`
    missing (N,) : which cells hold nothing
    dtype : as the library of the table names it
    levels : of a type that lists them (a category), in their order
    ordered : whether that order means something
    first : the row of the table that values[0] is of
    """

    name: str
    kind: str
    values: np.ndarray
    missing: np.ndarray
    dtype: str
    levels: tuple[Any, ...] | None = None
    ordered: bool = False
    first: int = 0

    @property
    def seen(self) -> np.ndarray:
        """The values that are there."""
        return self.values[~self.missing]


class Frame:
    """A table of pandas, polars or Arrow, column by column.

    Raises `LatentryError` for columns of one name.
    """

    def __init__(self, x: Any) -> None:
        polars = sys.modules.get("polars")
        self.polars = polars is not None and isinstance(x, polars.DataFrame | polars.LazyFrame)
        self.x = x.collect() if self.polars and hasattr(x, "collect") else x
        self.arrow = hasattr(self.x, "num_rows")
        names = self.x.schema.names if self.arrow else self.x.columns
        self.names = tuple(str(name) for name in names)
        twice = [name for i, name in enumerate(self.names) if name in self.names[:i]]
        if twice:
            raise LatentryError(
                f"Two columns are named {twice[0]!r}; give each column a name of its own."
            )

    @property
    def library(self) -> str:
        """Whose table it is: "pandas", "polars" or "arrow"."""
        return "polars" if self.polars else "arrow" if self.arrow else "pandas"

    def __len__(self) -> int:
        return self.x.num_rows if self.arrow else len(self.x)

    def series(self, i: int) -> Any:
        """Column i as a pandas Series."""
        if self.polars:
            return _of_polars(self.x.to_series(i))
        return of_arrow(self.x.column(i)) if self.arrow else self.x.iloc[:, i]

    def cells(self, i: int) -> Cells:
        """Column i. Raises `LatentryError` for one that holds values of several types."""
        own = None
        if self.polars or self.arrow:
            own = str(self.x.dtypes[i] if self.polars else self.x.schema.types[i])
        return cells(self.series(i), self.names[i], own)

    def parts(self, names: Sequence[str]) -> Iterator[tuple[int, Frame]]:
        """Frames that have these columns and some rows each, all in order, and their first rows."""
        yield 0, self

    @cached_property
    def is_mixed(self) -> bool:
        """Whether some column is not of numbers alone."""
        return any(self._is_mixed(i) for i in range(len(self.names)))

    def _is_mixed(self, i: int) -> bool:
        import pandas as pd

        if self.polars:
            kind = self.x.dtypes[i]
            return not (kind.is_numeric() or str(kind) in ("Boolean", "Null"))
        series = of_arrow(self.x.column(i).slice(0, 1000)) if self.arrow else self.x.iloc[:, i]
        api = pd.api.types
        if api.is_bool_dtype(series.dtype) and not isinstance(series.dtype, pd.CategoricalDtype):
            return False
        if api.is_numeric_dtype(series.dtype):
            return False
        if series.dtype != object:
            return not api.is_timedelta64_dtype(series.dtype)
        first = next((v for v in series.array if not is_missing(v)), None)
        return isinstance(first, str | datetime.date)


def frame_of(x: Any) -> Frame | None:
    """`x` as a frame, None where it is no table.

    Looks only at modules that are loaded already, since an `x` of theirs would have loaded them.
    """
    pandas, polars, arrow = (sys.modules.get(m) for m in ("pandas", "polars", "pyarrow"))
    known: list[Any] = []
    if pandas is not None:
        known.append(pandas.DataFrame)
    if polars is not None:
        known += [polars.DataFrame, polars.LazyFrame]
    if arrow is not None:
        known += [arrow.Table, arrow.RecordBatch]
    return Frame(x) if isinstance(x, tuple(known)) else None


def cells(series: Any, name: str, dtype: str | None = None) -> Cells:
    """The cells of a pandas Series. Raises `LatentryError` for values of several types."""
    import pandas as pd

    kind, text = series.dtype, dtype or str(series.dtype)
    missing = np.asarray(series.isna(), dtype=bool)
    if isinstance(kind, pd.CategoricalDtype):
        levels = [_plain(v) for v in kind.categories]
        values = np.empty(len(series), dtype=object)
        values[:] = np.array([*levels, None], dtype=object)[np.asarray(series.cat.codes)]
        of = _kind(np.array(levels, dtype=object), name)
        return Cells(
            name,
            of,
            _typed(values, missing, of, name),
            missing,
            text,
            tuple(levels),
            bool(kind.ordered),
        )
    if pd.api.types.is_bool_dtype(kind):
        values = np.where(missing, False, series.to_numpy(dtype=object, na_value=False))
        return Cells(name, "bool", values.astype(np.float64), missing, text)
    if pd.api.types.is_numeric_dtype(kind):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return Cells(name, "number", values, missing, text)
    if pd.api.types.is_datetime64_any_dtype(kind):
        zoned = getattr(kind, "tz", None) is not None
        utc = series.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else series
        return Cells(name, "date", np.asarray(utc.to_numpy()), missing, text)
    if pd.api.types.is_timedelta64_dtype(kind):
        raise LatentryError(
            f"Column {name!r} holds durations; turn them into numbers (of seconds, say)."
        )
    values = series.to_numpy(dtype=object)
    of = _kind(values[~missing], name)
    return Cells(name, of, _typed(values, missing, of, name), missing, text)


def _of_polars(column: Any) -> Any:
    """A pandas Series, without the help of Arrow."""
    import pandas as pd

    kind, text = column.dtype, str(column.dtype)
    if text.startswith(("Categorical", "Enum")):
        values = column.cast(str).to_list()
        levels = kind.categories.to_list() if text.startswith("Enum") else None
        given = levels or sorted({v for v in values if v is not None})
        return pd.Series(pd.Categorical(values, categories=given))
    if text.startswith("Decimal"):
        column = column.cast(float)
    plain = (
        kind.is_numeric()
        or text.startswith("Date")
        or (text, column.null_count()) == ("Boolean", 0)
    )
    if plain:
        return pd.Series(column.to_numpy())
    return pd.Series(np.array(column.to_list(), dtype=object), dtype=object)


def of_arrow(column: Any) -> Any:
    """A pandas Series; whole numbers and truth values with gaps keep their type."""
    import pandas as pd
    import pyarrow as pa

    if column.null_count and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        name = str(column.type)
        kind = "boolean" if name == "bool" else name.replace("int", "Int").replace("uI", "UI")
        return pd.Series(column.to_pylist(), dtype=kind)
    return column.to_pandas()


def _kind(values: np.ndarray, name: str) -> str:
    """What the objects are that a column holds: "number", "bool", "text" or "date"."""
    import pandas as pd

    # Most columns are told without a look at each cell in Python.
    same = ALIKE.get(pd.api.types.infer_dtype(values, skipna=False)) if len(values) else None
    if same is not None:
        return same
    found: dict[str, int] = {}
    for i, value in enumerate(values):
        found.setdefault(_kind_of(value, name), i)
        if len(found) > 1:
            (one, a), (other, b) = found.items()
            raise LatentryError(
                f"Column {name!r} mixes types: {values[a]!r} is a {one} and {values[b]!r} a"
                f" {other}; turn all of its values into one type."
            )
    return next(iter(found), "number")


def _kind_of(value: Any, name: str) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "bool"
    if isinstance(value, numbers.Real | decimal.Decimal):
        return "number"
    if isinstance(value, datetime.date | np.datetime64):
        return "date"
    raise LatentryError(
        f"Column {name!r} holds a {type(value).__name__}; a cell is a number, a text, a truth value"
        " or a date."
    )


def _typed(values: np.ndarray, missing: np.ndarray, kind: str, name: str) -> np.ndarray:
    """The values in the type of their kind."""
    if kind == "text":
        return values
    if kind in ("number", "bool"):
        numeric = np.full(len(values), np.nan)
        numeric[~missing] = values[~missing].astype(np.float64)
        return numeric
    days = all(type(v) is datetime.date for v in values[~missing])
    out = np.full(len(values), np.datetime64("NaT", "D" if days else "us"))
    try:
        out[~missing] = values[~missing].astype(out.dtype)
    except (ValueError, OverflowError) as error:
        raise LatentryError(
            f"Column {name!r} holds a date out of range ({error}); mend or remove it."
        ) from None
    return out


def _plain(level: Any) -> Any:
    """A level as JSON can hold it: intervals and the like become text."""
    if isinstance(level, np.generic):
        level = level.item()
    return level if isinstance(level, bool | int | float | str) else str(level)
