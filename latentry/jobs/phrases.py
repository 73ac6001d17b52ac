"""Constraints as a shell has them: 'age >= 18', 'start <= end', 'unique id', 'fixed a, b'."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection

from ..errors import LatentryError, suggest
from .constraints import Combinations, Constraint, Inequality, Range, Unique

COMPARISON = re.compile(r"(<=|>=|=<|=>|≤|≥|<|>|==|!=|=)")
AT_MOST, AT_LEAST = ("<=", "=<", "≤"), (">=", "=>", "≥")
DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2})?)?")
FORMS = (
    "'age >= 18', '0 <= share <= 1', 'joined >= 2024-01-31', 'start <= end', 'unique id' or"
    " 'fixed city, state'"
)


def parse(text: str, names: Collection[str]) -> list[Constraint]:
    """The constraints that a text states of columns with these names.

    Raises LatentryError for what states none, and for columns that are not there.
    """
    parts = [part.strip() for part in COMPARISON.split(text.strip())]
    if len(parts) > 1:
        return _compared(text, parts, names)
    word, _, rest = text.strip().partition(" ")
    if word.lower() == "unique" and rest:
        return [Unique(_column(text, rest, names))]
    if word.lower() == "fixed":
        listed = next(csv.reader([rest], skipinitialspace=True), [])
        if len(listed) < 2:
            raise LatentryError(
                f"--constraint {text!r} fixes no combination; name two columns or more, such as"
                " 'fixed city, state'."
            )
        return [Combinations(*(_column(text, name, names) for name in listed))]
    raise LatentryError(f"--constraint {text!r} is no constraint; write it like {FORMS}.")


def _compared(text: str, parts: list[str], names: Collection[str]) -> list[Constraint]:
    """Of a <= b, or a <= b <= c, what each neighbouring pair says."""
    signs, sides = parts[1::2], parts[::2]
    for sign in signs:
        if sign not in AT_MOST + AT_LEAST:
            raise LatentryError(
                f"--constraint {text!r} holds {sign!r}; write <= or >=, with the least or the"
                " largest value that may occur."
            )
    made: list[Constraint] = []
    for a, sign, b in zip(sides[:-1], signs, sides[1:], strict=True):
        low, high = (a, b) if sign in AT_MOST else (b, a)
        made.append(_at_most(text, low, high, names))
    return made


def _at_most(text: str, low: str, high: str, names: Collection[str]) -> Constraint:
    numbers = [None if side in names else _end(side) for side in (low, high)]
    if None not in numbers:
        raise LatentryError(f"--constraint {text!r} names no column; write it like {FORMS}.")
    if numbers[0] is not None:
        return Range(_column(text, high, names), low=numbers[0])
    if numbers[1] is not None:
        return Range(_column(text, low, names), high=numbers[1])
    return Inequality(_column(text, low, names), _column(text, high, names))


def _end(text: str) -> float | str | None:
    """A number or a date; None for what is neither."""
    if DATE.fullmatch(text):
        return text
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _column(text: str, name: str, names: Collection[str]) -> str:
    name = name.strip()
    if name not in names and len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1]
    if name not in names:
        raise LatentryError(
            f"--constraint {text!r} names the column {name!r}, which the table does not have."
            f"{suggest(name, names)}"
        )
    return name
