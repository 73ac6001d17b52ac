"""Columns on a line, numbers and dates, as constraints compare and move them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.cells import frame_of
from ..data.columns import Column
from ..data.times import dates_of, moment
from ..errors import LatentryError

Series = Any
"""A pandas Series."""
FLOORS = {"D": "D", "h": "h", "m": "min", "s": "s", "ms": "ms", "us": "us", "ns": "ns"}
"""numpy's units of time as pandas names them."""


def is_number(series: Series) -> bool:
    import pandas as pd

    of = series.dtype
    return pd.api.types.is_numeric_dtype(of) and not pd.api.types.is_bool_dtype(of)


def date_format(series: Series, what: str) -> str | None:
    """How a column of text writes its dates; "" for a column of dates, None for one of numbers.

    Raises LatentryError for a column that holds neither.
    """
    import pandas as pd

    if is_number(series):
        return None
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return ""
    frame = frame_of(series.to_frame())
    assert frame is not None
    cells = frame.cells(0)
    dates = dates_of(cells) if cells.kind == "text" else None
    if dates is None or dates.text is None:
        raise LatentryError(
            f"The column {series.name!r} cannot have {what}: it holds {_held(series)}, and that"
            " takes numbers or dates."
        )
    return dates.text


def _held(series: Series) -> str:
    some = series.dropna()
    return f"{series.dtype}" + (f" ({some.iloc[0]!r})" if len(some) else "")


def line(series: Series, text: str | None) -> Series:
    """Cells as numbers, or as dates where `date_format` gave a text; what is neither is missing."""
    import pandas as pd

    if text is None:
        return series if is_number(series) else pd.to_numeric(series, errors="coerce")
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return series
    return pd.to_datetime(series, format=text or "ISO8601", errors="coerce")


def seconds(gap: Series) -> Series:
    """Differences of dates in seconds, of numbers as they are."""
    return gap.dt.total_seconds() if hasattr(gap, "dt") else gap


def end(rule: Any, value: Any, cells: Series, state: Mapping[str, Any]) -> Any:
    """An end of a range of a column, as its cells of `line` can be compared with; None for none.

    Raises LatentryError for a date where the column holds numbers, and the other way round.
    """
    text = state.get("text")
    if value is None or (text is None and not isinstance(value, str)):
        return value
    when = None if text is None else moment(value, text or None)
    if when is None:
        held, such = ("numbers", "18") if text is None else ("dates", "2024-01-31")
        raise LatentryError(
            f"The range of the column {rule.column!r} cannot end at {value!r}: it holds {held};"
            f" give one, such as {such}."
        )
    return _in_zone(when, cells)


def end_of(column: Column, cells: Series, *, upper: bool) -> Any:
    """Where a column ends, as its cells of `line` can be compared with; None for nowhere."""
    end = column.high if upper else column.low
    if end is None or column.dates is None:
        return end
    return _in_zone(np.datetime64(int(end), "s"), cells)


def _in_zone(when: np.datetime64, cells: Series) -> Any:
    """A time (UTC) in the time zone of some dates."""
    import pandas as pd

    zone = cells.dt.tz
    return pd.Timestamp(when) if zone is None else pd.Timestamp(when, tz="UTC").tz_convert(zone)


def moved(anchor: Series, by: Series, column: Column, up: bool) -> Series:
    """Cells so far away from the anchor's, on the column's grid and within its ends.

    Rounding does not take them past the anchor's.
    """
    import pandas as pd

    if column.dates is not None:
        new = anchor + pd.to_timedelta(np.rint(by), unit="s")
        new = new.clip(**{"upper" if up else "lower": end_of(column, new, upper=up)})
        unit = FLOORS[column.dates.unit]
        past = (anchor.dt.ceil if up else anchor.dt.floor)(unit)
        near = new.dt.round(unit)
        return near.where(near >= past, past) if up else near.where(near <= past, past)
    end, farther = (column.high, np.maximum) if up else (column.low, np.minimum)
    start = anchor.to_numpy(dtype=float)
    new = start + by.to_numpy(dtype=float)
    if column.decimals is not None:
        grid, dust = 10.0**column.decimals, 1e-6
        new = (np.ceil(new * grid - dust) if up else np.floor(new * grid + dust)) / grid
    if end is not None:
        new = np.minimum(new, end) if up else np.maximum(new, end)
    return pd.Series(farther(new, start), index=anchor.index)


def put(cells: Series, where: Series, values: Any, text: str | None) -> Series:
    """Cells with some of them replaced, in their type; `text` is how it writes dates."""
    out = cells.copy()
    if text:
        out[where] = values.dt.strftime(text)
    else:
        plain = isinstance(cells.dtype, np.dtype)
        out[where] = np.asarray(values).astype(cells.dtype) if plain else np.asarray(values)
    return out


def apart(values: np.ndarray, column: Column) -> np.ndarray:
    """Numbers (N,) moved up their column's grid just so far that no two are equal.

    In rising order i, the place on the grid g becomes the largest of g_j + i - j over j <= i;
    what would pass the column's end is moved down as far as it needs.
    """
    fine = float(np.spacing(np.abs(values).max(initial=1.0)))
    step = fine if column.decimals is None else 10.0**-column.decimals
    order, count = np.argsort(values, kind="stable"), np.arange(len(values))
    grid = np.rint(values[order] / step)
    grid = np.maximum.accumulate(grid - count) + count
    low = -np.inf if column.low is None else np.ceil(column.low / step - 1e-9)
    high = np.inf if column.high is None else np.floor(column.high / step + 1e-9)
    grid = np.minimum(grid, high - count[::-1])
    if len(grid) and grid[0] < low:
        raise LatentryError(
            f"{len(values):,} rows cannot have values of {column.name!r} that are all different"
            f" between {column.low:g} and {column.high:g}; ask for fewer rows."
        )
    new = np.empty_like(values)
    new[order] = grid * step if column.decimals is None else np.round(grid * step, column.decimals)
    return new
