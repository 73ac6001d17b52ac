"""The page about filled gaps: where they were, how far off fills are, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .job import LEVELS, Listed, figure, panels, short, write_page
from .picture import DATA, INK, SMALL, Picture, canvas, style

COLUMNS = 16
"""Columns whose distributions are drawn, those with most gaps first."""
BARS = 40
"""Columns in the picture of the shares that are missing."""


def write(
    path: Path, holey: Any, full: Any, found: Sequence[Mapping[str, Any]], learned: bool
) -> None:
    """Write the page, whole or not at all.

    holey, full : DataFrames of pandas, before and after
    found : what `latentry.evaluation.hidden.by_column` gave for cells of `holey` that were hidden
    learned : whether these were kept from learning, or the imputer had learned before
    """
    gaps = holey.isna()
    missing = gaps.mean().sort_values(ascending=False, kind="stable")
    holes = [name for name in missing.index if missing[name] > 0]
    parts: list[Picture | Listed] = [shares(missing[holes])]
    if found:
        parts.append(_listed(found, gaps, learned))
    parts.append(distributions(holey, full, holes))
    rows = int(gaps.any(axis=1).sum())
    lead = (
        f"{int(gaps.to_numpy().sum()):,} missing cells in {rows:,} of {len(holey):,} rows were"
        " filled."
    )
    write_page(path, "Filled gaps", lead, _figures(gaps, found), parts)


def _figures(gaps: Any, found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    made = [
        figure("Missing cells", f"of {gaps.size:,} cells in {gaps.shape[1]} columns",
               f"{gaps.to_numpy().mean():.1%}"),
    ]  # fmt: skip
    for name, (label, about, form) in {
        "rmse": ("RMSE", "of hidden numbers and dates, in standard deviations of their columns,"
                 " mean over these; 1 is the column's mean", "{:.3f}"),
        "coverage": ("Coverage", "share of the hidden numbers within the 90 % intervals of 19"
                     " imputations; 90 % is right", "{:.1%}"),
        "pfc": ("PFC", "share of the hidden levels that were filled with another, mean over their"
                " columns", "{:.1%}"),
    }.items():  # fmt: skip
        values = [each[name] for each in found if name in each]
        if values:
            made.append(figure(label, about, form.format(float(np.mean(values)))))
    return made


def _listed(found: Sequence[Mapping[str, Any]], gaps: Any, learned: bool) -> Listed:
    """What is measured of each column."""

    def text(of: Mapping[str, Any], name: str, form: str) -> str:
        return form.format(of[name]) if name in of else "–"

    records = [
        {
            "column": of["column"],
            "missing": f"{gaps[of['column']].mean():.1%}",
            "hidden": f"{of['cells']:,}",
            "RMSE": text(of, "rmse", "{:.3f}"),
            "90 % coverage": text(of, "coverage", "{:.0%}"),
            "PFC": text(of, "pfc", "{:.1%}"),
        }
        for of in found
    ]
    how = (
        "Up to a tenth of the cells that are there was hidden, from learning too, and filled as the"
        " gaps."
        if learned
        else "Up to a tenth of the cells that are there was hidden and filled as the gaps. Where"
        " these rows are those that were learned before, fills of other rows are farther off."
    )
    numbers = ("missing", "hidden", "RMSE", "90 % coverage", "PFC")
    return Listed("columns", "Cells that were hidden", records, numbers, how)


def shares(missing: Any) -> Picture:
    """How much of each column is missing."""
    some = missing.iloc[:BARS][::-1]
    picture = canvas("missing", "Missing cells", 0.24 * len(some) + 0.7, 9.6)
    ax = style(picture.subplots(), "share of the cells that are missing")
    ax.grid(False, axis="y")
    at = np.arange(len(some))
    ax.barh(at, some.to_numpy(), color=DATA, height=0.62)
    ax.set_yticks(at, [short(name) for name in some.index])
    ax.set_xlim(0, min(1.0, 1.15 * float(some.max())))
    for place, share in zip(at, some, strict=True):
        ax.annotate(f"{share:.1%}", (share, place), (4, 0), textcoords="offset points",
                    va="center", color=INK, fontsize=SMALL)  # fmt: skip
    ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    more = f" The {BARS} columns with most of them." if len(missing) > BARS else ""
    picture.caption = f"Share of each column that was missing, of columns with gaps.{more}"
    return picture


def distributions(holey: Any, full: Any, holes: Sequence[Any]) -> Picture:
    """What was there, and what the gaps were filled with."""
    names = [name for name in holes if holey[name].notna().any()][:COLUMNS]
    caption = (
        "What was there, and what gaps were filled with; the columns with most gaps first. Fills"
        " lie closer together than cells where they are means; where they lie elsewhere, cells are"
        " missing for a reason. Numbers are drawn from their 1st to their 99th percentile, levels"
        f" are the {LEVELS} most frequent ones."
    )
    pairs = {n: (holey[n].dropna(), full[n][holey[n].isna().to_numpy()]) for n in names}
    said = {n: f"{len(pairs[n][1]):,} filled" for n in names}
    return panels(("fills", "Fills", caption), pairs, said, ("there", "filled"))
