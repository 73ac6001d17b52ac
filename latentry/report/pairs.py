"""Samples of a model of vectors beside its data: pair plots, curves, correlations, density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .picture import DATA, INK, MODEL, SMALL, WIDTH, Picture, canvas, colour_bar, style, title
from .vectors import POINTS, along, key, rows_of, short
from .views import drawn_from, flat, layout, names, plain, units

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..estimator import Estimator

PAIRED = 4
"""Columns of a pair plot; all of them up to one more than that."""


def draw(est: Estimator, n: int, seed: int, condition: Any, how: Any = "auto") -> np.ndarray:
    """New samples (n, D); for a conditional model under n of the given conditions, in turn."""
    if est.condition_ is None or condition is None:
        return flat(est, est.sample(n, seed=seed, how=how))
    given = np.asarray(condition)
    chosen = np.random.default_rng(seed).choice(len(given), n)
    return flat(est, est.sample(n, condition=given[chosen], seed=seed, how=how))


def pair_plot(
    est: Estimator, x: Any, *, n: int = 1000, seed: int = 0, condition: Any = None
) -> Picture:
    """Real samples and new ones over pairs of up to five columns, and their histograms.

    Wider data show the four columns that are most correlated with the others.
    """
    chosen, _ = rows_of(est, x, n)
    real = flat(est, plain(chosen))
    kind = layout(est, real)
    if kind == "curves":
        return _curves(est, real, draw(est, min(n, 200), seed, condition, "mean"))
    made = draw(est, min(n, max(len(real), 200)), seed, condition)
    columns = names(est)
    if kind == "plane":
        return _cloud(est, real, made)
    picked = _telling(real) if len(columns) > PAIRED + 1 else list(range(len(columns)))
    picture = _pairs(real, made, picked, [columns[k] for k in picked])
    which = ""
    if len(picked) < len(columns):
        which = f" The {len(picked)} of {len(columns)} columns most correlated with the others."
    picture.caption = (
        f"{len(real):,} samples of the data and {len(made):,} of the model, in the units of the"
        f" data; on the diagonal their histograms.{which} Codes are drawn from {drawn_from(est)}."
    )
    return picture


def _telling(real: np.ndarray) -> list[int]:
    """The columns most correlated with the others, in the order of the data."""
    strength = np.abs(correlation(real)).sum(1)
    return sorted(np.argsort(-strength, kind="stable")[:PAIRED].tolist())


def correlation(array: np.ndarray) -> np.ndarray:
    """Pearson correlations (D, D) over the complete rows; 0 where a column is constant."""
    whole = array[np.isfinite(array).all(1)]
    if len(whole) < 2:
        return np.eye(array.shape[1])
    centred = whole - whole.mean(0)
    norm = np.linalg.norm(centred, axis=0)
    unit = centred / np.where(norm > 0, norm, 1)
    return unit.T @ unit


def _range(real: np.ndarray) -> tuple[float, float]:
    """The data's range and a little more: a stray draw must not shrink everything else."""
    low, high = float(np.nanmin(real)), float(np.nanmax(real))
    pad = 0.12 * (high - low) or 0.5
    return low - pad, high + pad


def _pairs(real: np.ndarray, made: np.ndarray, picked: list[int], columns: list[str]) -> Picture:
    d = len(picked)
    picture = canvas("samples", "Samples beside data", 0.7 + WIDTH * 0.86 if d > 1 else 2.8)
    axes = picture.subplots(d, d, squeeze=False, sharex="col" if d > 1 else False)
    look: dict[str, Any] = {"s": 5, "alpha": 0.45, "linewidths": 0, "rasterized": True}
    for i, a in enumerate(picked):
        for j, b in enumerate(picked):
            ax = axes[i, j]
            if j > i:
                ax.set_axis_off()
                continue
            style(ax, short(columns[j]) if i == d - 1 else "", grid=False)
            ax.set_xlim(*_range(real[:, b]))
            if i == j:
                _histograms(ax, real[:, a], made[:, a])
            else:
                ax.scatter(real[:, b], real[:, a], color=DATA, **look)
                ax.scatter(made[:, b], made[:, a], color=MODEL, **look)
                ax.set_ylim(*_range(real[:, a]))
            if j or i == 0:
                ax.set_yticks([])
            if j == 0 and i:
                ax.set_ylabel(short(columns[i]), color=INK, fontsize=SMALL)
            ax.xaxis.label.set_fontsize(SMALL)
            ax.locator_params(nbins=3)
            ax.tick_params(labelsize=SMALL - 1.5)
    picture.align_ylabels()
    key(picture, loc="outside lower center", ncols=2)
    return picture


def _histograms(ax: Axes, real: np.ndarray, made: np.ndarray) -> None:
    edges = np.linspace(*_range(real), 29).tolist()
    ax.hist(real[np.isfinite(real)], edges, density=True, color=DATA, alpha=0.45)
    inside = made[(made >= edges[0]) & (made <= edges[-1])]
    if len(inside):
        ax.hist(inside, edges, density=True, histtype="step", color=MODEL, linewidth=1.3)
    ax.set_yticks([])


def _cloud(est: Estimator, real: np.ndarray, made: np.ndarray) -> Picture:
    picture = canvas("samples", "Samples beside data", 2.9)
    axes = picture.subplots(1, 2, sharex=True, sharey=True)
    for ax, points, colour, text in (
        (axes[0], real, DATA, "data"),
        (axes[1], made, MODEL, "model"),
    ):
        style(ax, names(est)[0])
        title(ax, text)
        size = float(np.clip(3000 / len(points), 3, 40))
        ax.scatter(*points.T, color=colour, s=size, alpha=0.6, linewidths=0, rasterized=True)
    axes[0].set_ylabel(names(est)[1])
    whole = real[np.isfinite(real).all(1)]
    axes[0].set_xlim(*_range(whole[:, 0]))
    axes[0].set_ylim(*_range(whole[:, 1]))
    picture.caption = (
        f"{len(real):,} points of the data and {len(made):,} samples of the model. Codes are drawn"
        f" from {drawn_from(est)}, points from p(x|z)."
    )
    return picture


def _curves(est: Estimator, real: np.ndarray, made: np.ndarray) -> Picture:
    picture = canvas("samples", "Samples beside data", 3.6)
    axes = picture.subplots(2, 1, sharex=True, sharey=True)
    place = np.arange(real.shape[1])
    for ax, lines, colour, text in (
        (axes[0], real, DATA, "data"),
        (axes[1], made, MODEL, "model"),
    ):
        style(ax)
        title(ax, text)
        low, high = _band(lines)
        ax.fill_between(place, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(place, lines[:20].T, color=colour, alpha=0.55, linewidth=0.8)
    along(est, axes[1])
    picture.caption = (
        f"{min(20, len(real))} samples of the data above {min(20, len(made))} of the model, in"
        f" {units(est)}; the band holds nine tenths of all values at a position. Codes are"
        f" drawn from {drawn_from(est)}; a line is the mean of p(x|z), without its noise."
    )
    return picture


def _band(lines: np.ndarray) -> np.ndarray:
    """The 5th and the 95th percentile of each column of (N, D), NaN where it has no value."""
    band = np.full((2, lines.shape[1]), np.nan)
    known = ~np.isnan(lines).all(0)
    band[:, known] = np.nanpercentile(lines[:, known], (5, 95), axis=0)
    return band


def correlations(
    est: Estimator, x: Any, *, n: int = 2000, seed: int = 0, condition: Any = None
) -> Picture:
    """Correlations between the columns, in the data and in samples of the model."""
    chosen, _ = rows_of(est, x, n)
    pair = (flat(est, plain(chosen)), draw(est, n, seed, condition))
    both = [correlation(a) for a in pair]
    columns = names(est)
    picture = canvas("correlations", "Correlations", 3.25)
    axes = picture.subplots(1, 2)
    drawn = None
    for k, (ax, matrix, text) in enumerate(zip(axes, both, ("data", "model"), strict=True)):
        style(ax, grid=False)
        title(ax, text)
        drawn = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="none")
        few = len(columns) <= 16
        at = range(len(columns)) if few else []
        ax.set_xticks(at, [short(c, 12) for c in columns] if few else [], rotation=90)
        ax.set_yticks(at if not k else [], [short(c, 12) for c in columns] if few and not k else [])
        ax.tick_params(labelsize=SMALL - 1.5)
        for spine in ax.spines.values():
            spine.set_visible(False)
    below = {"location": "bottom", "aspect": 40, "shrink": 0.5, "pad": 0.02}
    colour_bar(picture, drawn, list(axes), "correlation", **below)
    above = np.triu_indices(len(columns), 1)
    gap = np.abs(both[0] - both[1])[above].mean()
    picture.caption = (
        f"Pearson correlations of the columns in the data and in {n:,} samples of the model; they"
        f" differ by {gap:.2f} on average."
    )
    return picture


def density(est: Estimator, x: Any, *, codes: int = 4096, points: int = 72) -> Picture:
    """The learned density of points in the plane beside the points themselves.

    It is the mean of p(x|z) over `codes` draws from the prior, on a grid of points x points.
    """
    chosen, _ = rows_of(est, x, POINTS)
    real = flat(est, plain(chosen))
    whole = real[np.isfinite(real).all(1)]
    (left, right), (low, high) = _range(whole[:, 0]), _range(whole[:, 1])
    across, up = np.linspace(left, right, points), np.linspace(low, high, points)
    grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    p = prior_predictive(est, grid, codes).reshape(points, points)
    picture = canvas("density", "Learned density", 2.7)
    axes = picture.subplots(1, 2, sharex=True, sharey=True)
    style(axes[0], *names(est))
    title(axes[0], "data")
    size = float(np.clip(3000 / len(real), 3, 40))
    axes[0].scatter(*real.T, color=DATA, s=size, alpha=0.6, linewidths=0, rasterized=True)
    style(axes[1], names(est)[0], grid=False)
    title(axes[1], "model")
    drawn = axes[1].imshow(
        p, origin="lower", extent=(left, right, low, high), aspect="auto", cmap="viridis",
        interpolation="bilinear",
    )  # fmt: skip
    colour_bar(picture, drawn, axes[1], "density per unit area")
    inside = p.mean() * (right - left) * (high - low)
    picture.caption = (
        f"{len(real):,} points of the data, and the model's density p(x) per unit area of the data:"
        f" the mean of p(x|z) over {codes:,} codes from the prior. {min(inside, 1):.0%} of its mass"
        " lies in the frame."
    )
    return picture


def prior_predictive(est: Estimator, grid: np.ndarray, codes: int, seed: int = 0) -> np.ndarray:
    """The mean of p(x|z) over codes from the prior, (N,), for rows x (N, D) of the data.

    All rows share the codes, so the estimate is smooth in x and is itself a density.
    """
    import torch

    model = est.model_
    device = next(model.parameters()).device
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(seed)
        px = model.decode(model.draw(codes))
        x = est.scaler_(est.schema_.pack(grid.astype(np.float32)).to(device))
        log_p = [px.log_prob(block[:, None]).logsumexp(1) for block in x.split(256)]
    total = torch.cat(log_p).double().cpu().numpy()
    return np.exp(total - np.log(codes) + float(est.scaler_.log_det))
