"""Tables of mixed columns: what their columns are, their rows as numbers, and back."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LatentryError, suggest
from .arrays import is_missing, room, unmap
from .cells import Cells, Frame, frame_of
from .columns import Column
from .inference import check_told, infer
from .typed import arrow_array

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

    Rows that would fill the memory stand in a temporary file: see `room`.

    Columns are found by their names, in any order; those that are not learned may be absent.
    Categories never seen before count as missing, and one warning says how many there were.

    Raises `LatentryError` for a missing or unknown column, infinite values and cells of another
    type than the column had.
    """
    check_names(columns, frame.names)
    learned = [column for column in columns if column.learned]
    names = [column.name for column in learned]
    rows = room((len(frame), len(learned)))
    unknown = dict.fromkeys(names, 0)
    for first, part in frame.parts(names):
        block = rows[first : first + len(part)]
        for j, column in enumerate(learned):
            cells = dataclasses.replace(part.cells(part.names.index(column.name)), first=first)
            unknown[column.name] += put(column, cells, block[:, j])
        unmap(rows)
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


def fill_table(x: Any, filled: Any) -> Any:
    """The table `filled`, with what `x` has as it is to the last digit.

    x : a DataFrame of the same columns in any order, or rows that were packed, which are exact
    """
    frame = frame_of(x)
    if frame is None:
        return filled
    if hasattr(filled, "with_columns"):
        import polars as pl

        read = pl.from_arrow if frame.arrow else pl.from_pandas
        own: Any = frame.x if frame.polars else read(frame.x)
        names = [name for name in filled.columns if name in own.columns]
        kept = {name: own[name].cast(filled[name].dtype) for name in names}
        seen = [s.fill_nan(None) if s.dtype.is_float() else s for s in kept.values()]
        return filled.with_columns([s.fill_null(filled[s.name]) for s in seen])
    if hasattr(filled, "column_names"):
        return _fill_arrow(frame, filled)
    table = x.to_pandas() if hasattr(x, "to_pandas") else x
    full = filled.set_axis(table.index)
    for name in filled.columns:
        if name in table.columns:
            kept = full[name].where(table[name].isna(), table[name])
            full[name] = kept.astype(full[name].dtype)
    return full


def _fill_arrow(frame: Frame, filled: Any) -> Any:
    """`fill_table` for an Arrow table."""
    import pyarrow as pa

    own: Any = frame.x
    if not frame.arrow:
        own = own.to_arrow() if frame.polars else pa.Table.from_pandas(own, preserve_index=False)
    for i, field in enumerate(filled.schema):
        if field.name not in own.schema.names:
            continue
        new, old = filled.column(i), own.column(own.schema.get_field_index(field.name))
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        cells = np.array([b if is_missing(a) else a for a, b in pairs], dtype=object)
        levels = ()
        if pa.types.is_dictionary(field.type):
            levels = new.combine_chunks().dictionary.to_pylist()
        filled = filled.set_column(i, field, arrow_array(cells, field.type, levels))
    return filled


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
    if frame.arrow:
        import pyarrow as pa

        columns = zip(rows.T, frame.x.schema.types, strict=True)
        return pa.table([arrow_array(x, kind) for x, kind in columns], frame.x.schema.names)
    table, made = frame.x, {}
    for name, x in zip(table.columns, rows.T, strict=True):
        kind = table[name].dtype
        whole = pd.api.types.is_integer_dtype(kind) or pd.api.types.is_bool_dtype(kind)
        made[name] = pd.Series(np.rint(x) if whole else x).astype(kind)
    return pd.DataFrame(made)
