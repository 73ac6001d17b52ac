"""What a network filled, finished by regressions: each column by all the others, once.

A code of few numbers says what many columns have in common; what one column says of another alone
(the radius and the area of a cell) passes by it. So each column is regressed on the others, of
which the network has filled the gaps: by a ridge regression, and by extra trees (Geurts et al.,
2006, doi:10.1007/s10994-006-6226-1) of what that leaves. Regressions in a chain (van Buuren &
Groothuis-Oudshoorn, 2011, doi:10.18637/jss.v045.i03) do the same from the columns' means, and have
to go round many times; from a network's fill, once is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import RidgeCV

from ..core.columns import WIDE

Blocks = Sequence[np.ndarray]
"""What is expected of each column: (N, levels) the probabilities of levels; (N, 1) for a number,
and which level for one of more than WIDE."""

CELLS = 150_000
MOST, LEAST = 5000, 500
"""The rows that are learned from: as many as have so many cells, between these."""
NEAREST = 100
"""Of the others' numbers and levels, how many a column is regressed on: those closest to it."""
ENOUGH = 10
"""A column with fewer cells is left to the network."""
SHARE = 0.25
"""How much the network's own word counts beside the regressions'."""
TREES, LEFT_OUT = 30, 0.3
"""Trees, and the share of the rows that each of those does not see that say how far to go."""
DRAWS = 39
"""Draws of a cell, between which its intervals are."""
FREQUENT = 0.05
"""A number with a value of a larger share of the cells is drawn by the network alone."""
PENALTIES = np.logspace(-2, 4, 13)
"""Of the ridge regression; each column takes that which does best when rows are left out."""


def some(rows: np.ndarray, seed: int) -> np.ndarray:
    """The rows that are learned from, of all of them."""
    most = min(MOST, max(LEAST, CELLS // max(1, rows.shape[1])))
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def rows_of(blocks: Blocks, levels: Sequence[int]) -> np.ndarray:
    """Rows (N, D) of what is expected of columns of so many levels: means, and likeliest levels."""
    pairs = zip(blocks, levels, strict=True)
    return np.stack([b.argmax(1) if 0 < n <= WIDE else b[:, 0] for b, n in pairs], 1)


@dataclass(eq=False)
class Finisher:
    """The regressions of some rows' columns, each of which is made when it is first needed.

    rows : (N, D) with NaN in its gaps; levels are their numbers
    levels : how many each column has; 0 for numbers
    expect : what the network expects of rows, given what is observed of them
    draw : (rows, m, seed) -> m draws of the network, (m, N, D)
    """

    rows: np.ndarray
    levels: Sequence[int]
    expect: Callable[[np.ndarray], Blocks]
    draw: Callable[[np.ndarray, int, int], np.ndarray]
    seed: int = 0
    _made: dict[int, Regression] = field(default_factory=dict)

    def finish(self, rows: np.ndarray, blocks: Blocks) -> list[np.ndarray]:
        """What is expected of each column of rows (N, D), of which the network expects `blocks`."""
        whole = self._standard(self._joined(rows, blocks))
        made = list(blocks)
        for j in np.flatnonzero(np.isnan(rows).any(0)).tolist():
            if not self._can(j):
                continue
            gone, at = np.isnan(rows[:, j]), self._spans[j]
            found = self._regression(j).predict(whole[gone]) * self._scale[at] + self._mean[at]
            made[j] = np.array(blocks[j], dtype=np.float64)
            made[j][gone] += (1 - SHARE) * (found - made[j][gone])
        return made

    def move(self, rows: np.ndarray, blocks: Blocks, drawn: np.ndarray, seed: int) -> np.ndarray:
        """The network's draws (m, N, D), moved to where the regressions say that the cells are.

        A number keeps its distance from what was expected, times what makes 90 % intervals hold
        90 % of the cells that are hidden from the regressions; where one value is frequent, draws
        stay as they are. A level stays with the most probability that the new ones allow.
        """
        made, rng = drawn.copy(), np.random.default_rng(seed)
        for j, after in enumerate(self.finish(rows, blocks)):
            before = blocks[j]
            if after is before:
                continue
            if self.levels[j]:
                made[..., j] = _recast(drawn[..., j].astype(int), before, after, rng)
            elif self._smooth[j]:
                made[..., j] = after[:, 0] + self._stretch * (drawn[..., j] - before[:, 0])
        return made

    @cached_property
    def _stretch(self) -> float:
        """How much wider than the network's draws the errors are, of cells that are hidden.

        One of each row: more would make the rest harder to tell than it is.
        """
        known = np.isfinite(self.rows) & self._smooth
        places = np.random.default_rng(self.seed).random(known.shape) * known
        hidden = known & (places == places.max(1, keepdims=True))
        if hidden.sum() < ENOUGH:
            return 1.0
        rows = np.where(hidden, np.nan, self.rows)
        before, drawn = self.expect(rows), self.draw(rows, DRAWS, self.seed)
        blind = Finisher(rows, self.levels, self.expect, self.draw, self.seed)
        after = blind.finish(rows, before)
        errors = (self.rows - np.stack([b[:, 0] for b in after], 1))[hidden]
        drawn = (drawn - np.stack([b[:, 0] for b in before], 1))[:, hidden]
        low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
        reach = np.maximum(np.where(errors < 0, -low, high), 1e-12)
        return float(np.quantile(np.abs(errors) / reach, 0.9))

    @cached_property
    def _smooth(self) -> np.ndarray:
        """Which columns are numbers of which none is frequent, (D,)."""

        def share(j: int) -> float:
            _, counts = np.unique(self.rows[~np.isnan(self.rows[:, j]), j], return_counts=True)
            return counts.max(initial=0) / max(1, counts.sum())

        return np.array([n == 0 and share(j) <= FREQUENT for j, n in enumerate(self.levels)])

    @cached_property
    def _filled(self) -> np.ndarray:
        """The rows side by side, their gaps filled by the network, (N, E)."""
        return self._joined(self.rows, self.expect(self.rows))

    @cached_property
    def _known(self) -> np.ma.MaskedArray:
        return np.ma.masked_array(self._filled, np.repeat(np.isnan(self.rows), self._widths, 1))

    @cached_property
    def _mean(self) -> np.ndarray:
        return self._known.mean(0).filled(0.0)

    @cached_property
    def _scale(self) -> np.ndarray:
        scale = self._known.std(0).filled(1.0)
        return np.where(scale > 0, scale, 1.0)

    def _standard(self, whole: np.ndarray) -> np.ndarray:
        return (whole - self._mean) / self._scale

    @cached_property
    def _learned(self) -> np.ndarray:
        return self._standard(self._filled)

    @cached_property
    def _widths(self) -> list[int]:
        """How many numbers stand for each column: none for one of very many levels."""
        return [max(1, n) if n <= WIDE else 0 for n in self.levels]

    @cached_property
    def _spans(self) -> list[slice]:
        ends = np.cumsum([0, *self._widths])
        return [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]

    def _joined(self, rows: np.ndarray, blocks: Blocks) -> np.ndarray:
        """Numbers and levels side by side, (N, E), gaps as the network fills them."""
        each = [np.empty((len(rows), 0))]
        for j, (block, levels) in enumerate(zip(blocks, self.levels, strict=True)):
            if levels > WIDE:
                continue
            column, gone = rows[:, [j]], np.isnan(rows[:, [j]])
            known = column if levels == 0 else column == np.arange(levels)
            each.append(np.where(gone, block, known))
        return np.concatenate(each, 1)

    def _can(self, j: int) -> bool:
        """Whether there is what it takes: cells of a column that are known, and other columns."""
        widths = self._widths
        return 0 < widths[j] < sum(widths) and np.isfinite(self.rows[:, j]).sum() >= ENOUGH

    def _regression(self, j: int) -> Regression:
        """A column's regressions on the others."""
        if j not in self._made:
            known, at = ~np.isnan(self.rows[:, j]), self._spans[j]
            whole = self._learned[known]
            target, others = whole[:, at], np.delete(np.arange(whole.shape[1]), at)
            like = np.abs(whole[:, others].T @ target).max(1)
            near = np.sort(others[np.argsort(-like, kind="stable")[:NEAREST]])
            self._made[j] = Regression(whole, near, target, self.seed)
        return self._made[j]


class Regression:
    """A ridge regression of a target (N, T) on some numbers of rows (N, E), and trees on the rest.

    Trees are followed as far as what trees say of rows that they have not seen is true.
    """

    def __init__(self, rows: np.ndarray, near: np.ndarray, target: np.ndarray, seed: int) -> None:
        self.near = near
        seen = rows[:, near]
        self.ridge = RidgeCV(PENALTIES, alpha_per_target=True).fit(seen, target)
        left = target - self.ridge.predict(seen).reshape(target.shape)
        goal = left if left.shape[1] > 1 else left[:, 0]
        options: dict[str, Any] = {
            "max_features": max(1, math.isqrt(len(near))),
            "random_state": seed,
        }
        self.trees = ExtraTreesRegressor(TREES, **options).fit(seen, goal)
        options |= {"bootstrap": True, "max_samples": 1 - LEFT_OUT, "oob_score": True}
        judge = ExtraTreesRegressor(TREES, **options).fit(seen, goal)
        told = np.nan_to_num(judge.oob_prediction_).reshape(target.shape)
        worth = (told * left).sum() / max((told**2).sum(), 1e-12)
        self.worth = float(np.clip(worth, 0.0, 1.0))

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """The targets (N, T) of rows (N, E)."""
        seen = rows[:, self.near]
        found = self.ridge.predict(seen) + self.worth * self.trees.predict(seen)
        return found.reshape(len(rows), -1)


def _recast(
    drawn: np.ndarray, before: np.ndarray, after: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Levels (m, N) drawn with the probabilities `before` (N, L), as if with `after`.

    As many stay as can: each with min(1, after / before), else it is drawn from what `after` has
    more of (a maximal coupling).
    """
    before, after = (np.clip(p, 1e-9, None) for p in (before, after))
    before, after = (p / p.sum(1, keepdims=True) for p in (before, after))
    rows = np.arange(len(after))
    stays = rng.random(drawn.shape) < after[rows, drawn] / before[rows, drawn]
    more = np.clip(after - before, 0.0, None).cumsum(1)
    u = rng.random(drawn.shape) * more[:, -1]
    other = (u[..., None] >= more).sum(-1).clip(max=after.shape[1] - 1)
    return np.where(stays, drawn, other)
