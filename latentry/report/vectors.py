"""Reconstructions of vectors, and paths between them: points in the plane, tables, curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .picture import (
    DATA,
    INK,
    MODEL,
    MUTED,
    SMALL,
    Picture,
    canvas,
    colour_bar,
    legend,
    style,
)
from .views import (
    Layout,
    count,
    flat,
    layout,
    names,
    need_one_kind,
    one_of_each,
    pick,
    plain,
    several,
    spread,
    units,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..estimator import Estimator

POINTS = 2000
MOST_PANELS = 12
MOST_CHANNELS = 6
"""More channels of a series than this have no name below a curve."""


def rows_of(est: Estimator, x: Any, most: int, labels: Any = None) -> tuple[Any, np.ndarray]:
    """Up to `most` samples, as given and as an array (N, D)."""
    need_one_kind(est)
    index = spread(count(x), most) if labels is None else one_of_each(labels, count(x), most)
    chosen = pick(x, index)
    return chosen, index


def short(name: str, most: int = 16) -> str:
    """A column's name that fits beside a panel."""
    return name if len(name) <= most else name[: most - 1] + "…"


def key(ax: Any, **place: Any) -> None:
    """The legend of data against model."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=c, marker="o", markersize=5, linestyle="none", label=text)
        for c, text in ((DATA, "data"), (MODEL, "model"))
    ]
    legend(ax, marks, **place)


def along(est: Estimator, ax: Axes) -> None:
    """Say below a curve what it runs along."""
    steps, channels = est.schema_.shape if several(est) else (0, 1)
    ax.set_xlabel("position" if est.schema_.kind != "series" else "step")
    if channels > 1:
        few = range(channels) if channels <= MOST_CHANNELS else ()
        ax.set_xticks([k * (steps + 1) + steps / 2 for k in few], [f"channel {k}" for k in few])
        ax.set_xlabel(f"the {steps} steps of each of {channels} channels")
    ax.xaxis.label.set(color=INK, fontsize=SMALL)


def reconstructions(est: Estimator, x: Any, labels: Any, condition: Any) -> Picture:
    """Samples against their reconstructions, as points, curves, or a panel for each column."""
    kind = layout(est, plain(pick(x, spread(count(x), POINTS))))
    most = {"plane": 400, "curves": 6}.get(kind, POINTS)
    chosen, index = rows_of(est, x, most, labels if kind == "curves" else None)
    given = None if condition is None else np.asarray(condition)[index]
    real = flat(est, plain(chosen))
    made = flat(est, est.reconstruct(chosen, condition=given))
    if kind == "plane":
        return _moved(est, real, made)
    if kind == "curves":
        return _overlaid(est, real, made)
    return _against(est, real, made)


def _moved(est: Estimator, real: np.ndarray, made: np.ndarray) -> Picture:
    picture = canvas("reconstructions", "Originals and reconstructions", 3.9)
    ax = style(picture.add_subplot(), *names(est))
    look: dict[str, Any] = {"rasterized": True}
    ax.plot(*np.stack([real, made], 1).T, color=MUTED, linewidth=0.6, alpha=0.6, **look)
    look |= {"s": 12 if len(real) > 50 else 34, "linewidths": 0}
    ax.scatter(*real.T, color=DATA, **look)
    ax.scatter(*made.T, color=MODEL, **look)
    _square(ax, np.concatenate([real, made]))
    key(picture, loc="outside lower center", ncols=2)
    picture.caption = (
        f"{len(real):,} samples and their reconstructions, each pair joined by a line, in the"
        " units of the data."
    )
    return picture


def _square(ax: Axes, points: np.ndarray) -> None:
    """The same unit on both axes where their spreads allow it."""
    extent = np.ptp(points[np.isfinite(points).all(1)], axis=0)
    if extent.min() > 0 and extent.max() / extent.min() < 4:
        ax.set_aspect("equal", adjustable="datalim")


def _overlaid(est: Estimator, real: np.ndarray, made: np.ndarray) -> Picture:
    many = len(real)
    picture = canvas("reconstructions", "Originals and reconstructions", 1.0 + 0.95 * -(-many // 2))
    axes = picture.subplots(-(-many // 2), min(2, many), sharex=True, sharey=True, squeeze=False)
    place = np.arange(real.shape[1])
    for ax in axes.flat[many:]:
        ax.set_axis_off()
    for ax, a, b in zip(axes.flat, real, made, strict=False):
        style(ax)
        ax.plot(place, a, color=DATA, linewidth=1.3)
        ax.plot(place, b, color=MODEL, linewidth=1.3)
    for ax in axes[-1]:
        along(est, ax)
    key(picture, loc="outside lower center", ncols=2)
    picture.caption = f"{many} samples and their reconstructions, in {units(est)}."
    return picture


def _against(est: Estimator, real: np.ndarray, made: np.ndarray) -> Picture:
    """A panel for each column: the value on the horizontal axis, its reconstruction upwards."""
    columns = names(est)
    shown = min(len(columns), MOST_PANELS)
    across = min(shown, 4 if shown > 6 else 3)
    down = -(-shown // across)
    picture = canvas("reconstructions", "Originals and reconstructions", 0.5 + 1.2 * down)
    axes = picture.subplots(down, across, squeeze=False)
    for ax in axes.flat[shown:]:
        ax.set_axis_off()
    for k, ax in zip(range(shown), axes.flat, strict=False):
        style(ax, grid=False)
        a, b = real[:, k], made[:, k]
        known = np.isfinite(a)
        ax.scatter(a[known], b[known], color=DATA, s=6, alpha=0.6, linewidths=0, rasterized=True)
        if known.any():
            ends = [min(a[known].min(), b.min()), max(a[known].max(), b.max())]
            ax.plot(ends, ends, color=MODEL, linewidth=0.9)
        ax.set_title(short(columns[k], 14), loc="left", color=INK, fontsize=SMALL, pad=3)
        ax.text(
            0.03, 0.96, _explained(a[known], b[known]),
            transform=ax.transAxes, color=MUTED, fontsize=SMALL, va="top",
        )  # fmt: skip
        ax.set_xticks([])
        ax.set_yticks([])
    picture.supxlabel("value in the data", color=INK, fontsize=SMALL)
    picture.supylabel("reconstruction", color=INK, fontsize=SMALL)
    more = "" if shown == len(columns) else f" The first {shown} of {len(columns)} columns."
    picture.caption = (
        f"{len(real):,} samples, a panel for each column in its own unit; on the line a"
        f" reconstruction is exact. R² is the share of the column's variance that is kept.{more}"
    )
    return picture


def _explained(a: np.ndarray, b: np.ndarray) -> str:
    total = ((a - a.mean()) ** 2).sum() if len(a) else 0.0
    if total == 0:
        return "R² –"
    return f"R² {1 - ((a - b) ** 2).sum() / total:.2f}".replace("-", "−")


def interpolation(est: Estimator, paths: np.ndarray, x: Any, ends: list[str]) -> Picture:
    """Paths (P, steps, D) between pairs of samples."""
    chosen, _ = rows_of(est, x, POINTS)
    real = flat(est, plain(chosen))
    lead = paths.shape[:2]
    paths = flat(est, paths.reshape(-1, *paths.shape[2:])).reshape(*lead, -1)
    kind: Layout = layout(est, real)
    if kind == "plane":
        return _paths(est, real, paths)
    if kind == "curves":
        return _morph(est, paths[0])
    return _heat(est, real, paths[0])


def _paths(est: Estimator, real: np.ndarray, paths: np.ndarray) -> Picture:
    picture = canvas("interpolation", "Interpolation", 3.6)
    ax = style(picture.add_subplot(), *names(est))
    size = float(np.clip(3000 / len(real), 3, 40))
    ax.scatter(*real.T, color=MUTED, alpha=0.3, s=size, linewidths=0, rasterized=True)
    t = np.linspace(0, 1, paths.shape[1])
    ax.plot(*paths.T, color=MUTED, linewidth=0.9)
    along = np.tile(t, len(paths))
    drawn = ax.scatter(
        *paths.reshape(-1, 2).T, c=along, cmap="viridis", s=26, linewidths=0, zorder=3
    )
    colour_bar(picture, drawn, ax, "along the path")
    _square(ax, real)
    return picture


def _morph(est: Estimator, path: np.ndarray) -> Picture:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable

    picture = canvas("interpolation", "Interpolation", 2.7)
    ax = style(picture.add_subplot())
    along(est, ax)
    for k, line in enumerate(path):
        ax.plot(line, color=colormaps["viridis"](k / (len(path) - 1)), linewidth=1.1)
    colour_bar(picture, ScalarMappable(cmap="viridis"), ax, "along the path")
    return picture


def _heat(est: Estimator, real: np.ndarray, path: np.ndarray) -> Picture:
    columns = names(est)
    shown = min(len(columns), 24)
    spread_ = np.nanstd(real, axis=0)
    scaled = (path - np.nanmean(real, axis=0)) / np.where(spread_ > 0, spread_, 1)
    picture = canvas("interpolation", "Interpolation", 0.9 + 0.19 * max(shown, 4))
    ax = style(picture.add_subplot(), "along the path", grid=False)
    most = max(1.0, float(np.abs(scaled).max()))
    drawn = ax.imshow(
        scaled.T[:shown], cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", interpolation="none"
    )
    ax.set_yticks(range(shown), [short(c, 22) for c in columns[:shown]])
    ax.set_xticks([0, len(path) - 1], ["0", "1"])
    for spine in ax.spines.values():
        spine.set_visible(False)
    colour_bar(picture, drawn, ax, "standard deviations from the mean")
    return picture
