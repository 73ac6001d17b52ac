"""What holds in every synthesised row, by how the row is made rather than by trying again.

| constraint | how it is made to hold |
|---|---|
| `Range(column, low, high)` | the column's distribution ends there |
| `Inequality(low, high)` | the difference, never negative, is learned as a column of its own |
| `Combinations(*columns)` | which combination a row has is learned as a column of its own |
| `Unique(column)` | text names its row and is made anew; equal numbers move apart |
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.columns import Column
from ..errors import LatentryError, suggest

Frame = Any
"""A pandas DataFrame."""
State = dict[str, Any]
"""What a constraint has to know of the training rows, as JSON can hold it."""


@dataclass(frozen=True)
class Constraint(abc.ABC):
    """What holds in every row."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The columns that it is about."""

    def learn(self, table: Frame) -> State:
        """What has to be known of the training rows. Raises LatentryError where it fails there."""
        return {}

    def told(self, table: Frame) -> dict[str, dict[str, Any]]:
        """What the schema is to say of columns."""
        return {}

    def beside(self, table: Frame, state: State) -> dict[str, Any]:
        """Columns that are learned beside those of the table, by name."""
        return {}

    def check(self, given: Frame, state: State) -> None:  # noqa: B027
        """Raise LatentryError where rows of fixed cells contradict it."""

    def allowed(self, given: Frame, state: State) -> np.ndarray | None:
        """Which levels of its column beside the fixed cells leave, (N, levels); None for all."""
        return None

    def mend(self, made: Made, state: State) -> None:  # noqa: B027
        """Make it hold in rows that were drawn."""


@dataclass
class Made:
    """Rows that were drawn.

    table : their cells, which constraints mend; beside : what was drawn beside them
    fixed : columns that stay as they are; columns : what each of the table's is
    """

    table: Frame
    beside: Frame
    fixed: Collection[str]
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class Range(Constraint):
    """low <= column <= high, for a column of numbers; None for no end."""

    column: str
    low: float | None = None
    high: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)

    def learn(self, table: Frame) -> State:
        _need_line(table, self.column, "a range")
        self._holds(table, "The table holds", "correct the range, or leave such rows out")
        return {}

    def told(self, table: Frame) -> dict[str, dict[str, Any]]:
        ends = {"low": self.low, "high": self.high}
        # What has ends is no level.
        return {self.column: {"kind": "real", **{k: v for k, v in ends.items() if v is not None}}}

    def check(self, given: Frame, state: State) -> None:
        if self.column in given:
            self._holds(given, "The conditions fix", "give a value within it")

    def _holds(self, table: Frame, who: str, fix: str) -> None:
        values = table[self.column].dropna().to_numpy(dtype=float)
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        bad = values[(values < low) | (values > high)]
        if len(bad):
            raise LatentryError(
                f"{who} {self.column} = {bad[0]:g}, outside of the range {low:g} to {high:g};"
                f" {fix}."
            )


@dataclass(frozen=True)
class Inequality(Constraint):
    """low <= high, for two columns of numbers, or two of dates, wherever both have a value."""

    low: str
    high: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.low, self.high)

    @property
    def name(self) -> str:
        """Of the column beside: the difference, of dates in seconds."""
        return f"{self.high} - {self.low}"

    def learn(self, table: Frame) -> State:
        for name in self.names:
            _need_line(table, name, "an inequality", dates=True)
        self._holds(table, "The table holds a row with", "leave such rows out")
        return {}

    def told(self, table: Frame) -> dict[str, dict[str, Any]]:
        return {self.name: {"kind": "real", "low": 0.0}}

    def beside(self, table: Frame, state: State) -> dict[str, Any]:
        return {self.name: _seconds(table[self.high] - table[self.low])}

    def check(self, given: Frame, state: State) -> None:
        if self.low in given and self.high in given:
            self._holds(given, "The conditions fix", "give other values")

    def _holds(self, table: Frame, who: str, fix: str) -> None:
        bad = np.flatnonzero(_seconds(table[self.high] - table[self.low]) < 0)
        if len(bad):
            row = table.iloc[int(bad[0])]
            raise LatentryError(
                f"{who} {self.low} = {row[self.low]} and {self.high} = {row[self.high]}, against"
                f" {self.low} <= {self.high}; {fix}."
            )

    def mend(self, made: Made, state: State) -> None:
        table, top = made.table, made.columns[self.high].high
        if self.low in made.fixed and self.high in made.fixed:
            return
        if top is not None and self.low not in made.fixed:
            table[self.low] = table[self.low].clip(upper=top).astype(table[self.low].dtype)
        # A difference that was drawn as missing, where both are there, is what they have.
        gap = made.beside[self.name].fillna(_seconds(table[self.high] - table[self.low])).clip(0)
        down = self.high in made.fixed
        anchor, moved = (self.high, self.low) if down else (self.low, self.high)
        both = table[anchor].notna() & table[moved].notna()
        new = _moved(table[anchor][both], -gap[both] if down else gap[both], made.columns[moved])
        table[moved] = _put(table[moved], both, new)


@dataclass(frozen=True, init=False)
class Combinations(Constraint):
    """The values of some columns occur together only as they do in the training rows."""

    columns: tuple[str, ...]

    def __init__(self, *columns: str) -> None:
        if len(columns) < 2:
            raise LatentryError(f"Combinations{columns}: name two columns or more.")
        object.__setattr__(self, "columns", tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns

    @property
    def name(self) -> str:
        """Of the column beside: the number of the combination."""
        return " + ".join(self.columns)

    def learn(self, table: Frame) -> State:
        seen = table[list(self.columns)].drop_duplicates()
        return {
            "seen": {n: [_plain(v) for v in seen[n]] for n in self.columns},
            "dtypes": {n: str(seen[n].dtype) for n in self.columns},
        }

    def told(self, table: Frame) -> dict[str, dict[str, Any]]:
        return {self.name: {"kind": "categorical"}}

    def beside(self, table: Frame, state: State) -> dict[str, Any]:
        import pandas as pd

        def keys(frame: Frame) -> list[tuple[Any, ...]]:
            cells = [frame[n].astype(object).where(frame[n].notna(), None) for n in self.columns]
            return list(zip(*cells, strict=True))

        numbers = {key: i for i, key in enumerate(keys(self._seen(state)))}
        # One that was never seen, in rows to score, is missing.
        return {self.name: pd.Series(keys(table)).map(numbers).to_numpy(dtype=float)}

    def check(self, given: Frame, state: State) -> None:
        fits = self.allowed(given, state)
        if fits is not None and not fits.any(1).all():
            row = given.iloc[int(np.flatnonzero(~fits.any(1))[0])]
            said = " and ".join(f"{n} = {row[n]}" for n in self.columns if n in given)
            raise LatentryError(
                f"The conditions fix {said}, which no row of the training data has, against"
                f" Combinations({', '.join(self.columns)}); give a combination that occurs."
            )

    def allowed(self, given: Frame, state: State) -> np.ndarray | None:
        names = [n for n in self.columns if n in given]
        if not names:
            return None
        seen = self._seen(state)
        fits = np.ones((len(given), len(seen)), dtype=bool)
        for name in names:
            a, b = given[name], seen[name]
            same = a.astype(object).to_numpy()[:, None] == b.astype(object).to_numpy()[None]
            gone = a.isna().to_numpy()[:, None] & b.isna().to_numpy()[None]
            fits &= np.asarray(same, dtype=bool) | gone
        return fits

    def mend(self, made: Made, state: State) -> None:
        seen = self._seen(state).iloc[made.beside[self.name].astype(int).to_numpy()]
        for name in self.columns:
            if name not in made.fixed:
                cells = seen[name].set_axis(made.table.index)
                made.table[name] = cells.astype(made.table[name].dtype)

    def _seen(self, state: State) -> Frame:
        import pandas as pd

        return pd.DataFrame(
            {n: pd.Series(state["seen"][n], dtype=state["dtypes"][n]) for n in self.columns}
        )


@dataclass(frozen=True)
class Unique(Constraint):
    """No two rows have the same value of a column; not where they are conditioned on it."""

    column: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)

    def learn(self, table: Frame) -> State:
        twice = table[self.column][table[self.column].duplicated() & table[self.column].notna()]
        if len(twice):
            raise LatentryError(
                f"The table holds {self.column} = {twice.iloc[0]} more than once, against"
                f" Unique({self.column}); leave such rows out."
            )
        return {}

    def told(self, table: Frame) -> dict[str, dict[str, Any]]:
        number = _is_number(table[self.column])
        return {} if number else {self.column: {"kind": "identifier"}}

    def check(self, given: Frame, state: State) -> None:
        if self.column in given and given[self.column].dropna().duplicated().any():
            raise LatentryError(
                f"The conditions fix one value of {self.column} in several rows, against"
                f" Unique({self.column}); give each row its own, or none."
            )

    def mend(self, made: Made, state: State) -> None:
        cells, column = made.table[self.column], made.columns[self.column]
        if self.column in made.fixed or not column.learned:
            return
        there = cells.notna()
        values = cells[there].to_numpy(dtype=float)
        made.table[self.column] = _put(cells, there, apart(values, column))


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


KINDS = {kind.__name__: kind for kind in (Range, Inequality, Combinations, Unique)}


def to_dict(constraint: Constraint) -> dict[str, Any]:
    """A form that JSON can hold."""
    return {"kind": type(constraint).__name__, **dataclasses.asdict(constraint)}


def from_dict(fields: Mapping[str, Any]) -> Constraint:
    """The constraint that `to_dict` wrote."""
    given = {k: v for k, v in fields.items() if k != "kind"}
    if fields["kind"] == "Combinations":
        return Combinations(*given["columns"])
    return KINDS[fields["kind"]](**given)


def check(constraints: Any, names: Collection[str]) -> None:
    """Raise LatentryError for what is no constraint, and for columns that are not there."""
    for each in constraints:
        if not isinstance(each, Constraint):
            raise LatentryError(
                f"constraints={each!r} is no constraint; there are {', '.join(KINDS)}."
            )
        for name in each.names:
            if name not in names:
                raise LatentryError(
                    f"{each} names the column {name!r}, which the table does not have."
                    f"{suggest(name, names)}"
                )


def _is_number(series: Any) -> bool:
    import pandas as pd

    of = series.dtype
    return pd.api.types.is_numeric_dtype(of) and not pd.api.types.is_bool_dtype(of)


def _need_line(table: Frame, name: str, what: str, dates: bool = False) -> None:
    import pandas as pd

    fine = _is_number(table[name])
    if not (fine or (dates and pd.api.types.is_datetime64_any_dtype(table[name].dtype))):
        raise LatentryError(
            f"The column {name!r} cannot have {what}: it holds {table[name].dtype};"
            f" give it as numbers{' or datetime64' if dates else ''}."
        )


def _seconds(gap: Any) -> Any:
    """Differences of dates in seconds, of numbers as they are."""
    return gap.dt.total_seconds() if hasattr(gap, "dt") else gap


def _moved(anchor: Any, by: Any, column: Column) -> np.ndarray:
    """Cells (N,) so far away from the anchor's, on the column's grid and within its ends."""
    import pandas as pd

    if hasattr(anchor, "dt"):
        return (anchor + pd.to_timedelta(np.rint(by), unit="s")).to_numpy()
    start, by = anchor.to_numpy(dtype=float), by.to_numpy(dtype=float)
    up = bool((by > 0).any()) or not (by < 0).any()
    end, farther = (column.high, np.maximum) if up else (column.low, np.minimum)
    new = start + by
    if column.decimals is not None:
        # Away from the anchor, so that rounding does not take them past it.
        grid, dust = 10.0**column.decimals, 1e-6
        new = (np.ceil(new * grid - dust) if up else np.floor(new * grid + dust)) / grid
    if end is not None:
        new = np.minimum(new, end) if up else np.maximum(new, end)
    return farther(new, start)


def _put(cells: Any, where: Any, values: np.ndarray) -> Any:
    """Cells with some of them replaced, in their type."""
    out = cells.copy()
    out[where] = values.astype(cells.dtype) if isinstance(cells.dtype, np.dtype) else values
    return out


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it."""
    import pandas as pd

    if pd.isna(value):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, bool | int | float | str) else str(value)
