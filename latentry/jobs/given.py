"""What the rows to be made are given: fixed cells, as the user writes them, for the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.cells import Cells, frame_of
from ..data.columns import LEVELS, Column
from ..errors import LatentryError, suggest


def read(conditions: Any, n: int | None, columns: Sequence[Column]) -> Any:
    """Fixed cells as a pandas DataFrame of n rows; without columns where there are none.

    conditions : {"column": value} for all rows, or a DataFrame with a row for each; a missing
        value fixes that a cell is missing

    Raises `LatentryError` for unknown columns, another number of rows than n, and no rows.
    """
    import pandas as pd

    if n is not None and n < 1:
        raise LatentryError(f"n={n} rows were asked for; ask for at least 1.")
    if conditions is None or isinstance(conditions, Mapping):
        n = 1 if n is None else n
        given = {} if conditions is None else dict(conditions)
        table = pd.DataFrame({k: pd.Series([v] * n) for k, v in given.items()}, index=range(n))
    elif frame_of(conditions) is None:
        raise LatentryError(
            f"The conditions are a {type(conditions).__name__}; give a mapping such as"
            " {'COLUMN': VALUE}, or a DataFrame with a row for each."
        )
    else:
        table = conditions if isinstance(conditions, pd.DataFrame) else conditions.to_pandas()
        table = table.reset_index(drop=True)
        n = len(table) if n is None else n
    if len(table) != n:
        raise LatentryError(
            f"The conditions have {len(table):,} rows, but n={n:,} rows were asked for; give as"
            " many, or leave n out."
        )
    if n < 1:
        raise LatentryError(f"n={n} rows were asked for; ask for at least 1.")
    names = [column.name for column in columns]
    for name in table.columns:
        if name not in names:
            raise LatentryError(
                f"The conditions name the column {name!r}, which the table does not have."
                f"{suggest(str(name), names)}"
            )
    return table


def balance(cells: Any, name: str, columns: Sequence[Column], seed: int) -> None:
    """Fix the cells of a column so that each of its levels occurs equally often.

    Raises `LatentryError` for what is no column of levels, and for one that is fixed already.
    """
    known = {column.name: column for column in columns}
    if name not in known or not known[name].levels or not known[name].learned:
        levels = [n for n, c in known.items() if c.levels and c.learned]
        raise LatentryError(
            f"balance={name!r} is no column of levels; there are {', '.join(levels) or 'none'}."
            f"{suggest(name, levels)}"
        )
    if name in cells:
        raise LatentryError(f"balance={name!r} is fixed by the conditions; leave one out.")
    levels = known[name].levels
    which = np.arange(len(cells)) % len(levels)
    np.random.default_rng(seed).shuffle(which)
    cells[name] = np.array(levels, dtype=object)[which]


def encode(given: Any, columns: Sequence[Column]) -> np.ndarray:
    """The rows for the model, (N, D) in the data's own units: NaN for a cell that is fixed to be
    missing, inf where nothing is fixed.

    Raises `LatentryError` for levels and ranges that the column does not have, for a missing value
    where none was missing in training, and for another value of a constant.
    """
    rows = np.full((len(given), sum(c.learned for c in columns)), np.inf, dtype=np.float32)
    learned = iter(rows.T)
    frame = frame_of(given)
    assert frame is not None
    for column in columns:
        place = next(learned) if column.learned else None
        if column.name not in frame.names:
            continue
        series = given[column.name]
        if series.isna().any() and not column.missing and column.kind != "identifier":
            raise LatentryError(
                f"The conditions fix {column.name!r} as missing, which it never was in the training"
                " data; give it a value, or leave it free."
            )
        if column.kind == "constant":
            _check_constant(series, column)
        if place is not None:
            place[:] = _encoded(series, frame.cells(frame.names.index(column.name)), column)
    return rows


def _check_constant(series: Any, column: Column) -> None:
    other = [v for v in series if v != column.levels[0]]
    if other:
        raise LatentryError(
            f"The conditions fix {column.name!r} = {other[0]}, but it was {column.levels[0]!r} in"
            " every row of the training data; leave it out."
        )


def _encoded(series: Any, cells: Cells, column: Column) -> np.ndarray:
    """One column's cells (N,)."""
    import pandas as pd

    if series.isna().all():
        return np.full(len(series), np.nan, dtype=np.float32)
    if column.dates is not None and column.dates.text is None and cells.kind == "text":
        dates = pd.to_datetime(series, errors="coerce", format="ISO8601")
        if (dates.isna() & series.notna()).any():
            bad = series[dates.isna() & series.notna()].iloc[0]
            raise LatentryError(f"The conditions fix {column.name!r} = {bad!r}, which is no date.")
        cells = Cells(column.name, "date", dates.to_numpy(), cells.missing, cells.dtype)
    values, unknown = column.encode(cells)
    if unknown:
        bad = series[np.isnan(values) & series.notna().to_numpy()].iloc[0]
        shown = repr(bad) if isinstance(bad, str) else str(bad)
        levels = [str(level) for level in column.levels]
        known = ", ".join(levels[:8]) + (", ..." if len(levels) > 8 else "")
        raise LatentryError(
            f"The conditions fix {column.name!r} = {shown}, which is no level of it; there are"
            f" {known}.{suggest(str(bad), levels)}"
        )
    if column.kind not in LEVELS and column.dates is None:
        _check_ends(series, column)
    return values


def _check_ends(series: Any, column: Column) -> None:
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    values = series.dropna().to_numpy(dtype=float)
    bad = values[(values < low) | (values > high)]
    if len(bad):
        raise LatentryError(
            f"The conditions fix {column.name!r} = {bad[0]:g}, which lies outside of"
            f" {low:g} to {high:g}, all that it can be; give a value within."
        )


def parse(text: str, columns: Sequence[Column]) -> tuple[str, Any]:
    """The column and the value of COLUMN=VALUE, as a shell has it; nothing behind = is missing.

    Raises `LatentryError` for unknown columns and for text where a number belongs.
    """
    name, equals, value = text.partition("=")
    known = {column.name: column for column in columns}
    if not equals:
        raise LatentryError(f"--where {text} says nothing; write --where 'COLUMN=VALUE'.")
    if name not in known:
        raise LatentryError(
            f"--where {text} names the column {name!r}, which the table does not have."
            f"{suggest(name, known)}"
        )
    column = known[name]
    if not value:
        return name, None
    if column.kind in (*LEVELS, "constant"):
        # A level is named by its text, whatever its type.
        return name, next((v for v in column.levels if str(v) == value), _typed(value, column))
    if column.dates is not None or column.kind == "identifier":
        return name, value
    try:
        return name, float(value)
    except ValueError:
        raise LatentryError(
            f"--where {text}: {value!r} is no number, which {name} takes."
        ) from None


def _typed(text: str, column: Column) -> Any:
    """What is no level of a column, in the type that its levels have."""
    if isinstance(column.levels[0], str):
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
