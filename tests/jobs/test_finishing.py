from __future__ import annotations

import numpy as np
import pytest

from latentry.jobs import finishing
from latentry.jobs.finishing import Blocks, Finisher, rows_of, some

N = 600
LEVELS = [0, 0, 3, 0, 100]


def table(seed: int = 0) -> np.ndarray:
    """Two numbers of which each follows from the other, a level of them, and two of noise."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=N)
    b = 2 * a + 0.1 * rng.normal(size=N)
    level = np.digitize(a, [-0.5, 0.5]).astype(float)
    return np.stack([a, b, level, rng.normal(size=N), rng.integers(0, 100, N)], 1)


WHOLE = table()
GONE = np.random.default_rng(1).random(WHOLE.shape) < 0.2
HOLEY = np.where(GONE, np.nan, WHOLE)


def dull(rows: np.ndarray) -> Blocks:
    """A network that expects the same of every row."""
    means = [0.0, 0.0, np.array([0.3, 0.4, 0.3]), 0.0, 7.0]
    return [np.tile(np.atleast_1d(m), (len(rows), 1)) for m in means]


def noise(rows: np.ndarray, m: int, seed: int) -> np.ndarray:
    """Draws of the same: for each number three times as wide as it is, and the middle level."""
    drawn = 3 * np.random.default_rng(seed).normal(size=(m, *rows.shape))
    drawn[..., 2], drawn[..., 4] = 1.0, 7.0
    return drawn


@pytest.fixture
def finisher() -> Finisher:
    return Finisher(HOLEY, LEVELS, dull, noise)


def test_a_column_follows_the_others(finisher: Finisher) -> None:
    before = dull(HOLEY)
    made = finisher.finish(HOLEY, before)
    seen = GONE[:, 1] & ~GONE[:, 0]
    off = made[1][seen, 0] - WHOLE[seen, 1]
    assert off.std() < 0.35 * WHOLE[:, 1].std()  # a quarter of it is the network's word
    seen = GONE[:, 2] & ~GONE[:, 0] & ~GONE[:, 1]
    assert (made[2].argmax(1) == WHOLE[:, 2])[seen].mean() > 0.9
    assert np.abs(made[3][GONE[:, 3]]).mean() < 0.15  # of noise nothing is known
    assert made[4] is before[4]  # very many levels
    np.testing.assert_array_equal(made[0][~GONE[:, 0]], before[0][~GONE[:, 0]])
    np.testing.assert_array_equal(rows_of(made, LEVELS)[:, 2], made[2].argmax(1))


def test_a_row_is_finished_alike_in_any_company(finisher: Finisher) -> None:
    made = finisher.finish(HOLEY, dull(HOLEY))
    some = finisher.finish(HOLEY[:7], dull(HOLEY[:7]))
    for one, other in zip(made, some, strict=True):
        np.testing.assert_allclose(one[:7], other)


def test_what_nothing_is_known_of_is_left_to_the_network() -> None:
    few = HOLEY[:, :2].copy()
    few[finishing.ENOUGH - 1 :, 1] = np.nan
    expect = lambda rows: dull(rows)[:2]  # noqa: E731
    made = Finisher(few, [0, 0], expect, noise).finish(few, expect(few))
    assert made[1].std() == 0
    alone = HOLEY[:, :1]
    made = Finisher(alone, [0], lambda rows: dull(rows)[:1], noise).finish(alone, dull(alone)[:1])
    assert made[0].std() == 0


def test_intervals_hold_what_they_say(finisher: Finisher) -> None:
    drawn = finisher.move(HOLEY, dull(HOLEY), noise(HOLEY, 99, 5), seed=0)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    inside = ((low <= WHOLE) & (high >= WHOLE))[:, [0, 1, 3]][GONE[:, [0, 1, 3]]]
    assert 0.85 < inside.mean() < 0.95
    # Levels go where they are, those of very many stay.
    right = drawn[..., 2] == WHOLE[:, 2]
    assert right[:, GONE[:, 2] & ~GONE[:, 0]].mean() > 0.65
    assert (drawn[..., 4] == 7).all()


def test_a_column_with_a_frequent_value_is_drawn_by_the_network() -> None:
    rows = HOLEY.copy()
    rows[::3, 3] = 0.0
    drawn = noise(rows, 3, 0)
    moved = Finisher(rows, LEVELS, dull, noise).move(rows, dull(rows), drawn, seed=0)
    np.testing.assert_array_equal(moved[..., 3], drawn[..., 3])
    assert (moved[..., 1] != drawn[..., 1]).any()


def test_levels_that_are_cast_again_have_their_new_probabilities() -> None:
    rng = np.random.default_rng(0)
    before, after = np.array([[0.6, 0.3, 0.1]]), np.array([[0.2, 0.3, 0.5]])
    drawn = rng.choice(3, size=(20_000, 1), p=before[0])
    made = finishing._recast(drawn, before, after, rng)
    np.testing.assert_allclose(np.bincount(made[:, 0]) / len(made), after[0], atol=0.015)
    assert (made == drawn)[drawn > 0].all()  # what has not become less probable stays


def test_of_many_rows_some_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert some(WHOLE, 0) is WHOLE
    monkeypatch.setattr(finishing, "LEAST", 50)
    monkeypatch.setattr(finishing, "CELLS", 60 * WHOLE.shape[1])
    picked = some(WHOLE, 3)
    assert picked.shape == (60, WHOLE.shape[1])
    np.testing.assert_array_equal(picked, some(WHOLE, 3))


def test_the_only_level_of_a_column_is_its_first() -> None:
    blocks = [np.ones((2, 1)), np.array([[3.0], [7.0]]), np.array([[1.5], [2.5]])]
    assert rows_of(blocks, [1, 100, 0]).tolist() == [[0.0, 3.0, 1.5], [0.0, 7.0, 2.5]]
