"""Dates and times as numbers, and back in the form in which they were written."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LatentryError
from .cells import Cells

UNITS = ("D", "h", "m", "s", "ms", "us", "ns")
"""numpy's units, from the coarsest."""
FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d",
)  # fmt: skip
"""How text may write dates."""


@dataclass(frozen=True)
class Dates:
    """Numbers that are times since `origin` (UTC), in numpy's `unit`.

    text : how the column writes them as text; None for a column of dates
    """

    origin: str
    unit: str
    text: str | None = None
    step = 1.0
    """Between two dates next to each other: one unit."""

    def numbers(self, values: np.ndarray, name: str) -> np.ndarray:
        """Dates (N,), or the text of them, as float64."""
        if not len(values):
            return np.zeros(0)
        if values.dtype == object:
            values = _parsed(values, self.text or FORMATS[0], name)
        since = values - np.datetime64(self.origin, self.unit)
        return since / np.timedelta64(1, self.unit)

    def number(self, value: Any, name: str) -> float:
        """A date, or the text of one as the column or ISO 8601 writes it, as a number."""
        when = moment(value, self.text)
        if when is None:
            raise LatentryError(
                f"The column {name!r} holds dates, and cannot end at {value!r}; give a date such"
                " as 2024-01-31."
            )
        return float((when - np.datetime64(self.origin, self.unit)) / np.timedelta64(1, self.unit))

    def cells(self, numbers: np.ndarray) -> np.ndarray:
        """The dates of numbers (N,), as objects: datetimes, or text."""
        import pandas as pd

        fine = self.moments(numbers)
        if self.text is not None:
            return np.asarray(pd.Series(fine).dt.strftime(self.text), dtype=object)
        cells = np.empty(len(fine), dtype=object)
        cells[:] = list(pd.Series(fine))
        return cells

    def moments(self, numbers: np.ndarray) -> np.ndarray:
        """The dates of numbers (N,) as datetime64, NaT where NaN."""
        # The years 1 to 9999 are what Python has.
        origin = np.datetime64(self.origin, self.unit)
        first, last = (
            (np.datetime64(day, "D") - origin.astype("datetime64[D]"))
            / np.timedelta64(1, self.unit)
            for day in ("0001-01-02", "9999-12-30")
        )
        if self.unit == "ns":
            first, last = -9e18, 9e18
        gone = np.isnan(numbers)
        whole = np.rint(np.clip(np.where(gone, 0, numbers), first, last)).astype(np.int64)
        made = origin + whole.astype(f"timedelta64[{self.unit}]")
        made[gone] = np.datetime64("NaT")
        return made.astype("datetime64[s]") if self.unit in UNITS[:3] else made

    def write(self, cell: Any) -> str:
        """A date as text, to the unit."""
        if self.unit == "D":
            return cell.strftime("%Y-%m-%d")
        precise = {"h": "minutes", "m": "minutes", "s": "seconds"}.get(self.unit, "auto")
        return cell.isoformat(sep=" ", timespec=precise)

    @property
    def since(self) -> str:
        """What the numbers are, in words: "days since 2015-01-03"."""
        return f"{_WORDS[self.unit]} since {self.origin.replace('T', ' ')}"


_NAMES = ("days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds")
_WORDS: dict[str, str] = dict(zip(UNITS, _NAMES, strict=True))


def dates_of(cells: Cells) -> Dates | None:
    """What the dates of a column mean; None for text that is none.

    Raises `LatentryError` for text of which most, but not all, is a date.
    """
    if cells.kind == "text":
        text = None if cells.levels is not None else _format(cells)
        if text is None:
            return None
        seen = _parsed(cells.seen, text, cells.name)
    else:
        text, seen = None, cells.seen
    unit = next((u for u in UNITS if (seen.astype(f"datetime64[{u}]") == seen).all()), "ns")
    origin = str(seen.min().astype(f"datetime64[{unit}]"))
    return Dates(origin, unit, text)


def _format(cells: Cells) -> str | None:
    """The one of FORMATS in which most cells are written."""
    import pandas as pd

    some = pd.Series(cells.seen[:: max(1, len(cells.seen) // 1000)])
    if not some.str.match(r"\d{1,4}[-./]\d").mean() > 0.5:
        return None
    fit = {f: pd.to_datetime(some, format=f, errors="coerce").notna().mean() for f in FORMATS}
    best = max(FORMATS, key=lambda text: fit[text])
    return best if fit[best] > 0.5 else None


def _parsed(values: np.ndarray, text: str, name: str) -> np.ndarray:
    import pandas as pd

    if isinstance(values[0], datetime.date):
        return values.astype("datetime64[us]")
    series = pd.Series([str(v) for v in values])
    found = pd.to_datetime(series, format=text, errors="coerce")
    if found.isna().any():
        row = int(np.argmax(found.isna()))
        example = datetime.date(2024, 1, 31).strftime(text)
        raise LatentryError(
            f"Column {name!r} holds {values[row]!r}, which is no date, or out of range; write it"
            f" like {example}."
        )
    return np.asarray(found.to_numpy())


def moment(value: Any, text: str | None = None) -> np.datetime64 | None:
    """A date, or the text of one as `text` or ISO 8601 has it; None for what is none."""
    import pandas as pd

    if not isinstance(value, str | datetime.date | np.datetime64):
        return None
    for how in (text, "ISO8601"):
        found = pd.to_datetime(value, format=how, errors="coerce") if how else pd.NaT
        if not pd.isna(found):
            return found.tz_localize(None).to_datetime64()
    return None


def python_dates(values: np.ndarray, days: bool) -> list[Any]:
    """Python's own dates, or datetimes, of pandas' (None stays)."""
    return [
        None if v is None else (v.date() if days else v.to_pydatetime()) for v in values.tolist()
    ]
