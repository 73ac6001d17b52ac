"""Rows of numbers back as a table of pandas, polars or Arrow, its types as they were."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .columns import Column
from .times import python_dates


def decode(columns: Sequence[Column], rows: np.ndarray, library: str = "pandas") -> Any:
    """Rows (N, D) of numbers as a table, in the columns, their order and types of the data.

    library : whose table it is, "pandas", "polars" or "arrow", as `Frame.library` says
    """
    learned = iter(rows.T)
    make = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}[library]
    made: dict[str, Any] = {}
    for column in columns:
        cells = column.decode(next(learned)) if column.learned else column.aside(len(rows))
        made[column.name] = make(column, cells)
    if library == "polars":
        import polars as pl

        return pl.DataFrame(list(made.values()))
    if library == "arrow":
        import pyarrow as pa

        return pa.table(made)
    import pandas as pd

    return pd.DataFrame(made, columns=[column.name for column in columns])


def _pandas(column: Column, cells: np.ndarray) -> Any:
    import pandas as pd

    dtype = column.dtype
    gaps = pd.isna(cells)
    if dtype == "category":
        levels = list(column.levels) or None
        return pd.Series(pd.Categorical(cells, levels, ordered=column.kind == "ordinal"))
    if dtype.startswith("datetime64"):
        times = pd.to_datetime(pd.Series(cells, dtype=object))
        zoned = "," in dtype
        return (times.dt.tz_localize("UTC") if zoned else times).astype(dtype)
    if dtype == "object":
        if column.dates is not None and column.dates.text is None:
            cells = np.array(python_dates(cells, column.dates.unit == "D"), dtype=object)
        return pd.Series(cells, dtype=object)
    kind = pd.api.types.pandas_dtype(dtype)
    if isinstance(kind, np.dtype) and kind.kind in "iub" and gaps.any():
        dtype = "float64" if kind.kind in "iu" else "object"
    elif isinstance(kind, np.dtype) and kind.kind in "iu":
        info = np.iinfo(kind)
        return pd.Series(np.clip(cells.astype(np.float64), info.min, info.max).astype(kind))
    if isinstance(kind, np.dtype) and kind.kind == "f":
        return pd.Series(np.where(gaps, np.nan, cells).astype(kind))
    return pd.Series(pd.array(cells, dtype=pd.api.types.pandas_dtype(dtype)))


def _polars(column: Column, cells: np.ndarray) -> Any:
    import polars as pl

    dtype = column.dtype
    values = cells.tolist()
    if column.dates is not None and column.dates.text is None:
        values = python_dates(cells, dtype == "Date")
    if dtype.startswith("Datetime") and "time_zone=None" not in dtype:
        kind: Any = polars_type(dtype, ())
        naive = pl.Series(column.name, values, dtype=pl.Datetime(kind.time_unit))
        return naive.dt.replace_time_zone("UTC").dt.convert_time_zone(kind.time_zone)
    return pl.Series(column.name, values, dtype=polars_type(dtype, column.levels), strict=False)


def polars_type(text: str, levels: tuple[Any, ...]) -> Any:
    """The polars type of that name."""
    import polars as pl

    if text.startswith("Enum"):
        return pl.Enum(levels)
    if text.startswith("Datetime"):
        given: dict[str, Any] = {}
        for pair in text[len("Datetime(") : -1].split(", "):
            key, _, value = pair.partition("=")
            given[key] = None if value == "None" else value.strip("'")
        return pl.Datetime(**given)
    base = text.partition("(")[0]
    if base == "Decimal":
        precision, scale = (int(p.partition("=")[2]) for p in text[8:-1].split(", "))
        return pl.Decimal(precision, scale)
    return getattr(pl, base)


def _arrow(column: Column, cells: np.ndarray) -> Any:
    return arrow_array(cells, arrow_type(column.dtype), column.levels)


def arrow_array(cells: np.ndarray, kind: Any, levels: Sequence[Any] = ()) -> Any:
    """Cells (N,), None or NaN where missing, as an Arrow array of that type.

    levels : of a dictionary, in their order. Dates are UTC.
    """
    import pandas as pd
    import pyarrow as pa

    gone = np.asarray(pd.isna(cells))
    is_ = pa.types
    if is_.is_dictionary(kind):
        place = {level: i for i, level in enumerate(levels)}
        index = [None if lost else place[v] for v, lost in zip(cells, gone, strict=True)]
        values = arrow_array(np.array([*levels], dtype=object), kind.value_type)
        return pa.DictionaryArray.from_arrays(
            pa.array(index, kind.index_type), values, ordered=kind.ordered
        )
    if is_.is_timestamp(kind):
        times = pd.to_datetime(pd.Series(cells, dtype=object), utc=True).dt.tz_localize(None)
        since = np.asarray(times).astype(f"datetime64[{kind.unit}]").astype(np.int64)
        return pa.array(since, mask=gone).cast(kind)
    if is_.is_date(kind):
        days = [None if lost else pd.Timestamp(v) for v, lost in zip(cells, gone, strict=True)]
        return pa.array([None if day is None else day.date() for day in days], kind)
    if is_.is_integer(kind):
        info = np.iinfo(kind.to_pandas_dtype())
        whole = np.rint(np.where(gone, 0, cells).astype(np.float64))
        return pa.array(np.clip(whole, info.min, info.max).astype(info.dtype), kind, mask=gone)
    if is_.is_floating(kind):
        return pa.array(np.where(gone, 0, cells).astype(kind.to_pandas_dtype()), kind, mask=gone)
    write = _writer(kind)
    return pa.array([None if lost else write(v) for v, lost in zip(cells, gone, strict=True)], kind)


def _writer(kind: Any) -> Callable[[Any], Any]:
    """What makes a Python value for an Arrow array of that type of a cell."""
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return lambda v: bool(round(v))
    if pa.types.is_decimal(kind):
        step = decimal.Decimal(1).scaleb(-kind.scale)
        return lambda v: decimal.Decimal(v).quantize(step)
    return str


def arrow_type(text: str) -> Any:
    """The Arrow type of that name."""
    import pyarrow as pa

    base, _, rest = text.partition("<" if text.startswith("dictionary") else "(")
    if base == "dictionary":
        parts = dict(part.split("=") for part in rest[:-1].rsplit(", ", 2))
        kinds = arrow_type(parts["indices"]), arrow_type(parts["values"])
        return pa.dictionary(*kinds, ordered=parts["ordered"] == "1")
    if base.startswith("decimal"):
        return getattr(pa, base)(*map(int, rest[:-1].split(", ")))
    if text.startswith("timestamp") and ", tz=" in text:
        unit, zone = text[len("timestamp[") : -1].split(", tz=")
        return pa.timestamp(unit, zone)
    return pa.type_for_alias(text)
