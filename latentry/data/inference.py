"""From the cells of a column to what it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import LatentryError, suggest
from .cells import Cells
from .columns import KINDS, LEVELS, Column, check_finite
from .outline import outline, steps
from .times import Dates, dates_of

FEW = 20
"""Whole numbers with at most so many different values are levels in an order."""
DISTINCT = 0.95
"""Text of which this share or more of the cells differ names its row."""
FEWEST_NAMES = 20
"""Of fewer rows one cannot say that they are named."""
LONG_TAIL = 2.0
"""The skewness from which numbers above 0 are called positive rather than real."""


def infer(cells: Cells, given: Mapping[str, Any] | None = None) -> Column:
    """What a column is, by its cells and by what the user says of it.

    given : a kind, and perhaps levels, low, high or decimals

    Raises `LatentryError` for a column without a value, and for cells that the kind does not fit.
    """
    told = dict(given or {})
    seen = cells.seen
    if not len(seen):
        raise LatentryError(
            f"Column {cells.name!r} holds no value at all; leave out what was never observed."
        )
    if cells.kind == "number":
        check_finite(cells)
    share = float(cells.missing.mean())
    base = {"name": cells.name, "dtype": cells.dtype, "missing": share}
    dates = None
    if cells.kind in ("text", "date") and told.get("kind", "datetime") == "datetime":
        dates = dates_of(cells)
    kind = told.get("kind") or _kind(cells, seen, dates is not None)
    if kind == "constant":
        return Column(**base, kind=kind, levels=(_level(seen[0], cells),))
    if kind == "identifier":
        return Column(**base, kind=kind, last=_last(seen))
    if kind in LEVELS:
        return _of_levels(base, kind, cells, told)
    if kind == "datetime":
        if dates is None:
            raise _unfit(cells, kind, "dates")
        return _of_dates(base, cells, dates, told)
    if cells.kind in ("text", "date"):
        raise _unfit(cells, kind, "numbers")
    return _numbers(base, kind, cells, told)


def check_told(told: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """What the user says of columns, as {"age": {"kind": "count"}}; a kind may stand alone.

    Raises `LatentryError` for unknown columns, kinds and properties.
    """
    known = ("kind", "levels", "low", "high", "decimals")
    checked: dict[str, dict[str, Any]] = {}
    for name, said in told.items():
        if name not in names:
            raise LatentryError(
                f"The schema names the column {name!r}, which the table does not have."
                f"{suggest(name, names)}"
            )
        said = {"kind": said} if isinstance(said, str) else dict(said)
        for key in said:
            if key not in known:
                raise LatentryError(
                    f"The schema says {key!r} of the column {name!r}; it can say"
                    f" {', '.join(known)}.{suggest(key, known)}"
                )
        if said.get("kind", "real") not in KINDS:
            raise LatentryError(
                f"The column {name!r} cannot be {said['kind']!r}; choose one of"
                f" {', '.join(KINDS)}.{suggest(str(said['kind']), KINDS)}"
            )
        checked[name] = said
    return checked


def _kind(cells: Cells, seen: np.ndarray, dates: bool) -> str:
    import pandas as pd

    if dates:
        return "datetime"
    distinct = len(cells.levels) if cells.levels is not None else pd.Series(seen).nunique()
    if distinct == 1 and not cells.missing.any() and cells.levels is None:
        return "constant"
    if cells.levels is not None and cells.ordered:
        return "ordinal"
    if distinct <= 2:
        return "binary" if distinct == 2 else "categorical"
    if cells.kind == "text" or cells.levels is not None:
        names = distinct >= DISTINCT * len(seen) and len(seen) >= FEWEST_NAMES
        return "identifier" if names and cells.levels is None else "categorical"
    return _kind_of_numbers(cells, seen, distinct)


def _kind_of_numbers(cells: Cells, v: np.ndarray, distinct: int) -> str:
    whole = bool((v == np.rint(v)).all())
    if whole and len(v) >= FEWEST_NAMES and (np.diff(v) == 1).all() and not cells.missing.any():
        return "identifier"
    if whole and distinct <= FEW and len(v) >= 2 * distinct:
        return "ordinal"
    if v.min() < 0:
        return "real"
    if whole:
        return "count"
    if v.max() <= 1:
        return "bounded"
    spread = v.std()
    skewness = float(np.mean(((v - v.mean()) / spread) ** 3)) if spread else 0.0
    return "positive" if skewness > LONG_TAIL else "real"


def _of_levels(base: dict[str, Any], kind: str, cells: Cells, told: dict[str, Any]) -> Column:
    import pandas as pd

    counted = pd.Series(cells.seen).value_counts(sort=False)
    found = {_level(value, cells): int(n) for value, n in counted.items()}
    levels = told.get("levels", cells.levels)
    levels = tuple(sorted(found) if levels is None else levels)
    known = set(levels)
    beyond = [level for level in found if level not in known]
    if beyond:
        raise LatentryError(
            f"Column {cells.name!r} holds {beyond[0]!r}, which is not among the levels given for"
            f" it; add it.{suggest(str(beyond[0]), map(str, levels))}"
        )
    if kind == "binary" and len(levels) != 2:
        raise LatentryError(
            f"Column {cells.name!r} has {len(levels)} levels, so it is not binary; call it"
            " categorical or ordinal."
        )
    counts = np.array([found.get(level, 0) for level in levels], dtype=float)
    shares = tuple((counts / counts.sum()).tolist())
    line = dataclasses.asdict(steps(counts)) if kind == "ordinal" else {}
    return Column(**base, kind=kind, levels=levels, shares=shares, **line)


def _numbers(base: dict[str, Any], kind: str, cells: Cells, told: dict[str, Any]) -> Column:
    v = cells.seen
    if kind == "bounded" and "low" not in told and "high" not in told:
        within = v.min() >= 0 and v.max() <= 1
        told = told | ({"low": 0.0, "high": 1.0} if within else {"low": v.min(), "high": v.max()})
    low, high = told.get("low"), told.get("high")
    if low is None and kind in ("positive", "count"):
        low = 0.0
    outside = (v < (-math.inf if low is None else low)) | (v > (math.inf if high is None else high))
    if outside.any():
        raise LatentryError(
            f"Column {cells.name!r} holds {v[outside][0]:g}, outside of what {kind!r} allows"
            f" ({'no end' if low is None else f'{low:g}'} to"
            f" {'no end' if high is None else f'{high:g}'}); correct its kind or its bounds."
        )
    decimals = told.get("decimals", _decimals(v, cells.dtype))
    if kind == "count" and decimals != 0:
        raise _unfit(cells, kind, "whole numbers")
    # float32 has 24 bits: far from 0 they are better spent on what differs.
    far = np.abs(v).max() > 16 * (v.max() - v.min())
    origin = float(np.rint(v.min())) if far else 0.0
    step = 0.0 if decimals is None else 10.0**-decimals
    bounds = {"low": _plain(low), "high": _plain(high)}
    own = base | bounds | {"decimals": decimals, "origin": origin}
    return _on_a_line(own, kind, v - origin, step, {k: _less(b, origin) for k, b in bounds.items()})


def _of_dates(base: dict[str, Any], cells: Cells, dates: Dates, told: dict[str, Any]) -> Column:
    numbers = dates.numbers(cells.seen, cells.name)
    ends = {
        k: dates.number(told[k], cells.name) for k in ("low", "high") if told.get(k) is not None
    }
    # Of dates that are counted in days, an end at noon is that of the day.
    ends = {k: (math.ceil if k == "low" else math.floor)(end) for k, end in ends.items()}
    outside = (numbers < ends.get("low", -math.inf)) | (numbers > ends.get("high", math.inf))
    if outside.any():
        raise LatentryError(
            f"Column {cells.name!r} holds {cells.seen[outside][0]}, outside of its bounds; correct"
            " them."
        )
    epoch = np.datetime64(0, "s")
    bounds = {k: float((dates.moments(np.array([end]))[0] - epoch) / np.timedelta64(1, "s"))
              for k, end in ends.items()}  # fmt: skip
    return _on_a_line(base | bounds | {"dates": dates}, "datetime", numbers, dates.step, ends)


def _on_a_line(
    base: dict[str, Any], kind: str, numbers: np.ndarray, step: float, ends: dict[str, Any]
) -> Column:
    # The model is given float32, and an atom is met by equality.
    numbers = numbers.astype(np.float32).astype(np.float64)
    low, high = (
        None if ends.get(k) is None else float(np.float32(ends[k])) for k in ("low", "high")
    )
    made = outline(numbers, step, low, high)
    return Column(**base, kind=kind, **dataclasses.asdict(made))


def _decimals(v: np.ndarray, dtype: str) -> int | None:
    """The digits after the point that all values need, None for more than 6.

    Sums and products of such values may be off by the last bit.
    """
    # Arrow calls float32 a float, and float64 a double.
    narrow = ("float32", "float16", "float", "halffloat")
    as_given = np.float32 if dtype.lower() in narrow else np.float64
    v = v[:: max(1, len(v) // 10_000)].astype(as_given)
    for digits in range(7):
        off = np.abs(np.round(v.astype(np.float64), digits).astype(as_given) - v)
        if (off <= 2 * np.spacing(np.abs(v))).all():
            return digits
    return None


def _unfit(cells: Cells, kind: str, needed: str) -> LatentryError:
    return LatentryError(
        f"Column {cells.name!r} cannot be {kind!r}: it holds {cells.kind}"
        f" ({str(cells.seen[0])!r}), and that kind needs {needed}."
    )


def _level(value: Any, cells: Cells) -> Any:
    """A level as JSON can hold it, in the type in which the column has it."""
    if cells.kind == "bool":
        return bool(value)
    if isinstance(value, np.datetime64 | np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer() and "float" not in cells.dtype.lower():
        return int(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def _last(seen: np.ndarray) -> Any:
    """What new identifiers follow: the largest number, or the text that ends in it."""
    if seen.dtype == np.float64:
        return int(seen.max())
    first, last = min(map(str, seen)), max(map(str, seen))
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    prefix = first[:same].rstrip("0123456789")
    rest = [str(v)[len(prefix) :] for v in seen]
    if all(text.isascii() and text.isdigit() for text in rest):
        return prefix + max(rest, key=lambda text: (int(text), len(text)))
    return f"{prefix}new-"


def _less(bound: float | None, origin: float) -> float | None:
    return None if bound is None else bound - origin


def _plain(bound: Any) -> float | None:
    return None if bound is None else float(bound)
