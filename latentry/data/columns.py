"""What each column of a table is: its kind, its levels or its outline, and the type it came in.

| kind | cells | the model sees |
|---|---|---|
| real | numbers | the number, on the scale of the column's own distribution function |
| positive | numbers from 0, with a long tail | the same |
| bounded | numbers that never leave low .. high | the same |
| count | whole numbers from 0 | the same |
| datetime | dates and times | the time since `origin`, the same |
| ordinal | few levels in an order | the level's number, the same |
| binary, categorical | levels without an order | the level's number |
| identifier | a name for each row | nothing; new ones are made |
| constant | one value | nothing; it is given back |
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LatentryError
from .cells import Cells
from .outline import score
from .survey import LARGEST
from .times import Dates

KINDS = (
    "real", "positive", "bounded", "count", "ordinal", "binary", "categorical", "datetime",
    "identifier", "constant",
)  # fmt: skip
LEVELS = ("ordinal", "binary", "categorical")
"""Kinds that have levels."""
ASIDE = ("identifier", "constant")
"""Kinds that are not learned."""


@dataclass(frozen=True)
class Column:
    """What one column is. Everything that a model is built from is here, as JSON can hold it.

    name, kind : see the module
    dtype : the type of the column as pandas or polars names it
    levels : of a column of levels, in their order; the value of a constant
    shares : how much of the observed cells each level has
    knots, heights, tails : of a column of numbers and an ordinal one: see `Outline`
    low, high : what no value leaves; for dates in seconds since 1970
    decimals : digits after the point, None for as many as a float has
    origin : numbers are taken relative to it, so that float32 holds them
    dates : what the numbers of dates mean
    missing : the share of cells that are missing
    last : of an identifier, the largest number, or the text that ends in it
    """

    name: str
    kind: str
    dtype: str = "float64"
    levels: tuple[Any, ...] = ()
    shares: tuple[float, ...] = ()
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    tails: tuple[float, float] = (0.0, 0.0)
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    origin: float = 0.0
    dates: Dates | None = None
    missing: float = 0.0
    last: Any = None

    @property
    def learned(self) -> bool:
        """Whether the model sees it."""
        return self.kind not in ASIDE

    @property
    def ordered(self) -> bool:
        """Whether it lies on a line, and has an outline."""
        return self.learned and self.kind not in ("binary", "categorical")

    @property
    def size(self) -> int:
        """The number of its levels; 0 for a column on a line."""
        return 0 if self.ordered else len(self.levels)

    @property
    def scores(self) -> np.ndarray:
        """sqrt(3) / pi logit F at the knots, (Q,): what a number is to the model."""
        return score(np.array(self.heights))

    def encode(self, cells: Cells) -> tuple[np.ndarray, int]:
        """Cells (N,) as float32, NaN where missing, and how many had a level never seen before.

        Raises `LatentryError` for cells of another kind and for infinite values.
        """
        cells = self._as_learned(cells)
        out = np.full(len(cells.values), np.nan)
        seen = cells.seen
        unknown = 0
        if self.kind in LEVELS:
            index = self._index(seen).astype(np.float64)
            unknown = int((index < 0).sum())
            out[~cells.missing] = np.where(index < 0, np.nan, index)
        elif self.dates is not None:
            out[~cells.missing] = self.dates.numbers(seen, self.name)
        else:
            check_finite(cells)
            out[~cells.missing] = seen - self.origin
        return out.astype(np.float32), unknown

    def decode(self, values: np.ndarray) -> np.ndarray:
        """The cells that numbers (N,) stand for: objects, None where NaN."""
        gone = np.isnan(values)
        cells = np.empty(len(values), dtype=object)
        some = values[~gone].astype(np.float64)
        if self.kind in LEVELS:
            index = np.clip(np.rint(some), 0, len(self.levels) - 1).astype(int)
            cells[~gone] = np.array(self.levels, dtype=object)[index]
        elif self.dates is not None:
            cells[~gone] = self.dates.cells(self._in_time(some, self.dates))
        else:
            cells[~gone] = self._number(some)
        return cells

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Numbers (N,) in the units of the data; of dates since their origin, of levels which."""
        return values.astype(np.float64) + self.origin

    def texts(self, values: np.ndarray) -> list[str | None]:
        """The cells that numbers (N,) stand for as a person writes them, None where NaN."""
        return [None if cell is None else self._text(cell) for cell in self.decode(values)]

    def _text(self, cell: Any) -> str:
        if self.dates is not None and self.dates.text is None:
            return self.dates.write(cell)
        if self.levels or self.dates is not None:
            return str(cell)
        if self.decimals is None:
            return f"{cell:,.4g}" if 1e-3 <= abs(cell) < 1e4 or not cell else f"{cell:,.3e}"
        return f"{cell:,.{self.decimals}f}"

    def aside(self, n: int) -> np.ndarray:
        """The cells (n,) of a column that is not learned."""
        if self.kind == "constant":
            return np.array([self.levels[0]] * n, dtype=object)
        if isinstance(self.last, int):
            return np.array([self.last + 1 + i for i in range(n)], dtype=object)
        prefix = str(self.last).rstrip("0123456789")
        digits = str(self.last)[len(prefix) :]
        first = int(digits or 0) + 1
        made = [f"{prefix}{i:0{len(digits)}d}" for i in range(first, first + n)]
        return np.array(made, dtype=object)

    def describe(self) -> str:
        """One phrase, for example "categorical, 8 levels (Private 70%), 5.6% missing"."""
        said = [self.kind]
        if self.kind == "constant":
            said.append(repr(self.levels[0]))
        elif self.kind == "identifier":
            said.append("not learned")
        elif self.kind in LEVELS:
            top = int(np.argmax(self.shares))
            often = f"{self.levels[top]} {self.shares[top]:.0%}"
            said.append(f"{len(self.levels):,} levels ({often})")
        else:
            first, last = self.decode(np.array([*self.span()]))
            said.append(f"{_short(first)} to {_short(last)}")
        if self.missing:
            said.append(f"{self.missing:.1%} missing")
        return ", ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """A form that JSON can hold, without what is as by default."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        default = {f.name: f.default for f in dataclasses.fields(self)}
        kept = {k: v for k, v in plain.items() if v != default[k]}
        if self.dates is not None:
            kept["dates"] = dataclasses.asdict(self.dates)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Column:
        """The column that `to_dict` wrote."""
        known: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()
        }
        if known.get("dates"):
            known["dates"] = Dates(**known["dates"])
        return cls(**known)

    def span(self) -> tuple[float, float]:
        """The least and the largest number seen."""
        h = self.heights
        # An end that none can leave, and that none was seen at, has hardly any mass.
        bare = (
            self.low is not None and h[1] - h[0] <= 1.01 * h[0],
            self.high is not None and h[-1] - h[-2] <= 1.01 * (1 - h[-1]),
        )
        return self.knots[2 if bare[0] else 0], self.knots[-3 if bare[1] else -1]

    def _index(self, seen: np.ndarray) -> np.ndarray:
        """The level of each value, -1 for none."""
        import pandas as pd

        if isinstance(self.levels[0], str):
            return pd.Index(self.levels, dtype=object).get_indexer(_texts(seen))
        numbers = np.array(self.levels, dtype=np.float64)
        return pd.Index(numbers).get_indexer(seen.astype(np.float64))

    def _number(self, some: np.ndarray) -> np.ndarray:
        made = some + self.origin
        if self.decimals is not None:
            made = np.round(made, self.decimals)
        made = np.clip(made, self.low, self.high)
        return made.astype(object) if self.decimals != 0 else made.astype(np.int64).astype(object)

    def _in_time(self, numbers: np.ndarray, dates: Dates) -> np.ndarray:
        # float32 may round a date past the end.
        first, last = (
            bare if end is None else dates.number(np.datetime64(int(end), "s"), self.name)
            for end, bare in ((self.low, -np.inf), (self.high, np.inf))
        )
        return np.clip(np.rint(numbers), first, last)

    def _as_learned(self, cells: Cells) -> Cells:
        """Cells of the kind that was learned: text of digits may be numbers."""
        text = self.kind in LEVELS and isinstance(self.levels[0], str)
        if (
            text
            or self.dates is not None
            or cells.kind in ("number", "bool")
            or not len(cells.seen)
        ):
            return cells
        if cells.kind == "text":
            values = np.full(len(cells.values), np.nan)
            with contextlib.suppress(TypeError, ValueError):
                values[~cells.missing] = cells.seen.astype(np.float64)
                return dataclasses.replace(cells, kind="number", values=values)
        row = int(np.flatnonzero(~cells.missing)[0])
        where = cells.first + row
        raise LatentryError(
            f"Column {self.name!r} holds {cells.kind} ({str(cells.values[row])!r} in row {where})"
            f" where the model was trained on numbers; turn it into numbers."
        )


def check_finite(cells: Cells) -> None:
    bad = ~cells.missing & ~(np.abs(cells.values) <= LARGEST)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise LatentryError(
            f"The data holds an infinite value ({cells.values[row]}) in row {cells.first + row},"
            f" column {cells.name!r}; remove that row or mend the value."
        )


def _texts(seen: np.ndarray) -> np.ndarray:
    return np.array([v if isinstance(v, str) else str(v) for v in seen], dtype=object)


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
