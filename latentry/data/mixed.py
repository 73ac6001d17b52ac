"""Tables of mixed columns: what their columns are, their rows as numbers, and back."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LatentryError, suggest
from .cells import Cells, Frame, frame_of, polars_type
from .columns import Column
from .inference import check_told, infer
from .times import python_dates

Told = Mapping[str, Any] | str | Path | None
"""What the user says of columns: {"age": "count"}, {"size": {"kind": "ordinal", "levels": [...]}},
or a JSON file of this."""


def infer_columns(x: Any, schema: Told = None) -> tuple[Column, ...]:
    """What the columns of a pandas, polars or Arrow table are, corrected by `schema`.

    Raises `LatentryError` for fewer than two rows, columns of one name, columns without a value or
    with values of several types, and a schema that does not fit.
    """
    return learn(need_frame(x), schema)


def learn(frame: Frame, schema: Told = None) -> tuple[Column, ...]:
    """What the columns of a frame are."""
    if len(frame) < 2:
        raise LatentryError(f"The table has {len(frame)} row(s); give at least 2.")
    told = check_told(read_told(schema), frame.names)
    columns = (infer(frame.cells(i), told.get(name)) for i, name in enumerate(frame.names))
    return check_columns(columns)


def check_columns(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns, if one of them at least can be learned."""
    found = tuple(columns)
    if not any(column.learned for column in found):
        raise LatentryError(
            "No column of the table can be learned: "
            + "; ".join(f"{c.name}: {c.describe()}" for c in found)
            + ". Give data that varies, or say with schema= what the columns are."
        )
    return found


def need_frame(x: Any) -> Frame:
    """`x` as a frame. Raises `LatentryError` where it is no table with named columns."""
    frame = frame_of(x)
    if frame is None:
        raise LatentryError(
            f"A table with named columns is needed, not a {type(x).__name__}; give a DataFrame of"
            " pandas or polars, or an Arrow table."
        )
    return frame


def read_told(schema: Told) -> Mapping[str, Any]:
    """What the user says, from a file where it is one."""
    if schema is None or isinstance(schema, Mapping):
        return schema or {}
    try:
        told = json.loads(Path(schema).read_text("utf-8"))
    except OSError as error:
        raise LatentryError(
            f"The schema {str(schema)!r} cannot be read ({error.strerror}); check the path."
        ) from None
    except ValueError as error:
        raise LatentryError(f"The schema {str(schema)!r} is no JSON ({error}); mend it.") from None
    if not isinstance(told, dict):
        raise LatentryError(
            f"The schema {str(schema)!r} holds a {type(told).__name__}; write"
            ' {"COLUMN": "KIND", ...}.'
        )
    return told


def encode(columns: Sequence[Column], frame: Frame) -> np.ndarray:
    """The rows of a frame as numbers, (N, D) float32: what of each column is learned.

    Columns are found by their names, in any order; those that are not learned may be absent.
    Categories never seen before count as missing, and one warning says how many there were.

    Raises `LatentryError` for a missing or unknown column, infinite values and cells of another
    type than the column had.
    """
    check_names(columns, frame.names)
    at = {name: i for i, name in enumerate(frame.names)}
    learned = [column for column in columns if column.learned]
    rows = np.empty((len(frame), len(learned)), dtype=np.float32)
    unknown: dict[str, int] = {}
    for j, column in enumerate(learned):
        unknown[column.name] = put(column, frame.cells(at[column.name]), rows[:, j])
    warn_unknown(unknown)
    return rows


def put(column: Column, cells: Cells, out: np.ndarray) -> int:
    """Write a column's cells into out (N,), and give how many had a level never seen before."""
    out[:], unknown = column.encode(cells)
    return unknown


def warn_unknown(unknown: Mapping[str, int]) -> None:
    """One warning about levels never seen before, by their columns."""
    found = [f"{n:,} in {name!r}" for name, n in unknown.items() if n]
    if found:
        warnings.warn(
            f"Cells with a level that the training data did not have count as missing:"
            f" {', '.join(found)}.",
            stacklevel=3,
        )


def check_names(columns: Sequence[Column], names: Sequence[str]) -> None:
    """Raises `LatentryError` where a column is missing or unknown."""
    for column in columns:
        if column.learned and column.name not in names:
            raise LatentryError(
                f"The data lacks the column {column.name!r} that the model was trained on; add it"
                f" (its cells may be missing).{suggest(column.name, names)}"
            )
    known = {column.name for column in columns}
    for name in names:
        if name not in known:
            raise LatentryError(
                f"The data has the column {name!r} that the model was not trained on; leave it out."
            )


def decode(columns: Sequence[Column], rows: np.ndarray, polars: bool = False) -> Any:
    """Rows (N, D) of numbers as a DataFrame, in the columns, their order and types of the data."""
    learned = iter(rows.T)
    made: dict[str, Any] = {}
    for column in columns:
        cells = column.decode(next(learned)) if column.learned else column.aside(len(rows))
        made[column.name] = _polars(column, cells) if polars else _pandas(column, cells)
    if polars:
        import polars as pl

        return pl.DataFrame(list(made.values()))
    import pandas as pd

    return pd.DataFrame(made, columns=[column.name for column in columns])


def fill_table(x: Any, filled: Any) -> Any:
    """The table `filled`, with what `x` has as it is to the last digit.

    x : a DataFrame of the same columns in any order, or rows that were packed, which are exact
    """
    frame = frame_of(x)
    if frame is None:
        return filled
    if hasattr(filled, "with_columns"):
        import polars as pl

        own = frame.x if frame.polars else pl.from_pandas(x)
        names = [name for name in filled.columns if name in own.columns]
        kept = {name: own[name].cast(filled[name].dtype) for name in names}
        seen = [s.fill_nan(None) if s.dtype.is_float() else s for s in kept.values()]
        return filled.with_columns([s.fill_null(filled[s.name]) for s in seen])
    table = x.to_pandas() if hasattr(x, "to_pandas") else x
    full = filled.set_axis(table.index)
    for name in filled.columns:
        if name in table.columns:
            kept = full[name].where(table[name].isna(), table[name])
            full[name] = kept.astype(full[name].dtype)
    return full


def like_table(frame: Frame, rows: np.ndarray) -> Any:
    """Rows (N, D) of numbers as a table of the same columns and types, rounded where these are."""
    import pandas as pd

    if frame.polars:
        import polars as pl

        return pl.DataFrame(
            [
                pl.Series(s.name, x if s.dtype.is_float() else np.rint(x)).cast(s.dtype)
                for s, x in zip(frame.x, rows.T, strict=True)
            ]
        )
    table = frame.x.to_pandas() if hasattr(frame.x, "to_pandas") else frame.x
    made = {}
    for name, x in zip(table.columns, rows.T, strict=True):
        kind = table[name].dtype
        whole = pd.api.types.is_integer_dtype(kind) or pd.api.types.is_bool_dtype(kind)
        made[name] = pd.Series(np.rint(x) if whole else x).astype(kind)
    return pd.DataFrame(made)


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
