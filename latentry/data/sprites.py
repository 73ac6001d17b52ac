"""Pictures of one simple shape, drawn from five known factors.

They are made in the manner of dSprites (Matthey et al., 2017,
https://github.com/google-deepmind/dsprites-dataset), by a renderer of our own: a square, an ellipse
or a heart in white on black, of some size, turned by some angle, at some place. Since every factor
is known and independent of the others, they show whether a model's code keeps factors apart.

Other than in dSprites the orientation covers a quarter turn. A square then never comes back to
itself, so no two pictures of the grid are the same and every factor can be read off a picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import LatentryError, suggest

NAMES = ("shape", "scale", "orientation", "x", "y")
SIZES = (3, 4, 8, 8, 8)
"""How many values each factor takes."""
COUNT = 6144
"""Pictures in the whole grid: the product of `SIZES`."""
SHAPES = ("square", "ellipse", "heart")

# The picture covers [-1, 1] in both directions. At the largest scale no shape reaches further than
# 0.46 from its centre, so that none leaves the picture.
SMALLEST = 0.5
FARTHEST = 0.48
SQUARE = 0.31
ELLIPSE = (0.45, 0.25)
HEART = 0.22
BLOCK = 512
"""Pictures that are drawn together, which bounds the memory."""


def make(
    n: int | None = None, seed: int = 0, size: int = 32
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Pictures (N, size, size) uint8, their factors (N, 5) int, and the names of the factors.

    Without `n` the whole grid, the last factor running fastest; else n random points of it.

    >>> images, factors, names = make()
    >>> images.shape, factors.shape, names
    ((6144, 32, 32), (6144, 5), ('shape', 'scale', 'orientation', 'x', 'y'))
    """
    table = grid() if n is None else sample_factors(n, seed=seed)
    return render(table, size), table, NAMES


def grid() -> np.ndarray:
    """Every combination of the factors, (6144, 5)."""
    return np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), -1).reshape(-1, len(SIZES))


def factors() -> dict[str, np.ndarray]:
    """Each factor of the whole grid by name, (6144,) int."""
    return dict(zip(NAMES, grid().T, strict=True))


def sample_factors(
    n: int, fixed: Mapping[str, int] | None = None, *, seed: int | np.random.Generator = 0
) -> np.ndarray:
    """Random factors (n, 5), independent and uniform, but for those that `fixed` holds at a value.

    Raises LatentryError for an unknown factor, a value that it does not take, and n below 1.
    """
    if n < 1:
        raise LatentryError(f"n={n} sprites were asked for; ask for at least 1.")
    rng = np.random.default_rng(seed)
    table = np.stack([rng.integers(0, count, n) for count in SIZES], axis=1)
    for name, value in (fixed or {}).items():
        if name not in NAMES:
            raise LatentryError(
                f"Sprites have no factor {name!r}; they have {', '.join(NAMES)}."
                + suggest(name, NAMES)
            )
        column = NAMES.index(name)
        _check(np.asarray([value]), column)
        table[:, column] = value
    return table


def render(factors: Any, size: int = 32) -> np.ndarray:
    """The pictures (N, size, size), uint8 from 0 to 255, for factors (N, 5) of whole numbers.

    Edges are anti-aliased: a pixel's grey is the share of it that the shape covers, taken from the
    distance of its centre to the shape's edge.
    Raises LatentryError for factors of another shape or outside of their range.
    """
    table = np.asarray(factors)
    if table.ndim != 2 or table.shape[1] != len(NAMES) or table.dtype.kind not in "iu":
        raise LatentryError(
            f"The factors have the shape {table.shape} and the type {table.dtype}; give whole"
            f" numbers (N, {len(NAMES)}): {', '.join(NAMES)}."
        )
    if size < 8:
        raise LatentryError(f"size={size} is too small for sprites; give at least 8 pixels.")
    for column in range(len(NAMES)):
        _check(table[:, column], column)
    images = np.empty((len(table), size, size), np.uint8)
    for start in range(0, len(table), BLOCK):
        images[start : start + BLOCK] = _block(table[start : start + BLOCK], size)
    return images


def _check(values: np.ndarray, column: int) -> None:
    wrong = values[(values < 0) | (values >= SIZES[column])]
    if wrong.size:
        raise LatentryError(
            f"The factor {NAMES[column]!r} cannot be {int(wrong[0])}; its values are 0 to"
            f" {SIZES[column] - 1}."
        )


def _block(factors: np.ndarray, size: int) -> np.ndarray:
    """Pictures of up to `BLOCK` rows of factors."""
    shape, scale, orientation, right, down = factors.T
    grown = SMALLEST + (1 - SMALLEST) * scale / (SIZES[1] - 1)
    angle = np.pi / 2 * orientation / SIZES[2]
    across, below = (
        FARTHEST * (2 * place / (count - 1) - 1)
        for place, count in ((right, SIZES[3]), (down, SIZES[4]))
    )
    pixels = (2 * np.arange(size) + 1) / size - 1
    x = pixels[None, None, :] - across[:, None, None]
    y = pixels[None, :, None] - below[:, None, None]
    cos, sin = (f(angle)[:, None, None] / grown[:, None, None] for f in (np.cos, np.sin))
    u, v = cos * x + sin * y, cos * y - sin * x
    distance = np.empty((len(factors), size, size))
    for number, edge in enumerate((_square, _ellipse, _heart)):
        rows = shape == number
        distance[rows] = edge(u[rows], v[rows])
    # Distances were taken in the shape's own scale; in pixels they are that many times larger.
    covered = np.clip(0.5 - distance * grown[:, None, None] * size / 2, 0, 1)
    return np.rint(255 * covered).astype(np.uint8)


# Each takes points in the shape's own frame (v points down) and gives their signed distances to its
# edge, negative inside; right near the edge, and only there it matters.


def _square(u: np.ndarray, v: np.ndarray, half: float = SQUARE) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - half


def _ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """To first order, f / |grad f| for the curve f = 0."""
    a, b = ELLIPSE
    value = (u / a) ** 2 + (v / b) ** 2 - 1
    slope = 2 * np.hypot(u / a**2, v / b**2)
    return value / np.maximum(slope, 1e-9)


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A square on its tip, with a disc over each of its upper sides."""
    p, q = (u + v) / np.sqrt(2), (u - v) / np.sqrt(2)
    left, right = np.hypot(p + HEART, q), np.hypot(p, q - HEART)
    return np.minimum(_square(p, q, HEART), np.minimum(left, right) - HEART)
