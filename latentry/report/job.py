"""The page of a job: its figures, tables and pictures, in one file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.files import atomic
from ..errors import LatentryError
from ..evaluation.tables import is_number, line
from ..jobs.lines import date_format
from ..jobs.lines import line as as_line
from .picture import DATA, INK, MODEL, SMALL, Picture, canvas, legend, style
from .templates import fill

ACROSS = 4
LEVELS = 8
"""Levels that are drawn of a column, the most frequent ones."""
BINS = 30
LONGEST = 22


@dataclass(frozen=True)
class Listed:
    """A table of a page.

    records : its rows, a text by column; numbers : columns that stand at the right
    """

    name: str
    heading: str
    records: Sequence[Mapping[str, str]]
    numbers: tuple[str, ...]
    caption: str

    @property
    def columns(self) -> list[str]:
        return list(self.records[0]) if self.records else []

    @property
    def rows(self) -> list[list[tuple[str, str]]]:
        return [list(record.items()) for record in self.records]


def figure(label: str, about: str, text: str) -> dict[str, str]:
    """A row of the figures of a page."""
    return {"label": label, "about": about, "text": text}


def write_page(
    path: Path,
    title: str,
    lead: str,
    figures: Sequence[Mapping[str, str]],
    parts: Sequence[Picture | Listed],
    notes: Sequence[str] = (),
) -> None:
    """Write the page, whole or not at all."""
    from .svg import inline

    drawn = [(part, inline(part) if isinstance(part, Picture) else "") for part in parts]
    text = fill("job.html", title=title, lead=lead, figures=figures, parts=drawn, notes=notes)
    with atomic(path) as file:
        file.write(text.encode())


def panels(
    picture: tuple[str, str, str],
    pairs: Mapping[str, tuple[Any, Any]],
    said: Mapping[str, str],
    labels: tuple[str, str],
    across: int = ACROSS,
    width: float = 9.6,
) -> Picture:
    """Two distributions of each column, one beside the other.

    picture : its name, heading and caption
    pairs : two Series of each column; said : what stands behind its name
    labels : of the two
    across : panels side by side; width : of the picture, in inches
    """
    from matplotlib.patches import Patch

    down = -(-len(pairs) // across)
    made = canvas(picture[0], picture[1], 1.7 * down + 0.3, width)
    made.caption = picture[2]
    axes = np.atleast_1d(made.subplots(down, min(across, len(pairs)), squeeze=False)).ravel()
    for ax, (name, given) in zip(axes, pairs.items(), strict=False):
        one, other = _dated(*given)
        draw = _numbers_of if is_number(one) else _levels_of
        draw(style(ax, grid=False), one, other)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.set_title(f"{short(name)}  {said[name]}", loc="left", color=INK, fontsize=SMALL, pad=4)
    for ax in axes[len(pairs) :]:
        ax.set_axis_off()
    handles = [
        Patch(color=DATA, alpha=0.5, label=labels[0]), Patch(color=MODEL, label=labels[1])
    ]  # fmt: skip
    legend(made, handles, loc="outside upper right", ncols=2)
    return made


def _numbers_of(ax: Any, one: Any, other: Any) -> None:
    a, b = line(one).dropna(), line(other).dropna()
    low, high = a.quantile(0.01), a.quantile(0.99)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts = [np.histogram(np.clip(x, edges[0], edges[-1]), edges)[0] / len(x) for x in (a, b)]
    ax.stairs(counts[0], edges, fill=True, color=DATA, alpha=0.5)
    ax.stairs(counts[1], edges, color=MODEL, linewidth=1.3)
    ax.locator_params(axis="x", nbins=4)
    if "datetime" in str(one.dtype):
        ends = [one.dropna().quantile(share) for share in (0.01, 0.99)]
        ax.set_xticks(edges[[0, -1]], [str(end.date()) for end in ends])
        for tick, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
            tick.set_horizontalalignment(side)


def _dated(one: Any, other: Any) -> tuple[Any, Any]:
    """Two Series, as dates where they are dates in text."""
    try:
        text = date_format(one, "dates")
    except LatentryError:
        return one, other
    return (as_line(one, text), as_line(other, text)) if text else (one, other)


def _levels_of(ax: Any, one: Any, other: Any) -> None:
    shares = [s.astype(str).where(s.notna(), "missing").value_counts(normalize=True)
              for s in (one, other)]  # fmt: skip
    often = shares[0].index[:LEVELS]
    at = np.arange(len(often))
    for share, shift, colour, alpha in zip(
        shares, (-0.2, 0.2), (DATA, MODEL), (0.5, 1.0), strict=True
    ):
        ax.bar(at + shift, share.reindex(often).fillna(0), 0.4, color=colour, alpha=alpha)
    ax.set_xticks(at, [short(level, 9) for level in often], rotation=35, ha="right")
    ax.tick_params(labelsize=SMALL - 1.5)


def short(text: Any, most: int = LONGEST) -> str:
    """A text, cut where it is long."""
    text = str(text)
    return text if len(text) <= most else text[: most - 1] + "…"
