"""What holds in every synthesised row, by how the row is made rather than by trying again.

| constraint | how it is made to hold |
|---|---|
| `Range(column, low, high)` | the column's distribution ends there |
| `Inequality(low, high)` | the difference, never negative, is learned as a column of its own |
| `Combinations(*columns)` | which combination a row has is learned as a column of its own |
| `Unique(column)` | text names its row and is made anew; equal numbers move apart |

Where several are about one column, they are made to hold one after the other: see `mend`.
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
from .lines import apart, date_format, end, end_of, is_number, line, moved, put, seconds

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

    def told(self, table: Frame, state: State) -> dict[str, dict[str, Any]]:
        """What the schema is to say of columns."""
        return {}

    def beside(self, table: Frame, state: State) -> dict[str, Any]:
        """Columns that are learned beside those of the table, by name."""
        return {}

    @abc.abstractmethod
    def broken(self, table: Frame, state: State) -> np.ndarray:
        """In which rows (N,) it does not hold."""

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
    moved : columns that a constraint has moved, which others move no farther than they need
    """

    table: Frame
    beside: Frame
    fixed: Collection[str]
    columns: Mapping[str, Column]
    moved: set[str] = dataclasses.field(default_factory=set)


@dataclass(frozen=True)
class Range(Constraint):
    """low <= column <= high, for a column of numbers, or of dates; None for no end.

    Dates are Python's, or text, such as "2024-01-31" or as the column writes them.
    """

    column: str
    low: Any = None
    high: Any = None

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            if hasattr(getattr(self, name), "isoformat"):
                object.__setattr__(self, name, getattr(self, name).isoformat())

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)

    def __str__(self) -> str:
        low = "" if self.low is None else f"{_shown(self.low)} <= "
        return f"{low}{self.column}" + ("" if self.high is None else f" <= {_shown(self.high)}")

    def learn(self, table: Frame) -> State:
        state = {"text": date_format(table[self.column], "a range")}
        self._refuse(table, state, "The table holds", "correct the range, or leave such rows out")
        return state

    def told(self, table: Frame, state: State) -> dict[str, dict[str, Any]]:
        ends = {"low": self.low, "high": self.high}
        # What has ends is no level.
        kind = "real" if state["text"] is None else "datetime"
        return {self.column: {"kind": kind, **{k: v for k, v in ends.items() if v is not None}}}

    def check(self, given: Frame, state: State) -> None:
        if self.column in given:
            self._refuse(given, state, "The conditions fix", "give a value within it")

    def broken(self, table: Frame, state: State) -> np.ndarray:
        values = line(table[self.column], state.get("text"))
        low, high = (end(self, each, values, state) for each in (self.low, self.high))
        out = np.zeros(len(values), dtype=bool)
        # What is missing breaks nothing.
        if low is not None:
            out |= (values < low).fillna(False).to_numpy(dtype=bool)
        if high is not None:
            out |= (values > high).fillna(False).to_numpy(dtype=bool)
        return out

    def _refuse(self, table: Frame, state: State, who: str, fix: str) -> None:
        bad = table[self.column][self.broken(table, state)]
        if len(bad):
            low = "-inf" if self.low is None else _shown(self.low)
            high = "inf" if self.high is None else _shown(self.high)
            raise LatentryError(
                f"{who} {self.column} = {_shown(bad.iloc[0])}, outside of the range {low} to"
                f" {high}; {fix}."
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

    def __str__(self) -> str:
        return f"{self.low} <= {self.high}"

    def learn(self, table: Frame) -> State:
        text = {name: date_format(table[name], "an inequality") for name in self.names}
        if (text[self.low] is None) != (text[self.high] is None):
            raise LatentryError(f"{self} compares numbers with dates; name two columns of a kind.")
        state = {"text": text}
        self._refuse(table, state, "The table holds a row with", "leave such rows out")
        return state

    def told(self, table: Frame, state: State) -> dict[str, dict[str, Any]]:
        return {self.name: {"kind": "real", "low": 0.0}}

    def beside(self, table: Frame, state: State) -> dict[str, Any]:
        return {self.name: self._gap(table, state)}

    def broken(self, table: Frame, state: State) -> np.ndarray:
        return np.asarray(self._gap(table, state).fillna(0) < 0)

    def check(self, given: Frame, state: State) -> None:
        if self.low in given and self.high in given:
            self._refuse(given, state, "The conditions fix", "give other values")

    def _refuse(self, table: Frame, state: State, who: str, fix: str) -> None:
        bad = self.broken(table, state)
        if bad.any():
            row = table[bad].iloc[0]
            raise LatentryError(
                f"{who} {self.low} = {row[self.low]} and {self.high} = {row[self.high]}, against"
                f" {self}; {fix}."
            )

    def _gap(self, table: Frame, state: State) -> Any:
        low, high = (line(table[name], state["text"][name]) for name in self.names)
        return seconds(high - low)

    def mend(self, made: Made, state: State) -> None:
        table = made.table
        if self.low in made.fixed and self.high in made.fixed:
            return
        text = state["text"][self.low]
        cells = line(table[self.low], text)
        top = end_of(made.columns[self.low], cells, upper=True)
        if top is not None and self.low not in made.fixed:
            over = (cells > top).fillna(False).astype(bool)
            table[self.low] = put(table[self.low], over, cells[over].clip(upper=top), text)
        down = self._moves_down(made)
        anchor, mover = (self.high, self.low) if down else (self.low, self.high)
        own = self._gap(table, state)
        # A difference that was drawn as missing, where both are there, is what they have.
        gap = (own if mover in made.moved else made.beside[self.name].fillna(own)).clip(lower=0)
        both = table[anchor].notna() & table[mover].notna()
        start = line(table[anchor][both], state["text"][anchor])
        new = moved(start, -gap[both] if down else gap[both], made.columns[mover], not down)
        table[mover] = put(table[mover], both, new, state["text"][mover])
        made.moved.add(mover)

    def _moves_down(self, made: Made) -> bool:
        """Whether the lower one is moved: where the higher one stays as it is."""
        if self.high in made.fixed or self.low in made.fixed:
            return self.high in made.fixed
        return self.high in made.moved and self.low not in made.moved


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

    def __str__(self) -> str:
        return f"Combinations({', '.join(self.columns)})"

    def learn(self, table: Frame) -> State:
        seen = table[list(self.columns)].drop_duplicates()
        return {
            "seen": {n: [_plain(v) for v in seen[n]] for n in self.columns},
            "dtypes": {n: str(seen[n].dtype) for n in self.columns},
        }

    def told(self, table: Frame, state: State) -> dict[str, dict[str, Any]]:
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
        bad = self.broken(given, state)
        if bad.any():
            row = given[bad].iloc[0]
            said = " and ".join(f"{n} = {row[n]}" for n in self.columns if n in given)
            raise LatentryError(
                f"The conditions fix {said}, which no row of the training data has, against"
                f" {self}; give a combination that occurs."
            )

    def broken(self, table: Frame, state: State) -> np.ndarray:
        fits = self.allowed(table, state)
        return np.zeros(len(table), dtype=bool) if fits is None else ~np.asarray(fits.any(1))

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

    def __str__(self) -> str:
        return f"Unique({self.column})"

    def learn(self, table: Frame) -> State:
        twice = table[self.column][self.broken(table, {})]
        if len(twice):
            raise LatentryError(
                f"The table holds {self.column} = {twice.iloc[0]} more than once, against {self};"
                " leave such rows out."
            )
        return {}

    def told(self, table: Frame, state: State) -> dict[str, dict[str, Any]]:
        number = is_number(table[self.column])
        return {} if number else {self.column: {"kind": "identifier"}}

    def broken(self, table: Frame, state: State) -> np.ndarray:
        cells = table[self.column]
        return np.asarray(cells.duplicated() & cells.notna())

    def check(self, given: Frame, state: State) -> None:
        if self.column in given and self.broken(given, state).any():
            raise LatentryError(
                f"The conditions fix one value of {self.column} in several rows, against {self};"
                " give each row its own, or none."
            )

    def mend(self, made: Made, state: State) -> None:
        cells, column = made.table[self.column], made.columns[self.column]
        if self.column in made.fixed or not column.learned:
            return
        there = cells.notna()
        new = apart(cells[there].to_numpy(dtype=float), column)
        made.table[self.column] = put(cells, there, new, None)


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
    """Raise LatentryError for what is no constraint, or is about columns that it cannot be of."""
    for each in constraints:
        if not isinstance(each, Constraint):
            raise LatentryError(
                f"constraints={each!r} is no constraint; there are {', '.join(KINDS)}."
            )
        for name in each.names:
            if name not in names:
                raise LatentryError(
                    f"The constraint {each} names the column {name!r}, which is not in the table."
                    f"{suggest(name, names)}"
                )
    for each in constraints:
        other = next((o for o in constraints if o is not each and _both_make(each, o)), None)
        if other is not None:
            raise LatentryError(
                f"The constraints {each} and {other} would both make the cells of one column; leave"
                " one out."
            )


def _both_make(one: Constraint, other: Constraint) -> bool:
    """Whether a column has its cells from one, which is of combinations, and from the other too."""
    mends = not isinstance(other, Range)
    return isinstance(one, Combinations) and mends and bool({*one.names} & {*other.names})


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it."""
    import pandas as pd

    if pd.isna(value):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, bool | int | float | str) else str(value)
