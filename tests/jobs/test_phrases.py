"""Constraints in words."""

from __future__ import annotations

import pytest

from latentry import LatentryError
from latentry.jobs import Combinations, Inequality, Range, Unique
from latentry.jobs.phrases import parse

NAMES = ("age", "Größe in m", "start", "end", "city", "state, or land", "unique", "7")


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("age >= 18", [Range("age", 18.0)]),
        ("age<=90", [Range("age", None, 90.0)]),
        ("18 <= age ≤ 90", [Range("age", 18.0), Range("age", None, 90.0)]),
        ("-1.5 <= Größe in m", [Range("Größe in m", -1.5)]),
        ("2024-01-31 <= start", [Range("start", "2024-01-31")]),
        ("start <= 31.01.2024 12:30", [Range("start", None, "31.01.2024 12:30")]),
        ("start <= end", [Inequality("start", "end")]),
        ("end >= start", [Inequality("start", "end")]),
        ("start <= end <= 7", [Inequality("start", "end"), Inequality("end", "7")]),
        ("unique age", [Unique("age")]),
        ("unique 'Größe in m'", [Unique("Größe in m")]),
        ("Unique unique", [Unique("unique")]),
        ("unique >= 0", [Range("unique", 0.0)]),
        ('fixed city, "state, or land"', [Combinations("city", "state, or land")]),
        ("fixed city,age, end", [Combinations("city", "age", "end")]),
    ],
)
def test_what_is_said(text: str, rules: list[object]) -> None:
    assert parse(text, NAMES) == rules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age > 18", "holds '>'; write <= or >="),
        ("age = 18", "holds '='; write <= or >="),
        ("agee >= 18", "the column 'agee', which the table does not have. Did you mean 'age'"),
        ("start <= ent", "'ent', .* Did you mean 'end'"),
        ("1 <= 2", "names no column"),
        ("age >= nan", "'nan', which the table does not have"),
        ("age >=", "the column ''"),
        ("unique", "is no constraint; write it like"),
        ("fixed city", "fixes no combination; name two columns or more"),
        ("fixed city, stat", "the column 'stat'"),
        ("be nice", "is no constraint; write it like 'age >= 18'"),
    ],
)
def test_what_is_no_constraint(text: str, said: str) -> None:
    with pytest.raises(LatentryError, match=said):
        parse(text, NAMES)
