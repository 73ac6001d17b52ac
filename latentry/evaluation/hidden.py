"""How well an imputer fills cells of a table that were hidden from it, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.columns import LEVELS
from ..data.schema import Schema
from .imputation import coverage, pfc, rmse

SHARE = 0.1
"""The share of the observed cells of each column that is hidden, where these are not too many."""
MOST = 200
"""The most cells of a column that are: more would tell little more, and be learned from less."""
FEWEST = 10
"""Observed cells of a column of which some are hidden."""
DRAWS = 19
"""Imputations of which 90 % intervals are made: the fewest that can be."""


def hide(table: Any, seed: int = 0, share: float = SHARE) -> tuple[Any, np.ndarray]:
    """A DataFrame of pandas with some of its cells made missing, and which they are, (N, D)."""
    rng = np.random.default_rng(seed)
    hidden = np.zeros(table.shape, dtype=bool)
    holey = table.copy()
    for j, name in enumerate(table.columns):
        there = np.flatnonzero(table[name].notna())
        if len(there) >= FEWEST:
            at = rng.choice(there, min(MOST, max(1, round(share * len(there)))), replace=False)
            hidden[at, j] = True
            # Whole numbers and truth values stay such beside what is missing.
            whole = {"i": "Int64", "u": "UInt64", "b": "boolean"}.get(table[name].dtype.kind)
            kept = table[name].astype(whole) if whole else table[name]
            holey[name] = kept.mask(hidden[:, j])
    return holey, hidden


def overall(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures over all columns of what `by_column` found: each cell counts alike."""
    total: dict[str, Any] = {"cells": sum(of["cells"] for of in found)}
    for name in ("rmse", "coverage", "pfc"):
        some = [of for of in found if name in of]
        if some:
            power = 2 if name == "rmse" else 1
            values, cells = [of[name] ** power for of in some], [of["cells"] for of in some]
            total[name] = float(np.average(values, weights=cells)) ** (1 / power)
    return total


def by_column(
    imputer: Any, table: Any, holey: Any, hidden: np.ndarray, seed: int = 0
) -> list[dict[str, Any]]:
    """What is measured of each column, those where some cells were hidden.

    imputer : a fitted one, with `transform` and `sample`
    table, holey, hidden : as `hide` has them

    Of numbers and dates `rmse`, in standard deviations of the column, and the `coverage` of 90 %
    intervals; of levels `pfc`, the share of false ones. See `latentry.evaluation.imputation`.
    """
    schema = imputer.schema_ or Schema.of_table(table, dict.fromkeys(table.columns, "real"))
    at = {name: j for j, name in enumerate(table.columns)}
    whole, filled = (_packed(schema, each) for each in (table, imputer.transform(holey)))
    draws = np.stack([_packed(schema, each) for each in imputer.sample(holey, DRAWS, seed)])
    found = []
    for i, column in enumerate(schema.learned):
        where = hidden[:, at[column.name]]
        if not where.any():
            continue
        of: dict[str, Any] = {"column": column.name, "cells": int(where.sum())}
        one, true, many = filled[:, i], whole[:, i], draws[:, :, i]
        if column.kind in LEVELS:
            of["pfc"] = pfc(one, true, where)
        else:
            spread = np.array(np.nanstd(true))
            of["rmse"] = rmse(one, true, where, scale=spread)
            of["coverage"] = coverage(many, true, where)
        found.append(of)
    return found


def _packed(schema: Schema, table: Any) -> np.ndarray:
    return schema.pack(table).numpy().astype(np.float64)
