"""Where the samples lie in the latent space, and what the decoder makes of its points."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.priors import StandardNormal
from ..errors import LatentryError
from .picture import (
    CLASSES,
    DATA,
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SMALL,
    WIDTH,
    Picture,
    canvas,
    colour_bar,
    image_grid,
    legend,
    sheet,
    style,
)
from .views import (
    Groups,
    count,
    flat,
    layout,
    names,
    need_one_kind,
    pick,
    pixels,
    plain,
    span_of,
    spread,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..estimator import Estimator

MOST_POINTS = 5000


def latent_map(
    est: Estimator,
    x: Any,
    labels: Any = None,
    *,
    condition: Any = None,
    evaluation: Mapping[str, Any] | None = None,
) -> Picture:
    """The posterior means of up to 5,000 samples, (N, 2), coloured by label.

    With two latent dimensions these are the axes. With more, the first two principal components
    or the two dimensions of highest KL (from `evaluation`): those that keep the labels further
    apart, or the components where there are no labels. The caption says which.
    """
    rows = spread(count(x), MOST_POINTS)
    given = None if condition is None else np.asarray(condition)[rows]
    codes = est.transform(pick(x, rows), condition=given).astype(np.float64)
    labels = None if labels is None else np.asarray(labels)[rows]
    picture = canvas("latent-map", "Latent map", 3.9)
    if codes.shape[1] == 1:
        return _histogram(picture, codes[:, 0], labels)
    points, axes, text = _project(codes, Groups.of(labels), evaluation)
    ax = style(picture.add_subplot(), *axes)
    coloured = _scatter(picture, ax, points, labels)
    picture.caption = f"Posterior means of {len(codes):,} samples{coloured}. {text}"
    return picture


def _project(
    codes: np.ndarray, groups: Groups | None, evaluation: Mapping[str, Any] | None
) -> tuple[np.ndarray, tuple[str, str], str]:
    """Points (N, 2), the names of the axes, and a sentence that says what they are."""
    width = codes.shape[1]
    if width == 2:
        return codes, ("z₀", "z₁"), "The axes are the two latent dimensions themselves."
    centred = codes - codes.mean(0)
    _, scale, directions = np.linalg.svd(centred, full_matrices=False)
    pca = np.zeros((len(codes), 2))
    pca[:, : min(2, len(scale))] = (centred @ directions[:2].T)[:, :2]
    share = (scale[:2] ** 2).sum() / max((scale**2).sum(), 1e-12)
    kl = None if evaluation is None else evaluation.get("latent_kl")
    first, second = np.argsort(-np.asarray(codes.var(0) if kl is None else kl, float))[:2]
    own = codes[:, [first, second]]
    apart_pca, apart_own = _agreement(pca, groups), _agreement(own, groups)
    by = "highest KL" if kl is not None else "largest variance"
    if apart_own > apart_pca:
        text = (
            f"Of the {width} latent dimensions these are the two of {by}; they keep the labels"
            " further apart than the first two principal components do."
        )
        return own, (f"z{_below(first)}", f"z{_below(second)}"), text
    text = (
        f"A projection: the first two principal components of the {width}-dimensional codes,"
        f" which hold {share:.0%} of their variance."
    )
    return pca, ("first principal component", "second"), text


def _below(i: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(d)] for d in str(i))


def _agreement(points: np.ndarray, groups: Groups | None) -> float:
    """Share of up to 1,000 points whose nearest neighbours have mostly the same label."""
    if groups is None or len(points) < 10:
        return 0.0
    rows = spread(len(points), 1000)
    p, g = points[rows], groups.index[rows]
    distance = ((p[:, None] - p[None]) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    near = np.argpartition(distance, 5, axis=1)[:, :5]
    return float((g[near] == g[:, None]).mean())


def _scatter(picture: Picture, ax: Axes, points: np.ndarray, labels: Any) -> str:
    """The points, and how they are coloured, as the end of a phrase."""
    size = float(np.clip(4000 / len(points), 2.5, 28))
    look: dict[str, Any] = {"s": size, "alpha": 0.75, "linewidths": 0, "rasterized": True}
    groups = Groups.of(labels)
    if groups is None:
        values = np.zeros(len(points)) if labels is None else np.asarray(labels)
        distinct = len(np.unique(values))
        if values.dtype.kind in "iuf" and distinct > 1:
            drawn = ax.scatter(*points.T, c=values.astype(float), cmap="viridis", **look)
            colour_bar(picture, drawn, ax, "label")
            return ", coloured by the value of their label"
        ax.scatter(*points.T, color=DATA, **look)
        return f" (with {distinct} different labels, too many to colour)" if distinct > 1 else ""
    colours = palette(len(groups.names))
    # In a random order, or the last class would cover the others.
    order = np.random.default_rng(0).permutation(len(points))
    ax.scatter(*points[order].T, c=[colours[k] for k in groups.index[order]], **look)
    for (name, mine), colour in zip(groups, colours, strict=True):
        ax.scatter([], [], color=colour, s=26, linewidths=0, label=name)
        if mine.any():
            # A class may be bent around its median: name the sample that is nearest to it.
            away = np.abs(points[mine] - np.median(points[mine], axis=0)).sum(1)
            _name(ax, points[mine][away.argmin()], name)
    longest = max(map(len, groups.names))
    legend(
        picture, loc="outside lower center", columnspacing=1.1,
        ncols=max(1, min(len(groups.names), 62 // (longest + 5))),
    )  # fmt: skip
    return ", coloured by label, with each label's name in its middle"


def _name(ax: Axes, at: np.ndarray, name: str) -> None:
    box: dict[str, Any] = {
        "boxstyle": "round,pad=0.18",
        "facecolor": PAPER,
        "edgecolor": "none",
        "alpha": 0.8,
    }
    ax.text(
        at[0], at[1], name if len(name) <= 14 else name[:13] + "…",
        color=INK, fontsize=NORMAL, ha="center", va="center", fontweight="bold",
        bbox=box | {"alpha": 0.8},
    )  # fmt: skip


def palette(n: int) -> list[str]:
    """Colours: ten that differ in hue, then the same ten darker."""
    darker = ["#" + "".join(f"{int(c[i : i + 2], 16) * 6 // 10:02x}" for i in (1, 3, 5))
              for c in CLASSES]  # fmt: skip
    return [*CLASSES, *darker][:n]


def _histogram(picture: Picture, codes: np.ndarray, labels: Any) -> Picture:
    ax = style(picture.add_subplot(), "z₀", "samples")
    groups = Groups.of(labels)
    low, high = codes.min(), codes.max()
    edges = np.linspace(low, high if high > low else low + 1, 41)
    if groups is None:
        ax.hist(codes, edges, color=DATA)
        picture.caption = f"Posterior means of {len(codes):,} samples in the one latent dimension."
        return picture
    parts = [codes[mine] for _, mine in groups]
    ax.hist(parts, edges, stacked=True, color=palette(len(parts)), label=list(groups.names))
    legend(picture, loc="outside lower center", ncols=min(len(parts), 8))
    picture.caption = (
        f"Posterior means of {len(codes):,} samples in the one latent dimension,"
        " stacked and coloured by label."
    )
    return picture


def manifold(est: Estimator, n: int = 15, *, x: Any = None, condition: Any = None) -> Picture:
    """The decoder's mean over an n x n grid of a two-dimensional latent space.

    The grid stands at the Gaussian quantiles from 0.05 to 0.95, the first dimension to the right
    and the second upwards. For a model without a prior it is scaled to the codes of x.
    condition: one value, which holds for the whole grid.
    """
    need_one_kind(est)
    if est.model_.latent != 2:
        raise LatentryError(
            f"a manifold needs latent=2; this model has latent={est.model_.latent}."
        )
    steps = np.array([NormalDist().inv_cdf(q) for q in np.linspace(0.05, 0.95, n)])
    centre, scale, text = _frame(est, x, condition)
    across, up = np.meshgrid(steps, steps)
    codes = np.stack([across.ravel(), up.ravel()], 1) * scale + centre
    given = None if condition is None else np.repeat(np.asarray([condition]), n * n, axis=0)
    made = est.inverse_transform(codes.astype(np.float32), condition=given)
    ends = steps[[0, -1]][:, None] * scale + centre
    picture = _draw(est, made, n, ends, x)
    how = {
        "plane": "the lines join codes of equal z₀ (blue) or equal z₁ (grey), over the data",
        "table": "z₀ grows to the right and z₁ upwards; a cell runs over the columns, each scaled"
        " to its own range",
    }.get(layout(est, made), "z₀ grows to the right and z₁ upwards")
    picture.caption = (
        f"The decoder's mean at {n} × {n} points of the latent plane, at {text}; {how}."
    )
    if condition is not None:
        picture.caption += f" The condition is {condition} throughout."
    return picture


def _frame(est: Estimator, x: Any, condition: Any) -> tuple[Any, Any, str]:
    """Where a Gaussian over the latent plane has its centre, how wide it is, and in words."""
    text = "the Gaussian quantiles from 0.05 to 0.95"
    prior = getattr(est.model_, "prior", None)
    if isinstance(prior, StandardNormal) or x is None:
        return np.zeros(2), np.ones(2), f"{text} of each dimension"
    rows = spread(count(x), MOST_POINTS)
    given = None if condition is None else np.repeat(np.asarray([condition]), len(rows), axis=0)
    codes = est.transform(pick(x, rows), condition=given)
    return codes.mean(0), codes.std(0), f"{text} of a Gaussian as wide as the codes of the data"


def _draw(est: Estimator, made: np.ndarray, n: int, ends: np.ndarray, x: Any) -> Picture:
    kind = layout(est, made)
    if kind == "image":
        shown = pixels(est, made, span_of(est, x, made))
        grid = shown.reshape(n, n, *shown.shape[1:])[::-1]
        return _framed(image_grid(grid, gap=0), n, ends)
    picture = canvas("manifold", "Manifold", WIDTH)
    made = flat(est, made).reshape(n, n, -1)
    if kind == "plane":
        ax = style(picture.add_subplot(), *names(est))
        if x is not None:
            points = plain(pick(x, spread(count(x), 1000))).reshape(-1, 2)
            ax.scatter(*points.T, color=MUTED, alpha=0.3, s=6, linewidths=0, rasterized=True)
        for k in range(2):
            lines = made if k else made.swapaxes(0, 1)
            ax.plot(lines[..., 0].T, lines[..., 1].T, color=(DATA, MUTED)[k], linewidth=0.9)
        return picture
    # Columns of a table have units of their own, so each has its own scale; curves share one.
    over = (0, 1) if kind == "table" else None
    low, high = np.nanmin(made, over, keepdims=True), np.nanmax(made, over, keepdims=True)
    unit = (made - low) / np.where(high > low, high - low, 1)
    ax = style(picture.add_subplot(), "z₀", "z₁", grid=False)
    t = np.linspace(0.08, 0.92, made.shape[-1])
    for i in range(n):
        for j in range(n):
            ax.plot(j + t, i + 0.1 + 0.8 * unit[i, j], color=DATA, linewidth=0.9)
    at = np.array([0.5, n / 2, n - 0.5])
    ax.set_xticks(at, [_tick(v) for v in (ends[0, 0], ends[:, 0].mean(), ends[1, 0])])
    ax.set_yticks(at, [_tick(v) for v in (ends[0, 1], ends[:, 1].mean(), ends[1, 1])])
    return picture


def _framed(grid: Picture, n: int, ends: np.ndarray) -> Picture:
    """The grid of images inside axes that give the codes at its ends."""
    pixels_ = grid.axes[0].images[0].get_array()
    assert pixels_ is not None
    height, width = pixels_.shape[:2]
    left, below = 116, 70
    full = (left + width, below + height)
    picture = sheet("manifold", "Manifold", *full)
    ax = picture.add_axes((left / full[0], below / full[1], width / full[0], height / full[1]))
    style(ax, "z₀", "z₁", grid=False)
    ax.imshow(pixels_, interpolation="nearest", aspect="auto")
    for spine in ax.spines.values():
        spine.set_visible(False)
    # The codes stand in the middle of their images.
    half, middle = 0.5 / n, ends.mean(0)
    at = np.array([half, 0.5, 1 - half])
    ax.set_xticks(at * width, [_tick(v) for v in (ends[0, 0], middle[0], ends[1, 0])])
    ax.set_yticks((1 - at) * height, [_tick(v) for v in (ends[0, 1], middle[1], ends[1, 1])])
    ax.tick_params(labelsize=SMALL)
    ax.xaxis.labelpad = 0
    ax.yaxis.set_label_coords(-0.055, 0.75)
    ax.yaxis.label.set(rotation=0, ha="right", va="center")
    return picture


def _tick(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if abs(value) > 5e-3 else "0"
