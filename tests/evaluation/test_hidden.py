"""Cells that are hidden from an imputer, and how its fills are measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from latentry.data import Schema
from latentry.evaluation.hidden import DRAWS, MOST, by_column, hide, overall


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "kind": rng.choice(["a", "b", "c"], n),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
            "few": [1.0] * 4 + [None] * (n - 4),
            "whole": pd.array(rng.integers(0, 99, n), dtype="Int64"),
        }
    )


class Filler:
    """Fills with a given table, and draws with errors of a given size."""

    def __init__(self, full: Any, schema: Schema | None, spread: float) -> None:
        self.full, self.schema_, self.spread = full, schema, spread

    def transform(self, _: Any) -> Any:
        return self.full

    def sample(self, _: Any, m: int, seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(m, len(self.full))) * self.spread
        return [self.full.assign(x=self.full["x"] + each) for each in noise]


def test_a_tenth_of_what_is_there_is_hidden() -> None:
    whole = table()
    whole.loc[:99, "x"] = np.nan
    holey, hidden = hide(whole, seed=1)
    assert hidden.sum(0).tolist() == [10, 20, 20, 0, 20]
    assert (holey.isna().to_numpy() == (whole.isna().to_numpy() | hidden)).all()
    assert holey.dtypes.equals(whole.dtypes)
    kept = holey.where(holey.notna(), whole)
    pd.testing.assert_frame_equal(kept.astype(whole.dtypes), whole)
    assert (hide(whole, seed=1)[1] == hidden).all() and (hide(whole, seed=2)[1] != hidden).any()


def test_each_column_is_measured_in_its_own_way() -> None:
    whole = table().drop(columns="few")
    holey, hidden = hide(whole)
    full = whole.copy()
    full["x"] += 0.5 * whole["x"].std(ddof=0)
    full["kind"] = "a"
    schema = Schema.of_table(whole)
    found = {each.pop("column"): each for each in by_column(
        Filler(full, schema, 1e-9), whole, holey, hidden)}  # fmt: skip
    assert list(found) == ["x", "kind", "day", "whole"]
    assert found["x"]["rmse"] == pytest.approx(0.5, abs=1e-4) and found["x"]["coverage"] == 0.0
    false = (whole["kind"] != "a")[hidden[:, 1]].mean()
    assert found["kind"] == {"cells": 20, "pfc": pytest.approx(false)}
    assert found["day"]["rmse"] == found["whole"]["rmse"] == 0.0
    wide = by_column(Filler(full, schema, 50.0), whole, holey, hidden)
    assert wide[0]["coverage"] == 1.0 and DRAWS == 19


def test_numbers_alone_are_measured_too() -> None:
    whole = table()[["x", "whole"]]
    holey, hidden = hide(whole)
    found = by_column(Filler(whole, None, 0.0), whole, holey, hidden)
    assert [each["rmse"] for each in found] == [0.0, 0.0]


def test_few_cells_of_a_long_table_are_hidden_and_whole_numbers_stay_whole() -> None:
    long = pd.DataFrame({"n": np.arange(5000), "yes": np.arange(5000) % 2 == 0})
    holey, hidden = hide(long)
    assert hidden.sum(0).tolist() == [MOST, MOST]
    assert [str(kind) for kind in holey.dtypes] == ["Int64", "boolean"]


def test_every_cell_counts_alike_in_the_figures_over_all_columns() -> None:
    found = [
        {"column": "a", "cells": 30, "rmse": 1.0, "coverage": 0.9},
        {"column": "b", "cells": 10, "rmse": 3.0, "coverage": 0.5},
        {"column": "c", "cells": 5, "pfc": 0.2},
    ]
    assert overall(found) == pytest.approx(
        {"cells": 45, "rmse": 3**0.5, "coverage": 0.8, "pfc": 0.2}
    )
