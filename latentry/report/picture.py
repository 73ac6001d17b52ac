"""A figure that carries its own heading and caption, and the look that all figures share.

Nothing here touches pyplot or matplotlib's global settings, so figures can be made anywhere: in a
notebook, in a server's thread, beside a person's own plots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, MUTED, RULE, PAPER = "#1f2430", "#667085", "#dde1e7", "#ffffff"
"""Text and marks, secondary text, lines, background. A page maps them to its own theme."""
DATA, MODEL, ACCENT = "#3b73c8", "#e07b2e", "#c2405f"
"""What was given, what the model made, what is pointed at."""
CLASSES = (
    "#3b73c8", "#e8862e", "#2f9e63", "#d1455b", "#8a63c2",
    "#8f6a4b", "#de79b6", "#7b8794", "#b3a125", "#2bb0c4",
)  # fmt: skip
"""Ten colours that can be told apart on white and on black."""
MISSING = "#f2b84b"
"""A pixel that the data lack."""

WIDTH = 4.8
"""Inches: the width of every figure, so that text has one size on a page."""
DPI = 200
SMALL, NORMAL = 8.0, 9.0


class Picture(Figure):
    """A matplotlib figure with a name (for its file), a heading and a caption."""

    name: str = "figure"
    heading: str = ""
    caption: str = ""


def canvas(name: str, heading: str, height: float, width: float = WIDTH) -> Picture:
    """An empty picture of width x height inches."""
    picture = Picture(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(picture)
    picture.name, picture.heading = name, heading
    return picture


def sheet(name: str, heading: str, width: int, height: int) -> Picture:
    """An empty picture of width x height pixels, on which nothing is moved by a layout."""
    picture = Picture(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(picture)
    picture.name, picture.heading = name, heading
    return picture


def style(ax: Axes, x: str = "", y: str = "", *, grid: bool = True) -> Axes:
    """Quiet axes: two spines, light rules, labels x and y."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(RULE)
        spine.set_linewidth(0.8)
    ax.set_facecolor("none")
    ax.tick_params(colors=MUTED, labelsize=SMALL, length=0, pad=3)
    ax.set_xlabel(x, color=INK, fontsize=NORMAL)
    ax.set_ylabel(y, color=INK, fontsize=NORMAL)
    if grid:
        ax.grid(True, color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def title(ax: Axes, text: str) -> None:
    """A panel's heading, at its left."""
    ax.set_title(text, loc="left", color=INK, fontsize=NORMAL, pad=5)


def legend(ax: Axes | Picture, handles: Sequence[Any] | None = None, **place: Any) -> Any:
    """A legend without a frame."""
    given = {} if handles is None else {"handles": handles}
    return ax.legend(
        **given, frameon=False, fontsize=SMALL, labelcolor=INK, handletextpad=0.4, **place
    )


def whole_numbers(ax: Axes) -> None:
    """Ticks of the horizontal axis at whole numbers only."""
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def colour_bar(picture: Picture, artist: Any, ax: Any, label: str, **place: Any) -> None:
    """A thin colour bar beside ax, saying what the colours measure."""
    bar = picture.colorbar(artist, ax=ax, **({"fraction": 0.05, "pad": 0.03, "aspect": 28} | place))
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(colors=MUTED, labelsize=SMALL, length=0)
    bar.set_label(label, color=INK, fontsize=NORMAL)
    bar.solids.set_rasterized(True)  # pyright: ignore[reportOptionalMemberAccess]


def image_grid(
    images: np.ndarray,
    rows: Sequence[str] | None = None,
    title: str | None = None,
    *,
    name: str = "images",
    columns: int = 10,
    group: int = 0,
    gap: int = 4,
) -> Picture:
    """Images in a grid, each pixel an exact square of the picture.

    images: (R, C, H, W) or (R, C, H, W, 3), or one run of them (N, H, W[, 3]) that is broken into
        rows of `columns`; floats in [0, 1] or uint8; NaN is a missing pixel.
    rows: a label for each of the R rows.
    group: rows that belong together; a wider gap stands after each such group.
    gap: pixels between two images.
    """
    tiles = _tiles(np.asarray(images), columns)
    pixels = _assemble(tiles, group, gap)
    height, width = pixels.shape[:2]
    left = 0 if rows is None else 24 + 13 * max(map(len, rows))
    top = 0 if not title else 52
    full = (left + width, top + height)
    picture = sheet(name, title or "", *full)
    ax = picture.add_axes((left / full[0], 0, width / full[0], height / full[1]))
    # One pixel of the array is one of the picture, so nothing is blurred here; a page that shows
    # the picture smaller may then smooth it, which "none" would forbid.
    ax.imshow(pixels, interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    if title:
        middle = 1 - top / full[1] / 2
        picture.text(0, middle, title, color=INK, fontsize=NORMAL, va="center")
    for i, label in enumerate(rows or ()):
        at = (_row_start(i, tiles, group, gap) + _side(tiles)[0] / 2) / full[1]
        y = 1 - top / full[1] - at
        picture.text(
            (left - 14) / full[0], y, label, color=MUTED, fontsize=SMALL, ha="right", va="center"
        )
    return picture


def _tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """(R, C, H, W, 4) uint8, each image enlarged by a whole number."""
    images = np.clip(images / 255 if images.dtype == np.uint8 else images, 0, 1)
    colour = images.ndim == 5 or (images.ndim == 4 and images.shape[-1] == 3)
    if not colour:
        images = images[..., None]
    if images.ndim == 4:  # one run of images
        lacking = -len(images) % columns
        blank = np.full((lacking, *images.shape[1:]), -1.0)
        images = np.concatenate([images, blank]).reshape(-1, columns, *images.shape[1:])
    across = images.shape[1]
    zoom = max(1, round(min(940 / across, 160) / max(images.shape[2:4])))
    images = images.repeat(zoom, 2).repeat(zoom, 3)
    rgb = np.broadcast_to(images[..., :3], (*images.shape[:-1], 3))
    known = np.isfinite(rgb).all(-1, keepdims=True)
    shown = np.nan_to_num(rgb) * 255
    missing = np.array([int(MISSING[i : i + 2], 16) for i in (1, 3, 5)])
    shown = np.where(known, shown, missing)
    opaque = np.where((rgb < 0).all(-1, keepdims=True), 0, 255)
    return np.concatenate([np.rint(shown), opaque], -1).astype(np.uint8)


def _side(tiles: np.ndarray) -> tuple[int, int]:
    return tiles.shape[2], tiles.shape[3]


def _row_start(i: int, tiles: np.ndarray, group: int, gap: int) -> int:
    wider = (i // group) * 3 * gap if group else 0
    return i * (tiles.shape[2] + gap) + wider


def _assemble(tiles: np.ndarray, group: int, gap: int) -> np.ndarray:
    """One RGBA array; what lies between the images is transparent."""
    down, across, h, w, _ = tiles.shape
    last = _row_start(down - 1, tiles, group, gap)
    out = np.zeros((last + h, across * (w + gap) - gap, 4), np.uint8)
    for i in range(down):
        top = _row_start(i, tiles, group, gap)
        for j in range(across):
            left = j * (w + gap)
            out[top : top + h, left : left + w] = tiles[i, j]
    return out
