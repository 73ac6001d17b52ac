"""Several constraints on one table, whatever is fixed."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentry import LatentryError
from latentry.data import Column
from latentry.jobs import Combinations, Inequality, Range, Synthesizer, Unique
from latentry.jobs.constraints import Made
from latentry.jobs.holding import mend
from latentry.jobs.tabular import Tabular

RULES = (
    Inequality("b", "c"),  # a chain, its links in no order
    Inequality("a", "b"),
    Inequality("a", "c"),
    Inequality("start", "end"),
    Unique("nr"),
    Range("c", high=45),
    Range("a", 0),
    Range("start", datetime.date(2020, 1, 1)),
    Range("end", high="2020-04-20"),
    Combinations("city", "land"),
)


def table(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"a": rng.integers(0, 28, n)})
    made["b"] = made.a + rng.integers(0, 9, n)
    made["c"] = made.b + rng.integers(0, 9, n)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D")
    made["start"] = day.strftime("%d.%m.%Y")
    made["end"] = day + pd.to_timedelta(rng.integers(0, 9, n), unit="D")
    made.loc[::17, "end"] = pd.NaT
    made["nr"] = rng.permutation(n) * 3 + 7
    made["city"] = rng.choice(["Rome", "Oslo", "Bonn"], n)
    made["land"] = made.city.map({"Rome": "IT", "Oslo": "NO", "Bonn": "DE"})
    return made


def small(**given: Any) -> Tabular:
    return Tabular(latent=4, hidden=(16,), components=4, batch_size=50, epochs=3, **given)


@pytest.fixture(scope="module")
def made() -> Synthesizer:
    return Synthesizer(small(), constraints=RULES, random_state=0).fit(table())


@pytest.mark.parametrize(
    "given",
    [
        None,
        {"a": 10},
        {"b": 15},
        {"c": 20},
        {"a": 10, "c": 22},
        {"b": 3, "city": "Rome"},
        {"start": "03.02.2020"},
        {"end": "2020-03-03"},
        {"end": None, "land": "NO"},
    ],
)
def test_all_hold_in_every_row(made: Synthesizer, given: Any) -> None:
    rows, real = made.sample(300, given, seed=1), table()
    assert rows.dtypes.equals(real.dtypes)
    assert (rows.a >= 0).all() and (rows.a <= rows.b).all()
    assert (rows.b <= rows.c).all() and (rows.c <= 45).all()
    assert rows.nr.is_unique
    start = pd.to_datetime(rows.start, format="%d.%m.%Y")
    assert not (start > rows.end).any()
    assert (start >= "2020-01-01").all() and not (rows.end > "2020-04-20").any()
    assert (rows.end.dropna() == rows.end.dropna().dt.floor("D")).all()
    pairs = set(zip(real.city, real.land, strict=True))
    assert set(zip(rows.city, rows.land, strict=True)) <= pairs


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"a": 20, "c": 10}, "fix a = 20 and c = 10, against a <= c"),
        ({"a": 50}, "'a' = 50, which lies outside of 0 to 45"),
        ({"c": -1}, "'c' = -1, which lies outside of 0 to 45"),
        ({"start": "03.02.2020", "end": "2020-02-01"}, "against start <= end"),
        ({"end": "2020-04-21"}, "end = 2020-04-21.* outside of the range -inf to 2020-04-20"),
        ({"start": "31.12.2019"}, "start = 31.12.2019, outside of the range 2020-01-01 to inf"),
        ({"city": "Rome", "land": "NO"}, "which no row of the training data has"),
        ({"nr": 3}, "one value of nr in several rows"),
    ],
)
def test_contradictions_are_told_with_and_without_learning(
    made: Synthesizer, given: Any, said: str
) -> None:
    with pytest.raises(LatentryError, match=said):
        made.sample(3, given)
    untrained = Synthesizer(small(), constraints=RULES)
    columns = untrained.columns_of(table())
    with pytest.raises(LatentryError, match=said):
        untrained.check_conditions(given, 3, columns=columns)
    assert not hasattr(untrained, "estimator_")


def test_what_cannot_hold_together_is_told() -> None:
    low = Column("low", "real", low=0.0, high=9.0, decimals=0)
    rows = pd.DataFrame({"low": [5], "mid": [0], "high": [3]})
    columns = {name: dataclasses.replace(low, name=name) for name in rows}
    chain = [Inequality("low", "mid"), Inequality("mid", "high")]
    state = {"text": dict.fromkeys(rows)}
    beside = pd.DataFrame({each.name: [1.0] for each in chain})
    made = Made(rows.copy(), beside, ["low", "high"], columns)
    with pytest.raises(LatentryError, match="mid <= high cannot hold in every row"):
        mend(made, [(each, state) for each in chain])
    free = Made(rows.copy(), beside, ["high"], columns)
    mend(free, [(each, state) for each in chain])
    assert free.table.iloc[0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([Inequality("a", "start")], "compares numbers with dates"),
        ([Inequality("city", "land")], r"'city' cannot have an inequality: it holds"),
        ([Range("start", 0)], "'start' cannot end at 0: it holds dates"),
        ([Range("a", "2024-01-31")], "'a' cannot end at '2024-01-31': it holds numbers"),
        ([Range("city", 0)], "'city' cannot have a range: it holds"),
        ([Inequality("c", "a")], "holds a row with c = .* and a = .*, against c <= a"),
        ([Range("a", 5)], "holds a = [0-4], outside of the range 5 to inf"),
        ([Unique("city")], "more than once, against Unique"),
        ([Combinations("city", "a"), Inequality("a", "b")], "would both make the cells"),
        ([Combinations("city", "a"), Combinations("a", "land")], "would both make the cells"),
        ([Unique("citi")], "names the column 'citi', .* Did you mean 'city'"),
    ],
)
def test_constraints_that_cannot_be_are_told_before_learning(rules: Any, said: str) -> None:
    with pytest.raises(LatentryError, match=said):
        Synthesizer(small(), constraints=rules).columns_of(table())


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_ranges_of_columns_with_gaps(zone: str | None) -> None:
    rows = table()[["a", "start", "end"]].astype({"a": "Int64"})
    rows["start"] = pd.to_datetime(rows.start, format="%d.%m.%Y").dt.tz_localize(zone)
    rows["end"] = rows.end.dt.tz_localize(zone)
    rows.loc[::7, "a"] = pd.NA
    rules = [Range("a", 0, 30), Range("end", high="2020-05-01"), Inequality("start", "end")]
    rules.append(Range("start", high="2020-04-25"))
    made = Synthesizer(small(), constraints=rules, random_state=0).fit(rows).sample(200)
    last = pd.Timestamp("2020-05-01", tz=None if zone is None else "UTC")
    assert made.dtypes.equals(rows.dtypes)
    assert made.a.isna().any() and made.a.dropna().between(0, 30).all()
    assert (made.end.dropna() <= last).all() and not (made.start > made.end).any()
