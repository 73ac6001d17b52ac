"""One numpy array from whatever holds numbers: numpy, torch, pandas, polars, pyarrow, lists."""

from __future__ import annotations

import math
import mmap
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ..errors import LatentryError

BLOCK_BYTES = 32 * 2**20
IN_MEMORY = 4 * 2**30
"""The bytes of the packed rows of a table above which they stand in a file."""


class NotANumberError(LatentryError, TypeError):
    """A cell holds neither text nor a number (a dict, a list)."""


def as_array(x: Any) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """The numbers in `x` as an array of rows, and the names of its columns if it has names.

    Takes numpy arrays (also memory-mapped ones, which stay so), torch tensors, pandas, polars and
    pyarrow tables, and nested lists. Numbers keep their type; those typed in a list become
    float64, because `[[1, 2], [3, 4]]` does not say whether it counts something. `None` and the
    tables' missing values become NaN.

    Raises `LatentryError` for text where numbers belong (naming the column and the first bad
    value), rows of different lengths, dates, complex numbers and sparse matrices.
    """
    if isinstance(x, torch.Tensor):
        t = x.detach().cpu()
        return (t.float() if t.dtype == torch.bfloat16 else t).numpy(), None
    table = _as_frame(x)
    if table is not None:
        return frame_to_array(table)
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise LatentryError(
            "Sparse data was given, but rows must be dense; convert them with X.toarray()."
        )
    if isinstance(x, np.ndarray):
        array = x
    else:
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise LatentryError(
                f"The rows have different lengths; give each the same number of values ({error})."
            ) from error
        if array.ndim == 0:
            raise LatentryError(
                f"Expected rows of numbers, got a {type(x).__name__}; give an array, a table or "
                f"nested lists (latentry.data.load opens names and files)."
            )
        if array.dtype.kind in "iu" and not hasattr(x, "__array__"):
            array = array.astype(np.float64)
    return _numbers(array), None


def _as_frame(x: Any) -> Any | None:
    """`x` as a pandas DataFrame if it is a table of pandas, polars or pyarrow, else None.

    Looks only at modules that are loaded already, since an `x` of theirs would have loaded them.
    """
    pandas, polars, arrow = (sys.modules.get(m) for m in ("pandas", "polars", "pyarrow"))
    if pandas is not None and isinstance(x, pandas.DataFrame):
        return x
    if polars is not None and isinstance(x, polars.LazyFrame):
        x = x.collect()
    if polars is not None and isinstance(x, polars.DataFrame):
        import pandas as pd

        return pd.DataFrame({name: _polars_column(x[name]) for name in x.columns})
    if arrow is not None and isinstance(x, (arrow.Table, arrow.RecordBatch)):
        return x.to_pandas()
    return None


def _polars_column(column: Any) -> np.ndarray:
    """Strings and categories stay objects, which names them in an error; nulls become NaN."""
    if column.dtype.is_numeric() or column.null_count() == 0:
        return column.to_numpy()
    return np.array(column.to_list(), dtype=object)


def frame_to_array(frame: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers (N, D) of a pandas DataFrame and its column names."""
    names = tuple(str(name) for name in frame.columns)
    columns = [column_numbers(frame.iloc[:, i], name) for i, name in enumerate(names)]
    if columns and len({c.dtype for c in columns}) == 1:
        whole = frame.to_numpy()  # no copy where pandas keeps one block
        if whole.dtype == columns[0].dtype:
            return whole, names
    return stacked(columns, len(frame)), names


def stacked(columns: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Columns of numbers side by side, (rows, D)."""
    if not columns:
        return np.empty((rows, 0))
    array = np.empty((rows, len(columns)), dtype=np.result_type(*columns))
    for i, values in enumerate(columns):
        array[:, i] = values
    return array


def column_numbers(series: Any, name: str) -> np.ndarray:
    """The numbers (N,) of one pandas column, missing values as NaN.

    Raises `LatentryError` naming the column and its first value that is no number.
    """
    import pandas as pd

    kind = series.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        if isinstance(kind, np.dtype):
            return _numbers(series.to_numpy())
        if series.isna().any():  # a nullable type such as Int64
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        return series.to_numpy(dtype=kind.numpy_dtype if hasattr(kind, "numpy_dtype") else None)
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        raise LatentryError(
            f"Column {name!r} holds dates or times; turn them into numbers or leave it out."
        )
    values = series.to_numpy(dtype=object)
    found = first_text(values)
    if found is not None:
        raise LatentryError(
            f"Column {name!r} holds text where numbers belong: {values[found]!r} in row {found}; "
            f"turn it into numbers or leave the column out."
        )
    return _object_numbers(values, name)


def first_text(values: np.ndarray) -> int | None:
    """The index of the first string in an array (N,) of objects."""
    return next((i for i, v in enumerate(values) if isinstance(v, (str, bytes))), None)


def known(values: np.ndarray) -> np.ndarray:
    """Which of the values (N,) are there, (N,) bool."""
    if values.dtype.kind in "OfM":
        return np.array([not is_missing(v) for v in values.tolist()], dtype=bool)
    return np.ones(len(values), dtype=bool)


def is_missing(value: Any) -> bool:
    """True for None, NaN and the missing values of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _object_numbers(values: np.ndarray, name: str) -> np.ndarray:
    numbers = np.empty(len(values), dtype=np.float64)
    for i, value in enumerate(values):
        try:
            numbers[i] = np.nan if is_missing(value) else value
        except (TypeError, ValueError) as error:
            raise NotANumberError(
                f"Column {name!r}, row {i} holds a {type(value).__name__}; "
                f"every cell's argument must be a string or a number."
            ) from error
    return numbers


def _numbers(array: np.ndarray) -> np.ndarray:
    kind = array.dtype.kind
    if kind in "buif":
        return array
    if kind == "c":
        raise LatentryError(
            "Complex data not supported; give the real and imaginary parts as columns."
        )
    if kind not in "OUS":
        raise LatentryError(
            f"The data holds {array.dtype} values; turn them into numbers or leave them out."
        )
    flat = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(-1, 1)
    columns = []
    for j in range(flat.shape[1]):
        column = flat[:, j].astype(object)
        row = first_text(column)
        if row is not None:
            raise LatentryError(
                f"Column {j} holds text where numbers belong: {str(column[row])!r} in row {row}; "
                f"turn it into numbers or leave the column out."
            )
        columns.append(_object_numbers(column, str(j)))
    if not columns:
        return np.empty(array.shape)
    return np.stack(columns, axis=1).reshape(array.shape)


def blocks(x: np.ndarray, size: int = BLOCK_BYTES) -> Iterator[tuple[int, np.ndarray]]:
    """Runs of rows of `x` of at most about `size` bytes each, with the index of their first row.

    Reading a memory-mapped file this way keeps the memory bounded.
    """
    row = max(1, x[:1].nbytes)
    step = max(1, size // row)
    for start in range(0, len(x), step):
        yield start, x[start : start + step]
        unmap(x)


def room(shape: tuple[int, ...]) -> np.ndarray:
    """A new array of float32, to be filled: of more than `IN_MEMORY` bytes a temporary file's.

    The file goes with the array. Raises `LatentryError` where its folder has no space for it.
    """
    size = 4 * math.prod(shape)
    if size <= IN_MEMORY:
        return np.empty(shape, dtype=np.float32)
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < size:
        raise LatentryError(
            f"{shape[0]:,} rows of {math.prod(shape[1:]):,} numbers take {size / 1e9:.1f} GB, and"
            f" {folder} has {free / 1e9:.1f} GB free; set TMPDIR to a folder with more space, or"
            " give fewer rows."
        )
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return np.memmap(file, np.float32, "r+", shape=shape)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """The array's memory as a tensor; nothing of ours writes to it, so it may be read-only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def unmap(x: np.ndarray) -> None:
    """Give the pages of a memory-mapped file that were read back to the system.

    A copy-on-write map is left alone: to forget its pages would undo what was written there.
    """
    mapped = getattr(x, "_mmap", None)
    if getattr(x, "mode", None) not in ("r", "r+") or not isinstance(mapped, mmap.mmap):
        return
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def place(index: Sequence[int], columns: tuple[str, ...] | None, kind: str = "vector") -> str:
    """For example "row 3, column 'age'", "image 3, position (4, 7)" or "series 3, step 7"."""
    row, *rest = (int(i) for i in index)
    if kind == "image":
        return f"image {row}, position ({', '.join(map(str, rest))})"
    if kind == "series":
        return f"series {row}, step {rest[0]}" + "".join(f", channel {c}" for c in rest[1:])
    name = repr(columns[rest[0]]) if columns else str(rest[0])
    return f"row {row}, column {name}"
