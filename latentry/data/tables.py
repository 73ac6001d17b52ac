"""Tables from text and parquet files: rows for the model, and columns that are taken out."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LatentryError, suggest
from . import mixed
from .arrays import column_numbers, stacked
from .cells import Cells, Frame, cells, of_arrow
from .mixed import Told
from .schema import Schema


@dataclass
class Table:
    """x (N, D), the names of its columns, and the columns that were taken out.

    schema : what the columns of a mixed table are, of which x are the rows as it packs them
    """

    x: np.ndarray
    columns: tuple[str, ...]
    taken: dict[str, np.ndarray]
    schema: Schema | None = None


MISSING = {"", "?", "NA", "NaN", "nan", "N/A", "n/a", "null", "NULL", "None"}
"""Cells of text that hold nothing, those that pandas takes for it among them."""
ROWS = 65_536
"""Rows of a parquet file that are held at a time as they are packed."""
Known = Told | Schema
"""What is known of the columns of a table: what the user says of them, or all."""


def read_csv(
    path: Path, take: Sequence[str] = (), drop: Sequence[str] = (), schema: Known = None
) -> Table:
    """A text table, separated by commas, semicolons or tabs.

    The first line names the columns unless it holds a number; else they are named "0", "1", ...
    Empty cells, "?", "NA" and "NaN" are missing values. Where columns hold text, or where
    something is known of them, the table is a mixed one. Digits with zeros before them, such as
    postal codes, are text, and where commas do not part cells they may be decimal ones.

    Raises `LatentryError` for a row with more or fewer cells than the first, for text among
    numbers (both naming the line), and for names in `take` or `drop` that are no columns.
    """
    frame, layout = _text(path)
    taken, rest = _split(frame, path, take, drop, schema)
    for name in rest.columns:
        _check_numbers(rest[name], name, path, layout)
    return _table(Frame(rest), taken, schema)


def _text(path: Path) -> tuple[Any, _Layout]:
    """A text table and its layout."""
    import pandas as pd

    layout = _Layout.of(path)
    try:
        frame = pd.read_csv(
            path,
            sep=layout.separator,
            header=0 if layout.header else None,
            decimal=layout.decimal,
            dtype=dict.fromkeys(layout.codes, str),
            skipinitialspace=True,
            na_values=["?"],
            index_col=False,
            encoding="utf-8-sig",
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise LatentryError(f"{path} cannot be read as a table ({error}); mend it.") from error
    return frame, layout


def read_frame(path: Path, drop: Sequence[str] = ()) -> Any:
    """A text or parquet table as a pandas DataFrame, its cells as they are in the file.

    Whole numbers among which some are missing stay whole numbers.

    Raises `LatentryError` as `read_csv` and `read_parquet` do.
    """
    if path.suffix.lower() != ".parquet":
        frame, layout = _text(path)
        _, rest = _split(frame, path, (), drop)
        for name in rest.columns:
            _check_numbers(rest[name], name, path, layout)
            seen = rest[name].dropna() if rest[name].dtype == np.float64 else ()
            if 0 < len(seen) < len(rest) and np.array_equal(seen, np.rint(seen)):
                rest[name] = rest[name].astype("Int64")
        return rest
    with _parquet(path) as parquet:
        table = parquet.read_table(path)
        made = {name: of_arrow(table.column(name)) for name in table.column_names}
    import pandas as pd

    return _split(pd.DataFrame(made), path, (), drop)[1]


def read_parquet(
    path: Path, take: Sequence[str] = (), drop: Sequence[str] = (), schema: Known = None
) -> Table:
    """A parquet table, of which no more than a column, or some rows, are held as in the file.

    What the columns are is learned from one at a time; rows are then packed `ROWS` at a time.

    Raises `LatentryError` as `read_csv` does, and for a damaged file.
    """
    with _parquet(path) as parquet:
        known = parquet.read_schema(path)
        head = known.empty_table().to_pandas()
        taken, rest = _split(head, path, take, drop, schema)
        taken = {
            name: _plain(parquet.read_table(path, columns=[name]).to_pandas()[name])
            for name in taken
        }
        return _table(_ParquetFrame(path, list(rest.columns), known), taken, schema)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    """The module that reads parquet files, its errors in words."""
    try:
        import pyarrow.parquet as parquet
        from pyarrow import ArrowException
    except ImportError as error:
        raise LatentryError(
            f"Reading {path} needs pyarrow; install it with `pip install 'latentry[parquet]'`."
        ) from error
    try:
        yield parquet
    except (ArrowException, OSError) as error:
        raise LatentryError(
            f"{path} is truncated, damaged or no parquet file ({error}); get the file again."
        ) from error


class _ParquetFrame(Frame):
    """A frame whose columns, or rows, are read from the file when they are asked for."""

    def __init__(self, path: Path, names: list[str], known: Any) -> None:
        import pyarrow.parquet as parquet

        super().__init__(known.empty_table().select(names))
        self.path, self.rows = path, parquet.read_metadata(path).num_rows

    def __len__(self) -> int:
        return self.rows

    def series(self, i: int) -> Any:
        import pyarrow.parquet as parquet

        frame = parquet.read_table(self.path, columns=[self.names[i]]).to_pandas()
        return frame[self.names[i]]

    def cells(self, i: int) -> Cells:
        return cells(self.series(i), self.names[i])

    def parts(self, names: Sequence[str]) -> Iterator[tuple[int, Frame]]:
        import pyarrow.parquet as parquet

        first = 0
        with parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(ROWS, columns=list(names)):
                yield first, Frame(batch.to_pandas())
                first += batch.num_rows


LOOKED_AT = 10_000
"""Rows of a text table by which it is told how numbers are written."""


@dataclass
class _Layout:
    """How a text table is laid out, from one pass over its rows.

    decimal : the decimal point
    codes : the columns, as pandas calls them, of digits that are no numbers
    """

    path: Path
    separator: str
    header: bool
    decimal: str = "."
    codes: tuple[Any, ...] = ()

    @classmethod
    def of(cls, path: Path) -> _Layout:
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                line = next((line for line in file if line.strip()), "")
                separator = max(",;\t", key=line.count)
            rows = cls(path, separator, False)._rows()
            _, first = next(rows, (0, []))
            if not first:
                raise LatentryError(f"{path} is empty; give a table with at least 2 rows.")
            some = []
            for number, row in rows:
                if len(some) < LOOKED_AT:
                    some.append(row)
                if len(row) != len(first):
                    raise LatentryError(
                        f"{path}, line {number} has {len(row)} cells where the first line has "
                        f"{len(first)}; give every row as many."
                    )
        except (UnicodeDecodeError, csv.Error) as error:
            raise LatentryError(
                f"{path} is not a text table in UTF-8 ({error}); save it as one."
            ) from error
        header = not any(_is_number(cell) for cell in first)
        names = [cell.strip() for cell in first if header and cell.strip()]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if twice:
            raise LatentryError(
                f"{path} has two columns named {twice[0]!r}; give each column a name of its own."
            )
        each = [{cell.strip() for cell in column} for column in zip(*some, strict=True)]
        comma = separator != "," and _has_decimal_commas(each)
        named = first if header else range(len(first))
        codes = [name for name, cells in zip(named, each, strict=bool(each)) if _has_codes(cells)]
        # Where all cells of a table are as wide, zeros only fill.
        filled = len({len(cell) for cells in each for cell in cells}) == 1
        return cls(path, separator, header, "," if comma else ".", () if filled else tuple(codes))

    def _rows(self):
        """Line number and cells of each row that is not blank."""
        with open(self.path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self.separator, skipinitialspace=True)
            yield from ((reader.line_num, row) for row in reader if row)

    def line(self, row: int) -> int:
        """The line on which a row of the data ends."""
        target = row + self.header
        return next(number for i, (number, _) in enumerate(self._rows()) if i == target)


CODE = re.compile(r"0\d+")
COMMA, POINT = re.compile(r"[-+]?\d*,\d+"), re.compile(r"[-+]?\d*\.\d+")


def _has_codes(cells: set[str]) -> bool:
    """Whether cells of one column are digits of which zeros are a part, such as postal codes."""
    return any(CODE.fullmatch(cell) for cell in cells)


def _has_decimal_commas(columns: Sequence[set[str]]) -> bool:
    """Whether numbers are written like 3,5: in some columns all that have a fraction are.

    A comma before three digits, as in 1,500, may as well part thousands.
    """
    if any(POINT.fullmatch(cell) for column in columns for cell in column):
        return False
    return any(
        any(COMMA.fullmatch(cell) and len(cell.partition(",")[2]) != 3 for cell in column)
        and all(_is_number(cell.replace(",", ".", 1)) for cell in column - MISSING)
        for column in columns
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.strip().lower() != "nan"


def _split(
    frame: Any, path: Path, take: Sequence[str], drop: Sequence[str], schema: Known = None
) -> tuple[dict[str, np.ndarray], Any]:
    """The columns that are taken out, and a frame of those that are left.

    What a model was trained on is left too, so that a label may be one of its columns.
    """
    frame.columns = [str(name) for name in frame.columns]
    for name in (*take, *drop):
        if name not in frame.columns:
            known = ", ".join(frame.columns[:8]) + (", ..." if len(frame.columns) > 8 else "")
            raise LatentryError(
                f"{path} has no column {name!r}; it has {known}.{suggest(name, frame.columns)}"
            )
    taken = {name: _plain(frame[name]) for name in take}
    needed = {c.name for c in schema.table} if isinstance(schema, Schema) else set()
    out = [name for name in dict.fromkeys([*take, *drop]) if name in drop or name not in needed]
    rest = frame.drop(columns=out)
    if rest.shape[1] == 0:
        raise LatentryError(f"{path} has no columns left for the model; take out or drop fewer.")
    return taken, rest


def _table(frame: Frame, taken: dict[str, np.ndarray], schema: Known) -> Table:
    """Numbers where all columns are, else rows as a schema packs them."""
    if schema is None and not frame.is_mixed:
        columns = [column_numbers(frame.series(i), name) for i, name in enumerate(frame.names)]
        return Table(stacked(columns, len(frame)), frame.names, taken)
    if not isinstance(schema, Schema):
        schema = Schema.of_columns(mixed.learn(frame, schema))
    return Table(mixed.encode(schema.table, frame), schema.columns or (), taken, schema)


def _plain(series: Any) -> np.ndarray:
    """A column's values: numbers, or objects where it holds text."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        return column_numbers(series, str(series.name))
    return series.to_numpy(dtype=object)


def _check_numbers(series: Any, name: str, path: Path, layout: _Layout) -> None:
    """Raises `LatentryError` for a cell of text among numbers."""
    import pandas as pd

    numeric = pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(
        series.dtype
    )
    if numeric or name in map(str, layout.codes):
        return
    values = series.to_numpy(dtype=object)
    texts = np.array([isinstance(v, str) for v in values])
    numbers = np.array([isinstance(v, str) and _is_number(v) for v in values])
    if texts.any() and numbers.sum() >= texts.sum() / 2:
        row = int(np.argmax(texts & ~numbers)) if (texts & ~numbers).any() else int(texts.argmax())
        raise LatentryError(
            f"{path}, line {layout.line(row)}: column {name!r} holds {values[row]!r} where a "
            f"number belongs; mend that cell, or leave the column out with --drop {name}."
        )
