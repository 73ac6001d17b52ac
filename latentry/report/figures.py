"""The figures of a model: functions of a fitted estimator and data.

Each gives a `Picture`, a matplotlib Figure with a `name`, a `heading` and a `caption` that says
what is shown, in which unit, and which rows or projection were taken. `x` is the data as handed
to `fit`; `condition`, for a conditional model, has one value for each row of x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import cells, images, vectors
from .curves import latent_kl, loss_curves
from .latents import latent_map, manifold
from .pairs import correlations, density, pair_plot
from .picture import Picture, image_grid
from .views import Groups, count, need_one_kind, pick, spread

if TYPE_CHECKING:
    from ..estimator import Estimator

__all__ = [
    "Picture",
    "correlations",
    "density",
    "image_grid",
    "interpolation",
    "latent_kl",
    "latent_map",
    "loss_curves",
    "manifold",
    "pair_plot",
    "reconstructions",
    "samples",
]


def reconstructions(
    est: Estimator, x: Any, labels: Any = None, *, condition: Any = None
) -> Picture:
    """Samples beside what the model makes of them; every class is among them where it can be."""
    if est.schema_.kind == "table":
        return cells.reconstructions(est, x, condition)
    module = images if est.schema_.kind == "image" else vectors
    return module.reconstructions(est, x, labels, condition)


def samples(
    est: Estimator, n: int = 50, seed: int = 0, *, x: Any = None, condition: Any = None
) -> Picture:
    """New samples: a grid of images, or vectors and rows beside those of x, which they need."""
    if est.schema_.kind == "image":
        return images.samples(est, n, seed, x)
    if est.schema_.kind == "table":
        return cells.samples(est, x, 1000, seed, condition)
    return pair_plot(est, x, n=1000, seed=seed, condition=condition)


def interpolation(
    est: Estimator,
    x: Any,
    i: int | None = None,
    j: int | None = None,
    *,
    labels: Any = None,
    steps: int = 10,
    condition: Any = None,
) -> Picture:
    """Decoded straight lines in the latent space between samples of x.

    From row i to row j; without them three pairs are chosen, of different labels where there are
    labels (of the same condition where there is one). The condition is that of the first sample.
    """
    need_one_kind(est)
    if i is not None and j is not None:
        pairs = [(i, j)]
    else:
        pairs = choose_pairs(labels, count(x), same=condition)
    t = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    paths = []
    for pair in pairs:
        first = None if condition is None else np.asarray(condition)[pair[:1]]
        given = None if first is None else np.repeat(first, 2, axis=0)
        start, end = est.transform(pick(x, np.array(pair)), condition=given)
        along = None if first is None else np.repeat(first, steps, axis=0)
        paths.append(est.inverse_transform((1 - t) * start + t * end, condition=along))
    ends = [_ends(labels, pair) for pair in pairs]
    module = images if est.schema_.kind == "image" else vectors
    picture = module.interpolation(est, np.stack(paths), x, ends)
    picture.caption += (
        f"The decoder's mean along the straight line between the codes of two samples, in {steps}"
        " even steps; the ends are their reconstructions."
    )
    if condition is not None:
        picture.caption += " The condition is that of the first sample throughout."
    return picture


def choose_pairs(labels: Any, n: int, most: int = 3, *, same: Any = None) -> list[tuple[int, int]]:
    """Pairs of rows of different classes, where there are classes.

    same: a condition, which both ends of a path have to share where that can be.
    """
    rows = np.random.default_rng(1).permutation(spread(n, 1000, seed=1))
    groups = Groups.of(labels) if same is None else Groups.of(same)
    if groups is None:
        return [(int(rows[k]), int(rows[k + 1])) for k in range(0, min(2 * most, n - 1), 2)]
    pairs: list[tuple[int, int]] = []
    seen: list[int] = []
    while len(rows) > 1 and len(pairs) < most:
        # Classes that were not seen yet come first; a stable sort keeps the order otherwise.
        rows = rows[np.argsort([seen.count(k) for k in groups.index[rows]], kind="stable")]
        first, rest = rows[0], rows[1:]
        alike = groups.index[rest] == groups.index[first]
        fit = rest[alike if same is not None else ~alike]
        if len(fit):
            pairs.append((int(first), int(fit[0])))
            seen += [int(groups.index[first]), int(groups.index[fit[0]])]
        rows = rest[rest != fit[0]] if len(fit) else rest
    return pairs


def _ends(labels: Any, pair: tuple[int, ...]) -> str:
    groups = Groups.of(labels)
    if groups is None:
        return f"{pair[0]} → {pair[1]}"
    a, b = (groups.names[groups.index[k]] for k in pair)
    return f"{a[:10]} → {b[:10]}"
