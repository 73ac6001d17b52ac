"""The page about synthetic rows: their figures, and their columns beside the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ..data.files import atomic
from ..evaluation.tables import is_number, line
from .picture import DATA, INK, MODEL, MUTED, SMALL, Picture, canvas, colour_bar, legend, style

COLUMNS = 16
"""Columns that are drawn, those that are least alike first."""
ACROSS = 4
LEVELS = 8
"""Levels that are drawn of a column, the most frequent ones."""
BINS = 30
LONGEST = 22

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
    from jinja2 import Environment, StrictUndefined

    from .. import __version__
    from .svg import inline

    here = files("latentry.report")
    look = here.joinpath("page.html").read_text("utf-8")
    look = look[look.index("<style>") + len("<style>") : look.index("</style>")]
    env = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pictures = [columns(real, made, found)]
    if found["column_pairs"]:
        pictures.append(pairs(found, list(found["columns"])))
    text = env.from_string(here.joinpath("synthesis.html").read_text("utf-8")).render(
        style=look,
        lead=f"{len(made):,} rows that were made, beside the {len(real):,} real ones that the model"
        " learned from.",
        numbers=_numbers(found, target),
        pictures=[(p, inline(p)) for p in pictures],
        version=__version__,
    )
    with atomic(path) as file:
        file.write(text.encode())


def _numbers(found: Mapping[str, Any], target: str | None) -> list[dict[str, str]]:
    what = {"target": target, "what": found.get("utility_of")}
    return [
        {"label": label, "about": about.format(**what), "text": f"{found[name]:.3f}"}
        for name, (label, about) in ABOUT.items()
        if found.get(name) is not None
    ]


def columns(real: Any, made: Any, found: Mapping[str, Any]) -> Picture:
    """The distribution of each column, made beside real, the least alike first."""
    names = sorted(found["columns"], key=found["columns"].__getitem__)[:COLUMNS]
    down = -(-len(names) // ACROSS)
    picture = canvas("columns", "Columns", 1.7 * down + 0.3, 9.6)
    picture.caption = (
        "Each column in the real rows and in those that were made, with its likeness"
        f" (1 is the same); the {len(names)} least alike first. Numbers are drawn from their 1st to"
        f" their 99th percentile, levels are the {LEVELS} most frequent ones."
    )
    axes = np.atleast_1d(picture.subplots(down, min(ACROSS, len(names)), squeeze=False)).ravel()
    for ax, name in zip(axes, names, strict=False):
        draw = _numbers_of if is_number(real[name]) else _levels_of
        draw(style(ax, grid=False), real[name], made[name])
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        said = f"{_short(name)}  {found['columns'][name]:.3f}"
        ax.set_title(said, loc="left", color=INK, fontsize=SMALL, pad=4)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    from matplotlib.patches import Patch

    handles = [Patch(color=DATA, alpha=0.5, label="real"), Patch(color=MODEL, label="made")]
    legend(picture, handles, loc="outside upper right", ncols=2)
    return picture


def _numbers_of(ax: Any, real: Any, made: Any) -> None:
    a, b = line(real).dropna(), line(made).dropna()
    low, high = a.quantile(0.01), a.quantile(0.99)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts = [np.histogram(np.clip(x, edges[0], edges[-1]), edges)[0] / len(x) for x in (a, b)]
    ax.stairs(counts[0], edges, fill=True, color=DATA, alpha=0.5)
    ax.stairs(counts[1], edges, color=MODEL, linewidth=1.3)
    ax.locator_params(axis="x", nbins=4)
    if "datetime" in str(real.dtype):
        ax.set_xticks([])


def _levels_of(ax: Any, real: Any, made: Any) -> None:
    shares = [s.astype(str).where(s.notna(), "missing").value_counts(normalize=True)
              for s in (real, made)]  # fmt: skip
    often = shares[0].index[:LEVELS]
    at = np.arange(len(often))
    for share, shift, colour, alpha in zip(
        shares, (-0.2, 0.2), (DATA, MODEL), (0.5, 1.0), strict=True
    ):
        ax.bar(at + shift, share.reindex(often).fillna(0), 0.4, color=colour, alpha=alpha)
    ax.set_xticks(at, [_short(level, 9) for level in often], rotation=35, ha="right")
    ax.tick_params(labelsize=SMALL - 1.5)


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
    drawn = ax.imshow(likeness, cmap="viridis", vmin=min(0.8, low), vmax=1.0)
    ticks = np.arange(len(names))
    size = SMALL if len(names) <= 30 else SMALL / 2
    shown = [_short(name) for name in names]
    ax.set_xticks(ticks, shown, rotation=90, fontsize=size, color=MUTED)
    ax.set_yticks(ticks, shown, fontsize=size, color=MUTED)
    colour_bar(picture, drawn, ax, "likeness")
    return picture


def _short(text: Any, most: int = LONGEST) -> str:
    text = str(text)
    return text if len(text) <= most else text[: most - 1] + "…"
