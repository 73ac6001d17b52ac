"""The distribution of a column of numbers in outline: a few values, and how many lie below each.

Between two knots values are spread evenly; beyond the first and the last they fall off
exponentially. A value that occurs often (an atom: zero hours, a capped income) is a jump, two knots
at one place. So the outline is a distribution function F that has an inverse, and it is short
enough to be written down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

UNIT_LOGISTIC = math.sqrt(3) / math.pi
"""The scale of a logistic distribution of variance 1."""
MOST_ATOMS = 128
"""So many different values of a grid (whole numbers, cents) are all atoms."""
OFTEN = 0.01
"""The share of the rows from which a value of a finer grid is an atom."""
BINS = 64
"""Stretches of equal mass between the atoms."""
FEWEST = 8
"""The values that a stretch rests on: fewer would make a density of chance."""
HALF = 0.5
"""The rows that are reckoned to lie where none was seen but one could: beyond the ends, and
between atoms."""
HARDLY = 0.01
"""The rows that are reckoned to lie at an end which none was seen at."""


@dataclass(frozen=True)
class Outline:
    """F at its knots.

    knots (Q,) : values, rising; two that are equal are an atom
    heights (Q,) : F there, rising, between 0 and 1; at an atom before and after its jump
    tails : how far values reach below the first and above the last knot, the mean of an exponential
        distribution; 0 for an end that nothing lies beyond
    """

    knots: tuple[float, ...]
    heights: tuple[float, ...]
    tails: tuple[float, float]


def outline(
    values: np.ndarray, step: float, low: float | None = None, high: float | None = None
) -> Outline:
    """The outline of `values` (N,) float64 without NaN, of which no two can be nearer than `step`.

    low, high : what no value can leave.
    """
    v = np.sort(values)
    atoms = _atoms(v, step, low, high)
    places = np.unique(np.concatenate([atoms, _quantiles(v[~np.isin(v, atoms)])]))
    is_atom = np.isin(places, atoms)
    below = np.searchsorted(v, places, "left").astype(float)
    upto = np.searchsorted(v, places, "right").astype(float)
    middle = 0.5 * (below + upto)
    twice = np.where(is_atom, 2, 1)
    knots = np.repeat(places, twice)
    reached = np.repeat(np.where(is_atom, below, middle), twice)
    after = np.cumsum(twice) - 1
    reached[after] = np.where(is_atom, upto, middle)
    mass = np.diff(reached, prepend=0.0, append=float(len(v)))
    mass = _smoothed(mass, knots, step, low is None, high is None)
    heights = np.cumsum(mass)[:-1] / mass.sum()
    tails = (
        0.0 if low is not None else _reach(-v[::-1]),
        0.0 if high is not None else _reach(v),
    )
    return Outline(tuple(knots.tolist()), tuple(heights.tolist()), tails)


def score(heights: np.ndarray) -> np.ndarray:
    """Where a logistic distribution of mean 0 and variance 1 has these values of F."""
    return UNIT_LOGISTIC * (np.log(heights) - np.log1p(-heights))


def steps(levels: np.ndarray) -> Outline:
    """The outline of levels 0 .. L - 1 in their order, which occur so often: (L,) counts."""
    mass = np.maximum(levels.astype(float), HALF)
    after = np.cumsum(mass)
    heights = np.stack([after - mass, after], 1).ravel() / after[-1]
    # The first and the last level take what lies beyond them.
    edge = HALF / (after[-1] + 1)
    knots = np.repeat(np.arange(len(levels), dtype=float), 2)
    return Outline(
        tuple(knots.tolist()), tuple(np.clip(heights, edge, 1 - edge).tolist()), (0.0, 0.0)
    )


def _atoms(v: np.ndarray, step: float, low: float | None, high: float | None) -> np.ndarray:
    """The values that have a probability of their own; the ends that none can leave always do."""
    distinct, counts = np.unique(v, return_counts=True)
    if step == 0 or len(distinct) > MOST_ATOMS:
        distinct = distinct[counts >= max(3, OFTEN * len(v))]
    ends = [end for end in (low, high) if end is not None]
    return np.union1d(distinct, np.array(ends, dtype=float))


def _quantiles(rest: np.ndarray) -> np.ndarray:
    """Values with about equally many of the sorted `rest` between them, closer at the ends."""
    n = len(rest)
    if n == 0:
        return rest
    bins = min(BINS, max(1, n // FEWEST))
    ranks = np.linspace(0, n - 1, bins + 1)
    near = FEWEST * 2.0 ** np.arange(30)
    near = near[near < n / bins]
    return np.unique(rest[np.rint(np.concatenate([ranks, near, n - 1 - near])).astype(int)])


def _smoothed(
    mass: np.ndarray, knots: np.ndarray, step: float, below: bool, above: bool
) -> np.ndarray:
    """No stretch in which there can be a value is without mass.

    below, above : whether there can be one beyond the ends
    """
    gap = np.diff(knots)
    inner = np.where(gap > 1.5 * step, HALF, np.where(gap == 0, HARDLY, 0.0))
    ends = [[HALF if free else HARDLY] for free in (below, above)]
    return np.maximum(mass, np.concatenate([ends[0], inner, ends[1]]))


def _reach(v: np.ndarray) -> float:
    """How far the largest of the sorted values lie above those below them, in the mean."""
    k = int(np.clip(len(v) // 10, 1, 50))
    reach = float(np.mean(v[-k:] - v[-k - 1])) if len(v) > k else 0.0
    return reach or 0.1 * float(v[-1] - v[0]) or 1.0
