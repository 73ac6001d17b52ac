"""The page about synthetic rows: their figures, and their columns beside the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .job import LEVELS, figure, panels, short, write_page
from .picture import MUTED, SMALL, Picture, canvas, colour_bar, style

COLUMNS = 16
"""Columns that are drawn, those that are least alike first."""

ABOUT = {
    "quality": ("Quality", "mean of the next two; 1 is the same distribution"),
    "shapes": (
        "Column shapes",
        "1 - Kolmogorov-Smirnov distance, or 1 - total variation of levels",
    ),
    "pairs": ("Pair trends", "likeness of correlations, and of joint levels"),
    "missing": ("Missing cells", "likeness of the shares of missing cells"),
    "rare": ("Rare levels", "share of the levels below 5 % that occur"),
    "tails": ("99th percentiles", "of skewed columns, made / real, median"),
    "detection": ("Detection", "AUROC of boosted trees told to tell made from real; 0.5 is best"),
    "utility": ("Train on synthetic, test on real", "boosted trees that predict {target}: {what}"),
    "utility_real": ("Train on real, test on real", "the same, trained on the real rows"),
    "distance": (
        "Distance to the closest real row",
        "median, over that of real rows that were held out; well below 1 gives rows away",
    ),
    "copies": ("Copies", "share of made rows that are real rows in every cell"),
    "copies_held_out": ("Copies among held-out rows", "what real rows that were not seen have"),
}
"""The label of each figure, and what it is."""


def write(
    path: Path, real: Any, made: Any, found: Mapping[str, Any], target: str | None = None
) -> None:
    """Write the page, whole or not at all.

    real, made : DataFrames of pandas with the same columns
    found : what `latentry.evaluation.tables.compare_tables` gave for them, with that target
    """
    pictures = [columns(real, made, found)]
    if found["column_pairs"]:
        pictures.append(pairs(found, list(found["columns"])))
    lead = (
        f"{len(made):,} rows that were made, beside the {len(real):,} real ones that the model"
        " learned from."
    )
    write_page(path, "Synthetic rows", lead, _numbers(found, target), pictures)


def _numbers(found: Mapping[str, Any], target: str | None) -> list[dict[str, str]]:
    what = {"target": target, "what": found.get("utility_of")}
    return [
        figure(label, about.format(**what), f"{found[name]:.3f}")
        for name, (label, about) in ABOUT.items()
        if found.get(name) is not None
    ]


def columns(real: Any, made: Any, found: Mapping[str, Any], **room: Any) -> Picture:
    """The distribution of each column, made beside real, the least alike first.

    room : the number of panels `across` and the `width` of the picture, see `panels`
    """
    names = sorted(found["columns"], key=found["columns"].__getitem__)[:COLUMNS]
    caption = (
        "Each column in the real rows and in those that were made, with its likeness"
        f" (1 is the same); the {len(names)} least alike first. Numbers are drawn from their 1st to"
        f" their 99th percentile, levels are the {LEVELS} most frequent ones."
    )
    return panels(
        ("columns", "Columns", caption),
        {name: (real[name], made[name]) for name in names},
        {name: f"{found['columns'][name]:.3f}" for name in names},
        ("real", "made"),
        **room,
    )


def pairs(found: Mapping[str, Any], names: list[str]) -> Picture:
    """The likeness of each pair of columns."""
    likeness = np.full((len(names), len(names)), np.nan)
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            value = found["column_pairs"].get(f"{one} x {other}")
            if value is not None:
                likeness[j, i] = value
    side = min(9.0, max(3.6, 0.34 * len(names) + 2.2))
    picture = canvas("pairs", "Pairs of columns", 0.8 * side, side)
    picture.caption = "How alike the dependence of two columns is; 1 is the same."
    ax = style(picture.subplots(), grid=False)
    low = float(np.nanmin(likeness))
    # Each pair stands once: the first column has no row, and the last no column.
    drawn = ax.imshow(likeness[1:, :-1], cmap="viridis", vmin=min(0.8, low), vmax=1.0)
    ticks = np.arange(len(names) - 1)
    size = SMALL if len(names) <= 30 else SMALL / 2
    shown = [short(name) for name in names]
    ax.set_xticks(ticks, shown[:-1], rotation=90, fontsize=size, color=MUTED)
    ax.set_yticks(ticks, shown[1:], fontsize=size, color=MUTED)
    colour_bar(picture, drawn, ax, "likeness")
    return picture
